import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Demand } from '../../src/model/demand.ts';
import { DemandId } from '../../src/model/ids.ts';
import { offerKey } from '../../src/planner/setAside.ts';
import { makeWorker, t0 } from '../support/fleetParts.ts';
import { makeJobClass, makeOffer, makePool, west } from '../support/siteParts.ts';
import {
  cloud,
  coming,
  decide,
  demandOf,
  draining,
  launched,
  longFree,
  named,
  nowMs,
  type Situation,
  serving,
  small,
} from '../support/situation.ts';

const gang = (workers: number, over: Partial<Demand> = {}): Demand =>
  demandOf(makeJobClass(), 1, { id: DemandId('gang'), kind: 'gang', workers, ...over });
const machines = (situation: Situation) =>
  decide(situation).launches.reduce((sum, { count }) => sum + count, 0);

describe('a multi-node job', () => {
  test('gets all of its machines', () => {
    const decided = decide({ demand: [gang(4)] });
    expect(launched(decided)).toEqual(['pool/small ×4 demand']);
    expect(decided.demand).toMatchObject([{ jobs: 1, onLaunches: 1, unmet: 0, shortage: null }]);
  });

  test('or none: three of four are not launched', () => {
    const decided = decide({
      demand: [gang(4)],
      machines: named(['a', 'b'], (name) => serving('claimed', name)),
    });
    expect(decided.launches).toEqual([]);
    expect(decided.demand).toMatchObject([
      { unmet: 1, shortage: { code: 'poolMax', figures: { workers: 4, missing: 1 } } },
    ]);
  });

  test('is put on machines that are free, on their way, drain for want of work, and new ones', () => {
    const decided = decide({
      demand: [gang(5)],
      machines: [longFree('a'), coming('b'), draining('c')],
    });
    expect(launched(decided)).toEqual(['pool/small ×2 demand']);
    expect(decided.undrains).toEqual(['c-0']);
    expect(decided.demand).toMatchObject([{ onLaunches: 1, unmet: 0 }]);
  });

  test('is put on workers that are not ours', () => {
    const view = { workers: ['x', 'y'].map((name) => makeWorker(null, 'idle', { id: name as never })) };
    const decided = decide({ demand: [gang(2)], view });
    expect(decided).toMatchObject({ launches: [], demand: [{ onWorkers: 1 }] });
  });

  test('has one node on each machine, whatever else would fit; the rest is for other jobs', () => {
    const offer = makeOffer({ name: 'large', cpus: 4, memoryMiB: 8192 });
    const pools = [makePool({ offers: ['large'] })];
    const single = demandOf(makeJobClass({ name: 'single' }), 6);
    expect(launched(decide({ offers: [offer], pools, demand: [gang(2), single] }))).toEqual([
      'pool/large ×2 demand',
    ]);
  });

  test('larger than what may ever be is impossible, and nothing is launched for it', () => {
    const decided = decide({ demand: [gang(6)] });
    expect(decided.launches).toEqual([]);
    expect(decided.demand).toMatchObject([
      { unmet: 1, shortage: { code: 'tooLarge', figures: { workers: 6, most: 5 } } },
    ]);
  });

  test.each([
    ['its cloud', { clouds: [cloud({ max: 3 })] }],
    ['its offer', { offers: [{ ...small, max: 3 }] }],
  ])('too large for %s', (_, situation) => {
    expect(decide({ ...situation, demand: [gang(4)] }).demand).toMatchObject([
      { shortage: { code: 'tooLarge' } },
    ]);
  });

  test('is not too large when machines of others are many enough', () => {
    const workers = named(['a'], (name) => serving('claimed', name));
    const foreign = Array.from({ length: 9 }, (_, n) =>
      makeWorker(null, 'claimed', { id: `w${n}` as never }),
    );
    const view = { workers: foreign };
    expect(decide({ demand: [gang(8)], machines: workers, view }).demand).toMatchObject([
      { shortage: { code: 'poolMax' } },
    ]);
  });

  test('the pace of create calls does not stop it: the others follow', () => {
    const first = decide({ demand: [gang(4)], clouds: [cloud({ launchesLeft: 3 })] });
    expect(launched(first)).toEqual(['pool/small ×3 demand']);
    expect(first.demand).toMatchObject([
      { unmet: 1, shortage: { code: 'launchesInFlight', figures: { workers: 4, missing: 1 } } },
    ]);
    const next = decide({ demand: [gang(4)], machines: named(['a', 'b', 'c'], coming) });
    expect(launched(next)).toEqual(['pool/small ×1 demand']);
    expect(next.demand).toMatchObject([{ onLaunches: 1, unmet: 0 }]);
  });

  test('an offer that is tried again with one machine is tried for it', () => {
    const key = offerKey(small.name);
    const aside = {
      key,
      reason: 'capacity',
      message: '',
      failures: 2,
      sinceMs: t0,
      untilMs: nowMs,
      probe: null,
    } as const;
    const decided = decide({ demand: [gang(3)], setAsides: new Map([[key, aside]]) });
    expect(decided.launches).toMatchObject([{ count: 1, probe: true }]);
    expect(decided.demand).toMatchObject([{ unmet: 1, shortage: { code: 'setAside' } }]);
  });

  test('machines of one cloud are better than machines of two', () => {
    const offers = [
      makeOffer({ name: 'a', perHour: 1, max: 2 }),
      makeOffer({ name: 'b', cloud: west, perHour: 2 }),
    ];
    const pools = [makePool({ offers: ['a', 'b'] })];
    expect(launched(decide({ offers, pools, demand: [gang(3)] }))).toEqual(['pool/b ×3 demand']);
    expect(launched(decide({ offers, pools, demand: [gang(2)] }))).toEqual(['pool/a ×2 demand']);
  });

  test('waits for spot machines as single jobs do before on-demand ones are taken', () => {
    const offers = [
      makeOffer({ name: 'spot', perHour: 1, max: 2, market: 'spot' }),
      makeOffer({ name: 'dear', perHour: 2 }),
    ];
    const pools = [makePool({ offers: ['spot', 'dear'], max: 9, fallbackAfterMs: 600_000 })];
    const key = offerKey(offers[0]?.name ?? small.name);
    const aside = {
      key,
      reason: 'capacity',
      message: '',
      failures: 2,
      sinceMs: nowMs - 1000,
      untilMs: nowMs + 1000,
      probe: null,
    } as const;
    const decided = decide({ offers, pools, demand: [gang(2)], setAsides: new Map([[key, aside]]) });
    expect(decided.launches).toEqual([]);
    const late = { ...aside, sinceMs: nowMs - 700_000 };
    expect(launched(decide({ offers, pools, demand: [gang(2)], setAsides: new Map([[key, late]]) }))).toEqual(
      ['pool/dear ×2 demand'],
    );
  });

  test('what is given back is there for other jobs', () => {
    const single = demandOf(makeJobClass({ name: 'single' }), 3, { oldestSubmittedAtMs: 9 });
    const busy = named(['a', 'b'], (name) => serving('claimed', name));
    const decided = decide({ demand: [gang(4), single], machines: busy });
    expect(decided.demand.map(({ demand, onLaunches }) => [demand, onLaunches])).toEqual([
      ['gang', 0],
      ['single', 3],
    ]);
  });

  test('two that could be half assembled: the older gets it all', () => {
    const older = gang(3, { id: DemandId('older') });
    const younger = gang(3, { id: DemandId('younger'), oldestSubmittedAtMs: 1 });
    const decided = decide({ demand: [younger, older], machines: [longFree('a'), coming('b')] });
    expect(decided.demand.map(({ demand, unmet }) => [demand, unmet])).toEqual([
      ['older', 0],
      ['younger', 1],
    ]);
    expect(launched(decided)).toEqual(['pool/small ×1 demand']);
  });

  test('free machines are kept for it while others are missing, for a time', () => {
    const busy = named(['x', 'y', 'z'], (name) => serving('claimed', name));
    const waiting = { demand: [gang(4)], machines: [...busy, longFree('a'), longFree('b')] };
    expect(decide({ ...waiting, gangHoldMs: 120_000 }).drains).toEqual([]);
    expect(decide({ ...waiting, gangHoldMs: 60_000 }).drains).toHaveLength(2);
  });

  test('nothing is kept for one that is impossible', () => {
    const decided = decide({ demand: [gang(9)], machines: [longFree('a')], gangHoldMs: 1e9 });
    expect(decided.drains).toHaveLength(1);
  });

  test('several of a kind are served one by one', () => {
    const decided = decide({ demand: [gang(2, { count: 3 })] });
    expect(decided.demand).toMatchObject([
      { jobs: 3, onLaunches: 2, unmet: 1, shortage: { code: 'poolMax' } },
    ]);
    expect(launched(decided)).toEqual(['pool/small ×2 demand', 'pool/small ×2 demand']);
  });
});

