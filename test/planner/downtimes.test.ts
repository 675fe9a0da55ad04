import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Downtime } from '../../src/model/downtime.ts';
import { PoolName } from '../../src/model/ids.ts';
import {
  closedBy,
  type DowntimeOutlook,
  declare,
  nothingDeclared,
  windowsOf,
} from '../../src/planner/downtimes.ts';
import { busyForMs, type LongestJobs } from '../../src/planner/longestJobs.ts';
import { east, makeJobClass, makePool, west } from '../support/siteParts.ts';
import {
  coming,
  decide,
  demandOf,
  draining,
  launched,
  nowMs,
  pool,
  type Situation,
  serving,
} from '../support/situation.ts';

const hour = 3_600_000;

const works = (over: Partial<Downtime> = {}): Downtime => ({
  id: 'd1',
  scope: { kind: 'cloud', cloud: east },
  fromWallMs: nowMs + 2 * hour,
  toWallMs: nowMs + 6 * hour,
  reason: 'works',
  force: false,
  drainAheadMs: 3 * hour,
  ...over,
});

/** Wall time and daemon time are the same here unless a test says otherwise. */
const outlook = (downtimes: readonly Downtime[], over: Partial<DowntimeOutlook> = {}): DowntimeOutlook => ({
  windows: windowsOf(downtimes, { nowMs, wallMs: nowMs }),
  longestJobs: new Map(),
  drainAheadMs: 24 * hour,
  ...over,
});

const decideWith = (downtime: Downtime, situation: Situation = {}) =>
  decide({ ...situation, downtimes: outlook([downtime]) });

describe('a downtime', () => {
  const demand = [demandOf(makeJobClass(), 1)];

  test('that has begun, or whose drain has: no machine is launched there, and the shortage says why', () => {
    for (const fromWallMs of [nowMs - hour, nowMs + 2 * hour]) {
      const decided = decideWith(works({ fromWallMs }), { demand });
      expect(decided.launches).toEqual([]);
      expect(decided.demand).toMatchObject([
        { unmet: 1, shortage: { code: 'downtime', why: expect.stringContaining('(works)') } },
      ]);
    }
  });

  test('whose drain has not begun, or that is of another cloud or pool: nothing is changed', () => {
    const others: Partial<Downtime>[] = [
      { drainAheadMs: hour },
      { scope: { kind: 'cloud', cloud: west } },
      { scope: { kind: 'pool', pool: PoolName('other') } },
      { fromWallMs: nowMs - 2 * hour, toWallMs: nowMs },
    ];
    for (const over of others)
      expect(launched(decideWith(works(over), { demand }))).toEqual(['pool/small ×1 demand']);
  });

  test('of the pool or the site closes the pool as well', () => {
    for (const scope of [{ kind: 'pool', pool: pool.name } as const, { kind: 'site' } as const])
      expect(decideWith(works({ scope }), { demand }).launches).toEqual([]);
  });

  test('drains free and busy machines ahead, and what is on its way, whatever the queue says', () => {
    const machines = [serving('idle', 'a'), serving('claimed', 'b'), coming('c'), draining('d')];
    for (const queueTrouble of [undefined, 'silent'])
      expect(
        decideWith(works(), { machines, ...(queueTrouble === undefined ? {} : { queueTrouble }) }).drains,
      ).toMatchObject(['a-0', 'b-0', 'c-0'].map((instance) => ({ instance, reason: 'downtime' })));
  });

  test('machines that drain for it take no waiting job, nor is one that drains for want of work taken back', () => {
    const machines = [serving('idle', 'a'), draining('b')];
    const decided = decideWith(works(), { machines, demand });
    expect(decided.undrains).toEqual([]);
    expect(decided.demand).toMatchObject([{ onWorkers: 0, onUndrained: 0, unmet: 1 }]);
  });

  test('that was taken back: a waiting job gets the machine that drained for it', () => {
    const machines = [draining('a', 'downtime')];
    expect(decide({ machines, demand }).undrains).toEqual(['a-0']);
  });

  test('a machine that still works when it begins is left alone, unless it is forced', () => {
    const machines = [draining('a', 'downtime')];
    const begun = works({ fromWallMs: nowMs - 1 });
    expect(decideWith(begun, { machines }).drains).toEqual([]);
    expect(decideWith({ ...begun, force: true }, { machines }).drains).toMatchObject([
      { instance: 'a-0', reason: 'downtime', force: true },
    ]);
    expect(decideWith(works({ force: true }), { machines }).drains).toEqual([]);
  });

  test('min and head-room wait for its end', () => {
    const pools = [makePool({ offers: ['small'], min: 2, headroom: 1 })];
    expect(decideWith(works(), { pools }).launches).toEqual([]);
  });
});

