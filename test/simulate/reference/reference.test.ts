import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type FarmJob, runFarm } from '../../../src/simulate/reference/farm.ts';
import { fixedPolicy, oraclePolicy } from '../../../src/simulate/reference/policies.ts';
import {
  demandProfile,
  gapsOf,
  machineSecondsOf,
  windowPeaks,
} from '../../../src/simulate/reference/profile.ts';
import {
  busyCost,
  type ReferenceOptions,
  reference,
  referenceFixed,
  referenceOracle,
  referenceStatic,
  referenceThreshold,
  referenceZeroWait,
} from '../../../src/simulate/reference/reference.ts';
import type { Trace, TraceJob } from '../../../src/simulate/trace.ts';
import { busyAt, neededWithin, runSlowly, slowFixed, slowOracle } from './byTheSecond.ts';

type Job = readonly [submitSeconds: number, runSeconds: number, processors: number];

function trace(...jobs: readonly Job[]): Trace {
  const unknown = {
    waitSeconds: null,
    memoryMiB: null,
    requestedSeconds: null,
    user: null,
    group: null,
    queue: null,
    executable: null,
    completion: null,
    precedingJob: null,
    thinkSeconds: null,
    nodes: null,
  };
  return {
    jobs: jobs.map(
      ([submitSeconds, runSeconds, processors], id): TraceJob => ({
        id,
        submitSeconds,
        runSeconds,
        processors,
        ...unknown,
      }),
    ),
    skipped: { neverRan: 0, unknownRunTime: 0, noProcessors: 0, partOfJob: 0 },
    header: { startUnixSeconds: null, labels: new Map() },
  };
}

/** A core costs 1 a second. */
const options: ReferenceOptions = { bootSeconds: 10, pricePerCoreHour: 3600, machineCpus: 1 };

/** A core is busy for 100 s, then nothing for 30 s, then it is busy for 50 s. */
const twoJobs = trace([0, 100, 1], [130, 50, 1]);

describe('two jobs with a gap between them, reckoned by hand', () => {
  it('zero wait boots twice, as the gap is longer than a boot', () => {
    expect(busyCost(twoJobs, options)).toBeCloseTo(150);
    expect(referenceZeroWait(twoJobs, options)).toMatchObject({
      cost: 150 + 2 * 10,
      launches: 2,
      waitMeanSeconds: 0,
    });
  });

  it('zero wait keeps the machine through a gap that is no longer than a boot', () => {
    const close = trace([0, 100, 1], [110, 50, 1]);

    expect(referenceZeroWait(close, options)).toMatchObject({ cost: 150 + 10 + 10, launches: 1 });
  });

  it('the oracle boots twice, or sees the second job coming and keeps the machine', () => {
    const { all } = referenceOracle(twoJobs, options);

    // The first job ends at 110. 10 s ahead there is nothing yet: both jobs wait for a boot.
    expect(all[0]).toMatchObject({ setting: 10, result: { cost: 170, objective: 190, launches: 2 } });
    // 20 s ahead is the second job: the machine idles for 20 s.
    expect(all[1]).toMatchObject({ setting: 20, result: { cost: 180, objective: 190, launches: 1 } });
    expect(all[1]?.result.waitMeanSeconds).toBe(5);
  });

  it('a fixed idle time of 10 s pays for 10 s and does not have the machine; one of 20 s still has it', () => {
    const { all, setting } = referenceFixed(twoJobs, options);

    expect(all[0]).toMatchObject({ setting: 10, result: { cost: 180, objective: 200, launches: 2 } });
    // At 130 it has been idle for 20 s: jobs that come at the same moment are started before idle machines end.
    expect(all[1]).toMatchObject({ setting: 20, result: { cost: 180, objective: 190, launches: 1 } });
    expect(setting).toBe(20);
  });

  it('a fixed farm is paid from the first submission to the last end', () => {
    expect(referenceStatic(twoJobs, options)).toMatchObject({
      setting: 1,
      cost: 190,
      objective: 190,
      launches: 1,
    });
  });
});

it('a trace without a job costs nothing', () => {
  const nothing = reference(trace(), options);

  expect(nothing.busyCost).toBe(0);
  for (const result of [nothing.zeroWait, nothing.oracle, nothing.fixed, nothing.threshold, nothing.static])
    expect(result).toMatchObject({ cost: 0, objective: 0, launches: 0, waitMeanSeconds: 0 });
});

describe('thresholds', () => {
  it('let demand grow while all is used, whatever waits, and fall while most is not', () => {
    // 0: one machine is launched, demand is 1 and grows by 1 a second. 30: demand is 31, 30 more are launched. 40: they
    // are up, 1 of 31 is used, demand is 41 and falls. 60: demand is 21, 10 end. 90: demand is 1, 20 end. 110: the job ends.
    const result = referenceThreshold(trace([0, 100, 1]), options);

    expect(result.cost).toBeCloseTo(31 * 10 + 30 * 1 + 20 * 31 + 30 * 21 + 20 * 1);
    expect(result).toMatchObject({ launches: 31, waitMeanSeconds: 10 });
  });
});

