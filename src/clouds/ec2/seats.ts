import type { CloudInstance } from '../../model/cloud.ts';
import type { CloudId, IntentId } from '../../model/ids.ts';

/**
 * Seats of machines that a fleet made. EC2 gives them no order, so the driver does: by id, and one that has a seat
 * keeps it while the process lives, as views that lag would else move the others when one comes late. After a restart
 * the seats that matter are in the store, bound to ids.
 */
export interface SeatMemory {
  /** In the order of the seats. `of` are machines of one intent. */
  seat(intent: IntentId, of: readonly CloudInstance[]): readonly CloudInstance[];
}

/** Intents beyond so many: the oldest is forgotten, and seated anew when it is seen. */
const intentsMax = 10_000;

export function seatMemory(): SeatMemory {
  const known = new Map<IntentId, Map<CloudId, number>>();
  return {
    seat(intent, of) {
      const seats = known.get(intent) ?? new Map<CloudId, number>();
      const taken = new Set(seats.values());
      let next = 0;
      for (const { cloudId } of of.toSorted((a, b) => (a.cloudId < b.cloudId ? -1 : 1))) {
        if (seats.has(cloudId)) continue;
        while (taken.has(next)) next += 1;
        seats.set(cloudId, next);
        taken.add(next);
      }
      known.set(intent, seats);
      const oldest = known.size > intentsMax ? known.keys().next().value : undefined;
      if (oldest !== undefined) known.delete(oldest);
      return of
        .map((instance) => ({ ...instance, seat: seats.get(instance.cloudId) ?? 0 }))
        .toSorted((a, b) => a.seat - b.seat);
    },
  };
}