describe('how far ahead the drain begins', () => {
  const place = { pool: pool.name, cloud: east };
  const closedAt = (longestJobs: LongestJobs, fromWallMs: number) =>
    closedBy(place, nowMs, outlook([works({ fromWallMs, drainAheadMs: null })], { longestJobs })) !== null;
  const jobs = (walltimeMs: number, unstated: boolean): LongestJobs =>
    new Map([[pool.name, { walltimeMs, seenAtMs: nowMs, unstatedAtMs: unstated ? nowMs : null }]]);

  test('the longest walltime where all jobs state one', () => {
    expect(closedAt(jobs(2 * hour, false), nowMs + 2 * hour)).toBe(true);
    expect(closedAt(jobs(2 * hour, false), nowMs + 2 * hour + 1)).toBe(false);
  });

  test('no less than the configured time where one states none, or no job has been seen', () => {
    expect(closedAt(jobs(2 * hour, true), nowMs + 24 * hour)).toBe(true);
    expect(closedAt(jobs(48 * hour, true), nowMs + 48 * hour)).toBe(true);
    expect(closedAt(new Map(), nowMs + 24 * hour)).toBe(true);
    expect(closedAt(new Map(), nowMs + 24 * hour + 1)).toBe(false);
  });

  test('a job that began before the drain and keeps its walltime has ended when the downtime begins', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 10 * hour }), { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 0, max: 20 * hour }),
        (walltimes, startMs) => {
          const longest = Math.max(...walltimes);
          const from = nowMs + 20 * hour;
          const at = nowMs + startMs;
          const record = new Map([[pool.name, { walltimeMs: longest, seenAtMs: at, unstatedAtMs: null }]]);
          const open =
            closedBy(
              place,
              at,
              outlook([works({ fromWallMs: from, toWallMs: from + hour, drainAheadMs: null })], {
                longestJobs: record,
              }),
            ) === null;
          return !open || walltimes.every((walltime) => at + walltime <= from);
        },
      ),
    );
  });

  test('a walltime counts for as long as such a job may run', () => {
    const longest = { walltimeMs: 5 * hour, seenAtMs: nowMs, unstatedAtMs: null };
    expect(busyForMs(longest, { nowMs: nowMs + 5 * hour, otherwiseMs: hour })).toBe(5 * hour);
    expect(busyForMs(longest, { nowMs: nowMs + 5 * hour + 1, otherwiseMs: hour })).toBe(0);
  });
});

describe('declared downtimes', () => {
  const { id: _, ...unnamed } = works();

  test('are numbered, and a number is not used again', () => {
    const one = declare(nothingDeclared, [{ kind: 'add', downtime: unnamed }], nowMs);
    const ended = declare(one, [{ kind: 'end', id: 'd1' }], nowMs);
    expect([...ended.downtimes.keys()]).toEqual([]);
    const two = declare(ended, [{ kind: 'add', downtime: unnamed }], nowMs);
    expect([...two.downtimes.keys()]).toEqual(['d2']);
  });

  test('are dropped when they are over', () => {
    const one = declare(nothingDeclared, [{ kind: 'add', downtime: unnamed }], nowMs);
    expect(declare(one, [], unnamed.toWallMs - 1)).toBe(one);
    expect(declare(one, [], unnamed.toWallMs).downtimes.size).toBe(0);
  });

  test('follow the wall clock: one that was set back moves them away', () => {
    const [window] = windowsOf([works()], { nowMs, wallMs: nowMs - hour });
    expect(window?.fromMs).toBe(nowMs + 3 * hour);
  });
});
