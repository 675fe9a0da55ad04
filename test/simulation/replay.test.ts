import { describe, expect, test } from 'vitest';
import { reference } from '../../src/simulate/reference/reference.ts';
import type { SeedReport, SimulationOptions } from '../../src/simulate/run.ts';
import { simulate } from '../../src/simulate/run.ts';
import { parseSwf, readTrace } from '../../src/simulate/swf.ts';
import { windowOf } from '../../src/simulate/workload.ts';

const never = new AbortController().signal;
const nasa = new URL('../data/traces/nasa-ipsc-1993.swf.gz', import.meta.url).pathname;

/** Job, submitted, run, processors. */
const swf = (jobs: readonly (readonly [number, number, number])[]): string =>
  jobs
    .map(([submit, run, processors], at) =>
      [at + 1, submit, -1, run, processors, -1, -1, processors, -1, -1, 1, 7, 1, -1, -1, -1, -1, -1].join(
        ' ',
      ),
    )
    .join('\n');

const defaults: Omit<SimulationOptions, 'trace'> = {
  site: null,
  policy: 'spillway',
  seeds: [1],
  faults: 'none',
  bootSeconds: 180,
  machineCpus: 1,
  pricePerCoreHour: 1,
  max: 1000,
  idleMs: null,
  machines: null,
  split: 'gang',
  memory: false,
  store: 'memory',
  signal: never,
  onProgress: () => {},
  command: (seed) => `spillway simulate --seeds ${seed}`,
};

async function run(
  options: Partial<SimulationOptions> & Pick<SimulationOptions, 'trace'>,
): Promise<SeedReport[]> {
  const reports: SeedReport[] = [];
  for await (const report of simulate({ ...defaults, ...options })) reports.push(report);
  return reports;
}

const few = parseSwf(
  swf([
    [0, 600, 1],
    [10, 600, 4],
    [5000, 60, 2],
    [5100, 60, 1],
  ]),
);

describe('a replay', () => {
  test('runs every job, pays at least for the work, and breaks nothing', async () => {
    const [report] = await run({ trace: few });
    expect(report).toMatchObject({
      jobs: 4,
      done: 4,
      jobsKilled: 0,
      thrash: 0,
      violations: [],
      interrupted: false,
    });
    // 1 × 600 s + 4 × 600 s + 2 × 60 s + 1 × 60 s
    expect(report?.busyCost).toBeCloseTo(3180 / 3600, 6);
    expect(report?.cost).toBeGreaterThan(3180 / 3600);
    expect(report?.launches).toBe(report?.terminations);
    expect(report?.waitMeanSeconds).toBeGreaterThan(100);
    expect(report?.waitMeanSeconds).toBeLessThan(200);
  });

  test('is the same each time, and with faults each seed is its own', async () => {
    expect(await run({ trace: few })).toEqual(await run({ trace: few }));
    const [one, two] = await run({ trace: few, faults: 'light', seeds: [3, 4] });
    expect([one?.seed, two?.seed]).toEqual([3, 4]);
    expect([one?.done, two?.done]).toEqual([4, 4]);
    expect(one?.cost).not.toBe(two?.cost);
  });

  test('of half a day of NASA comes near the oracle', async () => {
    const trace = windowOf(await readTrace(nasa, { signal: never }), { fromSeconds: 0, toSeconds: 43_200 });
    const [report] = await run({ trace });
    expect(report?.done).toBe(trace.jobs.length);
    expect(report?.violations).toEqual([]);
    const { oracle } = reference(trace, { bootSeconds: 180, pricePerCoreHour: 1, machineCpus: 1 });
    expect(report?.oracleObjective).toBe(oracle.objective);
    expect(report?.objective).toBeLessThan(1.15 * oracle.objective);
  }, 60_000);

  test.each([['core'], ['machine'], ['gang']] as const)('splits jobs: %s', async (split) => {
    const [report] = await run({ trace: few, split, machineCpus: 2 });
    expect(report).toMatchObject({ jobs: 4, done: 4, violations: [] });
  });

  test('of a static farm launches its machines once, of a fixed idle time says which', async () => {
    const [farm] = await run({ trace: few, policy: 'static', machines: 5 });
    expect(farm).toMatchObject({ done: 4, launches: 5, terminations: 0 });
    const [fixed] = await run({ trace: few, policy: 'fixed' });
    expect(fixed?.done).toBe(4);
    expect(fixed?.idleSeconds).toBeGreaterThanOrEqual(180);
  });

  test('prints the references as they are', async () => {
    const expected = reference(few, { bootSeconds: 180, pricePerCoreHour: 1, machineCpus: 1 });
    const [oracle] = await run({ trace: few, policy: 'oracle' });
    expect(oracle).toMatchObject({ cost: expected.oracle.cost, objective: expected.oracle.objective });
    const [threshold] = await run({ trace: few, policy: 'threshold' });
    expect(threshold?.cost).toBe(expected.threshold.cost);
  });

  test('that is interrupted says what was done by then', async () => {
    const abort = new AbortController();
    const [report] = await run({
      trace: few,
      signal: abort.signal,
      onProgress: ({ simulatedMs }) => simulatedMs >= 1_800_000 && abort.abort(),
    });
    expect(report).toMatchObject({ jobs: 4, done: 2, interrupted: true });
  });

  test('leaves a job out that wants more machines than there may be, and says so', async () => {
    const [report] = await run({ trace: few, max: 3 });
    expect(report).toMatchObject({ jobs: 4, done: 3, leftOut: 1 });
  });

  test('remembers in SQLite as in memory', async () => {
    const [maps] = await run({ trace: few });
    const [sqlite] = await run({ trace: few, store: 'sqlite' });
    expect(sqlite).toEqual(maps);
  });
});
