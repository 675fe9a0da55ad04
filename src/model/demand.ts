import type { ClassAd } from '../classad/ad.ts';
import type { DemandId, InstanceId, JobId, PoolName, QueueName, WorkerId } from './ids.ts';
import type { Resources } from './resources.ts';

/**
 * counted: n jobs of a class. gang: all workers of a job or none. named: the scheduler asks for this very node.
 * instance: the job is the machine itself; it has no worker and is never ended for idleness.
 */
export const demandKinds = ['counted', 'gang', 'named', 'instance'] as const;
export type DemandKind = (typeof demandKinds)[number];

/** Waiting jobs that want the same thing: one group with a count, never one object for each job. */
export interface Demand {
  readonly id: DemandId;
  readonly queue: QueueName;
  /**
   * Names what the jobs want of a machine: groups of one name want the same, whoever's they are and however urgent, so
   * they are matched once. Absent: no other group wants the same.
   */
  readonly wishes?: string;
  readonly kind: DemandKind;
  /** Jobs that wait; at least 1. */
  readonly count: number;
  /**
   * A representative job ad. Whatever the queue, the job's wishes are in HTCondor's words: Requirements, Rank,
   * RequestCpus, RequestMemory (MB), RequestDisk (KiB), RequestGPUs: each may be an expression.
   */
  readonly ad: ClassAd;
  /**
   * The same where machines are concerned that are yet to be booted for them: it may say more than `ad`, which is what
   * the scheduler itself matches with a machine that is there. Absent: `ad`.
   */
  readonly bootAd?: ClassAd;
  /** A machine that is booted for them stays so long after its last job, whatever the pool's idle time; absent: 0. */
  readonly keepAliveMs?: number;
  /** No machine is booted for them that costs more an hour now, in its offer's currency; absent: at any price. */
  readonly pricePerHourMax?: number;
  /** What is odd about what they say, for people to read. */
  readonly remarks?: readonly string[];
  /** A few of the jobs, for people to read; not all of them. */
  readonly sampleJobs: readonly JobId[];
  /** When the oldest job was submitted, epoch ms by the scheduler's own clock: what follows from it is as right as that is. */
  readonly oldestSubmittedAtMs: number | null;
  /** Who submitted the jobs; null where the scheduler does not say. */
  readonly user: string | null;
  /** Whose share of the site they use, e.g. an accounting group; null: none. */
  readonly group: string | null;
  /** Among the jobs of one user the greater goes first; 0 unless the user says so. */
  readonly priority: number;
  /** Only machines of these pools will do; absent: any of the queue's. */
  readonly pools?: readonly PoolName[];
  /** Machines that one job needs at the same time: 1, or more for a gang. */
  readonly workers: number;
  /** The longest that a job may run; null: not said. */
  readonly walltimeMs: number | null;
}

/** What the jobs that run on a worker take of it, for one user. */
export interface WorkerUse {
  readonly user: string | null;
  readonly group: string | null;
  readonly cpus: number;
  /** Which of the worker's jobs they are; absent where that is not told. */
  readonly jobIds?: readonly string[];
}

/** What offers, and the machines that come of them, are matched with. */
export const adForBoot = ({ ad, bootAd }: Pick<Demand, 'ad' | 'bootAd'>): ClassAd => bootAd ?? ad;

/** One place on a worker that takes jobs. */
export interface Slot {
  /** What the scheduler would match a job against: a slot ad with what is free now. */
  readonly ad: ClassAd;
  /** What a new job could still have here; nothing where the slot is taken. */
  readonly free: Resources;
  /** A partitionable slot takes jobs while they fit; a static one takes a single job. */
  readonly partitionable: boolean;
}

/**
 * idle: takes jobs and has none. claimed: has (or is about to have) at least one.
 * draining: takes no more, still has some. drained: takes none and has none.
 */
export const workerActivities = ['idle', 'claimed', 'draining', 'drained'] as const;
export type WorkerActivity = (typeof workerActivities)[number];

/** The batch system's view of a machine: a startd, a pbs_mom, a ProActive node, a slurmd. */
export interface Worker {
  readonly id: WorkerId;
  readonly queue: QueueName;
  /**
   * Our instance, where both the id in the worker's ad and its authenticated identity say so; null for a
   * machine that is not ours, which is capacity but is never touched.
   */
  readonly instance: InstanceId | null;
  /** Its network address: links a machine that was booted without an identity of its own. */
  readonly address: string | null;
  readonly activity: WorkerActivity;
  readonly runningJobs: number;
  /** It was for a job that is over, and for no other: once it drains it ends for that reason. */
  readonly released?: true;
  /** The jobs that it has now, as its scheduler names them; absent where that is not told. */
  readonly jobIds?: readonly string[];
  /** Who uses how much of it; absent where the scheduler does not tell. */
  readonly usage?: readonly WorkerUse[];
  readonly total: Resources;
  readonly slots: readonly Slot[];
}

/** What one poll of a queue saw. An adapter throws QueueError rather than return less than it was asked for. */
export interface QueueSnapshot {
  readonly queue: QueueName;
  /** Daemon time (ms) when the poll began: nothing in here is older. */
  readonly takenAtMs: number;
  /**
   * False while the view may lack things that are there (after a restart of the central manager, one update
   * interval long; when one schedd of several is silent). What an incomplete view does not show is not gone.
   */
  readonly workersComplete: boolean;
  readonly demandComplete: boolean;
  readonly demand: readonly Demand[];
  readonly workers: readonly Worker[];
  /** Jobs by state over the whole queue, for status and metrics. */
  readonly jobs: { readonly waiting: number; readonly running: number; readonly held: number };
  /** Jobs whose own credentials end soon; absent where that is not told. */
  readonly credentials?: EndingCredentials;
}

/** Of waiting and running jobs: credentials (proxies) that have ended, or will within a time of the config. */
export interface EndingCredentials {
  readonly ended: number;
  readonly ending: number;
  /** Epoch seconds of the one that ends next; null: all of them have ended. */
  readonly nextSeconds: number | null;
  /** Whose they are: a few. */
  readonly users: readonly string[];
}
