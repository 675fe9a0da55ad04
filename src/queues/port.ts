import type { ZodType } from 'zod';
import type { ClassAd } from '../classad/ad.ts';
import type { Check } from '../model/check.ts';
import type { Clock } from '../model/clock.ts';
import type { QueueSnapshot } from '../model/demand.ts';
import type { Expectation } from '../model/expectation.ts';
import type {
  DemandId,
  InstanceId,
  JobId,
  LeaseId,
  PoolName,
  QueueName,
  SiteId,
  WorkerId,
} from '../model/ids.ts';
import type { LeaseRequest, LeaseState, LeaseView } from '../model/lease.ts';
import type { Log } from '../model/log.ts';
import type { Memory } from '../model/memory.ts';
import type { Resources } from '../model/resources.ts';

/**
 * What an adapter promises. It holds no policy. Every failure is a QueueError; a poll that could not see
 * everything it was asked for throws, or says `complete: false`: silence is never an empty queue.
 */
export interface Queue {
  /**
   * One whole view: workers first, then jobs, so that a job which starts in between counts as capacity too much
   * and not as demand too much. `takenAtMs` is when it began.
   */
  poll(request: PollRequest, signal: AbortSignal): Promise<QueueSnapshot>;

  /**
   * Wakes the loop: calls back whenever something may have changed, until the signal is aborted. Absent where the
   * scheduler gives no sign.
   */
  hint?(changed: () => void, signal: AbortSignal): void;

  /**
   * What one machine needs to join, as variables of the boot template. The credential is the machine's own, good
   * for joining and nothing else, and lives longer than the machine may. The same request gives the same answer:
   * a create call that is sent again must be the same to the byte.
   */
  admit(request: AdmitRequest): Promise<Admission>;

  /** Takes no more jobs; running ones go on. May be repeated. */
  drain(worker: WorkerId, signal: AbortSignal): Promise<void>;
  /** Takes jobs again. May be repeated. */
  undrain(worker: WorkerId, signal: AbortSignal): Promise<void>;
  /** Forgets a worker whose machine is gone; no error if it is unknown. */
  remove(worker: WorkerId, signal: AbortSignal): Promise<void>;

  /** One job's ad and state, for `explain`; null if the queue does not know it. */
  job(id: JobId, signal: AbortSignal): Promise<JobView | null>;

  /**
   * What `check --live` looks at, in this order, `login` first: whether it answers, may be asked, and is set up so
   * that new machines can join. Changes nothing. Absent where there is nothing to ask.
   */
  checks?(request: QueueCheckRequest): readonly Check[];

  /**
   * Holds waiting jobs, with the reason for their owners to read. May be repeated; jobs that are gone, or held, are no
   * error. Absent where that cannot be done.
   */
  hold?(jobs: readonly JobId[], why: string, signal: AbortSignal): Promise<void>;

  /**
   * Writes down why waiting jobs wait where their owners can read it. May be repeated; jobs that are gone are no error.
   * Absent where that cannot be done, or is not wanted.
   */
  tell?(jobs: readonly JobId[], why: string, signal: AbortSignal): Promise<void>;

  /** Machines may be borrowed from it; absent where jobs come by another way. */
  readonly leases?: LeaseDesk;

  close(): Promise<void>;
}

export interface QueueCheckRequest {
  /** As of a poll: what the offers' ads refer to. */
  readonly attributes: readonly string[];
  /** The pools whose machines join it, and the longest that one of them may live (null: no limit), grace included. */
  readonly pools: readonly { readonly name: PoolName; readonly lifetimeMs: number | null }[];
}

export interface PollRequest {
  /** Daemon time at the beginning of the poll. */
  readonly nowMs: number;
  /** Attributes that the offers' ads refer to: they must be in the demand's ads where a job has them. */
  readonly attributes: readonly string[];
  /** The machines of this queue's pools that run, by their clouds: for a queue whose workers do not announce themselves. */
  readonly machines: readonly QueueMachine[];
}

/** An instance as a queue may know it. */
export interface QueueMachine {
  readonly instance: InstanceId;
  readonly pool: PoolName;
  /** Its provider ad and size. */
  readonly ad: ClassAd;
  readonly resources: Resources;
  readonly address: string | null;
  /** False: its pool's probe says that it does not answer. */
  readonly reachable: boolean;
}

export interface AdmitRequest {
  readonly instance: InstanceId;
  readonly pool: PoolName;
  /** Epoch seconds at which the machine's intent was made; fixes what is minted. */
  readonly issuedAtSeconds: number;
  /** The longest the machine may live; null: no limit. */
  readonly lifetimeMs: number | null;
  /** What its worker must publish beside what every machine has: names to old-syntax ClassAd text. */
  readonly attributes: Readonly<Record<string, string>>;
}

export interface Admission {
  /** For `{{name}}` in the boot template. Never logged. */
  readonly variables: Readonly<Record<string, string>>;
  /** True where a variable is one machine's own: then a create call is for one machine only. */
  readonly perMachine: boolean;
}

/** Where machines are borrowed. Every failure is a LeaseError. What it answers is on disk. */
export interface LeaseDesk {
  /** Asks for a machine; the lease waits until there is one. */
  ask(request: LeaseRequest): LeaseView;
  /** Null: unknown, or ended so long ago that it is forgotten. */
  find(id: LeaseId): LeaseView | null;
  /** Those that have not ended, in the order in which they were asked for. */
  list(): readonly LeaseView[];
  /** Resolves when the lease is no longer in the state, or the signal is aborted: then with what it is. */
  changed(id: LeaseId, from: LeaseState, signal: AbortSignal): Promise<LeaseView | null>;
  /** The holder is alive. Refused for one that is cleaning or has ended. */
  renew(id: LeaseId): LeaseView;
  /** The machine is wiped, then it is Free. May be repeated. */
  giveBack(id: LeaseId): LeaseView;
}

export const jobStates = ['waiting', 'running', 'held', 'ended', 'other'] as const;
export type JobState = (typeof jobStates)[number];

export interface JobView {
  readonly id: JobId;
  readonly state: JobState;
  readonly owner: string | null;
  /** The demand group that a poll would put it in; null where it does not wait. */
  readonly demand: DemandId | null;
  readonly ad: ClassAd;
  /** As in `Demand`: what offers are matched with; absent: `ad`. */
  readonly bootAd?: ClassAd;
  /** What is odd about what it says, and what it will need to know; for people. */
  readonly remarks?: readonly string[];
}

/** What every adapter exports. */
export interface QueueAdapter<Settings = unknown> {
  /** The word in the config's `adapter:` field. */
  readonly name: string;
  readonly configSchema: ZodType<Settings>;
  /**
   * The variables that `admit` will give for boot templates, so that a template is checked before anything starts;
   * absent: not known beforehand, and templates may name any.
   */
  templateVariables?(settings: Settings): readonly string[];
  /** What of the rest of the config its settings count on, so that it is checked with it; absent: nothing. */
  expects?(settings: Settings): readonly Expectation[];
  create(settings: Settings, deps: QueueDeps): Queue;
}

export interface QueueDeps {
  readonly site: SiteId;
  readonly queue: QueueName;
  readonly clock: Clock;
  readonly log: Log;
  /** On disk, of this queue alone. */
  readonly memory: Memory;
}
