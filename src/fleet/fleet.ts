import { perSecond, type Terms } from '../model/billing.ts';
import type { CloudInstance } from '../model/cloud.ts';
import type { CloudErrorCode } from '../model/errors.ts';
import { type CloudName, InstanceId, type IntentId, type OfferName } from '../model/ids.ts';
import type { EndReason, Instance, Intent } from '../model/instance.ts';
import type { JournalEntry } from '../model/journal.ts';
import type { Observed } from '../model/mode.ts';
import { type Offer, type Pool, type PoolLimits, termsOf } from '../model/offer.ts';
import type { FleetEntry } from './entry.ts';
import type { InstanceEvent, StepContext } from './event.ts';
import { step } from './step.ts';

/** All machines that are not proven gone, and the create calls they came from. */
export interface Fleet {
  readonly entries: ReadonlyMap<InstanceId, FleetEntry>;
  /** Those that are open or unknown, and those with an entry above. */
  readonly intents: ReadonlyMap<IntentId, Intent>;
  /** Machines with our mark that the store does not know, by cloud and cloud id. */
  readonly strangers: ReadonlyMap<string, Stranger>;
}

export const emptyFleet: Fleet = { entries: new Map(), intents: new Map(), strangers: new Map() };

export interface Stranger {
  readonly cloud: CloudName;
  readonly found: CloudInstance;
  readonly firstListedAtMs: number;
  /** When the newest list that shows it was begun. */
  readonly lastListedAtMs: number;
  /** Complete lists that have shown it. */
  readonly lists: number;
  /** Complete lists since then that have not. */
  readonly missed: number;
}

/** What an effect came to. */
export type Outcome =
  /** The daemon is back after so long (by the wall clock, which may have been stepped meanwhile). */
  | { readonly kind: 'resumed'; readonly awayMs: number }
  | { readonly kind: 'launched'; readonly intent: IntentId; readonly instances: readonly CloudInstance[] }
  | {
      readonly kind: 'launchFailed';
      readonly intent: IntentId;
      readonly code: CloudErrorCode;
      readonly message: string;
      readonly inDoubt: boolean;
      readonly retryAfterMs: number | null;
    }
  /** Nobody heard the answer: the daemon ended, or gave up waiting in order to end, before it was stored. */
  | { readonly kind: 'interrupted'; readonly intent: IntentId }
  /** `askedAtMs`: daemon time at which the look-up began. */
  | {
      readonly kind: 'resolved';
      readonly intent: IntentId;
      readonly instances: readonly CloudInstance[];
      readonly askedAtMs: number;
    }
  | { readonly kind: 'undrained'; readonly instance: InstanceId }
  | { readonly kind: 'terminated'; readonly instance: InstanceId; readonly verdict: 'ending' | 'gone' }
  | {
      readonly kind: 'effectFailed';
      readonly effect: 'resolve' | 'terminate' | 'drain' | 'undrain' | 'remove';
      readonly instance: InstanceId;
      /** A CloudErrorCode or QueueErrorCode, or `internal` for a fault of ours. */
      readonly code: string;
      readonly message: string;
    };

/** What an operator asked for by hand. */
export type Order =
  | { readonly kind: 'drain'; readonly instance: InstanceId }
  | { readonly kind: 'undrain'; readonly instance: InstanceId }
  | { readonly kind: 'terminate'; readonly instance: InstanceId };

/** What the fold noticed that is worth learning from. */
export type Lesson =
  | {
      readonly kind: 'accepted';
      readonly offer: OfferName;
      readonly cloud: CloudName;
      readonly intent: IntentId;
    }
  | {
      readonly kind: 'refused';
      readonly offer: OfferName;
      readonly cloud: CloudName;
      readonly intent: IntentId;
      readonly code: CloudErrorCode;
      readonly message: string;
      readonly retryAfterMs: number | null;
    }
  | {
      readonly kind: 'booted';
      readonly offer: OfferName;
      readonly cloud: CloudName;
      readonly tookMs: number;
    }
  | { readonly kind: 'joined'; readonly offer: OfferName; readonly tookMs: number; readonly intent: IntentId }
  | {
      readonly kind: 'failed';
      readonly offer: OfferName;
      readonly intent: IntentId;
      readonly reason: EndReason;
    }
  | {
      /** The create call was accepted, and there was no room for the machine after all. */
      readonly kind: 'lacked';
      readonly offer: OfferName;
      readonly cloud: CloudName;
      readonly intent: IntentId;
      readonly code: CloudErrorCode;
      readonly message: string;
    };

