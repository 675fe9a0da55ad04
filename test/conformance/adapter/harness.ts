import type { Clock } from '../../../src/model/clock.ts';
import type { InstanceId, JobId, WorkerId } from '../../../src/model/ids.ts';
import type { Log } from '../../../src/model/log.ts';
import type { Queue, QueueMachine } from '../../../src/queues/port.ts';

/** What an adapter asks its scheduler for in a poll. */
export type CallKind = 'jobs' | 'workers';

/** What the scheduler can be made to do, from now on until it is healed, to each call of a kind. */
export const faults = [
  'refused', // we have no right
  'trouble', // it says that it is in trouble
  'unreachable', // nobody listens, or nobody knows where it is
  'killed', // the connection, or the program that asks, ends without an answer
  'hang', // no answer, ever
  'slow', // the right answer, when it is healed and not before
  'empty', // success, and nothing in it
  'foreign', // success, and something else in it
  'cut', // the first half of the answer, cut anywhere
  'half', // half of the jobs or workers, well-formed, as if they were all
  'oversized', // an answer without end
] as const;
export type Fault = (typeof faults)[number];

/** Jobs of one submission, alike. Whatever is absent is the scheduler's own default. */
export interface JobWish {
  /** How many, as an array where the scheduler has them. 1. */
  readonly count?: number;
  readonly cpus?: number;
  readonly memoryMiB?: number;
  /**
   * What the jobs say to offers beside their requests: names to strings. One that says the harness's word runs only on a
   * machine that says the same, and machines that join say nothing; one without words runs anywhere.
   */
  readonly words?: Readonly<Record<string, string>>;
  /** `ann` unless another is said. */
  readonly user?: string;
  readonly priority?: number;
  /** Machines that a job needs at the same time. */
  readonly nodes?: number;
  /** It cannot begin before this one has ended. */
  readonly after?: JobId;
}

export interface MachineWish {
  readonly instance: InstanceId;
  /** Its name in the scheduler; absent: as a machine of ours would be named. */
  readonly name?: string;
  /** Another machine's instance, which it claims to be; null: it claims to be none. */
  readonly claims?: InstanceId | null;
  readonly cpus?: number;
  readonly memoryMiB?: number;
}

/**
 * A scheduler that the cases may do with as they like. What it cannot show is declared as a gap of the cases that need
 * it, with the reason; a lever that is used nevertheless should throw. Every lever resolves when the scheduler has
 * taken it in; what it shows of it may come later: cases wait for that with `bench.shows`.
 */
export interface QueueUnderTest {
  /** The adapter's time: one that moves with `elapse`, or the host's where the scheduler is a real one. */
  readonly clock: Clock;
  /** Text that must never show: keys, tokens, passwords. */
  readonly secrets: readonly string[];
  /** The name of a word that jobs may say to offers. */
  readonly word: string;
  /** After so long a call without an answer is given up by the adapter itself; null: only by the poll's deadline. */
  readonly callTimeoutMs: number | null;
  /** So long after a restart everything is seen again. */
  readonly settleMs: number;

  /** An adapter on this scheduler; the last one that was connected is the one that the levers act through, if they do. */
  connect(as: Connection): Queue;
  /** The machines that a poll is told of, for a queue whose workers do not announce themselves. */
  machines(): readonly QueueMachine[];

  /** Ids as the queue's `job` takes them, in order. */
  submit(wish: JobWish): Promise<readonly JobId[]>;
  /** Many submissions at once, where one by one they would take too long. */
  submitAll?(wishes: readonly JobWish[]): Promise<void>;
  /** One whose description the adapter can make nothing of, past all checks. */
  submitBroken(): Promise<void>;
  hold(job: JobId): Promise<void>;
  release(job: JobId): Promise<void>;
  /** Taken out of the queue by its owner. */
  withdraw(job: JobId): Promise<void>;
  /** The waiting job runs there. */
  run(job: JobId, worker: WorkerId): Promise<void>;
  /** The running job has come to its end. */
  finish(job: JobId): Promise<void>;

  /** A machine with what `admit` gave it. */
  join(machine: MachineWish): Promise<WorkerId>;
  /** One that is not of ours. */
  stranger(name: string): Promise<WorkerId>;
  /** It is gone without a word. */
  die(worker: WorkerId): Promise<void>;

  fault(kind: CallKind, fault: Fault): Promise<void>;
  /** Resolves when the fault has been met once more than it had been when this was called. */
  struck(): Promise<void>;
  heal(): Promise<void>;
  /** It is stopped and started; jobs and machines outlive that. */
  restart(): Promise<void>;
  /** Lets so much time pass, for the scheduler and for the adapter. */
  elapse(ms: number): Promise<void>;
  /** Between two looks at something that is about to show. */
  catchUp(): Promise<void>;
  stop(): Promise<void>;
}

export interface Connection {
  readonly clock: Clock;
  readonly log: Log;
  /** `wrong`: with credentials that are refused. `nowhere`: at an address that nobody listens at. */
  readonly to?: 'queue' | 'wrong' | 'nowhere';
}
