import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { cloudDrivers } from '../../src/clouds/index.ts';
import { hostFiles } from '../../src/config/files.ts';
import { loadSite } from '../../src/config/load.ts';
import { formatProblem } from '../../src/config/problem.ts';
import { queueAdapters } from '../../src/queues/index.ts';

const folder = new URL('../../config/', import.meta.url).pathname;

/** The examples' own files are real; the secrets of /etc/spillway and of the environment are made up. */
const deps = {
  adapters: queueAdapters,
  drivers: cloudDrivers,
  files: {
    read: async (path: string, bytesMax: number) =>
      path.startsWith('/etc/spillway/')
        ? { bytes: Buffer.from('made up'), mode: 0o100600 }
        : hostFiles.read(path, bytesMax),
  },
  env: () => 'made up',
};

describe('the examples in config/', () => {
  const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'));

  it('are there', () => {
    expect(files).toContain('htcondor-ec2.yaml');
    expect(files).toContain('provider-ads.yaml');
  });

  it.each(files)('%s loads without a problem', async (name) => {
    const { config, problems } = await loadSite(`${folder}${name}`, deps);
    expect(problems.map(formatProblem)).toEqual([]);
    expect(config?.pools.length).toBeGreaterThan(0);
  });

  it('need a join section for the boot template that they use', async () => {
    const bytes = readFileSync(`${folder}htcondor-ec2.yaml`, 'utf8').replace(/ {4}join:\n( {6}.*\n)+/, '');
    const read = async (path: string, bytesMax: number) =>
      path.endsWith('.yaml') ? { bytes: Buffer.from(bytes), mode: 0 } : deps.files.read(path, bytesMax);
    const { problems } = await loadSite(`${folder}htcondor-ec2.yaml`, { ...deps, files: { read } });
    const said = new Set(problems.map(({ message }) => message));
    expect(said).toEqual(
      new Set(['token', 'collector', 'trustDomain'].map((name) => `unknown variable {{${name}}}`)),
    );
  });
});
