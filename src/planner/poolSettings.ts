import type { PoolName } from '../model/ids.ts';
import type { Pool } from '../model/offer.ts';
import type { PoolOrder, PoolSetting, PoolSettings } from '../model/poolOrder.ts';

const asConfigured: PoolSetting = { paused: false, min: null, max: null };

/** The settings with an order carried out; the same object where it changes nothing. Pure. */
export function obey(settings: PoolSettings, order: PoolOrder): PoolSettings {
  const before = settings.get(order.pool) ?? asConfigured;
  const after = changed(before, order);
  if (isSame(before, after)) return settings;
  const next = new Map(settings);
  if (isSame(after, asConfigured)) next.delete(order.pool);
  else next.set(order.pool, after);
  return next;
}

function changed(before: PoolSetting, order: PoolOrder): PoolSetting {
  switch (order.kind) {
    case 'pause':
      return { ...before, paused: true };
    case 'resume':
      return { ...before, paused: false };
    case 'scale': {
      const { min = before.min, max = before.max } = order;
      return { ...before, min, max };
    }
  }
}

function isSame(a: PoolSetting, b: PoolSetting): boolean {
  return a.paused === b.paused && a.min === b.min && a.max === b.max;
}

/** The pools with the bounds that hold now; a min never above its max, whichever of the two was set last. */
export function poolsAsSet(
  pools: ReadonlyMap<string, Pool>,
  settings: PoolSettings,
): ReadonlyMap<string, Pool> {
  if (settings.size === 0) return pools;
  return new Map([...pools].map(([name, pool]) => [name, asSet(pool, settings.get(pool.name))]));
}

function asSet(pool: Pool, setting: PoolSetting = asConfigured): Pool {
  const max = setting.max ?? pool.max;
  return { ...pool, max, min: Math.min(setting.min ?? pool.min, max) };
}

export function pausedPools(settings: PoolSettings): ReadonlySet<PoolName> {
  return new Set([...settings].flatMap(([pool, { paused }]) => (paused ? [pool] : [])));
}

/** For the journal. */
export function describeOrder(order: PoolOrder): string {
  const { pool } = order;
  switch (order.kind) {
    case 'pause':
      return `pool ${pool} is paused by the operator: it takes no new machines`;
    case 'resume':
      return `pool ${pool} is resumed by the operator`;
    case 'scale': {
      const bound = (name: string, value: number | null | undefined) =>
        value === undefined ? [] : [`${name} ${value ?? 'as the config says'}`];
      const bounds = [...bound('min', order.min), ...bound('max', order.max)].join(', ');
      return `pool ${pool} is scaled by the operator: ${bounds}`;
    }
  }
}
