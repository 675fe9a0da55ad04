import type { FleetEntry } from '../fleet/entry.ts';
import { isComing } from '../fleet/entry.ts';
import { wantsWholeMachine } from '../matchmaker/wholeMachine.ts';
import type { Demand, Worker } from '../model/demand.ts';
import type { InstanceId, OfferName, PoolName, QueueName } from '../model/ids.ts';
import type { Instance } from '../model/instance.ts';
import { isObserved } from '../model/mode.ts';
import type { Offer, Pool } from '../model/offer.ts';
import { noResources, type Resources, timesThatFit } from '../model/resources.ts';
import type { Allowance } from './caps.ts';
import { lazily } from './lazily.ts';
import { createMachineSet, type Fitting, isOfPool, type MachineSet, spend, type Taking } from './machines.ts';
import { isClosed, type Place, placesOf, type SupplyInput } from './places.ts';
import { fitsLife, remainingMs, remainingOfNewMs } from './remaining.ts';

/** How jobs are put on machines. */
export interface Terms {
  /** The caps on whose jobs they are; null: none concerns them. */
  readonly allowance: Allowance | null;
  /** No two on one machine: they are the parts of multi-node jobs. */
  readonly apart: boolean;
}

/** What can take waiting jobs without a launch, and what is left of it as jobs are put on it. */
export interface Supply {
  /** Takes what fits of `jobs` on workers that are there; returns how many it took. */
  takeFromWorkers(demand: Demand, jobs: number, terms?: Terms): number;
  /** The same on machines that are on their way. */
  takeFromComing(demand: Demand, jobs: number, terms?: Terms): number;
  /** The same on those of one offer: what was just launched. */
  takeFromOffer(demand: Demand, offer: OfferName, jobs: number, terms: Terms): number;
  /** The same on machines that drain for want of work: each that is used will be un-drained. */
  takeFromDraining(demand: Demand, jobs: number, terms?: Terms): number;
  /** Machines on which one job fits, without taking anything. */
  fitting(demand: Demand, terms: Terms): Record<'workers' | 'coming' | 'draining', Fitting>;
  /** A machine that this plan launches: what the jobs it is for leave free of it others may have. */
  addLaunch(offer: Offer, pool: Pool, count: number): void;
  /**
   * Counts machines that nobody needs as needed, so many of those where one of these jobs fits: they are not drained.
   * Free machines of ours alone, and none that is free since before `freeSinceMs`.
   */
  hold(demand: Demand, machines: number, freeSinceMs: number): void;
  /** Machines of the pool that drain for want of work are taken back, so many of them; returns how many. */
  takeBack(pool: Pool, count: number): number;
  /** Machines that some waiting job has been put on, or that are held for one. */
  readonly needed: ReadonlySet<InstanceId>;
  readonly undrained: readonly InstanceId[];
}

const together: Terms = { allowance: null, apart: false };

