import { countsTowardMax, countsTowardMin, isComing } from '../fleet/entry.ts';
import type { InstanceId } from '../model/ids.ts';
import type { Pool } from '../model/offer.ts';
import { type IdleState, idleSince, keptHeadroomOf, surplusOf } from './idle.ts';
import type { PlanInput, PlannedDrain } from './plan.ts';
import type { Supply } from './supply.ts';

/**
 * The machines to take out of service: those that no waiting job needs and that are surplus by the pool's idle time
 * (idle.ts), longest free first, but never below min and head-room; and those whose pool has left the config. Only a
 * queue whose view is complete and has just come in can say that nothing needs a machine: an older one is not asked
 * again while the next is waited for. `leaving` are drained already for another reason.
 */
export function planDrains(
  input: PlanInput,
  supply: Supply,
  { usages, leaving }: { usages: IdleState; leaving: ReadonlySet<InstanceId> },
): PlannedDrain[] {
  const stay = input.pools.filter(({ retiring }) => retiring !== true);
  const removed = drainsOfRemoved(input, stay);
  const going =
    removed.length === 0 ? leaving : new Set([...leaving, ...removed.map(({ instance }) => instance)]);
  return [...stay.flatMap((pool) => drainPool(pool, { input, supply, usages, leaving: going })), ...removed];
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

function drainPool(
  pool: Pool,
  {
    input,
    supply,
    usages,
    leaving,
  }: { input: PlanInput; supply: Supply; usages: IdleState; leaving: ReadonlySet<InstanceId> },
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
  return [
    ...tooMany.map(({ instance }) => ({
      instance: instance.id,
      reason: 'idle' as const,
      why: `pool ${pool.name} has more than its max of ${pool.max}`,
    })),
    ...surplus.map(({ entry, why }) => ({ instance: entry.instance.id, reason: 'idle' as const, why })),
  ];
}
