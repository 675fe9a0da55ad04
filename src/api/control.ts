import type { Market } from '../model/billing.ts';
import type { CloudName, InstanceId, JobId, OfferName, PoolName } from '../model/ids.ts';
import type { EndReason, LaunchCause, Phase, PublicState } from '../model/instance.ts';
import type { Mode } from '../model/mode.ts';
import type { Price } from '../model/offer.ts';
import type { PoolOrder } from '../model/poolOrder.ts';
import type { Resources } from '../model/resources.ts';
import type { JobState } from '../queues/port.ts';
import type { JournalQuery } from '../store/port.ts';
import type { AccountingQuery, AccountingView, ReportReceipt } from './accounting.ts';
import type { AlarmView } from './alarms.ts';
import type { ShortageView, TurnView } from './demandPlan.ts';
import type { DowntimeList, DowntimeReceipt, DowntimeRequest, DowntimeView } from './downtimes.ts';
import type { JournalEntryView } from './journalEntry.ts';
import type { LeaseControl } from './leases.ts';
import type { MoneyView } from './money.ts';
import type { ObserveView } from './observe.ts';
import type { Observing } from './observing.ts';
import type { PlanView } from './plan.ts';
import type { PoolReceipt, PoolStatus, StateCounts } from './poolStatus.ts';
import type { ReloadControl } from './reload.ts';

/**
 * What the API asks of the daemon. The API holds no state and decides nothing: it checks what came in, calls one
 * of these, and writes down what it got.
 *
 * Reads are synchronous and change nothing: they are views of the state in memory. Writes resolve once the
 * decision is on disk, not when the cloud has carried it out. Every method may throw ControlError; `explainJob` also
 * QueueError, the writes StoreError. Anything else that is thrown is a fault of the daemon and is answered as such,
 * without its text.
 *
 * Everything here is plain data that survives JSON. Times (`…AtMs`, `…SinceMs`, `…UntilMs`) are daemon time in
 * ms (see model/clock.ts), so each view carries `nowMs` to read them against; spans (`…AgeMs`, `…Ms`) are ms.
 */
export interface DaemonControl extends LeaseControl, Observing {
  status(): StatusView;
  /** In order of creation, newest last. Ended ones only where the filter asks for them. */
  instances(filter: InstanceFilter): InstanceList;
  /** What would be done now and why, from the newest snapshots. A dry run: it writes nothing anywhere. */
  plan(): PlanView;
  /** Asks the job's queue for the job; null if no queue knows it. */
  explainJob(id: JobId, signal: AbortSignal): Promise<JobExplanation | null>;
  /** Ended instances, too, while the store keeps them; null if unknown. */
  explainInstance(id: InstanceId): InstanceExplanation | null;
  /**
   * Within the bounds, never around them: `refused` where a bound, a quota or a set-aside offer forbids all of
   * it. Nothing is launched in part.
   */
  launch(order: LaunchRequest): Promise<LaunchReceipt>;
  /** Its worker takes no more jobs; it ends when the last is done. May be repeated. */
  drain(id: InstanceId): Promise<ChangeReceipt>;
  /** Takes jobs again; `refused` (notDraining) where its end is beyond recall. */
  undrain(id: InstanceId): Promise<ChangeReceipt>;
  /** Without force it is drained first and ended when idle; with force it ends now, whatever runs on it. */
  terminate(id: InstanceId, options: { readonly force: boolean }): Promise<ChangeReceipt>;
  /** Holds until it is taken back, over restarts too; `refused` (bounds) where min would be above max. */
  adjustPool(order: PoolOrder): Promise<PoolReceipt>;
  /** All that are declared and not over. */
  downtimes(): DowntimeList;
  addDowntime(request: DowntimeRequest): Promise<DowntimeReceipt>;
  /** `refused` (configured) where it stands in the config. */
  endDowntime(id: string): Promise<DowntimeReceipt>;
  /** What has been used, up to now. */
  accounting(query: AccountingQuery): AccountingView;
  /**
   * Puts usage records of all that is not reported into a folder of this host, each machine once for each month and once at
   * its end; null: the config's folder. `refused` where none is configured (notConfigured) or it cannot be written (folder).
   */
  reportUsage(folder: string | null): Promise<ReportReceipt>;
  /** Newest first, unless asked otherwise. */
  journal(query: JournalQuery): readonly JournalEntryView[];
}

/** The control of a daemon whose configuration can be read again. */
export interface Control extends DaemonControl, ReloadControl {}

/**
 * notReady: the daemon has not seen enough of its queues and clouds yet (or is stopping) to answer or act.
 * refused: understood, and not done; `reason` says which rule.
 */
export const controlErrorCodes = [
  'unknownPool',
  'unknownOffer',
  'unknownInstance',
  'unknownCloud',
  'unknownDowntime',
  'unknownLease',
  'refused',
  'notReady',
] as const;
export type ControlErrorCode = (typeof controlErrorCodes)[number];

