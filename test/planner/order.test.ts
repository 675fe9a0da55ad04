import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Demand } from '../../src/model/demand.ts';
import { usualFairness as usualOrder } from '../../src/model/fairness.ts';
import { DemandId } from '../../src/model/ids.ts';
import { agingMax, inOrder, type OrderPolicy, priorityMax } from '../../src/planner/order.ts';
import { noShares, type Shares } from '../../src/planner/share.ts';
import { makeJobClass } from '../support/siteParts.ts';
import { demandOf, nowMs } from '../support/situation.ts';

const hour = 3_600_000;
const jobClass = makeJobClass();
const group = (name: string, over: Partial<Demand> = {}): Demand =>
  demandOf(jobClass, 1, { id: DemandId(name), oldestSubmittedAtMs: nowMs, ...over });

function order(
  groups: readonly Demand[],
  shares: Pick<Shares, 'usage'> = noShares,
  policy: OrderPolicy = usualOrder,
) {
  return inOrder(groups, { wallMs: nowMs, policy, shares, poolPriority: () => 0 }).map(
    ({ demand }) => demand.id,
  );
}

const used = (user: string, coreSeconds: number): Pick<Shares, 'usage'> => ({
  usage: new Map([['x', { user, group: null, coreSeconds }]]),
});

describe('the order of waiting jobs', () => {
  test('the greater priority goes first', () => {
    expect(order([group('low'), group('high', { priority: 5 })])).toEqual(['high', 'low']);
  });

  test('of the same priority the older', () => {
    const older = group('z', { oldestSubmittedAtMs: nowMs - 1 });
    expect(order([group('a'), older])).toEqual(['z', 'a']);
  });

  test('waiting raises the priority: one level each hour', () => {
    const patient = (hours: number) => group('patient', { oldestSubmittedAtMs: nowMs - hours * hour });
    const urgent = group('urgent', { priority: 3 });
    expect(order([patient(2), urgent])).toEqual(['urgent', 'patient']);
    expect(order([patient(4), urgent])).toEqual(['patient', 'urgent']);
  });

  test('who has used less goes first', () => {
    const groups = [group('1', { user: 'alice' }), group('2', { user: 'bob' })];
    expect(order(groups, used('alice', 3600))).toEqual(['2', '1']);
    expect(order(groups, used('bob', 3600))).toEqual(['1', '2']);
  });

  test('a priority that a user writes has its limits', () => {
    const loud = group('loud', { priority: 1e9 });
    const patient = group('patient', { oldestSubmittedAtMs: nowMs - (priorityMax + 1) * hour });
    expect(order([loud, patient])).toEqual(['patient', 'loud']);
  });

  test('the pool that could serve them comes before all', () => {
    const groups = [group('a', { priority: 9 }), group('b')];
    const poolPriority = ({ id }: Demand) => (id === 'b' ? 1 : 0);
    const sorted = inOrder(groups, { wallMs: nowMs, policy: usualOrder, shares: noShares, poolPriority });
    expect(sorted.map(({ demand, turn }) => [demand.id, turn.place, turn.pool])).toEqual([
      ['b', 1, 1],
      ['a', 2, 0],
    ]);
  });
});

const anyGroup = fc.record({
  priority: fc.integer({ min: -1000, max: 1000 }),
  oldestSubmittedAtMs: fc.option(fc.integer({ min: nowMs - 200 * hour, max: nowMs })),
  user: fc.constantFrom('alice', 'bob', null),
  group: fc.constantFrom('physics', null),
});
const anyShares = fc
  .array(
    fc.record({
      user: fc.constantFrom('alice', 'bob', 'carol', null),
      group: fc.constantFrom('physics', null),
      coreSeconds: fc.double({ min: 0, max: 1e9, noNaN: true }),
    }),
  )
  .map((all) => ({ usage: new Map(all.map((usage, at) => [`${at}`, usage])) }));
const anyPolicy: fc.Arbitrary<OrderPolicy> = fc.record({
  agingMs: fc.integer({ min: 60_000, max: 10 * hour }),
  share: fc.record({
    halfLifeMs: fc.constant(hour),
    levels: fc.integer({ min: 0, max: 100 }),
    users: fc.constantFrom(new Map<string, number>(), new Map([['alice', 3]])),
    groups: fc.constantFrom(new Map<string, number>(), new Map([['physics', 0.1]])),
  }),
});

test('the order depends on the groups alone, not on how they come', () => {
  fc.assert(
    fc.property(fc.array(anyGroup, { maxLength: 12 }), anyShares, anyPolicy, (rows, shares, policy) => {
      const groups = rows.map((row, at) => group(`${at}`, row));
      expect(order(groups.toReversed(), shares, policy)).toEqual(order(groups, shares, policy));
    }),
  );
});

test('nothing starves: who has waited long enough goes before whatever comes now', () => {
  fc.assert(
    fc.property(anyGroup, anyGroup, anyShares, anyPolicy, (patient, fresh, shares, policy) => {
      const longMs = (agingMax(policy) + 0.001) * policy.agingMs;
      const waiting = group('patient', { ...patient, oldestSubmittedAtMs: nowMs - longMs });
      const just = group('fresh', { ...fresh, oldestSubmittedAtMs: nowMs });
      expect(order([just, waiting], shares, policy)).toEqual(['patient', 'fresh']);
    }),
  );
});
