import { countsTowardMax, countsTowardMin, type FleetEntry, isComing } from '../fleet/entry.ts';
import type { InstanceId, PoolName } from '../model/ids.ts';
import type { Pool } from '../model/offer.ts';
import { type IdleState, idleSince, keptHeadroomOf, surplusOf } from './idle.ts';
import type { PlanInput, PlannedDrain } from './plan.ts';
import type { Supply } from './supply.ts';

/**
 * The machines to take out of service: those that no waiting job needs and that are surplus by the pool's idle time
 * (idle.ts), longest free first, but never below min and head-room; and those whose pool has left the config. Only a
 * queue whose view is complete and has just come in can say that nothing needs a machine: an older one is not asked
 * again while the next is waited for. `leaving` are drained already for another reason. Where jobs wait for a place in a
 * pool that has its max (`crowded`: for so many machines), free machines that are no good to any of them make room, those
 * that are kept as head-room or for what may come among them, but never below min.
 */
export function planDrains(input: PlanInput, supply: Supply, reasons: DrainReasons): PlannedDrain[] {
  const stay = input.pools.filter(({ retiring }) => retiring !== true);
  const removed = drainsOfRemoved(input, stay);
  const going =
    removed.length === 0
      ? reasons.leaving
      : new Set([...reasons.leaving, ...removed.map(({ instance }) => instance)]);
  const byPool = { input, supply, ...reasons, leaving: going };
  return [...stay.flatMap((pool) => drainPool(pool, byPool)), ...removed];
}

/** Machines whose pool, queue or cloud has left the config, or that their pool's queue does not know any more. */
function drainsOfRemoved({ fleet, clouds }: PlanInput, stay: readonly Pool[]): PlannedDrain[] {
  const queues = new Map<string, string>(stay.map(({ name, queue }) => [name, queue]));
  const drains: PlannedDrain[] = [];
  for (const { instance } of fleet.entries.values()) {
    const { id, pool, queue, cloud, endReason, cloudId } = instance;
    if (endReason !== null || cloudId === null) continue;
    const own = queues.get(pool);
    const why =
      own === undefined
        ? `pool ${pool} is not in the config`
        : own !== queue
          ? `pool ${pool} is of queue ${own} now`
          : clouds.get(cloud)?.retiring === true
            ? `cloud ${cloud} is not in the config`
            : null;
    if (why !== null) drains.push({ instance: id, reason: 'removed', why });
  }
  return drains;
}

/** Soon gone: one that drains with a job may take as long as the job. */
function isOnItsWayOut({ instance: { phase }, sighting }: FleetEntry): boolean {
  return (
    phase === 'terminating' ||
    phase === 'failed' ||
    (phase === 'draining' && sighting.activity !== 'draining')
  );
}

interface DrainReasons {
  readonly usages: IdleState;
  readonly leaving: ReadonlySet<InstanceId>;
  readonly crowded: ReadonlyMap<PoolName, number>;
}

function drainPool(
  pool: Pool,
  { input, supply, usages, leaving, crowded }: DrainReasons & { input: PlanInput; supply: Supply },
): PlannedDrain[] {
  const queue = input.queues.get(pool.queue);
  if (queue?.view == null || queue.trouble !== null || !queue.isNew) return [];
  const { demandComplete, workersComplete, takenAtMs } = queue.view;
  if (!demandComplete || !workersComplete) return [];

  const members = [...input.fleet.entries.values()].filter(({ instance }) => instance.pool === pool.name);
  const own = members.filter(({ instance }) => !leaving.has(instance.id));
  // These make room anyway.
  const leavers = members.filter((entry) => leaving.has(entry.instance.id) || isOnItsWayOut(entry)).length;
  const counted = own.filter(({ instance }) => countsTowardMin(instance, input.nowMs)).length;
  const all = own.filter(({ instance }) => countsTowardMax(instance)).length;
  const spare = own.filter(({ instance }) => !supply.needed.has(instance.id));
  const free = spare.filter(
    ({ instance, sighting }) =>
      instance.phase === 'idle' && sighting.activity === 'idle' && sighting.unseen === 0,
  );
  const coming = spare.filter(({ instance }) => isComing(instance, input.nowMs)).length;

  const mayGo = Math.max(
    0,
    Math.min(counted - pool.min, free.length + coming - keptHeadroomOf(pool, input.idle)),
  );
  const overMax = Math.min(mayGo, Math.max(0, all - pool.max));
  const tooMany = free.toSorted((a, b) => idleSince(a) - idleSince(b)).slice(0, overMax);
  const idle = { state: usages, bootMs: input.idle?.bootMs ?? (() => null) };
  const surplus = surplusOf(pool, free, { atMs: takenAtMs, idle })
    .filter(({ entry }) => !tooMany.includes(entry))
    .toSorted((a, b) => idleSince(a.entry) - idleSince(b.entry))
    .slice(0, mayGo - tooMany.length);
  const going = tooMany.length + surplus.length;
  const wanted = Math.min((crowded.get(pool.name) ?? 0) - leavers, counted - pool.min) - going;
  const inTheWay = free
    .filter((entry) => !tooMany.includes(entry) && surplus.every((other) => other.entry !== entry))
    .filter((entry) => takenAtMs >= idleSince(entry) + pool.limits.idleConfirmMs)
    .toSorted((a, b) => idleSince(a) - idleSince(b))
    .slice(0, Math.max(0, wanted));
  return [
    ...tooMany.map(({ instance }) => ({
      instance: instance.id,
      reason: 'idle' as const,
      why: `pool ${pool.name} has more than its max of ${pool.max}`,
    })),
    ...surplus.map(({ entry, why }) => ({ instance: entry.instance.id, reason: 'idle' as const, why })),
    ...inTheWay.map(({ instance }) => ({
      instance: instance.id,
      reason: 'idle' as const,
      why: `jobs that it does not fit wait for its place: pool ${pool.name} has its max of ${pool.max}`,
    })),
  ];
}
