import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Demand } from '../../src/model/demand.ts';
import type { Cap } from '../../src/model/fairness.ts';
import { DemandId } from '../../src/model/ids.ts';
import { makeEntry, makeInstance, makeWorker } from '../support/fleetParts.ts';
import { makeJobClass, makeOffer, makePool } from '../support/siteParts.ts';
import { coming, decide, demandOf, launched, type Situation, serving } from '../support/situation.ts';

const jobs = (count: number, over: Partial<Demand> = {}): Demand =>
  demandOf(makeJobClass(), count, { user: 'alice', ...over });
const cap = (parts: Partial<Cap>): Cap => ({ of: 'user', name: null, cpus: null, machines: null, ...parts });
const causeOf = (user: string, group: string | null = null) =>
  ({ kind: 'demand', demand: DemandId('d'), job: null, user, group }) as const;

/** A machine of ours on which the user's jobs take so many processors. */
function used(name: string, user: string, cpus: number, group: string | null = null) {
  const entry = serving('claimed', name);
  const worker = makeWorker(entry.instance.id, 'claimed', { usage: [{ user, group, cpus }] });
  return { entry, worker };
}

function withUse(uses: readonly ReturnType<typeof used>[], rest: Situation) {
  return decide({
    ...rest,
    machines: uses.map(({ entry }) => entry),
    view: { workers: uses.map(({ worker }) => worker) },
    pools: [makePool({ offers: ['small'], max: 100 })],
  });
}

describe('a cap', () => {
  test('of processors: what runs and what is to run', () => {
    const decided = withUse([used('a', 'alice', 2)], { demand: [jobs(5)], caps: [cap({ cpus: 4 })] });
    expect(launched(decided)).toEqual(['pool/small ×2 demand']);
    expect(decided.demand).toMatchObject([
      { onLaunches: 2, unmet: 3, shortage: { code: 'userCap', figures: { cpusMax: 4, cpusInUse: 4 } } },
    ]);
  });

  test('of machines: those with a job and those on their way', () => {
    const onItsWay = coming('b', { cause: causeOf('alice') });
    const running = used('a', 'alice', 1);
    const decided = decide({
      demand: [jobs(5)],
      machines: [running.entry, onItsWay],
      view: { workers: [running.worker] },
      pools: [makePool({ offers: ['small'], max: 100 })],
      caps: [cap({ machines: 3 })],
    });
    expect(decided.demand).toMatchObject([
      { onComing: 1, onLaunches: 1, unmet: 3, shortage: { code: 'userCap', figures: { machinesMax: 3 } } },
    ]);
  });

  test('of one user does not hold others', () => {
    const bob = jobs(2, { id: DemandId('b'), user: 'bob' });
    const decided = decide({ demand: [jobs(2), bob], caps: [cap({ name: 'alice', cpus: 1 })] });
    expect(decided.demand.map(({ onLaunches }) => onLaunches)).toEqual([1, 2]);
  });

  test('of each user holds each for itself', () => {
    const bob = jobs(2, { id: DemandId('b'), user: 'bob' });
    const decided = decide({ demand: [jobs(2), bob], caps: [cap({ machines: 1 })] });
    expect(decided.demand.map(({ onLaunches }) => onLaunches)).toEqual([1, 1]);
  });

  test('of a group stands for its subgroups', () => {
    const groups = ['physics', 'physics.higgs', 'physicsx'].map((group, at) =>
      jobs(2, { id: DemandId(`${at}`), user: `u${at}`, group }),
    );
    const decided = decide({ demand: groups, caps: [cap({ of: 'group', name: 'physics', cpus: 3 })] });
    expect(
      decided.demand.map(({ demand, onLaunches, shortage }) => [demand, onLaunches, shortage?.code]),
    ).toEqual([
      ['0', 2, undefined],
      ['1', 1, 'groupCap'],
      ['2', 2, undefined],
    ]);
  });

  test('a machine that has one of their jobs already takes more of them', () => {
    const offer = makeOffer({ name: 'large', cpus: 4, memoryMiB: 8192 });
    const entry = makeEntry(makeInstance('claimed', { offer: offer.name }), { activity: 'claimed' });
    const slot = { ad: offer.ad, free: { ...offer.resources, cpus: 3 }, partitionable: true };
    const worker = makeWorker(entry.instance.id, 'claimed', {
      slots: [slot],
      usage: [{ user: 'alice', group: null, cpus: 1 }],
    });
    const decided = decide({
      offers: [offer],
      pools: [makePool({ offers: ['large'] })],
      demand: [jobs(5)],
      machines: [entry],
      view: { workers: [worker] },
      caps: [cap({ machines: 1 })],
    });
    expect(decided.demand).toMatchObject([{ onWorkers: 3, unmet: 2, shortage: { code: 'userCap' } }]);
  });

  test('a multi-node job beyond it is impossible', () => {
    const gang = jobs(1, { kind: 'gang', workers: 3 });
    expect(decide({ demand: [gang], caps: [cap({ machines: 2 })] })).toMatchObject({
      launches: [],
      demand: [{ shortage: { code: 'tooLarge' } }],
    });
    const half = decide({
      demand: [gang],
      caps: [cap({ machines: 3 })],
      machines: [coming('x', { cause: causeOf('alice') })],
    });
    expect(half.demand).toMatchObject([{ onLaunches: 1, unmet: 0 }]);
  });

  test('jobs of nobody known are not held', () => {
    expect(decide({ demand: [jobs(2, { user: null })], caps: [cap({ cpus: 1 })] }).demand).toMatchObject([
      { onLaunches: 2 },
    ]);
  });
});

