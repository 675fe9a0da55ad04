import { type Bits, noBits, setBit, unite } from '../classad/bits.ts';
import type { EvaluationContext } from '../classad/context.ts';
import { classesOf } from '../classad/matchClasses.ts';
import { matchAds } from '../classad/matcher.ts';
import type { Demand, QueueSnapshot, Slot, Worker } from '../model/demand.ts';

/** A slot of a view, with its worker. */
export interface Seat {
  readonly worker: Worker;
  readonly slot: Slot;
}

/** The slots of a view that could take a job, and which demands match which of them. */
export interface SlotTable {
  readonly seats: readonly Seat[];
  /**
   * Calls for each seat of the set whose requirements and the demand's hold both ways, in their order, until the call
   * says false. The set may lose seats meanwhile.
   */
  forEachMatch(demand: Demand, among: SeatSet, visit: (seat: number) => boolean): void;
}

/** Seats by number. */
export class SeatSet {
  readonly bits: Bits;

  constructor(size: number) {
    this.bits = noBits(size);
  }

  add(seat: number): void {
    setBit(this.bits, seat);
  }

  remove(seat: number): void {
    this.bits[seat >>> 5] = (this.bits[seat >>> 5] ?? 0) & ~(1 << (seat & 31));
  }
}

/** The name of what a demand wants: demands of one name want the same. */
export const wishesOf = ({ wishes, id }: Demand): string => wishes ?? id;

/**
 * Matches all demands of a view with all its slots at once. Slots that are alike in what a match can depend on are one
 * class, so 10,000 workers cost what their kinds cost.
 */
export function createSlotTable(view: QueueSnapshot, context: EvaluationContext): SlotTable {
  const seats = view.workers.flatMap((worker) =>
    worker.slots.flatMap((slot) => (slot.free.cpus > 0 ? [{ worker, slot }] : [])),
  );
  const demands = [...new Map(view.demand.map((demand) => [wishesOf(demand), demand])).values()];
  const { classOf, representatives } = classesOf(
    demands.map(({ ad }) => ad),
    seats.map(({ slot }) => slot.ad),
  );
  const classes = new Map(demands.map((demand, at) => [wishesOf(demand), classOf[at] ?? -1]));
  const rows = representatives.map(() => noBits(seats.length));
  if (seats.length > 0 && demands.length > 0) fillRows();

  function fillRows(): void {
    const matches = matchAds(
      seats.map(({ slot }) => slot.ad),
      representatives.flatMap((at) => demands[at]?.ad ?? []),
      { context },
    );
    const kinds = new Map<number, number[]>();
    for (let seat = 0; seat < seats.length; seat++) {
      const of = matches.classOf(seat);
      const members = kinds.get(of);
      if (members === undefined) kinds.set(of, [seat]);
      else members.push(seat);
    }
    for (const members of kinds.values()) {
      const [first] = members;
      if (first === undefined) continue;
      const matching = matches.of(first);
      if (matching.length === 0) continue;
      const bits = noBits(seats.length);
      for (const seat of members) setBit(bits, seat);
      for (const at of matching) {
        const row = rows[at];
        if (row === undefined) continue;
        if (members.length > 8) unite(row, bits);
        else for (const seat of members) setBit(row, seat);
      }
    }
  }

  return {
    seats,
    forEachMatch: (demand, among, visit) => {
      const row = rows[classes.get(wishesOf(demand)) ?? -1];
      if (row !== undefined) eachInBoth(row, among.bits, visit);
    },
  };
}

function eachInBoth(row: Bits, among: Bits, visit: (seat: number) => boolean): void {
  for (let at = 0; at < row.length; at++) {
    let word = (row[at] ?? 0) & (among[at] ?? 0);
    for (; word !== 0; word &= word - 1) {
      if (!visit((at << 5) + 31 - Math.clz32(word & -word))) return;
    }
  }
}
