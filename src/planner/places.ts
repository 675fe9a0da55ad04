import type { FleetEntry } from '../fleet/entry.ts';
import { type Fleet, seatId } from '../fleet/fleet.ts';
import type { Matchmaker } from '../matchmaker/matchmaker.ts';
import { SeatSet, type SlotTable } from '../matchmaker/slotTable.ts';
import type { QueueSnapshot, Slot, Worker } from '../model/demand.ts';
import type { CloudName, InstanceId, PoolName } from '../model/ids.ts';
import type { Instance } from '../model/instance.ts';
import type { Observed } from '../model/mode.ts';
import type { Offer, Pool } from '../model/offer.ts';
import type { Resources } from '../model/resources.ts';
import { closedBy, type DowntimeOutlook } from './downtimes.ts';
import type { CloudOutlook } from './plan.ts';
import type { Purse } from './purse.ts';
import { remainingMs } from './remaining.ts';

export interface SupplyInput {
  readonly nowMs: number;
  readonly fleet: Fleet;
  readonly offers: ReadonlyMap<string, Offer>;
  readonly pools: readonly Pool[];
  /** Absent: none of them retires. */
  readonly clouds?: ReadonlyMap<CloudName, Pick<CloudOutlook, 'retiring'>>;
  readonly views: readonly QueueSnapshot[];
  readonly downtimes?: DowntimeOutlook;
  readonly observed?: Observed | null;
  readonly doubted?: ReadonlySet<InstanceId>;
  readonly purse?: Purse;
  /** Which instance a worker belongs to; null: not one of ours. */
  readonly instanceOf: (worker: Worker) => InstanceId | null;
  readonly matchmaker: Matchmaker;
  /** Caps tell machines apart, those too that are only planned. */
  readonly namesLaunches?: boolean;
}

/** A slot of a worker, with what this plan leaves of it. */
export interface Place {
  readonly worker: Worker;
  readonly instance: Instance | null;
  readonly slot: Slot;
  /** How long a job could run there. */
  readonly leftMs: number;
  free: Resources;
}

export interface QueuePlaces {
  readonly table: SlotTable;
  readonly places: readonly (Place | undefined)[];
  /** With a job, not ours, free: the first are filled first, so that idle machines become surplus. */
  readonly open: readonly SeatSet[];
}

/**
 * Slots that take jobs. The ad of a machine that has died stays in a queue for a while: one that was ours counts only
 * while the cloud shows it.
 */
export function placesOf(
  view: QueueSnapshot,
  input: SupplyInput,
  pools: ReadonlyMap<PoolName, Pool>,
): QueuePlaces {
  const { fleet, instanceOf, matchmaker } = input;
  const table = matchmaker.slotTable(view);
  const strangers = new Set(
    [...fleet.strangers.values()].map(({ found }) => seatId(found.intent, found.seat)),
  );
  const open = [0, 1, 2].map(() => new SeatSet(table.seats.length));
  const places: (Place | undefined)[] = Array.from({ length: table.seats.length });
  for (const [seat, { worker, slot }] of table.seats.entries()) {
    if (worker.activity === 'draining' || worker.activity === 'drained') continue;
    const id = instanceOf(worker);
    const entry = id === null ? undefined : fleet.entries.get(id);
    if (entry === undefined ? id !== null && !strangers.has(id) : !takesJobs(entry)) continue;
    const instance = entry?.instance ?? null;
    if (instance !== null && isClosed(instance, input)) continue;
    const leftMs =
      instance === null ? Number.POSITIVE_INFINITY : remainingMs(instance, pools.get(instance.pool), input);
    places[seat] = { worker, instance, slot, leftMs, free: slot.free };
    open[worker.activity === 'claimed' ? 0 : id === null ? 1 : 2]?.add(seat);
  }
  return { table, places, open };
}

function takesJobs({ instance }: FleetEntry): boolean {
  return instance.phase === 'idle' || instance.phase === 'claimed';
}

/** It takes no new work: a downtime comes or is there, a budget that it counts in is used up, or it takes none, it seems. */
export function isClosed(instance: Instance, { nowMs, downtimes, purse, doubted }: SupplyInput): boolean {
  if (doubted?.has(instance.id) === true) return true;
  return closedBy(instance, nowMs, downtimes) !== null || (purse?.usedUp(instance) ?? null) !== null;
}
