import type { Fleet, FleetChange } from '../fleet/fleet.ts';
import type { CloudName, QueueName } from '../model/ids.ts';
import type { CloudOutlook, Plan, QueueOutlook } from '../planner/plan.ts';
import type { TickInput } from './tick.ts';

/** A plan, and what it was made from, as far as a tick in which nothing happens can tell another. */
export interface Planned {
  /** Daemon time in ms. */
  readonly atMs: number;
  readonly plan: Plan;
  readonly clouds: ReadonlyMap<CloudName, CloudOutlook>;
  readonly queues: ReadonlyMap<QueueName, QueueOutlook>;
}

/** A plan is made at least so often while lists come in: what changes slowly (priorities that age) is in it. */
const planAgeMaxMs = 60_000;

/**
 * Whether the newest plan still stands: clouds have answered, and all is as it was. A new view of a queue, an outcome, an
 * order or a moment that is due always makes another plan.
 */
export function isStill(
  before: Fleet,
  planned: Planned,
  { input, change }: { readonly input: TickInput; readonly change: FleetChange },
): boolean {
  return (
    input.isDue === false &&
    input.nowMs - planned.atMs < planAgeMaxMs &&
    hasOnlyLists(input) &&
    !hasDeeds(planned.plan) &&
    isUnchanged(change) &&
    alike(before.strangers, change.strangers, (was, is) => was === is) &&
    alike(planned.clouds, input.clouds, isSameCloud) &&
    alike(planned.queues, input.queues, (was, is) => was.view === is.view && was.trouble === is.trouble)
  );
}

function hasOnlyLists(input: TickInput): boolean {
  const { views, outcomes, orders, launches, poolOrders, downtimeOrders, notes } = input;
  return [views, outcomes, orders, launches, poolOrders, downtimeOrders, notes].every(
    ({ length }) => length === 0,
  );
}

const hasDeeds = ({ launches, drains, undrains }: Plan) =>
  launches.length + drains.length + undrains.length > 0;

function isUnchanged(change: FleetChange): boolean {
  const { changedInstances, changedIntents, journal, lessons, resendable } = change;
  return (
    changedInstances.size + changedIntents.size === 0 &&
    journal.length + lessons.length + resendable.length === 0
  );
}

function alike<K, V>(
  before: ReadonlyMap<K, V>,
  after: ReadonlyMap<K, V>,
  same: (was: V, is: V) => boolean,
): boolean {
  if (before.size !== after.size) return false;
  for (const [key, is] of after) {
    const was = before.get(key);
    if (was === undefined || !same(was, is)) return false;
  }
  return true;
}

function isSameCloud(was: CloudOutlook, is: CloudOutlook): boolean {
  return (
    was.trouble === is.trouble &&
    was.launchesLeft === is.launchesLeft &&
    was.max === is.max &&
    was.quota === is.quota &&
    was.prices === is.prices
  );
}
