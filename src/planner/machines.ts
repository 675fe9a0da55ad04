import type { Demand } from '../model/demand.ts';
import type { OfferName, PoolName, QueueName } from '../model/ids.ts';
import { type Resources, subtractResources, timesThatFit } from '../model/resources.ts';
import type { Allowance } from './caps.ts';
import { fitsLife } from './remaining.ts';

/** Machines that have no slot ads yet, all of them alike: what each will have is what its offer says. */
export interface AlikeMachines {
  readonly queue: QueueName;
  readonly pool: PoolName;
  /** Those with a record; for launches of this plan there is none yet, and a name stands in where one is needed. */
  readonly ids: readonly string[] | null;
  readonly count: number;
  readonly free: Resources;
  /** How long a job could run there. */
  readonly leftMs: number;
}

/** What one demand wants to put on them. */
export interface Taking {
  readonly demand: Demand;
  readonly request: Resources;
  readonly jobs: number;
  readonly allowance: Allowance | null;
  /** The machines that are used; of those without a name nothing is told. */
  readonly used: (id: string) => void;
  /** No more than one job on each, as the parts of a multi-node job; whole: nothing else beside it. */
  readonly apart?: boolean;
  readonly whole?: boolean;
}

/**
 * Machines by offer. As a demand is matched with offers once, so it fits all machines that are alike or none of them:
 * 10,000 launches are one entry, and what jobs take of some of them makes two or three of it.
 */
export interface MachineSet {
  add(offer: OfferName, machines: AlikeMachines): void;
  /** Puts jobs on machines of the offer, first come, first full; returns how many. */
  take(offer: OfferName, taking: Taking): number;
  /** Machines of the offer on which one job fits: those that its allowance counts already, and others. */
  fitting(offer: OfferName, taking: Taking): Fitting;
  offers(): Iterable<OfferName>;
}

export interface Fitting {
  readonly counted: number;
  readonly others: number;
}

function countKnown({ ids }: AlikeMachines, allowance: Allowance): number {
  return ids?.filter((id) => allowance.has(id)).length ?? 0;
}

export function createMachineSet(): MachineSet {
  const byOffer = new Map<OfferName, AlikeMachines[]>();

  function take(offer: OfferName, taking: Taking): number {
    const all = byOffer.get(offer);
    if (all === undefined) return 0;
    let left = taking.jobs;
    let next: AlikeMachines[] | null = null;
    for (const [at, alike] of all.entries()) {
      const each = left === 0 ? 0 : jobsOnEach(alike, taking);
      const parts = each === 0 ? null : split(alike, { ...taking, jobs: left }, each);
      if (parts === null) {
        next?.push(alike);
        continue;
      }
      next ??= all.slice(0, at);
      left -= parts.taken;
      for (const part of parts.rest) if (part.count > 0 && part.free.cpus > 0) next.push(part);
    }
    if (next !== null && next.length === 0) byOffer.delete(offer);
    else if (next !== null) byOffer.set(offer, next);
    return taking.jobs - left;
  }

  return {
    add: (offer, machines) => {
      const all = byOffer.get(offer);
      if (all === undefined) byOffer.set(offer, [machines]);
      else all.push(machines);
    },
    take,
    fitting: (offer, taking) => {
      let counted = 0;
      let others = 0;
      for (const alike of byOffer.get(offer) ?? []) {
        if (jobsOnEach(alike, taking) === 0) continue;
        const known = taking.allowance === null ? 0 : countKnown(alike, taking.allowance);
        counted += known;
        others += alike.count - known;
      }
      return { counted, others };
    },
    offers: () => byOffer.keys(),
  };
}

/** Whether jobs of the demand may go to machines of the pool, by its queue and its own wish. */
export function isOfPool(demand: Demand, { queue, pool }: { queue: QueueName; pool: PoolName }): boolean {
  return queue === demand.queue && (demand.pools === undefined || demand.pools.includes(pool));
}

function jobsOnEach(alike: AlikeMachines, { demand, request, apart }: Taking): number {
  const { free, leftMs } = alike;
  if (!isOfPool(demand, alike) || !fitsLife(demand.walltimeMs, leftMs)) return 0;
  const fit = timesThatFit(free, request);
  return apart === true ? Math.min(1, fit) : fit;
}

/** Those that are full of these jobs, the one that has the last of them, and those that are left alone. */
function split(
  alike: AlikeMachines,
  taking: Taking,
  each: number,
): { taken: number; rest: AlikeMachines[] } | null {
  const wanted = Math.min(alike.count, Math.ceil(taking.jobs / each));
  const { chosen, others } = choose(alike, wanted, taking.allowance);
  if (chosen.count === 0) return null;
  const taken = Math.min(taking.jobs, chosen.count * each);
  const lastHas = taken - (chosen.count - 1) * each;
  const fullCount = lastHas === each ? chosen.count : chosen.count - 1;
  for (const id of chosen.ids ?? []) taking.used(id);
  const after = (jobs: number) => spend(alike.free, taking, jobs);
  const rest = [
    { ...part(chosen, 0, fullCount), free: after(each) },
    { ...part(chosen, fullCount, chosen.count), free: after(lastHas) },
    others,
  ];
  return { taken, rest };
}

function choose(
  alike: AlikeMachines,
  wanted: number,
  allowance: Allowance | null,
): { chosen: AlikeMachines; others: AlikeMachines } {
  const { ids, count } = alike;
  if (allowance === null || ids === null)
    return { chosen: part(alike, 0, wanted), others: part(alike, wanted, count) };
  const chosen: string[] = [];
  const others: string[] = [];
  for (const id of ids) {
    const takes = chosen.length < wanted && allowance.mayUse(id);
    if (takes) allowance.use(id);
    (takes ? chosen : others).push(id);
  }
  return {
    chosen: { ...alike, ids: chosen, count: chosen.length },
    others: { ...alike, ids: others, count: others.length },
  };
}

function part(alike: AlikeMachines, from: number, to: number): AlikeMachines {
  return { ...alike, ids: alike.ids?.slice(from, to) ?? null, count: to - from };
}

const nothing: Resources = { cpus: 0, memoryMiB: 0, diskMiB: 0, gpus: 0 };

/** What so many jobs leave. One that wants nothing at all takes a processor. */
export function spend(
  free: Resources,
  { request, whole = false }: { readonly request: Resources; readonly whole?: boolean | undefined },
  jobs: number,
): Resources {
  if (whole && jobs > 0) return nothing;
  const { cpus, memoryMiB, diskMiB, gpus } = request;
  return subtractResources(free, {
    cpus: Math.max(cpus, cpus + memoryMiB + diskMiB + gpus === 0 ? 1 : 0) * jobs,
    memoryMiB: memoryMiB * jobs,
    diskMiB: diskMiB * jobs,
    gpus: gpus * jobs,
  });
}