export function createSupply(input: SupplyInput): Supply {
  const { matchmaker, nowMs } = input;
  const pools = new Map(input.pools.map((pool) => [pool.name, pool]));
  const isBack = ({ pool: name, queue, cloud }: Instance) => {
    const pool = pools.get(name);
    const isThere = pool !== undefined && pool.retiring !== true && pool.queue === queue;
    return isThere && input.clouds?.get(cloud)?.retiring !== true;
  };
  const queues = new Map(input.views.map((view) => [view.queue, lazily(() => placesOf(view, input, pools))]));
  const machines = lazily(() => machinesOf(input, pools));
  const settling = lazily(() =>
    [...input.fleet.entries.values()].flatMap(({ instance, sighting }) =>
      isSettling(instance, nowMs) && sighting.unseen === 0 ? [instance] : [],
    ),
  );
  const needed = new Set<InstanceId>();
  const undrained = new Set<InstanceId>();
  let launched = 0;

  function takeFromWorkers(demand: Demand, jobs: number, { allowance, apart }: Terms = together): number {
    const own = queues.get(demand.queue)?.();
    if (own === undefined || jobs === 0) return 0;
    const whole = wantsWholeMachine(demand.ad);
    const taken = new Set<Worker>();
    let left = jobs;
    for (const open of own.open) {
      own.table.forEachMatch(demand, open, (seat) => {
        const place = own.places[seat];
        if (place === undefined || (apart && taken.has(place.worker))) return true;
        const { request, fit } = fitOn(place, demand, whole);
        const room = Math.min(left, apart ? Math.min(1, fit) : fit);
        const id = place.instance?.id ?? null;
        if (room === 0 || (id !== null && allowance?.mayUse(id) === false)) return true;
        left -= room;
        place.free = place.slot.partitionable ? spend(place.free, { request, whole }, room) : noResources;
        if (place.free.cpus <= 0) open.remove(seat);
        taken.add(place.worker);
        if (id !== null) {
          allowance?.use(id);
          needed.add(id);
        }
        return left > 0;
      });
      if (left === 0) break;
    }
    return jobs - left;
  }

  function fitOn(place: Place, demand: Demand, whole: boolean): { request: Resources; fit: number } {
    const request = matchmaker.request(demand.ad, place.slot.ad);
    if (!fitsLife(demand.walltimeMs, place.leftMs)) return { request, fit: 0 };
    if (whole && (place.worker.activity !== 'idle' || place.free !== place.slot.free))
      return { request, fit: 0 };
    const fit = timesThatFit(place.free, request);
    return { request, fit: whole || !place.slot.partitionable ? Math.min(1, fit) : fit };
  }

  function eachOffer(
    machines: MachineSet,
    demand: Demand,
    visit: (offer: OfferName, request: Pick<Taking, 'request' | 'whole'>) => boolean,
  ): void {
    const whole = wantsWholeMachine(demand.ad);
    const matches = matchmaker.matches(demand);
    for (const offer of machines.offers()) {
      const match = matches.get(offer);
      if (match !== undefined && !visit(offer, { request: match.request, whole })) return;
    }
  }

  function takeFrom(
    machines: MachineSet,
    demand: Demand,
    jobs: number,
    { terms, used }: { terms: Terms; used: (id: string) => void },
  ): number {
    let left = jobs;
    if (left > 0)
      eachOffer(machines, demand, (offer, request) => {
        left -= machines.take(offer, { demand, ...request, ...terms, jobs: left, used });
        return left > 0;
      });
    return jobs - left;
  }

  function fittingOn(machines: MachineSet, demand: Demand, terms: Terms): Fitting {
    let counted = 0;
    let others = 0;
    eachOffer(machines, demand, (offer, request) => {
      const found = machines.fitting(offer, { demand, ...request, ...terms, jobs: 1, used: () => {} });
      counted += found.counted;
      others += found.others;
      return true;
    });
    return { counted, others };
  }

  function fittingOnWorkers(demand: Demand, { allowance }: Terms): Fitting {
    const whole = wantsWholeMachine(demand.ad);
    const found = new Map<Worker, boolean>();
    const own = queues.get(demand.queue)?.();
    for (const open of own?.open ?? [])
      own?.table.forEachMatch(demand, open, (seat) => {
        const place = own.places[seat];
        if (place === undefined || fitOn(place, demand, whole).fit === 0) return true;
        const id = place.instance?.id ?? null;
        // Machines of others count in no cap.
        found.set(place.worker, allowance !== null && (id === null || allowance.has(id)));
        return true;
      });
    const counted = [...found.values()].filter(Boolean).length;
    return { counted, others: found.size - counted };
  }

  /** Only where no job has been put on what their slots say: those that do are served by then. */
  function takeFromSettling(demand: Demand, jobs: number, { allowance, apart }: Terms): number {
    let left = apart || allowance !== null ? 0 : jobs;
    if (left === 0 || settling().length === 0) return 0;
    const wanted = left;
    const matches = matchmaker.matches(demand);
    for (const instance of settling()) {
      const { id, offer } = instance;
      const match = matches.get(offer);
      if (match === undefined || !isOfPool(demand, instance) || needed.has(id)) continue;
      left -= Math.min(left, match.jobsPerMachine);
      needed.add(id);
      if (left === 0) break;
    }
    return wanted - left;
  }

  const isRecord = (id: string): id is InstanceId => input.fleet.entries.has(id as InstanceId);
  const need = (id: string) => {
    if (isRecord(id)) needed.add(id);
  };

  return {
    needed,
    get undrained() {
      return [...undrained];
    },
    takeFromWorkers,
    takeFromComing: (demand, jobs, terms = together) => {
      const onComing = takeFrom(machines().coming, demand, jobs, { terms, used: need });
      return onComing + takeFromSettling(demand, jobs - onComing, terms);
    },
    takeFromOffer: (demand, offer, jobs, terms) => {
      const match = matchmaker.matches(demand).get(offer);
      if (match === undefined || jobs === 0) return 0;
      const whole = wantsWholeMachine(demand.ad);
      return machines().coming.take(offer, {
        demand,
        request: match.request,
        whole,
        ...terms,
        jobs,
        used: need,
      });
    },
    takeFromDraining: (demand, jobs, terms = together) =>
      takeFrom(machines().draining, demand, jobs, {
        terms,
        used: (id) => {
          if (isRecord(id)) undrained.add(id);
          need(id);
        },
      }),
    fitting: (demand, terms) => ({
      workers: fittingOnWorkers(demand, terms),
      coming: fittingOn(machines().coming, demand, terms),
      draining: fittingOn(machines().draining, demand, terms),
    }),
    addLaunch: (offer, pool, count) => {
      if (count <= 0) return;
      const ids = input.namesLaunches === true ? namesFor(count) : null;
      const leftMs = remainingOfNewMs(pool, offer.cloud, input);
      machines().coming.add(offer.name, {
        queue: pool.queue,
        pool: pool.name,
        ids,
        count,
        free: offer.resources,
        leftMs,
      });
    },
    takeBack: (pool, count) => {
      let left = Math.max(0, count);
      if (left === 0) return 0;
      for (const { instance } of input.fleet.entries.values()) {
        if (left === 0) break;
        if (instance.pool !== pool.name || undrained.has(instance.id)) continue;
        if (!isSpareDrain(instance, isBack) || isObserved(input.observed, instance)) continue;
        if (isClosed(instance, input)) continue;
        undrained.add(instance.id);
        left -= 1;
      }
      return Math.max(0, count) - left;
    },
    hold: (demand, machines, freeSinceMs) => {
      const own = queues.get(demand.queue)?.();
      const whole = wantsWholeMachine(demand.ad);
      let left = machines;
      for (const open of own?.open ?? [])
        own?.table.forEachMatch(demand, open, (seat) => {
          const place = own.places[seat];
          if (left === 0) return false;
          if (place?.instance == null || needed.has(place.instance.id)) return true;
          const { idleSinceMs } = place.instance;
          if (idleSinceMs === null || idleSinceMs < freeSinceMs || fitOn(place, demand, whole).fit === 0)
            return true;
          needed.add(place.instance.id);
          left -= 1;
          return true;
        });
    },
  };

  /** Caps tell machines apart by name, those too that have no record yet. */
  function namesFor(count: number): string[] {
    return Array.from({ length: count }, () => {
      launched += 1;
      return `launch ${launched}`;
    });
  }

  function machinesOf(
    { fleet, offers }: SupplyInput,
    poolsByName: ReadonlyMap<PoolName, Pool>,
  ): { coming: MachineSet; draining: MachineSet } {
    const sets = { coming: createMachineSet(), draining: createMachineSet() };
    const alike = new Map<string, Alike>();
    for (const entry of fleet.entries.values()) {
      const { instance } = entry;
      const kind = kindOf(entry, nowMs, isBack);
      const offer = offers.get(instance.offer);
      if (kind === null || offer === undefined || isClosed(instance, input)) continue;
      // Nobody would un-drain it.
      if (kind === 'draining' && isObserved(input.observed, instance)) continue;
      const leftMs = remainingMs(instance, poolsByName.get(instance.pool), input);
      const key = `${kind} ${instance.queue} ${instance.pool} ${offer.name} ${leftMs}`;
      const known = alike.get(key);
      if (known === undefined)
        alike.set(key, {
          kind,
          offer,
          queue: instance.queue,
          pool: instance.pool,
          leftMs,
          ids: [instance.id],
        });
      else known.ids.push(instance.id);
    }
    for (const { kind, offer, queue, pool, leftMs, ids } of alike.values())
      sets[kind].add(offer.name, { queue, pool, ids, count: ids.length, free: offer.resources, leftMs });
    return sets;
  }
}

