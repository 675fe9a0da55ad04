import type { CloudName, OfferName } from '../model/ids.ts';
import type { Log } from '../model/log.ts';
import type { Offer, Price } from '../model/offer.ts';
import type { CloudOutlook } from '../planner/plan.ts';
import type { CloudPart, DaemonParts } from './daemonParts.ts';
import { withDeadline } from './deadline.ts';
import type { Timeline } from './timeline.ts';

/** What spot offers cost now, as their clouds' markets say. */
export interface PriceWatch {
  /** The newest answer; null where the cloud has no market, or has not said for too long. */
  of(cloud: CloudName): ReadonlyMap<OfferName, Price> | null;
  /** Asks until the signal is aborted. */
  run(signal: AbortSignal): Promise<void>;
}

/** Spot prices change by the hour. */
const periodMs = 300_000;
/** An older answer is not believed: the prices of the config hold again. */
const ageMaxMs = 6 * periodMs;

/** Only clouds that have a market and spot offers are asked; one that fails is asked again. */
export function watchPrices(
  { clouds, config, clock, log }: Pick<DaemonParts, 'clouds' | 'config' | 'clock' | 'log'>,
  timeline: Timeline,
): PriceWatch {
  const newest = new Map<
    CloudName,
    { readonly prices: ReadonlyMap<OfferName, Price>; readonly takenAtMs: number }
  >();

  async function watch(
    { config: { name, deadlineMs }, cloud }: CloudPart,
    signal: AbortSignal,
  ): Promise<void> {
    const offers = config.offers.filter((offer) => offer.cloud === name && offer.market === 'spot');
    if (cloud.prices === undefined || offers.length === 0) return;
    while (!signal.aborted) {
      const takenAtMs = timeline.now();
      try {
        const prices = await withDeadline(async (inner) => cloud.prices?.(offers, inner), {
          clock,
          ms: deadlineMs,
          signal,
        });
        const before = newest.get(name)?.prices;
        const after = prices ?? new Map<OfferName, Price>();
        // The same prices are the same map: nothing is planned anew for them.
        newest.set(name, { prices: isSame(before, after) ? before : after, takenAtMs });
      } catch (error) {
        if (!signal.aborted) warn(log, name, error);
      }
      await clock.sleep(periodMs, signal).catch(() => {});
    }
  }

  return {
    of: (cloud) => {
      const known = newest.get(cloud);
      return known === undefined || timeline.now() - known.takenAtMs > ageMaxMs ? null : known.prices;
    },
    run: async (signal) => {
      await Promise.all(clouds.map((part) => watch(part, signal)));
    },
  };
}

function isSame(
  before: ReadonlyMap<OfferName, Price> | undefined,
  after: ReadonlyMap<OfferName, Price>,
): before is ReadonlyMap<OfferName, Price> {
  if (before === undefined || before.size !== after.size) return false;
  for (const [name, { perHour, currency }] of after) {
    const was = before.get(name);
    if (was?.perHour !== perHour || was.currency !== currency) return false;
  }
  return true;
}

/**
 * The offers with what they cost now. An offer without a price in the config gets none: nothing of it can be counted there.
 * Nor does one whose price is in another currency, as the two could not be compared.
 */
export function offersNow(
  offers: ReadonlyMap<string, Offer>,
  clouds: ReadonlyMap<CloudName, CloudOutlook>,
): ReadonlyMap<string, Offer> {
  let changed: Map<string, Offer> | null = null;
  for (const { prices } of clouds.values())
    for (const [name, price] of prices ?? []) {
      const offer = offers.get(name);
      if (offer?.price?.currency !== price.currency || offer.price.perHour === price.perHour) continue;
      changed ??= new Map(offers);
      changed.set(name, { ...offer, price });
    }
  return changed ?? offers;
}

function warn(log: Log, cloud: CloudName, error: unknown): void {
  log.warn({ cloud, why: error instanceof Error ? error.message : String(error) }, 'prices not told');
}