export const refusalReasons = [
  'poolMax', // the pool would have more than its max
  'cloudMax', // the cloud would have more than its max
  'part', // the pool has its part of a bound that pools share, and others wait for theirs
  'offerMax', // the offer would have more than its max
  'quota', // the account has no room
  'budget', // a budget does not bear it
  'setAside', // the offer is set aside after failures
  'cloudTrouble', // the cloud has not answered lately
  'ended', // the instance is gone or going
  'notDraining', // nothing to undo
  'notJoined', // it has no worker that could be drained
  'paused', // the pool takes no new machines
  'observe', // the pool, the cloud or the site is only observed
  'bounds', // the min would be above the max
  'launchRate', // the pool has launched as many machines in an hour as it may
  'downtime', // the cloud, the pool or the site has a declared downtime
  'configured', // what the config says is changed in the config only
  'notConfigured', // the config does not say how
  'folder', // a folder that is not there, or not to be written
] as const;
export type RefusalReason = (typeof refusalReasons)[number];

export class ControlError extends Error {
  readonly code: ControlErrorCode;
  /** Set where the code is `refused`. */
  readonly reason: RefusalReason | null;

  /** The message is one sentence for people, with names and figures, without secrets. */
  constructor(code: ControlErrorCode, message: string, options: { reason?: RefusalReason } = {}) {
    super(message);
    this.name = 'ControlError';
    this.code = code;
    this.reason = options.reason ?? null;
  }
}

export const daemonModes = ['starting', 'running', 'stopping'] as const;
export type DaemonMode = (typeof daemonModes)[number];

/** Something does not work now. */
export interface Trouble {
  /** A CloudErrorCode or a QueueErrorCode. */
  readonly code: string;
  readonly message: string;
  readonly sinceMs: number;
}

export interface StatusView {
  readonly site: string;
  readonly version: string;
  readonly mode: DaemonMode;
  /** Daemon time; and epoch ms by the host's wall clock at the same moment. */
  readonly nowMs: number;
  readonly wallMs: number;
  readonly uptimeMs: number;
  readonly queues: readonly QueueStatus[];
  readonly clouds: readonly CloudStatus[];
  readonly pools: readonly PoolStatus[];
  /** Since this daemon started, and over the store's life. */
  readonly totals: { readonly sinceStart: Totals; readonly sinceStore: Totals };
  readonly money: MoneyView;
  /** What is only observed, and what it has come to; null: nothing is. */
  readonly observe: ObserveView | null;
  readonly alarms: readonly AlarmView[];
  /** Declared and not over, in the order in which they begin. */
  readonly downtimes: readonly DowntimeView[];
}

export interface QueueStatus {
  readonly name: string;
  readonly adapter: string;
  readonly jobs: { readonly waiting: number; readonly running: number; readonly held: number };
  readonly demandGroups: number;
  readonly workers: { readonly ours: number; readonly others: number };
  /** False while what is not seen may still be there. */
  readonly complete: boolean;
  /** Since the last poll that worked began; null before the first. */
  readonly pollAgeMs: number | null;
  readonly trouble: Trouble | null;
}

export interface CloudStatus {
  readonly name: string;
  readonly driver: string;
  readonly instances: StateCounts;
  readonly max: number | null;
  readonly launchesInFlight: number;
  readonly launchesInFlightMax: number;
  /** Since the last list that worked began; null before the first. */
  readonly listAgeMs: number | null;
  readonly trouble: Trouble | null;
  readonly setAside: readonly SetAside[];
  /** What the account may still have; null where the cloud does not say. */
  readonly quota: QuotaView | null;
  /** observe: by the config, its own or the site's, what is decided for it is said and not done. */
  readonly mode: Mode;
  /** It has left the config, and its machines drain. */
  readonly retiring: boolean;
}

export interface QuotaView {
  readonly instances: number | null;
  readonly cpus: number | null;
  readonly memoryMiB: number | null;
}

/** An offer that is not tried for a while because it failed. */
export interface SetAside {
  readonly offer: string;
  readonly cloud: string;
  /** A CloudErrorCode, or an EndReason such as `bootDeadline`. */
  readonly code: string;
  readonly why: string;
  readonly failures: number;
  /** Then it is tried again, with one instance. */
  readonly untilMs: number;
}

export interface Totals {
  readonly launched: number;
  readonly ended: number;
  /** Jobs that instances have been seen to begin, beyond the first of each. */
  readonly reused: number;
  /** Create calls that a cloud refused. */
  readonly refused: number;
}

export interface InstanceFilter {
  readonly pool?: PoolName;
  readonly cloud?: CloudName;
  readonly offer?: OfferName;
  readonly state?: PublicState;
  readonly phase?: Phase;
  /** Ended ones, too; also implied by `phase: 'ended'`. */
  readonly ended: boolean;
  readonly limit: number;
}

