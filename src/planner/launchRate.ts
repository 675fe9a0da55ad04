import type { PoolName } from '../model/ids.ts';
import type { Pool } from '../model/offer.ts';

/** Machines that a pool has launched lately, in steps of five minutes; the newest last, an hour and a step at most. */
export type LaunchCounts = ReadonlyMap<PoolName, readonly LaunchCount[]>;

export interface LaunchCount {
  readonly fromMs: number;
  readonly count: number;
}

const stepMs = 300_000;
const hourMs = 3_600_000;

export function noteLaunches(
  before: LaunchCounts,
  launched: readonly { readonly pool: PoolName }[],
  nowMs: number,
): LaunchCounts {
  if (launched.length === 0) return before;
  const next = new Map(before);
  for (const [pool, machines] of Map.groupBy(launched, ({ pool: name }) => name)) {
    const fromMs = Math.floor(nowMs / stepMs) * stepMs;
    const recent = (next.get(pool) ?? []).filter((count) => count.fromMs > nowMs - hourMs - stepMs);
    const last = recent.at(-1);
    next.set(
      pool,
      last?.fromMs === fromMs
        ? [...recent.slice(0, -1), { fromMs, count: last.count + machines.length }]
        : [...recent, { fromMs, count: machines.length }],
    );
  }
  return next;
}

/** How many it may launch in an hour: as the config says, else generously by its size. */
export function launchesPerHour({ launchesPerHour: configured, max }: Pool): number {
  return configured ?? Math.max(60, 10 * max);
}

/** How many the pool may launch now. A step counts until all of it is an hour old. */
export function launchesLeft(pool: Pool, counts: LaunchCounts | undefined, nowMs: number): number {
  const recent = (counts?.get(pool.name) ?? []).filter(({ fromMs }) => fromMs > nowMs - hourMs - stepMs);
  return Math.max(0, launchesPerHour(pool) - recent.reduce((sum, { count }) => sum + count, 0));
}
