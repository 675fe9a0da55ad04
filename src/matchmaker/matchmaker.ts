import type { ClassAd } from '../classad/ad.ts';
import { clausesOf } from '../classad/analyze.ts';
import { type EvaluationContext, evaluateAttribute } from '../classad/evaluate.ts';
import { rankOf, requirementsHold } from '../classad/match.ts';
import { unparse } from '../classad/unparse.ts';
import { isTrue, numberOf } from '../classad/value.ts';
import type { Demand, Slot } from '../model/demand.ts';
import type { DemandId, OfferName } from '../model/ids.ts';
import type { Offer } from '../model/offer.ts';
import { type Resources, timesThatFit } from '../model/resources.ts';

/** An offer whose requirements and the job's hold both ways, and that is large enough for at least one job. */
export interface Match {
  readonly offer: Offer;
  /** What one job takes of it. */
  readonly request: Resources;
  /** Jobs that fit on one machine side by side; at least 1. */
  readonly jobsPerMachine: number;
  /** The job's Rank of the offer, and the offer's of the job; 0 where there is none. */
  readonly jobRank: number;
  readonly offerRank: number;
}

/** Why an offer cannot take a job. */
export interface Refusal {
  readonly offer: OfferName;
  /** Whose requirements fail; `size` where they hold and the machine is too small all the same. */
  readonly side: 'job' | 'offer' | 'size';
  /** The first top-level clause that does not hold, as it is written; null where there are no requirements. */
  readonly clause: string | null;
  /** What the clause came to. */
  readonly found: string;
}

export interface Matchmaker {
  /** The offers that a demand matches. Kept for the demand's id: two demands of one id want the same. */
  matches(demand: Demand): ReadonlyMap<OfferName, Match>;
  /** Why this offer cannot take this job; null if it can. */
  refusal(job: ClassAd, offer: Offer): Refusal | null;
  /** How many of the demand's jobs a slot takes with what is free on it. */
  roomOn(demand: Demand, slot: Slot, free: Resources): number;
  /** What one job of the ad takes of a machine. */
  request(job: ClassAd, machine: ClassAd): Resources;
}

/** So many demand groups are remembered; the oldest are forgotten first. */
const rememberedMax = 20_000;

/**
 * Matches demand with offers and slots as the negotiator does: `Requirements` of both must be true with the other as
 * TARGET. Offers do not change during its life; a new config makes a new one. Results are kept for
 * `rememberMs` of the context's time, as expressions may ask for the time.
 */
export function createMatchmaker(
  offers: readonly Offer[],
  context: () => EvaluationContext,
  rememberSeconds = 60,
): Matchmaker {
  const remembered = new Map<
    DemandId,
    { readonly atSeconds: number; readonly matches: ReadonlyMap<OfferName, Match> }
  >();

  function matches(demand: Demand): ReadonlyMap<OfferName, Match> {
    const { nowSeconds } = context();
    const known = remembered.get(demand.id);
    if (known !== undefined && nowSeconds < known.atSeconds + rememberSeconds) return known.matches;
    const found = new Map<OfferName, Match>();
    for (const offer of offers) {
      const match = matchOffer(demand.ad, offer);
      if (match !== null) found.set(offer.name, match);
    }
    remembered.delete(demand.id);
    remembered.set(demand.id, { atSeconds: nowSeconds, matches: found });
    if (remembered.size > rememberedMax) {
      const [oldest] = remembered.keys();
      if (oldest !== undefined) remembered.delete(oldest);
    }
    return found;
  }

  function matchOffer(job: ClassAd, offer: Offer): Match | null {
    if (!requirementsHold(job, offer.ad, context()) || !requirementsHold(offer.ad, job, context()))
      return null;
    const wanted = request(job, offer.ad);
    const jobsPerMachine = timesThatFit(offer.resources, wanted);
    if (jobsPerMachine === 0) return null;
    return {
      offer,
      request: wanted,
      jobsPerMachine,
      jobRank: rankOf(job, offer.ad, context()),
      offerRank: rankOf(offer.ad, job, context()),
    };
  }

  function refusal(job: ClassAd, offer: Offer): Refusal | null {
    if (matchOffer(job, offer) !== null) return null;
    const ofJob = firstFailing(job, offer.ad);
    if (ofJob !== null) return { offer: offer.name, side: 'job', ...ofJob };
    const ofOffer = firstFailing(offer.ad, job);
    if (ofOffer !== null) return { offer: offer.name, side: 'offer', ...ofOffer };
    const { cpus, memoryMiB, diskMiB, gpus } = request(job, offer.ad);
    const found = `it has ${sizes(offer.resources)}`;
    return { offer: offer.name, side: 'size', clause: sizes({ cpus, memoryMiB, diskMiB, gpus }), found };
  }

  function firstFailing(ad: ClassAd, target: ClassAd): { clause: string | null; found: string } | null {
    if (requirementsHold(ad, target, context())) return null;
    for (const clause of clausesOf(ad, 'Requirements')) {
      const value = clause.holds(target, context());
      if (!isTrue(value)) return { clause: clause.text, found: unparse(value, 'old') };
    }
    return { clause: null, found: 'no Requirements' };
  }

  function roomOn(demand: Demand, slot: Slot, free: Resources): number {
    if (!requirementsHold(demand.ad, slot.ad, context()) || !requirementsHold(slot.ad, demand.ad, context()))
      return 0;
    const fit = timesThatFit(free, request(demand.ad, slot.ad));
    return slot.partitionable ? fit : Math.min(1, fit);
  }

  function request(job: ClassAd, machine: ClassAd): Resources {
    const wanted = (name: string, otherwise: number): number => {
      const value = numberOf(evaluateAttribute(job, name, { target: machine, context: context() }));
      return value === null || value < 0 ? otherwise : value;
    };
    return {
      cpus: wanted('RequestCpus', 1),
      memoryMiB: wanted('RequestMemory', 0),
      diskMiB: Math.ceil(wanted('RequestDisk', 0) / 1024),
      gpus: wanted('RequestGPUs', 0),
    };
  }

  return { matches, refusal, roomOn, request };
}

function sizes({ cpus, memoryMiB, diskMiB, gpus }: Resources): string {
  const parts = [`${cpus} cpus`, `${memoryMiB} MiB memory`, `${diskMiB} MiB disk`];
  return (gpus > 0 ? [...parts, `${gpus} gpus`] : parts).join(', ');
}
