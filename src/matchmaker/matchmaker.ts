import type { ClassAd } from '../classad/ad.ts';
import { clausesOf } from '../classad/analyze.ts';
import { type EvaluationContext, evaluateAttribute } from '../classad/evaluate.ts';
import { rankOf, requirementsHold } from '../classad/match.ts';
import { classesOf } from '../classad/matchClasses.ts';
import { matchAds } from '../classad/matcher.ts';
import { unparse } from '../classad/unparse.ts';
import { isTrue, numberOf } from '../classad/value.ts';
import { adForBoot, type Demand, type QueueSnapshot, type Slot } from '../model/demand.ts';
import type { OfferName } from '../model/ids.ts';
import type { Offer } from '../model/offer.ts';
import { type Resources, timesThatFit } from '../model/resources.ts';
import { createSlotTable, type SlotTable, wishesOf } from './slotTable.ts';
import { isTimeless } from './timeless.ts';
import { wantsWholeMachine } from './wholeMachine.ts';

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
  /** Finds the matches of many demands at once, which costs less than one by one. */
  prepare(demands: readonly Demand[]): void;
  /** The offers that a demand matches. Kept for its wishes: two demands of one name want the same. */
  matches(demand: Demand): ReadonlyMap<OfferName, Match>;
  /** Which of a view's slots its demands match; kept as long as the view. */
  slotTable(view: QueueSnapshot): SlotTable;
  /** Why this offer cannot take this job; null if it can. */
  refusal(job: ClassAd, offer: Offer): Refusal | null;
  /** How many of the demand's jobs a slot takes with what is free on it. */
  roomOn(demand: Demand, slot: Slot, free: Resources): number;
  /** What one job of the ad takes of a machine. */
  request(job: ClassAd, machine: ClassAd): Resources;
}

const requestNames = ['RequestCpus', 'RequestMemory', 'RequestDisk', 'RequestGPUs'] as const;

/** So many kinds of wishes are remembered; the oldest are forgotten first. */
const rememberedMax = 20_000;

interface Remembered {
  readonly untilSeconds: number;
  readonly matches: ReadonlyMap<OfferName, Match>;
}

/**
 * Matches demand with offers and slots as the negotiator does: `Requirements` of both must be true with the other as
 * TARGET. Offers do not change during its life; a new config makes a new one. Where expressions ask for the time,
 * results are kept for `rememberSeconds` of the context's time.
 */
export function createMatchmaker(
  offers: readonly Offer[],
  context: () => EvaluationContext,
  rememberSeconds = 60,
): Matchmaker {
  const remembered = new Map<string, Remembered>();
  const tables = new WeakMap<QueueSnapshot, { readonly untilSeconds: number; readonly table: SlotTable }>();
  const offerAds = offers.map(({ ad }) => ad);
  const offersAreTimeless = offerAds.every(isTimeless);
  const requests = new WeakMap<ClassAd, Resources | null>();

  function known(demand: Demand): Remembered | undefined {
    const found = remembered.get(wishesOf(demand));
    return found !== undefined && context().nowSeconds < found.untilSeconds ? found : undefined;
  }

  function prepare(demands: readonly Demand[]): void {
    const missing = new Map<string, Demand>();
    for (const demand of demands) if (known(demand) === undefined) missing.set(wishesOf(demand), demand);
    if (missing.size === 0) return;
    const { nowSeconds } = context();
    const all = [...missing];
    const kinds = Map.groupBy(all, kindNames(all.map(([, demand]) => adForBoot(demand))));
    const first = [...kinds.values()].flatMap(([one]) => (one === undefined ? [] : [adForBoot(one[1])]));
    // Offers first: there they are told apart by kind, and hundreds are often a few kinds.
    const pairs = matchAds(offerAds, first, { context: context() });
    const found = first.map(() => new Map<OfferName, Match>());
    for (const [index, offer] of offers.entries()) {
      for (const at of pairs.of(index)) {
        const match = matchThatHolds(first[at] ?? offer.ad, offer);
        if (match !== null) found[at]?.set(offer.name, match);
      }
    }
    for (const [at, members] of [...kinds.values()].entries()) {
      const own = found[at] ?? new Map<OfferName, Match>();
      for (const [name, demand] of members) {
        const isKept = offersAreTimeless && isTimeless(adForBoot(demand));
        const untilSeconds = isKept ? Number.POSITIVE_INFINITY : nowSeconds + rememberSeconds;
        remembered.delete(name);
        remembered.set(name, { untilSeconds, matches: own });
      }
    }
    for (const name of remembered.keys()) {
      if (remembered.size <= rememberedMax) break;
      remembered.delete(name);
    }
  }

  /** Ads of one name get the same matches: they are alike in what a match and a request can depend on. */
  function kindNames(ads: readonly ClassAd[]): (one: unknown, at: number) => string {
    const { classOf } = classesOf(ads, offerAds);
    return (_, at) => {
      const ad = ads[at];
      const plain = ad === undefined ? null : plainRequest(ad);
      const rank = ad?.get('Rank');
      if (ad === undefined || plain === null || (rank !== undefined && rank.kind !== 'literal'))
        return `one ${at}`;
      const { cpus, memoryMiB, diskMiB, gpus } = plain;
      const wanted = [cpus, memoryMiB, diskMiB, gpus, wantsWholeMachine(ad), rankOf(ad, ad)];
      return `${classOf[at]} ${wanted.join(' ')}`;
    };
  }

  function matches(demand: Demand): ReadonlyMap<OfferName, Match> {
    const found = known(demand);
    if (found !== undefined) return found.matches;
    prepare([demand]);
    return remembered.get(wishesOf(demand))?.matches ?? new Map<OfferName, Match>();
  }

  function slotTable(view: QueueSnapshot): SlotTable {
    const { nowSeconds } = context();
    const before = tables.get(view);
    if (before !== undefined && nowSeconds < before.untilSeconds) return before.table;
    const table = createSlotTable(view, context());
    tables.set(view, { untilSeconds: nowSeconds + rememberSeconds, table });
    return table;
  }

  function matchOffer(job: ClassAd, offer: Offer): Match | null {
    const holds = requirementsHold(job, offer.ad, context()) && requirementsHold(offer.ad, job, context());
    return holds ? matchThatHolds(job, offer) : null;
  }

  /** Null: the machine is too small. */
  function matchThatHolds(job: ClassAd, offer: Offer): Match | null {
    const wanted = request(job, offer.ad);
    const fit = timesThatFit(offer.resources, wanted);
    const jobsPerMachine = wantsWholeMachine(job) ? Math.min(1, fit) : fit;
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
    const plain = plainRequest(job);
    if (plain !== null) return plain;
    return requestOf(job, machine);
  }

  /** What a job wants whatever the machine; null where that depends on it. */
  function plainRequest(job: ClassAd): Resources | null {
    const before = requests.get(job);
    if (before !== undefined) return before;
    const isPlain = requestNames.every((name) => (job.get(name)?.kind ?? 'literal') === 'literal');
    const plain = isPlain ? requestOf(job, job) : null;
    requests.set(job, plain);
    return plain;
  }

  function requestOf(job: ClassAd, machine: ClassAd): Resources {
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

  return { prepare, matches, slotTable, refusal, roomOn, request };
}

function sizes({ cpus, memoryMiB, diskMiB, gpus }: Resources): string {
  const parts = [`${cpus} cpus`, `${memoryMiB} MiB memory`, `${diskMiB} MiB disk`];
  return (gpus > 0 ? [...parts, `${gpus} gpus`] : parts).join(', ');
}
