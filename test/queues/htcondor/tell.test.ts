import { afterEach, expect, it } from 'vitest';
import { JobId } from '../../../src/model/ids.ts';
import { bench, forever, removeTools } from './adapter-bench.ts';
import type { FakeAnswer } from './fake-tools.ts';

afterEach(removeTools);

/** As 23.9.6 says it where no job fits the constraint, or none may be changed. */
const none: FakeAnswer = {
  tool: 'condor_qedit',
  stderr:
    'Failed to set attribute "SpillwayReason" by constraint: ( (ClusterId == 99) )\nQueue transaction failed.  No attributes were set.\n',
  exitCode: 1,
};
const jobs = ['schedd@pool#2.0', 'schedd@pool#2.1'].map(JobId);

it('writes the reason into the jobs’ ads, by one call', async () => {
  const { queue, tools } = bench([{ tool: 'condor_qedit' }], { tellJobs: true });
  await queue.tell?.(jobs, 'quota: "east" has\nno room \\', forever);
  expect(tools.calls()).toEqual([
    'condor_qedit -constraint (ClusterId == 2 && ProcId == 0) || (ClusterId == 2 && ProcId == 1) SpillwayReason "quota: \\"east\\" has no room /"',
  ]);
});

it('each schedd is told of its own', async () => {
  const { queue, tools } = bench([{ tool: 'condor_qedit' }], {
    tellJobs: true,
    schedds: ['a@pool', 'b@pool'],
  });
  await queue.tell?.(['a@pool#1.0', 'b@pool#1.0'].map(JobId), 'x', forever);
  expect(tools.calls()).toEqual([
    'condor_qedit -name a@pool -constraint (ClusterId == 1 && ProcId == 0) SpillwayReason "x"',
    'condor_qedit -name b@pool -constraint (ClusterId == 1 && ProcId == 0) SpillwayReason "x"',
  ]);
});

it('jobs that are gone are no error', async () => {
  const { queue } = bench([none, { tool: 'condor_q' }], { tellJobs: true });
  await expect(queue.tell?.(jobs, 'x', forever)).resolves.toBeUndefined();
});

it('jobs that are there and are not changed are denied', async () => {
  const { queue } = bench([none, { tool: 'condor_q', stdout: '0\n1\n' }], { tellJobs: true });
  await expect(queue.tell?.(jobs, 'x', forever)).rejects.toMatchObject({ code: 'denied' });
});

it.each(['', '2.0', 'schedd@pool#2', 'schedd@pool#2.0 || true', 'other@pool#-1.0'])(
  'what is no job (%s) reaches nobody',
  async (text) => {
    const { queue, tools } = bench([{ tool: 'condor_qedit' }], { tellJobs: true });
    await expect(queue.tell?.([JobId(text)], 'x', forever)).rejects.toMatchObject({ code: 'invalid' });
    expect(tools.calls()).toEqual([]);
  },
);

it('is off where the config does not ask for it', () => {
  expect('tell' in bench([]).queue).toBe(false);
});
