import type { FleetEntry } from '../fleet/entry.ts';
import { isComing } from '../fleet/entry.ts';
import { type Fleet, seatId } from '../fleet/fleet.ts';
import type { Matchmaker } from '../matchmaker/matchmaker.ts';
import type { Demand, QueueSnapshot, Slot, Worker } from '../model/demand.ts';
import type { InstanceId, OfferName, QueueName } from '../model/ids.ts';
import type { Instance } from '../model/instance.ts';
import type { Offer } from '../model/offer.ts';
import { type Resources, subtractResources, timesThatFit } from '../model/resources.ts';
import { closedBy, type DowntimeOutlook } from './downtimes.ts';
import type { Purse } from './purse.ts';

/** What can take waiting jobs without a launch, and what is left of it as jobs are put on it. */
export interface Supply {
  /** Takes what fits of `jobs` on workers that are there; returns how many it took. */
  takeFromWorkers(demand: Demand, jobs: number): number;
  /** The same on machines that are on their way. */
  takeFromComing(demand: Demand, jobs: number): number;
  /** The same on machines that drain for want of work: each that is used will be un-drained. */
  takeFromDraining(demand: Demand, jobs: number): number;
  /** A machine that this plan launches: what the jobs it is for leave free of it others may have. */
  addLaunch(offer: Offer, queue: QueueName, count: number): void;
  /** Machines that some waiting job has been put on. */
  readonly needed: ReadonlySet<InstanceId>;
  readonly undrained: readonly InstanceId[];
}

interface Place {
  readonly queue: QueueName;
  readonly instance: InstanceId | null;
  readonly slot: Slot;
  free: Resources;
}

/** A machine that has no slot ads yet: what it will have is what its offer says. */
interface Coming {
  readonly queue: QueueName;
  readonly instance: InstanceId | null;
  free: Resources;
}

interface ComingMachines {
  add(offer: OfferName, machine: Coming): void;
  /** Those of an offer that have a processor left. */
  of(offer: OfferName): readonly Coming[];
}

/** By offer, as a demand is matched with offers once; and without the full ones, which no later demand looks at again. */
function createComing(): ComingMachines {
  const byOffer = new Map<OfferName, Coming[]>();
  return {
    add: (offer, machine) => {
      const machines = byOffer.get(offer);
      if (machines === undefined) byOffer.set(offer, [machine]);
      else machines.push(machine);
    },
    of: (offer) => {
      const machines = byOffer.get(offer) ?? [];
      if (!machines.some(({ free }) => free.cpus <= 0)) return machines;
      const open = machines.filter(({ free }) => free.cpus > 0);
      byOffer.set(offer, open);
      return open;
    },
  };
}

export interface SupplyInput {
  readonly nowMs: number;
  readonly fleet: Fleet;
  readonly offers: ReadonlyMap<string, Offer>;
  readonly views: readonly QueueSnapshot[];
  readonly downtimes?: DowntimeOutlook;
  readonly purse?: Purse;
  /** Which instance a worker belongs to; null: not one of ours. */
  readonly instanceOf: (worker: Worker) => InstanceId | null;
  readonly matchmaker: Matchmaker;
}

