import { countsTowardMax, countsTowardMin, type FleetEntry, isComing } from '../fleet/entry.ts';
import type { InstanceId } from '../model/ids.ts';
import type { Pool } from '../model/offer.ts';
import type { PlanInput, PlannedDrain } from './plan.ts';
import type { Supply } from './supply.ts';

/**
 * The machines to take out of service: those that no waiting job needs and that have been free for the pool's idle
 * time, longest free first, but never below min and head-room; and those whose pool has left the config. Only a
 * queue whose view is complete and has just come in can say that nothing needs a machine: an older one is not asked
 * again while the next is waited for. `leaving` are drained already for another reason.
 */
export function planDrains(
  input: PlanInput,
  supply: Supply,
  leaving: ReadonlySet<InstanceId> = new Set(),
): PlannedDrain[] {
  const drains = input.pools.flatMap((pool) => drainPool(pool, { input, supply, leaving }));
  const pools = new Set<string>(input.pools.map(({ name }) => name));
  for (const { instance } of input.fleet.entries.values()) {
    if (pools.has(instance.pool) || instance.endReason !== null || instance.cloudId === null) continue;
    drains.push({
      instance: instance.id,
      reason: 'removed',
      why: `pool ${instance.pool} is not in the config`,
    });
  }
  return drains;
}

function drainPool(
  pool: Pool,
  { input, supply, leaving }: { input: PlanInput; supply: Supply; leaving: ReadonlySet<InstanceId> },
): PlannedDrain[] {
  const queue = input.queues.get(pool.queue);
  if (queue?.view == null || queue.trouble !== null || !queue.isNew) return [];
  const { demandComplete, workersComplete, takenAtMs } = queue.view;
  if (!demandComplete || !workersComplete) return [];

  const own = [...input.fleet.entries.values()].filter(
    ({ instance }) => instance.pool === pool.name && !leaving.has(instance.id),
  );
  const counted = own.filter(({ instance }) => countsTowardMin(instance, input.nowMs)).length;
  const all = own.filter(({ instance }) => countsTowardMax(instance)).length;
  const spare = own.filter(({ instance }) => !supply.needed.has(instance.id));
  const free = spare.filter(
    ({ instance, sighting }) =>
      instance.phase === 'idle' && sighting.activity === 'idle' && sighting.unseen === 0,
  );
  const coming = spare.filter(({ instance }) => isComing(instance, input.nowMs)).length;

  const mayGo = Math.max(0, Math.min(counted - pool.min, free.length + coming - pool.headroom));
  const overMax = Math.max(0, all - pool.max);
  return free
    .toSorted((a, b) => idleSince(a) - idleSince(b))
    .slice(0, mayGo)
    .filter(
      (entry, at) =>
        at < overMax || takenAtMs >= idleSince(entry) + (pool.limits.idleMs ?? pool.limits.idleMinMs),
    )
    .map(({ instance }, at) => {
      const why =
        at < overMax ? `pool ${pool.name} has more than its max of ${pool.max}` : 'no waiting job needs it';
      return { instance: instance.id, reason: 'idle', why };
    });
}

function idleSince({ instance }: FleetEntry): number {
  return instance.idleSinceMs ?? Number.POSITIVE_INFINITY;
}
