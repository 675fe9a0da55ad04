import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { machineVariables, renderTemplate, templateVariablesOf } from '../../src/config/template.ts';
import { htcondorAdapter } from '../../src/queues/htcondor/adapter.ts';

const read = (name: string): string =>
  readFileSync(resolve(import.meta.dirname, '../../config/user-data', name), 'utf8');
const plain = read('htcondor.sh');
const cloudConfig = read('htcondor.cloud-config.yaml');

const variables = {
  collector: 'head.example.org:9618',
  trustDomain: 'example.org',
  token: 'eyJhbGciOiJIUzI1NiJ9.e30.abc',
  instance: 'k3f9-0',
  pool: 'main',
  site: 'farm',
  offer: 'large',
  cpus: '8',
  memoryMiB: '16384',
  diskMiB: '51200',
  attributes: 'VMType = "large"\nSTARTD_ATTRS = $(STARTD_ATTRS) VMType',
};

interface WrittenFile {
  readonly path: string;
  readonly permissions: string;
  readonly content: string;
}

/** The files of the cloud-config form, as a machine would parse them. */
function writtenFiles(): ReadonlyMap<string, WrittenFile> {
  const config = parse(renderTemplate(cloudConfig, variables)) as { write_files: readonly WrittenFile[] };
  return new Map(config.write_files.map((file) => [file.path, file]));
}

function heredoc(script: string, mark: string): string {
  const match = new RegExp(`<<'${mark}'\\n(.*?\\n)${mark}\\n`, 's').exec(script);
  return match?.[1] ?? '';
}

describe('boot templates for HTCondor', () => {
  it.each([plain, cloudConfig])(
    'use only variables that the daemon and the HTCondor adapter give',
    (template) => {
      const join = { collector: 'head', trustDomain: 'example.org', signingKey: 'env:KEY' };
      const added = htcondorAdapter.templateVariables(htcondorAdapter.configSchema.parse({ join }));
      const given = new Set<string>([...machineVariables, ...added]);
      expect(templateVariablesOf(template).filter((name) => !given.has(name))).toEqual([]);
    },
  );

  it('are sound shell', () => {
    const join = writtenFiles().get('/usr/local/sbin/spillway-join')?.content ?? '';
    for (const script of [renderTemplate(plain, variables), join]) {
      expect(script).toMatch(/^#!\/bin\/sh\n/);
      execFileSync('/bin/sh', ['-n'], { input: script });
    }
  });

  it('configure HTCondor alike, several lines of attributes included', () => {
    const fromPlain = heredoc(renderTemplate(plain, variables), 'END_OF_CONFIG');
    expect(fromPlain).toContain('VMType = "large"\nSTARTD_ATTRS = $(STARTD_ATTRS) VMType\n');
    expect(writtenFiles().get('/etc/condor/config.d/50-spillway.config')?.content).toBe(fromPlain);
  });

  it('put the token into a file that only root can read, and nowhere else', () => {
    const token = writtenFiles().get('/etc/condor/tokens.d/spillway');
    expect(token).toMatchObject({ permissions: '0600', content: `${variables.token}\n` });
    for (const template of [plain, cloudConfig]) {
      expect(renderTemplate(template, variables).split(variables.token)).toHaveLength(2);
    }
    expect(heredoc(renderTemplate(plain, variables), 'END_OF_TOKEN')).toBe(`${variables.token}\n`);
  });

  it('fit into the smallest user data of any cloud with room for a site’s own lines', () => {
    for (const template of [plain, cloudConfig]) {
      expect(Buffer.byteLength(renderTemplate(template, variables))).toBeLessThan(8 * 1024);
    }
  });
});
