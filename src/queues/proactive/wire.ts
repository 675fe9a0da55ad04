import { z } from 'zod';
import { QueueError } from '../../model/errors.ts';

/**
 * What the server sends, as far as it is used. Releases differ in their fields, so all that can be done without may be
 * missing; what a row cannot be read without, makes it a bad row, which is left out and counted.
 */

/** Names to texts; a map, as names are users' own. */
export type Words = ReadonlyMap<string, string>;
export const noWords: Words = new Map();

const words = z.unknown().transform((value): Words => {
  if (typeof value !== 'object' || value === null) return noWords;
  const said = Object.entries(value).flatMap(([key, text]) =>
    typeof text === 'string' ? [[key, text] as const] : [],
  );
  return said.length === 0 ? noWords : new Map(said);
});
const count = z
  .number()
  .int()
  .min(0)
  .nullish()
  .transform((value) => value ?? 0);
/** Epoch ms; the server's 0 is "not yet". */
const moment = z
  .number()
  .nullish()
  .transform((value) => (value === null || value === undefined || value <= 0 ? null : value));
const text = z
  .string()
  .nullish()
  .transform((value) => value ?? null);
/** `12`, as a number or a text. */
const numberText = z
  .union([z.number().int().min(0), z.string().regex(/^\d{1,19}$/)])
  .transform((value) => String(value));

const userJob = z
  .object({
    jobOwner: text,
    jobInfo: z.object({
      jobId: z.object({ id: numberText, readableName: text }),
      status: z.string(),
      jobOwner: text,
      submittedTime: moment,
      totalNumberOfTasks: z.number().int().min(0),
      numberOfRunningTasks: count,
      numberOfFinishedTasks: count,
      numberOfFailedTasks: count,
      numberOfFaultyTasks: count,
      numberOfInErrorTasks: count,
      numberOfPendingTasks: count,
      priority: text,
      tenant: text,
      genericInformation: words,
    }),
  })
  .transform(({ jobOwner, jobInfo }): JobRow => jobRow(jobInfo, jobOwner));

const jobInfo = userJob.in.shape.jobInfo.transform((info) => jobRow(info, null));

/** A job as lists show it. */
export interface JobRow {
  readonly id: string;
  readonly name: string | null;
  readonly status: string;
  readonly owner: string | null;
  readonly tenant: string | null;
  readonly priority: string | null;
  readonly submittedAtMs: number | null;
  readonly tasks: number;
  readonly running: number;
  /** In an error that somebody must look at. */
  readonly inError: number;
  /** Those that are neither running nor over nor in error. */
  readonly waiting: number;
  readonly words: Words;
  /** The same as long as nothing of all that has changed, and no task has begun or ended. */
  readonly signature: string;
}

function jobRow(info: z.output<typeof userJob.in.shape.jobInfo>, owner: string | null): JobRow {
  const { numberOfRunningTasks, numberOfInErrorTasks, totalNumberOfTasks } = info;
  const over = info.numberOfFinishedTasks + info.numberOfFailedTasks + info.numberOfFaultyTasks;
  return {
    id: info.jobId.id,
    name: info.jobId.readableName,
    status: info.status,
    owner: info.jobOwner ?? owner,
    tenant: info.tenant,
    priority: info.priority,
    submittedAtMs: info.submittedTime,
    tasks: totalNumberOfTasks,
    running: numberOfRunningTasks,
    inError: numberOfInErrorTasks,
    waiting: Math.max(0, totalNumberOfTasks - numberOfRunningTasks - over - numberOfInErrorTasks),
    words: info.genericInformation,
    signature: [
      info.status,
      info.priority ?? '',
      totalNumberOfTasks,
      info.numberOfPendingTasks,
      numberOfRunningTasks,
      info.numberOfFinishedTasks,
      info.numberOfFailedTasks,
      info.numberOfFaultyTasks,
      numberOfInErrorTasks,
      ...[...info.genericInformation].flat(),
    ].join('\n'),
  };
}

const task = z
  .object({
    name: text,
    parallelEnvironment: z.object({ nodesNumber: z.number().int().min(1) }).nullish(),
    genericInformation: words,
    taskInfo: z.object({
      taskId: z.object({ id: numberText, readableName: text }),
      taskStatus: z.string(),
    }),
  })
  .transform(
    (raw): TaskRow => ({
      id: raw.taskInfo.taskId.id,
      name: raw.taskInfo.taskId.readableName ?? raw.name ?? '',
      status: raw.taskInfo.taskStatus,
      nodes: raw.parallelEnvironment?.nodesNumber ?? 1,
      words: raw.genericInformation,
    }),
  );