export interface FoldContext {
  readonly nowMs: number;
  readonly pools: ReadonlyMap<string, Pool>;
  readonly offers: ReadonlyMap<string, Offer>;
  readonly listLagMs: (cloud: CloudName) => number;
  /** Learned deadlines of an offer, within the pool's caps. */
  readonly deadlines: (
    offer: OfferName,
    limits: PoolLimits,
  ) => { readonly bootMs: number; readonly joinMs: number };
  readonly reapMs: number;
  readonly massShare: number;
  /** There no stranger is taken into the books to be ended; absent or null: nowhere. */
  readonly observed?: Observed | null;
}

/** For a machine whose pool has left the config: it keeps these limits until it is gone. */
export const orphanedLimits: PoolLimits = {
  idleMs: 0,
  idleMinMs: 0,
  idleMaxMs: 0,
  waitWeight: 1,
  idleConfirmMs: 30_000,
  bootMaxMs: 600_000,
  joinMaxMs: 600_000,
  silentMs: 600_000,
  drainMaxMs: 86_400_000,
  lifetimeMs: null,
  lifetimeGraceMs: 0,
};

const unknownTerms: Terms = { market: 'onDemand', price: null, billing: perSecond };

export const seatId = (intent: IntentId, seat: number): InstanceId => InstanceId(`${intent}-${seat}`);

/** One that has been in service for so long has shown that machines of its offer live. */
export const shortLifeMs = 300_000;

/** It vanished before it was of use, or soon after: it may be one of many that boot, shut down and are replaced. */
function isLostYoung(before: Instance, after: Instance, nowMs: number): boolean {
  if (before.endReason !== null || after.endReason !== 'lost') return false;
  return after.joinedAtMs === null || nowMs < after.joinedAtMs + shortLifeMs;
}

/** A fold under way: one mutable copy, private to a tick, that notes what it changes. */
export class FleetChange {
  readonly entries: Map<InstanceId, FleetEntry>;
  readonly intents: Map<IntentId, Intent>;
  readonly strangers: Map<string, Stranger>;
  readonly changedInstances = new Map<InstanceId, Instance>();
  readonly changedIntents = new Map<IntentId, Intent>();
  readonly journal: JournalEntry[] = [];
  readonly lessons: Lesson[] = [];
  /** Create calls that were looked for in vain and are still wanted: where the cloud bears it, they may be sent again. */
  readonly resendable: IntentId[] = [];
  readonly context: FoldContext;
  private lastContext: (Pick<Instance, 'pool' | 'offer' | 'cloud'> & { readonly made: StepContext }) | null =
    null;

  constructor(fleet: Fleet, context: FoldContext) {
    this.entries = new Map(fleet.entries);
    this.intents = new Map(fleet.intents);
    this.strangers = new Map(fleet.strangers);
    this.context = context;
  }

  /** Adds a record, or replaces one that was changed other than by an event. */
  put(entry: FleetEntry): void {
    this.entries.set(entry.instance.id, entry);
    this.changedInstances.set(entry.instance.id, entry.instance);
  }

  putIntent(intent: Intent): void {
    this.intents.set(intent.id, intent);
    this.changedIntents.set(intent.id, intent);
  }

  /** Applies an event; an ended instance leaves the fleet. `why` is for the journal when the phase changes. */
  apply(id: InstanceId, event: InstanceEvent, why: string): void {
    const before = this.entries.get(id);
    if (before === undefined) return;
    const { entry: after, anomaly } = step(before, event, this.stepContext(before.instance));
    if (anomaly !== null) {
      this.note({ kind: 'anomaly', atMs: this.context.nowMs, instance: id, why: anomaly });
      return;
    }
    if (after === before) return;
    this.entries.set(id, after);
    if (after.sighting.notice !== null && before.sighting.notice === null)
      this.noticed(after.instance, after.sighting.notice);
    if (after.instance === before.instance) return;
    this.changedInstances.set(id, after.instance);
    if (after.instance.phase !== before.instance.phase) this.entered(before.instance, after, why);
    else if (before.instance.deadlineMs !== null && after.instance.deadlineMs === null)
      this.overran(after.instance);
    if (after.instance.phase === 'ended') this.leave(after.instance);
  }

