import type {
  MachineUse,
  ReportMark,
  ReportMessage,
  UnreportedMachine,
  UsageRow,
} from '../model/accounting.ts';
import type {
  CloudName,
  InstanceId,
  IntentId,
  OfferName,
  PoolName,
  QueueName,
  SiteId,
} from '../model/ids.ts';
import type { Instance, Intent } from '../model/instance.ts';
import type { JournalEntry, JournalKind } from '../model/journal.ts';
import type { Memory } from '../model/memory.ts';

/**
 * Where the daemon's memory is. Synchronous: a decision and its intents are one transaction, on disk when
 * `commit` returns. One writer for each site.
 */
export interface Store {
  /** All that the core needs to go on: read once, at the start. */
  load(): StoredState;
  /** Writes all of it or nothing. Throws StoreError. */
  commit(batch: Batch): void;
  /** Newest first. */
  journal(query: JournalQuery): readonly StoredJournalEntry[];
  /** Any instance, ended ones too while they are kept; null if unknown. */
  instance(id: InstanceId): Instance | null;
  /** Those that have ended and are still kept, newest end first. */
  endedInstances(limit: number): readonly Instance[];
  /** What the adapter of a queue keeps; each queue has its own. */
  memory(queue: QueueName): Memory;
  /** What has been used; see Batch for what a tick adds. */
  readonly accounts: Accounts;
  /** Drops journal entries and ended instances and intents older than that, a bounded number at a call; returns how many. */
  prune(beforeMs: number): number;
  close(): void;
}

export interface StoredState {
  readonly site: SiteId;
  /** Daemon time of the last commit; null in a new store. */
  readonly nowMs: number | null;
  /** Ids and jitter are made from the site and this counter: it never goes back. */
  readonly sequence: number;
  /** All that have not ended. */
  readonly instances: readonly Instance[];
  /** All that are open or unknown, and every one that has an instance which has not ended. */
  readonly intents: readonly Intent[];
  readonly facts: readonly Fact[];
  /** Of all machines that have not ended. */
  readonly machineUses: readonly MachineUse[];
}

/** What a tick changed. */
export interface Batch {
  readonly nowMs: number;
  /** Epoch ms by the wall clock, for people who read the journal. */
  readonly wallMs: number;
  readonly sequence: number;
  readonly intents: readonly Intent[];
  readonly instances: readonly Instance[];
  readonly facts: readonly Fact[];
  readonly journal: readonly JournalEntry[];
  /** As they are now; absent: none has changed. */
  readonly machineUses?: readonly MachineUse[];
  /** To be added to the sums of their accounts; absent: nothing. */
  readonly usage?: readonly UsageRow[];
}

export type UsageGrain = 'day' | 'month' | 'all';

/** Accounts of use, and the messages that report it. All throw StoreError. */
export interface Accounts {
  /**
   * The sums of the days from the one up to, and not with, the other, in no order. A row may stand for several days of the
   * grain, under the first of them: asked for `all`, they are as many as the accounts, however many days there are.
   */
  usage(days: {
    readonly from: number;
    readonly to: number;
    readonly grain: UsageGrain;
  }): readonly UsageRow[];
  /**
   * Machines that have ended since they were last reported, and those that began before `beforeMs` and are had still or
   * ended later, as far as they have not been reported up to it. By their names, those after the one only.
   */
  unreported(query: {
    readonly beforeMs: number;
    readonly after: InstanceId | null;
    readonly limit: number;
  }): readonly UnreportedMachine[];
  /** Marks machines as reported and keeps the messages that report them: both or neither. */
  report(messages: readonly ReportMessage[], marks: readonly ReportMark[]): void;
  /** Those that are not known to be in place, in the order in which they were made. */
  messages(): readonly ReportMessage[];
  /** Before a message is put in place; null: it was not put there after all. */
  placing(name: string, folder: string | null): void;
  /** It is in place, and forgotten here. */
  placed(name: string): void;
  /** Drops sums of days before the one, and machines that ended before the other, some hundred at a call; returns how many. */
  prune(before: { readonly day: number; readonly endedMs: number }): number;
}

/** Something learned that outlives a restart: a JSON value under a key. */
export interface Fact {
  readonly key: string;
  readonly value: unknown;
}

export interface JournalQuery {
  readonly limit: number;
  readonly kinds?: readonly JournalKind[];
  readonly instance?: InstanceId;
  readonly intent?: IntentId;
  readonly pool?: PoolName;
  readonly cloud?: CloudName;
  readonly offer?: OfferName;
  /** Only entries with a greater number: for following. */
  readonly afterNumber?: number;
  /** Only entries with a smaller number: for reading on where an answer ended. */
  readonly beforeNumber?: number;
  readonly sinceMs?: number;
  /** The oldest of what is asked for come first, and are what a limit leaves; absent: the newest. */
  readonly oldestFirst?: boolean;
}

export interface StoredJournalEntry extends JournalEntry {
  readonly number: number;
  readonly wallMs: number;
}

/**
 * locked: another daemon has it. corrupt: not a database, or damaged. newer: written by a later version.
 * otherSite: belongs to another site id. full: no room on the disk. io: the disk or file system failed.
 */
export const storeErrorCodes = ['locked', 'corrupt', 'newer', 'otherSite', 'full', 'io'] as const;
export type StoreErrorCode = (typeof storeErrorCodes)[number];

export class StoreError extends Error {
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'StoreError';
    this.code = code;
  }
}
