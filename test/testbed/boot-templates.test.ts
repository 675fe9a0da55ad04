import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
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
  gpus: '0',
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

/** Runs the switch where a minute is a line in a file: HTCondor comes, is there, is gone for a while, is back, and is gone. */
function minutesUntilOff(
  script: string,
  { absent, there, gap, thereAgain }: Readonly<Record<'absent' | 'there' | 'gap' | 'thereAgain', number>>,
): number {
  const bin = mkdtempSync(join(tmpdir(), 'dead-man-'));
  const [comes, goes, isBack, end] = [
    absent,
    absent + there,
    absent + there + gap,
    absent + there + gap + thereAgain,
  ];
  const tools = {
    sleep: `echo x >>${bin}/minutes; [ "$(wc -l <${bin}/minutes)" -lt 1000 ] || kill $PPID`,
    pidof: `n=$(cat ${bin}/minutes 2>/dev/null | wc -l); [ $n -ge ${comes} ] && [ $n -le ${goes} ] || { [ $n -gt ${isBack} ] && [ $n -le ${end} ]; }`,
    poweroff: `echo off >${bin}/off`,
  };
  try {
    for (const [tool, text] of Object.entries(tools))
      writeFileSync(join(bin, tool), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    execFileSync('/bin/sh', ['-s'], { input: script, env: { PATH: `${bin}:/usr/bin:/bin` } });
    expect(readFileSync(join(bin, 'off'), 'utf8')).toBe('off\n');
    return readFileSync(join(bin, 'minutes'), 'utf8').length / 2;
  } finally {
    rmSync(bin, { recursive: true, force: true });
  }
}

describe('boot templates for HTCondor', () => {
  it.each([plain, cloudConfig])(
    'use only variables that the daemon and the HTCondor adapter give',
    (template) => {
      const joining = { collector: 'head', trustDomain: 'example.org', signingKey: 'env:KEY' };
      const added = htcondorAdapter.templateVariables(htcondorAdapter.configSchema.parse({ join: joining }));
      const given = new Set<string>([...machineVariables, ...added]);
      expect(templateVariablesOf(template).filter((name) => !given.has(name))).toEqual([]);
    },
  );

  it('are sound shell', () => {
    const script = writtenFiles().get('/usr/local/sbin/spillway-join')?.content ?? '';
    for (const text of [renderTemplate(plain, variables), script]) {
      expect(text).toMatch(/^#!\/bin\/sh\n/);
      execFileSync('/bin/sh', ['-n'], { input: text });
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

  it('have the same dead man’s switch, which turns a machine off that has left the pool and no other', () => {
    const script = heredoc(renderTemplate(plain, variables), 'END_OF_SWITCH');
    expect(writtenFiles().get('/usr/local/sbin/spillway-dead-man')).toMatchObject({
      permissions: '0755',
      content: script,
    });
    expect(minutesUntilOff(script, { absent: 3, there: 5, gap: 9, thereAgain: 2 })).toBe(3 + 5 + 9 + 2 + 10);
  });

  it('fit into the smallest user data of any cloud with room for a site’s own lines', () => {
    for (const template of [plain, cloudConfig]) {
      expect(Buffer.byteLength(renderTemplate(template, variables))).toBeLessThan(8 * 1024);
    }
  });
});
