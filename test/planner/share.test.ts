import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { QueueSnapshot, WorkerUse } from '../../src/model/demand.ts';
import { InstanceId } from '../../src/model/ids.ts';
import { learnShares, noShares, type Shares, shareFactors, storeEveryMs } from '../../src/planner/share.ts';
import { makeView, makeWorker } from '../support/fleetParts.ts';

const halfLifeMs = 1000_000;
const alice = { user: 'alice', group: null };
const bob = { user: 'bob', group: null };
const even = { users: new Map<string, number>(), groups: new Map<string, number>() };

function seen(takenAtMs: number, usage: readonly WorkerUse[]): QueueSnapshot {
  return makeView(takenAtMs, { workers: [makeWorker(InstanceId('i-0'), 'claimed', { usage })] });
}

function learn(before: Shares, view: QueueSnapshot, isOurs = true): Shares {
  return learnShares(before, [view], { nowMs: view.takenAtMs, halfLifeMs, isOurs: () => isOurs });
}

const coreSeconds = ({ usage }: Shares) =>
  Object.fromEntries([...usage.values()].map((u) => [u.user, u.coreSeconds]));

describe('usage', () => {
  const start = learn(noShares, seen(5_000, [{ ...alice, cpus: 4 }]));

  test('is the cores in use between two views, times the seconds between them', () => {
    expect(start.usage.size).toBe(0);
    const after = learn(
      start,
      seen(15_000, [
        { ...alice, cpus: 4 },
        { ...bob, cpus: 1 },
      ]),
    );
    expect(coreSeconds(after)).toEqual({ alice: 40, bob: 10 });
  });

  test('of machines that are not ours is not counted', () => {
    expect(learn(start, seen(15_000, [{ ...alice, cpus: 4 }]), false).usage.size).toBe(0);
  });

  test('half of it is forgotten in a half-life', () => {
    const after = learn(start, seen(105_000, [{ ...alice, cpus: 4 }]));
    const later = learn(after, seen(105_000 + halfLifeMs, []));
    expect(coreSeconds(later).alice).toBeCloseTo(200);
  });

  test('nobody knows what ran while nobody looked: a long gap counts for five minutes', () => {
    expect(coreSeconds(learn(start, seen(100_005_000, [{ ...alice, cpus: 1 }])))).toEqual({ alice: 300 });
  });

  test('without a new view nothing changes', () => {
    expect(learnShares(start, [], { nowMs: 99, halfLifeMs, isOurs: () => true })).toBe(start);
  });

  test('is to be stored every five minutes, not at every view', () => {
    let shares = learn(noShares, seen(storeEveryMs, []));
    const stored = new Set([shares.storedAtMs]);
    for (let at = 1; at <= 120; at++) {
      shares = learn(shares, seen(storeEveryMs + at * 5000, [{ ...alice, cpus: 1 }]));
      stored.add(shares.storedAtMs);
    }
    expect(stored.size).toBe(3);
  });
});

describe('the share of a user', () => {
  const of = (rows: readonly (readonly [string | null, string | null, number])[], weights = even) =>
    shareFactors(
      {
        usage: new Map(rows.map(([user, group, used], at) => [`${at}`, { user, group, coreSeconds: used }])),
      },
      [],
      weights,
    );

  test('is whole where nobody has used anything', () => {
    expect(of([])(alice)).toBe(1);
  });

  test('two who have used the same have the same', () => {
    const share = of([
      ['alice', null, 50],
      ['bob', null, 50],
    ]);
    expect(share(alice)).toBe(share(bob));
  });

  test('a weight of three allows three times as much', () => {
    const share = of(
      [
        ['alice', null, 75],
        ['bob', null, 25],
      ],
      { ...even, users: new Map([['alice', 3]]) },
    );
    expect(share(alice)).toBeCloseTo(share(bob));
  });

  test('the usage of others in the group counts, that in other groups does not', () => {
    const share = of([
      ['alice', 'physics', 900],
      ['dave', 'biology', 100],
    ]);
    expect(share({ user: 'carol', group: 'physics' })).toBeLessThan(
      share({ user: 'erin', group: 'biology' }),
    );
    expect(share({ user: 'carol', group: 'physics' })).toBeGreaterThan(
      share({ user: 'alice', group: 'physics' }),
    );
  });

  test('lies between 0 and 1, and falls as more is used', () => {
    const amount = fc.double({ min: 0, max: 1e9, noNaN: true });
    fc.assert(
      fc.property(amount, amount, fc.double({ min: 1, max: 1e6, noNaN: true }), (a, b, more) => {
        const before = of([
          ['alice', null, a],
          ['bob', null, b],
        ])(alice);
        const after = of([
          ['alice', null, a + more],
          ['bob', null, b],
        ])(alice);
        expect(before).toBeLessThanOrEqual(1);
        expect(after).toBeGreaterThanOrEqual(0);
        expect(after).toBeLessThanOrEqual(before + 1e-12);
      }),
    );
  });
});