interface Alike {
  readonly kind: 'coming' | 'draining';
  readonly offer: Offer;
  readonly queue: QueueName;
  readonly pool: PoolName;
  readonly leftMs: number;
  readonly ids: InstanceId[];
}

function kindOf(
  entry: FleetEntry,
  nowMs: number,
  isBack: (instance: Instance) => boolean,
): 'coming' | 'draining' | null {
  const { instance } = entry;
  const returns = instance.phase === 'draining' && instance.endReason === null;
  if (isComing(instance, nowMs) || returns || isOverlooked(entry)) return 'coming';
  return isSpareDrain(instance, isBack) ? 'draining' : null;
}

/**
 * It drains for a reason that may be over: for want of work, for a downtime that was taken back, for a budget; or its
 * pool or cloud had left the config, and is back.
 */
function isSpareDrain(instance: Instance, isBack: (instance: Instance) => boolean): boolean {
  const { phase, endReason } = instance;
  if (phase !== 'draining') return false;
  if (endReason === 'removed') return isBack(instance);
  return endReason === 'idle' || endReason === 'downtime' || endReason === 'budget';
}

/** So long after it has joined, a machine may not show all yet that its offer promises. */
const settleMs = 60_000;

/** It has just joined and has had no job: what its slots lack now, for a job that its offer fits, may still come. */
function isSettling({ phase, claims, joinedAtMs }: Instance, nowMs: number): boolean {
  return phase === 'idle' && claims === 0 && joinedAtMs !== null && nowMs < joinedAtMs + settleMs;
}

/** Complete views in a row without its worker after which a free machine is no longer counted on. */
const missedMax = 3;

/** Free, and not in the newest views: a view may miss a worker, and that is no reason for another machine. */
function isOverlooked({ instance, sighting }: FleetEntry): boolean {
  const { activity, unseen } = sighting;
  return instance.phase === 'idle' && activity === 'idle' && unseen > 0 && unseen < missedMax;
}