  note(entry: JournalEntry): void {
    this.journal.push(entry);
  }

  /** What a machine of the offer is had for now; nothing that could be counted where the offer is not in the config. */
  termsOf(offer: OfferName): Terms {
    const known = this.context.offers.get(offer);
    return known === undefined ? unknownTerms : termsOf(known);
  }

  result(): Fleet {
    return { entries: this.entries, intents: this.intents, strangers: this.strangers };
  }

  private entered(before: Instance, { instance: after, sighting }: FleetEntry, why: string): void {
    const { nowMs } = this.context;
    const { id, pool, cloud, offer, intent, phase } = after;
    const reason = after.endReason === null ? why : `${after.endReason}: ${why}`;
    const kind = phase === 'ended' ? 'ended' : 'phase';
    this.note({
      kind,
      atMs: nowMs,
      instance: id,
      intent,
      pool,
      cloud,
      offer,
      why: reason,
      data: {
        from: before.phase,
        to: phase,
        afterMs: nowMs - before.phaseSinceMs,
        endReason: after.endReason,
        // A spot machine that is taken back is no fault of its image.
        ...(after.endReason === 'lost' ? { market: after.terms.market } : {}),
      },
    });
    if (after.runningAtMs !== null && before.runningAtMs === null)
      this.lessons.push({ kind: 'booted', offer, cloud, tookMs: after.runningAtMs - before.createdAtMs });
    if (after.joinedAtMs !== null && before.joinedAtMs === null) {
      const from = after.runningAtMs ?? before.createdAtMs;
      this.lessons.push({ kind: 'joined', offer, tookMs: Math.max(0, after.joinedAtMs - from), intent });
    }
    if (phase === 'failed' && sighting.lacked !== null)
      this.lessons.push({ kind: 'lacked', offer, cloud, intent, ...sighting.lacked });
    else if (phase === 'failed' && after.endReason !== null)
      this.lessons.push({ kind: 'failed', offer, intent, reason: after.endReason });
    if (isLostYoung(before, after, nowMs))
      this.lessons.push({ kind: 'failed', offer, intent, reason: 'lost' });
  }

  private noticed({ id, pool, cloud, offer, intent, phase }: Instance, notice: string): void {
    const { nowMs } = this.context;
    const why = `the cloud takes it back: ${notice}`;
    const data = { phase, notice };
    this.note({ kind: 'phase', atMs: nowMs, instance: id, intent, pool, cloud, offer, why, data });
  }

  /** Only a drain outlives its deadline. */
  private overran({ id, pool, cloud, offer, phase, phaseSinceMs }: Instance): void {
    const { nowMs } = this.context;
    const why = 'it drains for longer than drainMax: the jobs that it has are waited for';
    const data = { phase, forMs: nowMs - phaseSinceMs };
    this.note({ kind: 'phase', atMs: nowMs, instance: id, pool, cloud, offer, why, data });
  }

  private leave(instance: Instance): void {
    this.entries.delete(instance.id);
    const intent = this.intents.get(instance.intent);
    if (intent === undefined || intent.state === 'open' || intent.state === 'unknown') return;
    for (let seat = 0; seat < intent.seats; seat++) if (this.entries.has(seatId(intent.id, seat))) return;
    this.intents.delete(intent.id);
  }

  /** The same for machines that are alike, which mostly come one after the other. */
  private stepContext(instance: Instance): StepContext {
    const { pool, offer, cloud } = instance;
    const last = this.lastContext;
    if (last !== null && last.pool === pool && last.offer === offer && last.cloud === cloud) return last.made;
    const limits = this.context.pools.get(pool)?.limits ?? orphanedLimits;
    const made: StepContext = {
      nowMs: this.context.nowMs,
      limits,
      listLagMs: this.context.listLagMs(cloud),
      ...this.context.deadlines(offer, limits),
    };
    this.lastContext = { pool, offer, cloud, made };
    return made;
  }
}
