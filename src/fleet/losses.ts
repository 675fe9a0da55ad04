import type { Market } from '../model/billing.ts';
import type { OfferName } from '../model/ids.ts';
import type { Instance } from '../model/instance.ts';

/** How often machines of an offer were lost, and in how many hours of their lives; what is older counts less. */
export interface Losses {
  readonly lost: number;
  readonly hours: number;
}

export type LearnedLosses = ReadonlyMap<OfferName, Losses>;

export const noLosses: Losses = { lost: 0, hours: 0 };

const hourMs = 3_600_000;
/** What is remembered of: the newest so many hours of machines' lives, roughly. */
const hoursRemembered = 2000;
/** Of a spot offer that nothing is known of it is taken that in so many hours one machine was lost. */
const spotPrior: Losses = { lost: 1, hours: 20 };
const onDemandPrior: Losses = { lost: 0, hours: 20 };

/** With machines that have ended; the same object where none of them had run. */
export function learnLosses(before: LearnedLosses, ended: Iterable<Instance>): LearnedLosses {
  let next: Map<OfferName, Losses> | null = null;
  for (const { offer, runningAtMs, endedAtMs, endReason } of ended) {
    if (runningAtMs === null || endedAtMs === null || endReason === 'twin' || endReason === 'orphan')
      continue;
    next ??= new Map(before);
    const was = next.get(offer) ?? noLosses;
    const hours = (endedAtMs - runningAtMs) / hourMs;
    const keep = Math.max(0, 1 - hours / hoursRemembered);
    next.set(offer, {
      lost: was.lost * keep + (endReason === 'lost' || endReason === 'reclaimed' ? 1 : 0),
      hours: was.hours * keep + hours,
    });
  }
  return next ?? before;
}

/**
 * Losses to expect in an hour of one machine's life. Machines that live count with the hours that they have lived:
 * those that were lost early would otherwise speak for all.
 */
export function lostPerHour(learned: Losses, market: Market, livedHours = 0): number {
  const prior = market === 'spot' ? spotPrior : onDemandPrior;
  return (learned.lost + prior.lost) / (learned.hours + livedHours + prior.hours);
}

/**
 * How much longer a job of so many hours takes, on average, where a machine is lost so often and the job then begins
 * anew: 1 where none is. For an exponential time to the loss of rate r, (e^(r·t) - 1) / (r·t).
 */
export function rerunFactor(perHour: number, jobHours: number): number {
  const expected = Math.min(perHour * jobHours, 500);
  return expected < 1e-9 ? 1 : Math.expm1(expected) / expected;
}

/** Hours that the offer's machines have lived which have not ended. */
export function livedHours(live: Iterable<Instance>, offer: OfferName, nowMs: number): number {
  let ms = 0;
  for (const { offer: of, runningAtMs } of live)
    if (of === offer && runningAtMs !== null) ms += Math.max(0, nowMs - runningAtMs);
  return ms / hourMs;
}