test('no plan goes beyond a cap', () => {
  const anyDemand = fc.record({
    count: fc.integer({ min: 1, max: 6 }),
    workers: fc.constantFrom(1, 1, 1, 2, 3),
    cpus: fc.constantFrom(1, 2),
    user: fc.constantFrom('alice', 'bob'),
    group: fc.constantFrom('physics', 'physics.higgs', null),
  });
  const anyCap = fc.record({
    of: fc.constantFrom('user' as const, 'group' as const),
    name: fc.constantFrom(null, 'alice', 'physics'),
    cpus: fc.option(fc.integer({ min: 0, max: 8 })),
    machines: fc.option(fc.integer({ min: 0, max: 5 })),
  });
  const large = makeOffer({ name: 'large', cpus: 4, memoryMiB: 65_536, diskMiB: 65_536 });
  const concerns = (one: Cap, { user, group }: Pick<Demand, 'user' | 'group'>, name: string) => {
    if (one.of === 'user') return user === name;
    return group === name || (one.name !== null && group?.startsWith(`${name}.`) === true);
  };
  fc.assert(
    fc.property(fc.array(anyDemand, { maxLength: 5 }), fc.array(anyCap, { maxLength: 3 }), (rows, caps) => {
      const demand = rows.map(({ cpus, ...row }, at) =>
        demandOf(makeJobClass({ cpus }), row.count, {
          ...row,
          id: DemandId(`${at}`),
          kind: row.workers > 1 ? 'gang' : 'counted',
        }),
      );
      const decided = decide({
        offers: [large],
        pools: [makePool({ offers: ['large'], max: 50 })],
        demand,
        caps,
      });
      for (const one of caps) {
        const names = one.name === null ? ['alice', 'bob', 'physics', 'physics.higgs'] : [one.name];
        for (const name of names) {
          const own = demand.filter((group) => concerns(one, group, name));
          const cpus = own.reduce((sum, group) => {
            const { jobs: all = 0, unmet = 0 } =
              decided.demand.find((each) => each.demand === group.id) ?? {};
            return sum + (all - unmet) * group.workers * (rows[Number(group.id)]?.cpus ?? 0);
          }, 0);
          const machines = decided.launches
            .filter(({ cause }) => cause.kind === 'demand' && concerns(one, cause, name))
            .reduce((sum, { count }) => sum + count, 0);
          expect(cpus).toBeLessThanOrEqual(one.cpus ?? Number.POSITIVE_INFINITY);
          expect(machines).toBeLessThanOrEqual(one.machines ?? Number.POSITIVE_INFINITY);
        }
      }
    }),
  );
});
