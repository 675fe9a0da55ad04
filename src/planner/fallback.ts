import type { PoolName } from '../model/ids.ts';
import type { Offer, Pool } from '../model/offer.ts';
import type { DemandShortage } from './plan.ts';
import type { Shortage } from './room.ts';
import { cloudKey, offerKey, type SetAsides } from './setAside.ts';

/**
 * From spot to on-demand in one pool: while a spot offer that could serve has had no capacity for less than the pool's
 * `fallbackAfter`, the pool's on-demand offers are not used for what is left. Nothing waits for a spot offer that a bound
 * of our own keeps from serving, or whose cloud is in trouble.
 */
export interface Fallback {
  /** What came of asking for machines of the offer. */
  asked(pool: Pool, offer: Offer, short: Shortage | null): void;
  /** Why an on-demand offer is not used yet; null: it may be. */
  holds(pool: Pool, offer: Offer): DemandShortage | null;
}

export function createFallback({
  nowMs,
  setAsides,
}: {
  readonly nowMs: number;
  readonly setAsides: SetAsides;
}): Fallback {
  const untilMs = new Map<PoolName, number>();
  return {
    asked: (pool, offer, short) => {
      if (pool.fallbackAfterMs === 0 || offer.market !== 'spot' || short === null) return;
      if (short.code !== 'setAside' && short.code !== 'launchesInFlight' && short.code !== 'quota') return;
      const asides = [offerKey(offer.name), cloudKey(offer.cloud)].flatMap((key) => setAsides.get(key) ?? []);
      const sinceMs = Math.min(nowMs, ...asides.map((aside) => aside.sinceMs));
      // Of several spot offers the one that was given up last is waited for.
      const until = sinceMs + pool.fallbackAfterMs;
      untilMs.set(pool.name, Math.max(untilMs.get(pool.name) ?? 0, until));
    },
    holds: (pool, offer) => {
      const until = untilMs.get(pool.name);
      if (until === undefined || offer.market === 'spot' || nowMs >= until) return null;
      const seconds = Math.ceil((until - nowMs) / 1000);
      return {
        code: 'fallback',
        why: `spot offers of pool ${pool.name} have no room now; on-demand ones are used in ${seconds} s`,
      };
    },
  };
}