export interface TaskRow {
  /** Within its job. */
  readonly id: string;
  readonly name: string;
  readonly status: string;
  /** Nodes that it needs at the same time. */
  readonly nodes: number;
  readonly words: Words;
}

const node = z
  .object({
    nodeUrl: z.string().min(1).max(2000),
    nodeSource: text,
    hostName: text,
    nodeState: z.string(),
    nodeProvider: text,
    nodeOwner: text,
    locked: z.boolean().nullish(),
    isLocked: z.boolean().nullish(),
    tokens: z.unknown(),
  })
  .transform(
    (raw): NodeRow => ({
      url: raw.nodeUrl,
      source: raw.nodeSource,
      host: raw.hostName,
      state: raw.nodeState,
      provider: raw.nodeProvider,
      owner: raw.nodeOwner,
      locked: raw.locked ?? raw.isLocked ?? false,
      tokens: Array.isArray(raw.tokens)
        ? raw.tokens.filter((one): one is string => typeof one === 'string')
        : [],
    }),
  );

export interface NodeRow {
  readonly url: string;
  readonly source: string | null;
  readonly host: string | null;
  readonly state: string;
  /** Who has added it. */
  readonly provider: string | null;
  /** Whose task it has. */
  readonly owner: string | null;
  readonly locked: boolean;
  /** Only tasks that name one of them may use it; empty: everybody's. */
  readonly tokens: readonly string[];
}

const source = z
  .object({ nodeSourceName: text, sourceName: text, nodeSourceStatus: text })
  .transform((raw) => ({
    name: raw.nodeSourceName ?? raw.sourceName ?? '',
    isDeployed: raw.nodeSourceStatus === null || /^(nodes[-_ ])?deployed$/i.test(raw.nodeSourceStatus),
  }));
export type SourceRow = z.output<typeof source>;

export interface Rows<Row> {
  readonly rows: readonly Row[];
  /** Those that could not be read. */
  readonly bad: number;
}

function rowsOf<Row>(schema: z.ZodType<Row>, values: readonly unknown[]): Rows<Row> {
  const rows: Row[] = [];
  for (const value of values) {
    const read = schema.safeParse(value);
    if (read.success) rows.push(read.data);
  }
  return { rows, bad: values.length - rows.length };
}

function envelope<Value>(what: string, schema: z.ZodType<Value>, value: unknown): Value {
  const read = schema.safeParse(value);
  if (!read.success) throw new QueueError('malformed', `${what}: the answer is not what ProActive sends`);
  return read.data;
}

const jobsPage = z.object({ size: z.number().int().min(0), map: z.record(z.string(), z.array(z.unknown())) });
const tasksPage = z.object({ size: z.number().int().min(0), list: z.array(z.unknown()) });
const fullMonitoring = z.object({
  nodeSource: z.array(z.unknown()).nullish(),
  nodesEvents: z.array(z.unknown()),
});

/** `size`: of all pages together. */
export function readJobsPage(value: unknown): Rows<JobRow> & { readonly size: number } {
  const { size, map } = envelope('jobs', jobsPage, value);
  return { ...rowsOf(userJob, Object.values(map).flat()), size };
}

export function readTasksPage(value: unknown): Rows<TaskRow> & { readonly size: number } {
  const { size, list } = envelope('tasks', tasksPage, value);
  return { ...rowsOf(task, list), size };
}

export function readJobInfo(value: unknown): JobRow {
  return envelope('job', jobInfo, value);
}

export function readMonitoring(value: unknown): {
  readonly nodes: Rows<NodeRow>;
  readonly sources: Rows<SourceRow>;
} {
  const { nodesEvents, nodeSource } = envelope('nodes', fullMonitoring, value);
  return { nodes: rowsOf(node, nodesEvents), sources: rowsOf(source, nodeSource ?? []) };
}

/** The number of nodes that the resource manager counts; null where it does not say. */
export function readNodeCount(value: unknown): number | null {
  const said = envelope('state', z.object({ totalNodesNumber: z.number().int().nullish() }), value);
  return said.totalNodesNumber ?? null;
}

/** What became of an order to a node source. */
export function readOutcome(value: unknown): { readonly done: boolean; readonly why: string } {
  const said = envelope('node source', z.object({ result: z.boolean(), errorMessage: text }), value);
  return { done: said.result, why: said.errorMessage ?? '' };
}
