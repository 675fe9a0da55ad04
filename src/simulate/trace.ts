/** A workload that was recorded: what a batch queue was asked for, and how long each job then ran. */
export interface Trace {
  /** In the order of submission; equal moments in the order of the file. */
  readonly jobs: readonly TraceJob[];
  /** Lines that are no job to replay, by why they were left out. */
  readonly skipped: SkippedJobs;
  readonly header: TraceHeader;
}

export interface TraceJob {
  /** Its number in the file. */
  readonly id: number;
  /** From the first job's submission on. */
  readonly submitSeconds: number;
  /** How long it waited where it was recorded; no policy of ours reads it. */
  readonly waitSeconds: number | null;
  /** More than 0. */
  readonly runSeconds: number;
  /** All that it holds from its start to its end; at least 1. */
  readonly processors: number;
  /** Of the whole job. A multiple of 1/1024. */
  readonly memoryMiB: number | null;
  /** The walltime that its owner asked for. */
  readonly requestedSeconds: number | null;
  readonly user: string | null;
  readonly group: string | null;
  readonly queue: string | null;
  /** The number of the program: the same owner's jobs with the same number are likely alike. */
  readonly executable: number | null;
  readonly completion: Completion | null;
  /** The job that had to end first, and how long its owner then thought before this one was submitted. */
  readonly precedingJob: number | null;
  readonly thinkSeconds: number | null;
  /** How its processors are spread on machines, where the trace says so. */
  readonly nodes: readonly TraceNodes[] | null;
}

/** `count` machines with so many processors each. */
export interface TraceNodes {
  readonly count: number;
  readonly processors: number;
  /** What else the machines must be: architecture, cluster, city. */
  readonly properties: readonly string[];
  /** No other job may run on them at the same time. */
  readonly exclusive: boolean;
}

export const completions = ['completed', 'failed', 'cancelled'] as const;
export type Completion = (typeof completions)[number];

/** Why a line is no job to replay. */
export const skipReasons = ['neverRan', 'unknownRunTime', 'noProcessors', 'partOfJob'] as const;
export type SkipReason = (typeof skipReasons)[number];
export type SkippedJobs = Readonly<Record<SkipReason, number>>;

export interface TraceHeader {
  /** When the first job was submitted; null where the trace's times are relative to nothing that is known. */
  readonly startUnixSeconds: number | null;
  /** The header comments with a label, as they stand; the first of each. */
  readonly labels: ReadonlyMap<string, string>;
}
