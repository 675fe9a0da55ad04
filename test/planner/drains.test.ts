import { describe, expect, test } from 'vitest';
import { PoolName } from '../../src/model/ids.ts';
import type { Pool } from '../../src/model/offer.ts';
import { makeEntry, makeInstance, t0 } from '../support/fleetParts.ts';
import { makeJobClass, makeOffer, makePool } from '../support/siteParts.ts';
import {
  decide,
  demandOf,
  draining,
  longFree,
  named,
  nowMs,
  type Situation,
  serving,
  small,
} from '../support/situation.ts';

describe('drains', () => {
  const drained = (situation: Situation) => decide(situation).drains.map(({ instance }) => instance);
  const view = { takenAtMs: nowMs - 1000 };

  test('the longest free first, all that are free for the idle time', () => {
    const machines = [
      longFree('a', nowMs - 70_000),
      longFree('b', nowMs - 90_000),
      longFree('c', nowMs - 10_000),
    ];
    expect(drained({ machines })).toEqual(['b-0', 'a-0']);
  });

  test('a machine that a waiting job needs stays', () => {
    expect(
      drained({ machines: [longFree('a'), longFree('b')], demand: [demandOf(makeJobClass(), 1)] }),
    ).toHaveLength(1);
  });

  describe('a machine that is doubted, as it took no job', () => {
    const idle = longFree('a');
    const doubted = [idle];
    const fits = demandOf(makeJobClass(), 1);
    const waitedFor = (situation: Situation) => [
      ...decide({ machines: [idle], doubted, ...situation }).waitedFor,
    ];

    test('is waited for while a job that matches it waits, or may wait unseen, and stays', () => {
      expect(waitedFor({ demand: [fits] })).toEqual(['a-0']);
      expect(waitedFor({ view: { ...view, demandComplete: false } })).toEqual(['a-0']);
      expect(waitedFor({ queueTrouble: 'last seen 90 s ago' })).toEqual(['a-0']);
      expect(drained({ machines: [idle], doubted, demand: [fits] })).toEqual([]);
    });

    test('is not when none waits, or only what does not fit it: the next view may drain it', () => {
      const large = demandOf(makeJobClass({ cpus: 64 }), 1);
      expect(waitedFor({})).toEqual([]);
      expect(waitedFor({ demand: [large] })).toEqual([]);
    });
  });

  test('never below min, and never into head-room', () => {
    const machines = named(['a', 'b', 'c'], longFree);
    expect(drained({ machines, pools: [makePool({ offers: ['small'], min: 2 })] })).toHaveLength(1);
    expect(drained({ machines, pools: [makePool({ offers: ['small'], headroom: 2 })] })).toHaveLength(1);
    expect(drained({ machines, pools: [makePool({ offers: ['small'], min: 3 })] })).toEqual([]);
  });

  test('a machine that works is not drained, nor one whose worker has a job that the phase does not show yet', () => {
    const taken = makeEntry(makeInstance('idle', { idleSinceMs: t0 }), { activity: 'claimed' });
    expect(drained({ machines: [serving('claimed', 'a'), taken] })).toEqual([]);
  });

  test.each([
    ['no view yet', { view: null }],
    ['a view that was there at the last tick', { isNew: false }],
    ['a queue in trouble', { queueTrouble: 'last seen 90 s ago' }],
    ['workers that may be missing', { view: { ...view, workersComplete: false } }],
    ['demand that may be missing', { view: { ...view, demandComplete: false } }],
  ])('%s: none', (_, situation) => {
    expect(drained({ machines: [longFree('a')], ...situation })).toEqual([]);
  });

  test('a view that was begun before the idle time was over cannot say that nobody came', () => {
    const machines = [longFree('a', nowMs - 61_000)];
    expect(drained({ machines, view: { takenAtMs: nowMs - 2000 } })).toEqual([]);
    expect(drained({ machines, view: { takenAtMs: nowMs - 1000 } })).toEqual(['a-0']);
  });

  test('a machine that the newest view does not show is not drained', () => {
    const unseen = makeEntry(makeInstance('idle', { idleSinceMs: t0 }), { activity: 'idle', unseen: 1 });
    expect(drained({ machines: [unseen] })).toEqual([]);
  });

  test('above max the free ones go at once', () => {
    const machines = [
      ...named(['a', 'b', 'c'], (name) => serving('claimed', name)),
      longFree('d', nowMs - 2000),
    ];
    const decided = decide({ machines, pools: [makePool({ offers: ['small'], max: 3 })] });
    expect(decided.drains).toMatchObject([{ instance: 'd-0', why: expect.stringContaining('max of 3') }]);
  });

  test('a machine of a pool that has left the config drains, whatever it does', () => {
    const other = serving('claimed', 'a', { pool: PoolName('left') });
    expect(decide({ machines: [other] }).drains).toMatchObject([{ instance: 'a-0', reason: 'removed' }]);
  });
});

describe('room for jobs that wait for a place in a full pool', () => {
  const big = makeOffer({ name: 'big', vmType: 'big', cpus: 8, memoryMiB: 16_384 });
  const wantsBig = demandOf(makeJobClass({ name: 'big', vmType: 'big', cpus: 8 }), 1);
  const offers = [small, big];
  const full = (over: Partial<Pool> = {}) => makePool({ offers: ['small', 'big'], max: 3, ...over });
  const freed = (situation: Situation) =>
    decide({ offers, pools: [full()], demand: [wantsBig], ...situation }).drains;
  const lately = nowMs - 40_000;

  test('a free machine that fits none of them goes before its time, the longest free first', () => {
    const machines = [longFree('a', lately), longFree('b', lately - 5000), serving('claimed', 'c')];
    expect(freed({ machines })).toMatchObject([
      { instance: 'b-0', reason: 'idle', why: expect.stringContaining('wait for its place') },
    ]);
    expect(freed({ machines, demand: [] })).toEqual([]);
    expect(freed({ machines, pools: [full({ max: 4 })] })).toEqual([]);
  });

  test('head-room makes room and is not filled again meanwhile; min stays', () => {
    const machines = [longFree('a', lately), serving('claimed', 'b'), serving('claimed', 'c')];
    expect(freed({ machines, pools: [full({ headroom: 1 })] })).toMatchObject([{ instance: 'a-0' }]);
    expect(freed({ machines, pools: [full({ min: 3 })] })).toEqual([]);
    const next = decide({
      offers,
      pools: [full({ headroom: 1 })],
      demand: [wantsBig],
      machines: [draining('a'), serving('claimed', 'b'), serving('claimed', 'c')],
    });
    expect([next.undrains, next.launches, next.drains]).toEqual([[], [], []]);
  });

  test('is made for multi-node jobs as well', () => {
    const wide = demandOf(makeJobClass({ name: 'big', vmType: 'big', cpus: 8 }), 1, {
      kind: 'gang',
      workers: 2,
    });
    const machines = [longFree('a', lately), serving('claimed', 'b')];
    expect(freed({ machines, demand: [wide] })).toMatchObject([{ instance: 'a-0' }]);
  });

  test('no more than are wanted, those that are on their way out counted', () => {
    const machines = [longFree('a', lately), longFree('b', lately), draining('c')];
    expect(freed({ machines })).toEqual([]);
    expect(freed({ machines, demand: [{ ...wantsBig, count: 2 }] })).toHaveLength(1);
  });

  test('one that is free for a moment only is left to the scheduler', () => {
    const machines = [longFree('a', nowMs - 3000), serving('claimed', 'b'), serving('claimed', 'c')];
    expect(freed({ machines })).toEqual([]);
  });
});
