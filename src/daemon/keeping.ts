import { countsTowardMin, type FleetEntry } from '../fleet/entry.ts';
import type { InstanceId } from '../model/ids.ts';
import { shareWithin } from '../planner/gaps.ts';
import { keepMsOf, keptHeadroomOf, nextReleaseMs, usageKey } from '../planner/idle.ts';
import type { DaemonView } from './control.ts';
import { idleOutlook } from './idleOutlook.ts';
import { poolsOf } from './views.ts';

/** Why a machine that nothing needs is still there, and for how long; null where it is not free or is to end. */
export function keptBecause(view: DaemonView, id: InstanceId): string | null {
  const { fleet } = view.state();
  const entry = fleet.entries.get(id);
  if (entry === undefined || entry.instance.phase !== 'idle' || entry.instance.endReason !== null)
    return null;
  const { instance } = entry;
  const pool = poolsOf(view).get(instance.pool);
  if (pool === undefined) return null;
  if (view.lastTick()?.plan.needed.has(id) === true) return 'Waiting jobs have been put on it.';
  const own = [...fleet.entries.values()].filter((other) => other.instance.pool === pool.name);
  const counted = own.filter((other) => countsTowardMin(other.instance, view.now())).length;
  const free = own.filter(({ instance: { phase } }) => phase === 'idle');
  const idle = idleOutlook(view.state());
  if (counted <= pool.min) return `Pool ${pool.name} has no more machines than its min of ${pool.min}.`;
  const headroom = keptHeadroomOf(pool, idle);
  if (free.length <= headroom)
    return `Pool ${pool.name} has no more free machines than its head-room of ${headroom}.`;
  return `${rule(pool, entry, idle)} ${ending(nextReleaseMs(pool, free, { atMs: view.now(), idle }), view.now())}`;
}

function rule(
  pool: Parameters<typeof keepMsOf>[0],
  entry: FleetEntry,
  idle: ReturnType<typeof idleOutlook>,
): string {
  const { offer } = entry.instance;
  const keepMs = keepMsOf(pool, offer, idle);
  if (pool.limits.idleMs !== null) return `A free machine of pool ${pool.name} is kept for ${span(keepMs)}.`;
  const gaps = idle.state.usages.get(usageKey(pool.name, offer))?.gaps;
  const share = gaps === undefined ? null : shareWithin(gaps, keepMs);
  const learned =
    share === null || gaps === undefined
      ? 'so few gaps have been seen yet that half a boot time is taken'
      : `of ${gaps.seen} gaps ${Math.round(100 * share)} % were over within that time, and longer would cost more than to boot another`;
  return `A machine of offer ${offer} in pool ${pool.name} is kept for ${span(keepMs)} after one fewer is needed: ${learned}.`;
}

function ending(atMs: number | null, nowMs: number): string {
  if (atMs === null) return 'The next view of the queue decides.';
  return `The next of the free ones may go in ${span(Math.max(0, atMs - nowMs))}, unless a job comes.`;
}

function span(ms: number): string {
  return ms < 120_000 ? `${Math.ceil(ms / 1000)} s` : `${Math.round(ms / 60_000)} min`;
}
