import { afterEach, describe, expect, it } from 'vitest';
import { JobId } from '../../../src/model/ids.ts';
import { bench, forever, removeTools } from './adapter-bench.ts';

afterEach(removeTools);

const jobs = ['schedd@pool#7.0', 'schedd@pool#7.1'].map(JobId);

describe('hold', () => {
  it('holds jobs with the reason, without what would make HTCondor lose it', async () => {
    const { queue, tools } = bench([{ tool: 'condor_hold', stdout: 'Job 7.0 held\n' }]);
    await queue.hold?.(jobs, 'no machine fits: TARGET.VMType == "a\\b"\nis false', forever);
    expect(tools.calls()).toEqual([
      "condor_hold -reason no machine fits: TARGET.VMType == 'a/b' is false 7.0 7.1",
    ]);
  });

  it('each at its own schedd', async () => {
    const { queue, tools } = bench([{ tool: 'condor_hold' }], { schedds: ['a', 'b'] });
    await queue.hold?.(['b#1.0', 'a#2.0', 'b#3.1'].map(JobId), 'why', forever);
    expect(tools.calls()).toEqual([
      'condor_hold -name b -reason why 1.0 3.1',
      'condor_hold -name a -reason why 2.0',
    ]);
  });

  it.each(['Job 7.0 already held', 'Job 7.0 not found'])('"%s" is no failure', async (said) => {
    const { queue } = bench([{ tool: 'condor_hold', stderr: `${said}\n`, exitCode: 1 }]);
    await expect(queue.hold?.(jobs, 'why', forever)).resolves.toBeUndefined();
  });

  it('a right that lacks is one', async () => {
    const stderr = 'Permission denied to hold job 7.0\n';
    const { queue } = bench([{ tool: 'condor_hold', stderr, exitCode: 1 }]);
    await expect(queue.hold?.(jobs, 'why', forever)).rejects.toMatchObject({ code: 'denied' });
  });

  it.each(['other@pool#7.0', '7.0', 'a#-all', 'a#7'])('no job of the queue: %s', async (id) => {
    const { queue, tools } = bench([{ tool: 'condor_hold' }], { schedds: ['a'] });
    await expect(queue.hold?.([JobId(id)], 'why', forever)).rejects.toMatchObject({ code: 'invalid' });
    expect(tools.calls()).toEqual([]);
  });
});
