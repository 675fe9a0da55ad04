import { rerunFactor } from '../fleet/losses.ts';
import type { Offer } from '../model/offer.ts';
import type { MoneyOutlook } from './purse.ts';

/** Of jobs that do not say how long they may run. */
const usualJobHours = 1;

/**
 * What an hour of an offer's machine costs in work done: its price, and more where machines are lost and their work is
 * done again, the more so the longer a job may run. Nothing is known to be cheaper than what has no price.
 */
export function expectedCost(
  money: MoneyOutlook | undefined,
  walltimeMs: number | null,
): (offer: Offer) => number {
  const jobHours = walltimeMs === null ? usualJobHours : walltimeMs / 3_600_000;
  return (offer) => {
    if (offer.price === null) return Number.POSITIVE_INFINITY;
    if (money === undefined || offer.market === 'onDemand') return offer.price.perHour;
    return offer.price.perHour * rerunFactor(money.lostPerHour(offer), jobHours);
  };
}
