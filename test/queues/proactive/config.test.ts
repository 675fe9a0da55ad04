import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { cloudDrivers } from '../../../src/clouds/index.ts';
import { hostFiles } from '../../../src/config/files.ts';
import { loadSite } from '../../../src/config/load.ts';
import { formatProblem } from '../../../src/config/problem.ts';
import { queueAdapters } from '../../../src/queues/index.ts';

const path = new URL('../../../config/proactive-openstack.yaml', import.meta.url).pathname;

it('a node source for a pool that is not there is an error, where it is written', async () => {
  const text = readFileSync(path, 'utf8').replace('        pool: own\n', '        pool: onw\n');
  const read = async (file: string, bytesMax: number) => {
    if (file === path) return { bytes: Buffer.from(text), mode: 0o100644 };
    return file.startsWith('/etc/spillway/')
      ? { bytes: Buffer.from('made up'), mode: 0o100600 }
      : hostFiles.read(file, bytesMax);
  };
  const deps = { adapters: queueAdapters, drivers: cloudDrivers, files: { read }, env: () => 'made up' };
  const { problems } = await loadSite(path, deps);
  expect(problems.map(formatProblem)).toEqual([
    expect.stringMatching(/queues\[0\]\.sources\[1\]\.pool: unknown pool "onw" \(did you mean/),
  ]);
});