export function createSupply(input: SupplyInput): Supply {
  const { matchmaker } = input;
  const places = input.views.flatMap((view) => placesOf(view, input));
  const coming = createComing();
  const draining = createComing();
  for (const entry of input.fleet.entries.values()) {
    const { instance } = entry;
    const offer = input.offers.get(instance.offer);
    if (offer === undefined || isClosed(instance, input)) continue;
    const machine = { queue: instance.queue, instance: instance.id, free: offer.resources };
    const returns = instance.phase === 'draining' && instance.endReason === null;
    if (isComing(instance, input.nowMs) || returns || isOverlooked(entry)) coming.add(offer.name, machine);
    else if (isSpareDrain(instance)) draining.add(offer.name, machine);
  }
  const needed = new Set<InstanceId>();
  const undrained = new Set<InstanceId>();

  function takeFromWorkers(demand: Demand, jobs: number): number {
    let left = jobs;
    for (const place of places) {
      if (left === 0) break;
      if (place.queue !== demand.queue || place.free.cpus <= 0) continue;
      const room = Math.min(left, matchmaker.roomOn(demand, place.slot, place.free));
      if (room === 0) continue;
      left -= room;
      place.free = place.slot.partitionable
        ? spend(place.free, matchmaker.request(demand.ad, place.slot.ad), room)
        : { cpus: 0, memoryMiB: 0, diskMiB: 0, gpus: 0 };
      if (place.instance !== null) needed.add(place.instance);
    }
    return jobs - left;
  }

  function takeFrom(
    machines: ComingMachines,
    demand: Demand,
    jobs: number,
    used: (id: InstanceId) => void,
  ): number {
    let left = jobs;
    for (const [offer, { request }] of matchmaker.matches(demand)) {
      if (left === 0) break;
      for (const machine of machines.of(offer)) {
        if (left === 0) break;
        const room = machine.queue === demand.queue ? Math.min(left, timesThatFit(machine.free, request)) : 0;
        if (room === 0) continue;
        left -= room;
        machine.free = spend(machine.free, request, room);
        if (machine.instance !== null) used(machine.instance);
      }
    }
    return jobs - left;
  }

  return {
    needed,
    get undrained() {
      return [...undrained];
    },
    takeFromWorkers,
    takeFromComing: (demand, jobs) => takeFrom(coming, demand, jobs, (id) => needed.add(id)),
    takeFromDraining: (demand, jobs) =>
      takeFrom(draining, demand, jobs, (id) => {
        undrained.add(id);
        needed.add(id);
      }),
    addLaunch: (offer, queue, count) => {
      for (let n = 0; n < count; n++)
        coming.add(offer.name, { queue, instance: null, free: offer.resources });
    },
  };
}

/** It takes no new work: a downtime comes or is there, or a budget that it counts in is used up. */
function isClosed(instance: Instance, { nowMs, downtimes, purse }: SupplyInput): boolean {
  return closedBy(instance, nowMs, downtimes) !== null || (purse?.usedUp(instance) ?? null) !== null;
}

/** It drains for a reason that may be over: for want of work, for a downtime that was taken back, for a budget. */
function isSpareDrain({ phase, endReason }: Instance): boolean {
  return phase === 'draining' && (endReason === 'idle' || endReason === 'downtime' || endReason === 'budget');
}

/** Complete views in a row without its worker after which a free machine is no longer counted on. */
const missedMax = 3;

/** Free, and not in the newest views: a view may miss a worker, and that is no reason for another machine. */
function isOverlooked({ instance, sighting }: FleetEntry): boolean {
  const { activity, unseen } = sighting;
  return instance.phase === 'idle' && activity === 'idle' && unseen > 0 && unseen < missedMax;
}

/**
 * Slots that take jobs: those of machines with a job come first, so that idle machines become surplus. The ad of a
 * machine that has died stays in a queue for a while: one that was ours counts only while the cloud shows it.
 */
function placesOf(view: QueueSnapshot, input: SupplyInput): Place[] {
  const { fleet, instanceOf } = input;
  const strangers = new Set(
    [...fleet.strangers.values()].map(({ found }) => seatId(found.intent, found.seat)),
  );
  const places: (Place & { readonly order: number })[] = [];
  for (const worker of view.workers) {
    if (worker.activity === 'draining' || worker.activity === 'drained') continue;
    const id = instanceOf(worker);
    const entry = id === null ? undefined : fleet.entries.get(id);
    if (entry === undefined ? id !== null && !strangers.has(id) : !takesJobs(entry)) continue;
    if (entry !== undefined && isClosed(entry.instance, input)) continue;
    const order = worker.activity === 'claimed' ? 0 : id === null ? 1 : 2;
    for (const slot of worker.slots)
      places.push({ queue: view.queue, instance: id, slot, free: slot.free, order });
  }
  return places.toSorted((a, b) => a.order - b.order);
}

function takesJobs({ instance }: FleetEntry): boolean {
  return instance.phase === 'idle' || instance.phase === 'claimed';
}

function spend(free: Resources, request: Resources, jobs: number): Resources {
  const { cpus, memoryMiB, diskMiB, gpus } = request;
  return subtractResources(free, {
    cpus: Math.max(cpus, cpus + memoryMiB + diskMiB + gpus === 0 ? 1 : 0) * jobs,
    memoryMiB: memoryMiB * jobs,
    diskMiB: diskMiB * jobs,
    gpus: gpus * jobs,
  });
}
