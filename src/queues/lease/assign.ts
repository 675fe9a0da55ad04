import type { ClassAd } from '../../classad/ad.ts';
import { withAttributes } from '../../classad/ad.ts';
import { symmetricMatch } from '../../classad/match.ts';
import type { Lease } from '../../model/lease.ts';
import { timesThatFit } from '../../model/resources.ts';
import type { QueueMachine } from '../port.ts';
import { jobAdOf } from './job-ad.ts';

export interface Assignment {
  readonly lease: Lease;
  readonly machine: QueueMachine;
}

/**
 * The order in which waiting leases are served: the greater priority first; then the user who has the fewest machines,
 * those of this very order counted in; then who asked first. `waiting` is in the order of asking.
 */
export function fairOrder(waiting: readonly Lease[], heldBy: ReadonlyMap<string, number>): Lease[] {
  const has = new Map(heldBy);
  const groups = new Map<number, Map<string, Lease[]>>();
  for (const lease of waiting) {
    const users = groups.get(lease.priority) ?? new Map<string, Lease[]>();
    groups.set(lease.priority, users);
    const own = users.get(lease.user);
    if (own === undefined) users.set(lease.user, [lease]);
    else own.push(lease);
  }
  const order: Lease[] = [];
  for (const [, users] of [...groups].toSorted(([a], [b]) => b - a)) {
    // Lists in the order of their first lease: among equals the earlier goes first.
    const lists = [...users].map(([user, leases]) => ({ user, leases, next: 0 }));
    const [only, ...others] = lists;
    if (only !== undefined && others.length === 0) {
      order.push(...only.leases);
      has.set(only.user, (has.get(only.user) ?? 0) + only.leases.length);
      continue;
    }
    for (let left = lists.reduce((sum, { leases }) => sum + leases.length, 0); left > 0; left -= 1) {
      const open = lists.filter(({ leases, next }) => next < leases.length);
      const list = open.reduce((best, one) =>
        (has.get(one.user) ?? 0) < (has.get(best.user) ?? 0) ? one : best,
      );
      const lease = list.leases[list.next];
      if (lease === undefined) break;
      list.next += 1;
      has.set(list.user, (has.get(list.user) ?? 0) + 1);
      order.push(lease);
    }
  }
  return order;
}

/** Gives free machines to waiting leases, in their order; `free` in the order in which they should be used. */
export function assign(order: readonly Lease[], free: readonly QueueMachine[]): Assignment[] {
  const left = [...free];
  const assignments: Assignment[] = [];
  // What found no machine finds none among fewer.
  const refused = new Set<string>();
  for (const lease of order) {
    if (left.length === 0) break;
    const wish = wishOf(lease);
    if (refused.has(wish)) continue;
    const ad = jobAdOf(lease);
    const at = left.findIndex((machine) => fits(lease, ad, machine));
    const [machine] = at < 0 ? [] : left.splice(at, 1);
    if (machine === undefined) refused.add(wish);
    else assignments.push({ lease, machine });
  }
  return assignments;
}

/** Leases of one wish may have the same machines. */
export function wishOf({ pool, requirements, request, user }: Lease): string {
  return JSON.stringify([pool, requirements, request, user]);
}

function fits({ pool, request }: Lease, ad: ClassAd, machine: QueueMachine): boolean {
  if (pool !== machine.pool || timesThatFit(machine.resources, request) === 0) return false;
  return symmetricMatch(ad, slotAdOf(machine));
}

/** A machine as a lease's Requirements see it. */
export function slotAdOf({ ad, pool }: QueueMachine): ClassAd {
  return withAttributes(ad, { LeasePool: pool });
}
