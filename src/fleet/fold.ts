import type { CloudSnapshot } from '../model/cloud.ts';
import type { QueueSnapshot } from '../model/demand.ts';
import type { InstanceId, QueueName } from '../model/ids.ts';
import type { Fleet, FoldContext, Order, Outcome } from './fleet.ts';
import { FleetChange } from './fleet.ts';
import { foldList, settleStrangers } from './foldCloud.ts';
import { foldOrder, foldOutcome, settleFound } from './foldOutcomes.ts';
import { foldView } from './foldQueue.ts';

/** What is new since the last tick. */
export interface FoldInput {
  readonly outcomes: readonly Outcome[];
  readonly orders: readonly Order[];
  readonly lists: readonly CloudSnapshot[];
  readonly views: readonly QueueSnapshot[];
  /** The newest view of each queue, new or not: tells whether a machine that we do not know has a worker. */
  readonly latestViews: ReadonlyMap<QueueName, QueueSnapshot>;
}

/**
 * Folds all that is new into the fleet. Pure: the change that is returned is a fresh copy. Outcomes come first, as
 * they are older than the views that were taken after them. Cost: linear in machines, rows and workers.
 */
export function fold(fleet: Fleet, input: FoldInput, context: FoldContext): FleetChange {
  const change = new FleetChange(fleet, context);
  for (const outcome of input.outcomes) foldOutcome(change, outcome);
  for (const order of input.orders) foldOrder(change, order);
  for (const list of input.lists) foldList(change, list);
  settleFound(change);
  for (const view of input.views) foldView(change, view);
  settleStrangers(change, {
    hasWorker: ({ id, pool, sinceMs }) =>
      hasWorker(input.latestViews, { id, queue: context.pools.get(pool)?.queue, sinceMs }),
    twinWorks: (id, address) => twinWorks(input.latestViews, id, address),
  });
  for (const id of change.entries.keys()) change.apply(id, { kind: 'tick' }, 'time has passed');
  endOverdue(change);
  return change;
}

/** Null while the queues that could know it have not all shown a complete view that was begun at `sinceMs` or later. */
function hasWorker(
  views: ReadonlyMap<QueueName, QueueSnapshot>,
  { id, queue, sinceMs }: { id: InstanceId; queue: QueueName | undefined; sinceMs: number },
): boolean | null {
  const asked = queue === undefined ? [...views.values()] : [views.get(queue)];
  if (asked.some((view) => view?.workers.some(({ instance }) => instance === id))) return true;
  const tells = (view: QueueSnapshot | undefined) =>
    view?.workersComplete === true && view.takenAtMs >= sinceMs;
  return asked.length > 0 && asked.every(tells) ? false : null;
}

/** Two machines of one identity are told apart by their addresses; where they cannot be, a job of either counts. */
function twinWorks(
  views: ReadonlyMap<QueueName, QueueSnapshot>,
  id: InstanceId,
  address: string | null,
): boolean {
  const bearers = [...views.values()].flatMap(({ workers }) =>
    workers.filter(({ instance }) => instance === id),
  );
  if (bearers.length < 2) return false;
  const known = bearers.filter((worker) => worker.address === address && address !== null);
  return (known.length === 0 ? bearers : known).some(({ runningJobs }) => runningJobs > 0);
}

/** A machine is believed silent after so many complete views without its worker, a restart beginning anew. */
const viewsBelieved = 2;

/**
 * Failed machines and those that have been silent for too long are ended. Where that would be more than a share of
 * a pool's working machines at once, the silence must have lasted twice as long: it may be ours.
 */
function endOverdue(change: FleetChange): void {
  const { nowMs, massShare, pools } = change.context;
  const entries = [...change.entries.values()];
  for (const { instance } of entries)
    if (instance.phase === 'failed')
      change.apply(
        instance.id,
        { kind: 'terminate', reason: instance.endReason ?? 'bootFailed' },
        'it never became usable',
      );

  const overdue = Map.groupBy(
    entries.filter(
      ({ instance, sighting }) =>
        instance.phase === 'unreachable' &&
        instance.deadlineMs !== null &&
        nowMs >= instance.deadlineMs &&
        sighting.unseen >= viewsBelieved,
    ),
    ({ instance }) => instance.pool,
  );
  for (const [pool, silent] of overdue) {
    const working = entries.filter(
      ({ instance }) => instance.pool === pool && instance.joinedAtMs !== null,
    ).length;
    const mass = silent.length > Math.max(1, working * massShare);
    const graceMs = mass ? (pools.get(pool)?.limits.silentMs ?? 0) : 0;
    for (const { instance } of silent)
      if (instance.deadlineMs !== null && nowMs >= instance.deadlineMs + graceMs)
        change.apply(instance.id, { kind: 'terminate', reason: 'unreachable' }, 'its worker stayed silent');
  }
}
