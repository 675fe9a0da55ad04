import { describe, expect, test } from 'vitest';
import { PoolName } from '../../src/model/ids.ts';
import type { PoolOrder, PoolSettings } from '../../src/model/poolOrder.ts';
import { describeOrder, obey, pausedPools, poolsAsSet } from '../../src/planner/poolSettings.ts';
import { makeJobClass, makePool } from '../support/siteParts.ts';
import { decide, demandOf, launched, longFree } from '../support/situation.ts';

const pool = PoolName('pool');
const none: PoolSettings = new Map();
const obeyAll = (...orders: readonly PoolOrder[]) => orders.reduce(obey, none);
const scale = (bounds: { min?: number | null; max?: number | null }): PoolOrder => ({
  kind: 'scale',
  pool,
  ...bounds,
});
const bounds = (settings: PoolSettings) => {
  const set = poolsAsSet(new Map([[pool, makePool({ offers: ['small'], min: 1, max: 4 })]]), settings).get(
    pool,
  );
  return [set?.min, set?.max];
};

describe('what an operator says of a pool', () => {
  test('a pause holds beside other orders, until the pool is resumed', () => {
    const paused = obeyAll({ kind: 'pause', pool }, scale({ max: 2 }));
    expect([...pausedPools(paused)]).toEqual([pool]);
    expect([...pausedPools(obey(paused, { kind: 'resume', pool }))]).toEqual([]);
    expect(bounds(paused)).toEqual([1, 2]);
  });

  test('an order that changes nothing gives the same settings', () => {
    expect(obey(none, { kind: 'resume', pool })).toBe(none);
    expect(obey(none, scale({}))).toBe(none);
    const paused = obeyAll({ kind: 'pause', pool });
    expect(obey(paused, { kind: 'pause', pool })).toBe(paused);
  });

  test('each bound is set and given back by itself; nothing is kept of a pool that is as configured', () => {
    const both = obeyAll(scale({ min: 2 }), scale({ max: 9 }));
    expect(bounds(both)).toEqual([2, 9]);
    expect(bounds(obey(both, scale({ min: null })))).toEqual([1, 9]);
    expect(obey(both, scale({ min: null, max: null })).size).toBe(0);
  });

  test('a max that falls below the min takes it along', () => {
    expect(bounds(obeyAll(scale({ max: 0 })))).toEqual([0, 0]);
  });

  test.each([
    [{ kind: 'pause', pool } as const, 'pool pool is paused by the operator: it takes no new machines'],
    [{ kind: 'resume', pool } as const, 'pool pool is resumed by the operator'],
    [scale({ min: 3 }), 'pool pool is scaled by the operator: min 3'],
    [scale({ min: 0, max: null }), 'pool pool is scaled by the operator: min 0, max as the config says'],
  ])('the journal: %j', (order, why) => {
    expect(describeOrder(order)).toBe(why);
  });
});

describe('a paused pool in the plan', () => {
  const pools = [makePool({ offers: ['small'], min: 3, headroom: 2, max: 9 })];
  const paused = new Set([pool]);

  test('has no launch for demand, min or head-room, and says why', () => {
    const plan = decide({ pools, paused, demand: [demandOf(makeJobClass(), 2)] });
    expect(launched(plan)).toEqual([]);
    expect(plan.demand).toMatchObject([
      { unmet: 2, shortage: { code: 'paused', why: 'pool pool is paused' } },
    ]);
  });

  test('goes on with the machines that it has', () => {
    const idle = [makePool({ offers: ['small'], max: 9 })];
    const plan = decide({
      pools: idle,
      paused,
      machines: [longFree('a'), longFree('b')],
      demand: [demandOf(makeJobClass(), 1)],
    });
    expect(plan.demand).toMatchObject([{ onWorkers: 1, unmet: 0 }]);
    expect(plan.drains).toHaveLength(1);
  });

  test('leaves the jobs to another pool that fits them', () => {
    const other = makePool({ name: 'other', offers: ['small'] });
    const plan = decide({ pools: [...pools, other], paused, demand: [demandOf(makeJobClass(), 2)] });
    expect(launched(plan)).toEqual(['other/small ×2 demand']);
  });
});