describe('machines of several cores', () => {
  const four = { ...options, machineCpus: 4 };

  it('are paid whole', () => {
    const one = trace([0, 100, 1]);

    expect(reference(one, four)).toMatchObject({ busyCost: 100, packedCost: 400, zeroWait: { cost: 440 } });
  });

  it('are shared by jobs that fit on one, and a big job has its rest on one more', () => {
    // 3 cores of the first; one whole machine and 2 cores of a third; the last core of the first.
    const jobs = trace([0, 100, 3], [0, 100, 6], [0, 100, 1]).jobs;

    expect(demandProfile(jobs, 4)).toEqual({ seconds: [0, 100], machines: [3, 0] });
  });

  it('take a job on the fullest machine that has room', () => {
    // One machine has 2 free cores and one has 1: the last job fills the second, and the first is empty at 50.
    const jobs = trace([0, 50, 2], [0, 100, 3], [20, 80, 1]).jobs;

    expect(demandProfile(jobs, 4)).toEqual({ seconds: [0, 50, 100], machines: [2, 1, 0] });
  });

  it('wait for jobs in the order of submission', () => {
    // The second job does not fit beside the first, and the third does not overtake it: it starts with it.
    const { launches, waitMeanSeconds } = referenceOracle(
      trace([0, 100, 3], [20, 100, 4], [20, 100, 1]),
      four,
    );

    expect(launches).toBe(3);
    expect(waitMeanSeconds).toBe(10);
  });
});

describe('split jobs', () => {
  it('start one core at a time', () => {
    const jobs = trace([0, 100, 1], [108, 100, 2]);

    // At 110 a core is free. A whole job has to wait for the second one, which is up at 118.
    expect(referenceOracle(jobs, options).waitMeanSeconds).toBe((10 + 10) / 2);
    expect(referenceOracle(jobs, { ...options, isSplit: true }).waitMeanSeconds).toBeCloseTo(
      (10 + 2 + 10) / 3,
    );
  });
});

describe('on any trace', () => {
  const job = fc
    .tuple(fc.integer({ min: 0, max: 120 }), fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 5 }))
    .map(([submitSeconds, runSeconds, processors]): FarmJob => ({ submitSeconds, runSeconds, processors }));
  const jobs = fc
    .array(job, { minLength: 1, maxLength: 25 })
    .map((list) => list.toSorted((a, b) => a.submitSeconds - b.submitSeconds));
  const farm = { machineCpus: 1, isSplit: false };
  const boot = fc.integer({ min: 1, max: 15 });
  const keep = fc.integer({ min: 1, max: 40 });

  it('N(t) and the gaps of its levels are what counting each second gives', () => {
    fc.assert(
      fc.property(jobs, (list) => {
        const profile = demandProfile(list, 1);
        const counts = Array.from({ length: 200 }, (_, second) => busyAt(list, second));

        expect(machineSecondsOf(profile)).toBe(counts.reduce((sum, count) => sum + count, 0));
        let gapSeconds = 0;
        for (let level = 1; level <= Math.max(...counts); level++) {
          const reached = counts.flatMap((count, second) => (count >= level ? [second] : []));
          gapSeconds += (reached.at(-1) ?? 0) - (reached[0] ?? 0) + 1 - reached.length;
        }
        expect([...gapsOf(profile)].reduce((sum, gap) => sum + gap.levels * gap.seconds, 0)).toBe(gapSeconds);
      }),
    );
  });

  it('the greatest N in a window that moves is what looking at each second gives', () => {
    fc.assert(
      fc.property(jobs, keep, fc.array(fc.nat({ max: 15 })), (list, ahead, steps) => {
        const peak = windowPeaks(demandProfile(list, 1));
        let now = 0;
        for (const step of steps) {
          now += step;
          expect(peak(now, now + ahead)).toBe(neededWithin(list, now, now + ahead));
        }
      }),
    );
  });

  it('the oracle does what it does second by second', () => {
    fc.assert(
      fc.property(jobs, boot, keep, (list, bootSeconds, keepSeconds) => {
        const run = runFarm(
          list,
          { ...farm, bootSeconds },
          oraclePolicy(demandProfile(list, 1), keepSeconds),
        );

        expect(run).toMatchObject(runSlowly(list, bootSeconds, slowOracle(list, keepSeconds)));
      }),
    );
  });

  it('a fixed idle time does what it does second by second', () => {
    fc.assert(
      fc.property(jobs, boot, keep, (list, bootSeconds, idleSeconds) => {
        const run = runFarm(list, { ...farm, bootSeconds }, fixedPolicy(idleSeconds));

        expect(run).toMatchObject(runSlowly(list, bootSeconds, slowFixed(idleSeconds)));
      }),
    );
  });

  it('no policy on machines of any size is cheaper than the work, and split jobs of one core are whole ones', () => {
    fc.assert(
      fc.property(jobs, boot, fc.integer({ min: 1, max: 4 }), (list, bootSeconds, machineCpus) => {
        const some = trace(
          ...list.map(
            ({ submitSeconds, runSeconds, processors }): Job => [submitSeconds, runSeconds, processors],
          ),
        );
        const ours = { ...options, bootSeconds, machineCpus };
        const {
          busyCost: least,
          packedCost,
          zeroWait,
          oracle,
          fixed,
          threshold,
          static: farmOf,
        } = reference(some, ours);

        expect(packedCost).toBeGreaterThanOrEqual(least - 1e-6);
        expect(zeroWait.cost).toBeGreaterThan(packedCost);
        for (const { cost, objective } of [oracle, fixed, threshold, farmOf]) {
          expect(cost).toBeGreaterThan(least);
          expect(objective).toBeGreaterThanOrEqual(cost);
        }
        const single = trace(
          ...list.map(({ submitSeconds, runSeconds }): Job => [submitSeconds, runSeconds, 1]),
        );
        expect(reference(single, { ...ours, isSplit: true })).toEqual(reference(single, ours));
      }),
      { numRuns: 30 },
    );
  });
});
