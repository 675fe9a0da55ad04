import type { Match } from '../matchmaker/matchmaker.ts';
import type { Demand } from '../model/demand.ts';
import type { OfferName, QueueName } from '../model/ids.ts';
import type { Offer, Pool } from '../model/offer.ts';
import { expectedCost } from './expectedCost.ts';
import type { PlanInput } from './plan.ts';

/** One way to serve a demand: an offer in a pool. */
export interface Placement {
  readonly pool: Pool;
  readonly match: Match;
  /** Its place in the config. */
  readonly at: number;
  /** Of one job's place for an hour, lost work counted in. */
  readonly cost: number;
}

interface Standing {
  readonly pool: Pool;
  readonly at: number;
}

/** Pools by queue, and by what they may boot: found without looking at every pool for every demand. */
export interface PoolIndex {
  of(queue: QueueName): readonly Pool[];
  having(queue: QueueName, offer: OfferName): readonly Standing[];
}

export function indexPools(pools: readonly Pool[]): PoolIndex {
  const byQueue = Map.groupBy(pools, ({ queue }) => queue);
  const byOffer = new Map<QueueName, Map<OfferName, Standing[]>>();
  let at = 0;
  for (const pool of pools) {
    const own = byOffer.get(pool.queue) ?? new Map<OfferName, Standing[]>();
    byOffer.set(pool.queue, own);
    for (const offer of pool.offers) {
      const having = own.get(offer);
      if (having === undefined) own.set(offer, [{ pool, at }]);
      else having.push({ pool, at });
      at += 1;
    }
  }
  return {
    of: (queue) => byQueue.get(queue) ?? [],
    having: (queue, offer) => byOffer.get(queue)?.get(offer) ?? [],
  };
}

/** The pool's priority first, then the job's Rank, the offer's, the price of one job's place, the order of the config. */
export function placementsOf(
  queue: QueueName,
  pools: PoolIndex,
  matches: ReadonlyMap<OfferName, Match>,
  costOf: (offer: Offer) => number,
): Placement[] {
  const placements: Placement[] = [];
  for (const [name, match] of matches) {
    const cost = costOf(match.offer) / match.jobsPerMachine;
    for (const { pool, at } of pools.having(queue, name)) placements.push({ pool, match, at, cost });
  }
  return placements.toSorted(
    (a, b) =>
      b.pool.priority - a.pool.priority ||
      b.match.jobRank - a.match.jobRank ||
      b.match.offerRank - a.match.offerRank ||
      compareCosts(a.cost, b.cost) ||
      a.at - b.at,
  );
}

/** Demands that match the same offers and may run as long have the same placements: they are put in order once. */
export function createPlacements(
  input: PlanInput,
  pools: PoolIndex,
): (demand: Demand) => readonly Placement[] {
  const known = new Map<unknown, Map<string, readonly Placement[]>>();
  return (demand) => {
    const { queue, walltimeMs, pools: own } = demand;
    const matches = input.matchmaker.matches(demand);
    const ofMatches = known.get(matches) ?? new Map<string, readonly Placement[]>();
    known.set(matches, ofMatches);
    const key = `${walltimeMs} ${queue} ${own?.join(' ') ?? ''}`;
    const before = ofMatches.get(key);
    if (before !== undefined) return before;
    const priced = atPricesNow(matches, input.offers);
    const all = placementsOf(queue, pools, priced, expectedCost(input.money, walltimeMs));
    const made = own === undefined ? all : all.filter(({ pool }) => own.includes(pool.name));
    ofMatches.set(key, made);
    return made;
  };
}

/** The matchmaker knows offers as the config has them; what a market says of prices since then is in the plan's own. */
function atPricesNow(
  matches: ReadonlyMap<OfferName, Match>,
  offers: ReadonlyMap<string, Offer>,
): ReadonlyMap<OfferName, Match> {
  let changed: Map<OfferName, Match> | null = null;
  for (const [name, match] of matches) {
    const offer = offers.get(name) ?? match.offer;
    if (offer.price === match.offer.price) continue;
    changed ??= new Map(matches);
    changed.set(name, { ...match, offer });
  }
  return changed ?? matches;
}

export function compareCosts(a: number, b: number): number {
  return a === b ? 0 : a - b;
}

export function cheapestFirst(
  pool: Pool,
  offers: ReadonlyMap<string, Offer>,
  costOf: (offer: Offer) => number,
): Offer[] {
  return pool.offers
    .flatMap((name) => offers.get(name) ?? [])
    .toSorted((a, b) => compareCosts(costOf(a), costOf(b)));
}
