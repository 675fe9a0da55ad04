import type { Terms } from './billing.ts';
import type { CloudId, CloudName, InstanceId, OfferName, PoolName, QueueName } from './ids.ts';
import type { Resources } from './resources.ts';

/**
 * Use of machines, as it is accounted for. A machine is had from its intent until the cloud says that it is gone, as its
 * bill has it; what its jobs use of it is what views of its queue show. All times are daemon time in ms, days are UTC's.
 */

/** What one user's jobs take of a machine, as the newest view showed it. */
export interface OpenUse {
  readonly user: string | null;
  readonly group: string | null;
  readonly cpus: number;
  /** Sorted; empty where the scheduler does not tell. */
  readonly jobIds: readonly string[];
}

/** One machine: what it is, and what has been made of it. Kept until it has ended and has been reported. */
export interface MachineUse {
  readonly instance: InstanceId;
  readonly cloudId: CloudId;
  readonly pool: PoolName;
  readonly queue: QueueName;
  readonly offer: OfferName;
  readonly cloud: CloudName;
  /** For whose jobs it was launched; null: nobody's. */
  readonly user: string | null;
  readonly group: string | null;
  /** As its offer said when it was launched; nothing where the offer was not known. */
  readonly resources: Resources;
  readonly terms: Terms;
  readonly startedAtMs: number;
  readonly endedAtMs: number | null;
  /** Until `sinceMs`: the time in which it had a job, its cores × the time in which they had one, and the jobs that ended. */
  readonly busyMs: number;
  readonly busyCoreMs: number;
  readonly jobs: number;
  /** The last month in which it was busy, and its `busyCoreMs` when that began; null: not busy yet. */
  readonly month: { readonly index: number; readonly busyCoreMs: number } | null;
  /** What goes on since then; nothing: it has no job. */
  readonly uses: readonly OpenUse[];
  readonly sinceMs: number;
}

/** Whose use it is, and of what; sums are kept by these and by the day. */
export interface UsageKey {
  /** Days since 1970. */
  readonly day: number;
  readonly queue: QueueName;
  readonly pool: PoolName;
  readonly cloud: CloudName;
  readonly offer: OfferName;
  /** Of what a machine costs: for whom it was launched. Of what jobs used: whose they were. */
  readonly user: string | null;
  readonly group: string | null;
  /** Of the machine's price, ISO 4217; null: its price is not known. */
  readonly currency: string | null;
}

export const usageAmounts = [
  'machines', // that began on that day
  'machineMs',
  'coreMs',
  'memoryMiBSeconds',
  'cost',
  'busyMs', // in which it had a job of theirs
  'busyCoreMs',
  'jobs', // that were seen on a machine, and then not any more
] as const;
export type UsageAmount = (typeof usageAmounts)[number];

export interface UsageRow extends UsageKey, Readonly<Record<UsageAmount, number>> {}

/** What use can be told apart by. */
export const usageKeys = ['user', 'group', 'pool', 'cloud', 'offer', 'queue', 'day', 'month'] as const;
export type UsageKeyName = (typeof usageKeys)[number];

/** A message of usage records on its way to a folder: made in the store first, so that none is lost or doubled. */
export interface ReportMessage {
  /** Of the file. */
  readonly name: string;
  readonly text: string;
  readonly records: number;
  readonly madeAtMs: number;
  /** Where its file may be already, from just before it is put in place; null: nowhere. */
  readonly folder: string | null;
}

/** Until when a machine's use has been reported. */
export interface ReportMark {
  readonly instance: InstanceId;
  readonly untilMs: number;
}

/** A machine that has something to report, and how far it has been. */
export interface UnreportedMachine {
  readonly machine: MachineUse;
  readonly reportedUntilMs: number | null;
}