export interface InstanceList {
  readonly nowMs: number;
  /**
   * How many the filter lets through: more than are in `instances` where the limit cut it. Ended ones are counted up to
   * the limit only.
   */
  readonly total: number;
  readonly instances: readonly InstanceView[];
}

/** An instance's record (model/instance.ts), and what was last seen of its worker. */
export interface InstanceView {
  readonly id: string;
  readonly intent: string;
  readonly seat: number;
  readonly pool: string;
  readonly queue: string;
  readonly offer: string;
  readonly cloud: string;
  readonly cause: LaunchCauseView;
  readonly phase: Phase;
  /** Null once it has ended. */
  readonly state: PublicState | null;
  readonly phaseSinceMs: number;
  readonly deadlineMs: number | null;
  readonly cloudId: string | null;
  readonly address: string | null;
  readonly worker: string | null;
  /** Null while its worker has not been seen. */
  readonly runningJobs: number | null;
  readonly createdAtMs: number;
  readonly runningAtMs: number | null;
  readonly joinedAtMs: number | null;
  readonly idleSinceMs: number | null;
  readonly claims: number;
  readonly endReason: EndReason | null;
  readonly endedAtMs: number | null;
  readonly market: Market;
  /** As it was launched; null where it is not known. */
  readonly price: Price | null;
  /** So far, or in all where it has ended; null where the price is not known. */
  readonly cost: number | null;
}

export interface LaunchCauseView {
  readonly kind: LaunchCause['kind'];
  /** Set where the kind is `demand`; the job may be unknown even then. */
  readonly demand: string | null;
  readonly job: string | null;
  readonly user: string | null;
}

/** What becomes of one group of waiting jobs: the four numbers add up to `jobs`. */
export interface JobExplanation {
  readonly nowMs: number;
  readonly job: string;
  readonly queue: string;
  readonly owner: string | null;
  readonly state: JobState;
  /** The group that it waits in; null where it does not wait. */
  readonly demand: string | null;
  /** What the job asks for, as far as it can be said in figures. */
  readonly wants: Resources | null;
  /** When its group is served; null where it is in none. */
  readonly turn: TurnView | null;
  /** Why jobs of its group get no machine now; null where all do. */
  readonly shortage: ShortageView | null;
  /** One sentence: why it waits, or that it does not. */
  readonly verdict: string;
  /** One sentence: what will happen next, and when. */
  readonly next: string;
  readonly offers: readonly OfferVerdict[];
  readonly workers: WorkerSummary;
  readonly pools: readonly PoolRoom[];
  /** One sentence each: what is odd about what it says, and what it will need to know. */
  readonly remarks: readonly string[];
}

/** One offer in one pool of the job's queue. */
export interface OfferVerdict {
  readonly pool: string;
  readonly offer: string;
  readonly cloud: string;
  readonly matches: boolean;
  /** Whose requirements fail; `size`: they hold, and the machine is too small; null where it fits. */
  readonly side: 'job' | 'offer' | 'size' | null;
  /** The text of the clause that fails, and what it came to, e.g. `TARGET.VMType == "b"` and `false ("a" == "b")`. */
  readonly clause: string | null;
  readonly found: string | null;
  readonly setAside: SetAside | null;
}

/** The workers of the job's queue, ours and others. */
export interface WorkerSummary {
  readonly total: number;
  /** Requirements hold both ways. */
  readonly matching: number;
  /** Matching, with room for it now. */
  readonly free: number;
  readonly coming: number;
}

export interface PoolRoom {
  readonly pool: string;
  readonly min: number;
  readonly max: number;
  /** All that counts toward max. */
  readonly counted: number;
}

export interface InstanceExplanation {
  readonly nowMs: number;
  readonly instance: InstanceView;
  /** One sentence: why it was booted. */
  readonly bootedBecause: string;
  /** One sentence: why it ended or is ending; null while no end is decided. */
  readonly endedBecause: string | null;
  /** Why it is kept though it is free, and for how long; null where it is not free, or is to end. */
  readonly keptBecause: string | null;
  /** Oldest first; the newest few hundred at most. */
  readonly journal: readonly JournalEntryView[];
}

export interface LaunchRequest {
  readonly pool: PoolName;
  /** Null: the pool's first offer that can be had. */
  readonly offer: OfferName | null;
  /** At least 1. */
  readonly count: number;
  /** For the journal: who or what for. */
  readonly note: string | null;
}

export interface LaunchReceipt {
  readonly pool: string;
  readonly offer: string;
  readonly cloud: string;
  /** Stored; the create calls follow. */
  readonly instances: readonly { readonly id: string; readonly intent: string }[];
}

export interface ChangeReceipt {
  readonly nowMs: number;
  readonly instance: InstanceView;
  /** False where it was so already. */
  readonly changed: boolean;
  /** One sentence: what follows. */
  readonly next: string;
}