const anySituation = fc.record({
  gangs: fc.array(
    fc.record({
      workers: fc.integer({ min: 2, max: 7 }),
      count: fc.integer({ min: 1, max: 3 }),
      oldestSubmittedAtMs: fc.nat({ max: 5 }),
    }),
    { minLength: 1, maxLength: 4 },
  ),
  singles: fc.nat({ max: 4 }),
  free: fc.nat({ max: 3 }),
  busy: fc.nat({ max: 3 }),
  onTheirWay: fc.nat({ max: 3 }),
  poolMax: fc.integer({ min: 1, max: 12 }),
  cloudMax: fc.option(fc.integer({ min: 1, max: 12 })),
  launchesLeft: fc.constantFrom(0, 2, 100),
});

test('all or nothing, within all bounds, whatever waits and whatever there is', () => {
  fc.assert(
    fc.property(
      anySituation,
      ({ gangs, singles, free, busy, onTheirWay, poolMax, cloudMax, launchesLeft }) => {
        const names = (kind: string, count: number) => Array.from({ length: count }, (_, n) => `${kind}${n}`);
        const fleet = [
          ...names('f', free).map((name) => serving('idle', name)),
          ...names('b', busy).map((name) => serving('claimed', name)),
          ...names('c', onTheirWay).map((name) => coming(name)),
        ];
        const demand = [
          ...gangs.map(({ workers, ...rest }, at) => gang(workers, { ...rest, id: DemandId(`gang${at}`) })),
          ...(singles === 0 ? [] : [demandOf(makeJobClass({ name: 'single' }), singles)]),
        ];
        const situation: Situation = {
          demand,
          machines: fleet,
          pools: [makePool({ offers: ['small'], max: poolMax })],
          clouds: [cloud({ max: cloudMax, launchesLeft })],
        };
        const decided = decide(situation);
        const most = Math.max(0, Math.min(poolMax, cloudMax ?? poolMax) - fleet.length);
        expect(machines(situation)).toBeLessThanOrEqual(Math.min(most, launchesLeft));
        for (const report of decided.demand) {
          const parts =
            report.onWorkers + report.onComing + report.onUndrained + report.onLaunches + report.unmet;
          expect(parts).toBe(report.jobs);
          const own = decided.launches.filter(
            ({ cause }) => cause.kind === 'demand' && cause.demand === report.demand,
          );
          const isWaitingForPace = report.shortage?.code === 'launchesInFlight';
          // What is launched for it is for jobs that get all, now or as fast as create calls may be made.
          if (own.length > 0 && !isWaitingForPace) expect(report.onLaunches).toBeGreaterThan(0);
        }
        const served = decided.demand.flatMap(({ demand: id, jobs, unmet }) => {
          const group = demand.find((one) => one.id === id);
          return [(group?.workers ?? 1) * (jobs - unmet)];
        });
        const nodes = served.reduce((sum, one) => sum + one, 0);
        expect(nodes).toBeLessThanOrEqual(free + onTheirWay + machines(situation));
      },
    ),
  );
});
