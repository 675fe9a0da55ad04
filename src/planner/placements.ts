import type { Match } from '../matchmaker/matchmaker.ts';
import type { OfferName } from '../model/ids.ts';
import type { Offer, Pool } from '../model/offer.ts';

/** One way to serve a demand: an offer in a pool. */
export interface Placement {
  readonly pool: Pool;
  readonly match: Match;
}

/** The job's Rank first, then the offer's, then the price of one job's place, then the order of the config. */
export function placementsOf(pools: readonly Pool[], matches: ReadonlyMap<OfferName, Match>): Placement[] {
  const placements = pools.flatMap((pool) =>
    pool.offers.flatMap((name) => {
      const match = matches.get(name);
      return match === undefined ? [] : [{ pool, match }];
    }),
  );
  return placements.toSorted(
    (a, b) =>
      b.match.jobRank - a.match.jobRank ||
      b.match.offerRank - a.match.offerRank ||
      compareCosts(costOfJob(a.match), costOfJob(b.match)),
  );
}

function costOfJob({ offer, jobsPerMachine }: Match): number {
  return offer.price === null ? Number.POSITIVE_INFINITY : offer.price.perHour / jobsPerMachine;
}

export function compareCosts(a: number, b: number): number {
  return a === b ? 0 : a - b;
}

export function cheapestFirst(pool: Pool, offers: ReadonlyMap<string, Offer>): Offer[] {
  const price = (offer: Offer) => offer.price?.perHour ?? Number.POSITIVE_INFINITY;
  return pool.offers
    .flatMap((name) => offers.get(name) ?? [])
    .toSorted((a, b) => compareCosts(price(a), price(b)));
}
