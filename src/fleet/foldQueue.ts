import type { QueueSnapshot, Worker } from '../model/demand.ts';
import type { InstanceId } from '../model/ids.ts';
import type { FleetChange } from './fleet.ts';

/** A view of a queue: whose worker is there, and (in a complete view) whose is not. */
export function foldView(change: FleetChange, view: QueueSnapshot): void {
  const links = linkWorkers(change, view);
  const doubtful = showsFew(change, view, links);
  for (const { instance } of change.entries.values()) {
    if (instance.queue !== view.queue) continue;
    const worker = links.get(instance.id);
    if (worker !== undefined) {
      const why = `worker ${worker.id} is ${worker.activity}`;
      change.apply(instance.id, { kind: 'workerSeen', worker, takenAtMs: view.takenAtMs }, why);
    } else if (view.workersComplete && !(doubtful && instance.joinedAtMs === null)) {
      change.apply(
        instance.id,
        { kind: 'workerUnseen', takenAtMs: view.takenAtMs },
        'its worker is not in the queue',
      );
    }
  }
}

/**
 * Whether a view lacks more than a share of the workers that were in service: it may be the scheduler that has lost
 * them. Then it does not say either that a machine on its way has failed to join.
 */
function showsFew(
  { entries, context }: Pick<FleetChange, 'entries' | 'context'>,
  view: QueueSnapshot,
  links: ReadonlyMap<InstanceId, Worker>,
): boolean {
  const serving = [...entries.values()].filter(
    ({ instance: { queue, worker, phase } }) =>
      queue === view.queue && worker !== null && phase !== 'unreachable' && phase !== 'terminating',
  );
  const missing = serving.filter(({ instance }) => !links.has(instance.id)).length;
  return missing > serving.length * context.massShare;
}

/**
 * Two machines may bear one identity, where a cloud has made a second of one create call. The one at the instance's own
 * address is its worker; where no address tells, one with jobs is, so that nobody takes the instance for free.
 */
function ofTwo(before: Worker | undefined, worker: Worker, address: string | null | undefined): Worker {
  if (before === undefined) return worker;
  const isThere = ({ address: at }: Worker) => at !== null && at === address;
  if (isThere(before) !== isThere(worker)) return isThere(worker) ? worker : before;
  return before.runningJobs >= worker.runningJobs ? before : worker;
}

/**
 * By the identity that the worker was given, else by network address: the latter only for machines of pools without
 * user data, which were given none.
 */
export function linkWorkers(
  change: Pick<FleetChange, 'entries' | 'context'>,
  view: QueueSnapshot,
): ReadonlyMap<InstanceId, Worker> {
  const byAddress = new Map<string, Worker>();
  const links = new Map<InstanceId, Worker>();
  for (const worker of view.workers) {
    const { instance: id } = worker;
    if (id !== null) links.set(id, ofTwo(links.get(id), worker, change.entries.get(id)?.instance.address));
    else if (worker.address !== null) byAddress.set(worker.address, worker);
  }
  if (byAddress.size === 0) return links;
  for (const { instance } of change.entries.values()) {
    if (instance.address === null || links.has(instance.id) || instance.queue !== view.queue) continue;
    const pool = change.context.pools.get(instance.pool);
    const worker = byAddress.get(instance.address);
    if (worker !== undefined && pool?.userData === null) links.set(instance.id, worker);
  }
  return links;
}
