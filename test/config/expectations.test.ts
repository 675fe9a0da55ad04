import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { cloudDrivers } from '../../src/clouds/index.ts';
import { hostFiles } from '../../src/config/files.ts';
import { loadSite } from '../../src/config/load.ts';
import { formatProblem } from '../../src/config/problem.ts';
import { queueAdapters } from '../../src/queues/index.ts';

const path = new URL('../../config/cloud-scheduler.yaml', import.meta.url).pathname;
const example = readFileSync(path, 'utf8');

/** What is said of the example with a change. */
async function problemsWith(from: string, to: string): Promise<readonly string[]> {
  expect(example).toContain(from);
  const text = example.replaceAll(from, to);
  const read = async (file: string, bytesMax: number) => {
    if (file === path) return { bytes: Buffer.from(text), mode: 0o100644 };
    return file.startsWith('/etc/spillway/')
      ? { bytes: Buffer.from('made up'), mode: 0o100600 }
      : hostFiles.read(file, bytesMax);
  };
  const deps = { adapters: queueAdapters, drivers: cloudDrivers, files: { read }, env: () => 'made up' };
  const { problems } = await loadSite(path, deps);
  return problems.map((problem) => formatProblem(problem).replace(/^.*\/cloud-scheduler.yaml:/, ''));
}

describe("what Cloud Scheduler's words count on in the rest of the config", () => {
  it('a name that stands for no cloud is an error, where it is written', async () => {
    expect(await problemsWith('Hermes: hermes', 'Hermes: hermse')).toEqual([
      expect.stringMatching(
        /^18:17 queues\[0\]\.cloudScheduler\.clouds\.Hermes: unknown cloud "hermse" \(did you mean/,
      ),
    ]);
    expect(await problemsWith('[ec2-west]', '[ec2-west, ec2-east]')).toEqual([
      expect.stringMatching(/clouds\.Amazon: unknown cloud "ec2-east"/),
    ]);
  });

  it('an image that no offer has is a warning', async () => {
    expect(await problemsWith('ami-fdee0094: cernvm', 'ami-fdee0094: other')).toEqual([
      expect.stringMatching(/images\.ami-fdee0094: .*no offer has VMImage = "other" among its attributes/),
    ]);
  });
});
