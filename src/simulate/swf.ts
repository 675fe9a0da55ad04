import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { parseSwfHeader, type SwfHeaderLine, type TraceNames, traceNames } from './swfHeader.ts';
import { parseResourceSpec } from './swfNodes.ts';
import type { Completion, SkipReason, Trace, TraceJob, TraceNodes } from './trace.ts';

/**
 * The Standard Workload Format of the Parallel Workloads Archive (version 2.2,
 * https://www.cs.huji.ac.il/labs/parallel/workload/swf.html): a line for each job, 18 numbers, -1 where a value is
 * not known, `;` before comments. MetaCentrum's logs have three fields more: the machines that the job ran on, its
 * queue's name and its resource specification; their requested memory is in bytes for each machine, not in KiB for each
 * processor.
 */
const fieldNames = [
  'job number',
  'submit time',
  'wait time',
  'run time',
  'allocated processors',
  'average CPU time',
  'used memory',
  'requested processors',
  'requested time',
  'requested memory',
  'status',
  'user',
  'group',
  'executable',
  'queue',
  'partition',
  'preceding job',
  'think time',
] as const;

/** Where each field stands in a line. */
const at = {
  id: 0,
  submit: 1,
  wait: 2,
  run: 3,
  processors: 4,
  usedMemory: 6,
  requestedProcessors: 7,
  requestedTime: 8,
  requestedMemory: 9,
  status: 10,
  user: 11,
  group: 12,
  executable: 13,
  queue: 14,
  precedingJob: 16,
  thinkTime: 17,
  queueName: 19,
  resourceSpec: 20,
} as const;

/** What is wrong in a trace, and where: `nasa.swf:12:4 run time: not a number: "x"`. */
export class TraceError extends Error {
  override readonly name = 'TraceError';
}

export interface ReadTraceOptions {
  readonly signal: AbortSignal;
  /** Beyond so many jobs the file is refused. */
  readonly jobsMax?: number;
}

const jobsMaxDefault = 10_000_000;
const lineCharsMax = 1 << 20;
const processorsMax = 10_000_000;
/** In September 1985 nobody wrote this format: a time beyond it counts from 1970. */
const unixTimeMin = 500_000_000;

/**
 * Reads a trace, unpacked if its name ends in `.gz`; never more of its text in memory than a chunk. Throws TraceError, or
 * the system's error where the file cannot be read.
 */
export async function readTrace(path: string, options: ReadTraceOptions): Promise<Trace> {
  const reader = createSwfReader(basename(path), options.jobsMax ?? jobsMaxDefault);
  let rest = '';
  for await (const chunk of textOf(path)) {
    options.signal.throwIfAborted();
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) reader.line(line);
    if (rest.length > lineCharsMax)
      throw new TraceError(`${basename(path)}: a line longer than ${lineCharsMax} characters`);
  }
  if (rest !== '') reader.line(rest);
  return reader.end();
}

async function* textOf(path: string): AsyncGenerator<string> {
  const isPacked = path.endsWith('.gz');
  const file = createReadStream(path);
  const text = isPacked ? pipeline(file, createGunzip(), () => undefined) : file;
  text.setEncoding('utf8');
  try {
    for await (const chunk of text) yield String(chunk);
  } catch (error) {
    const isZlib = error instanceof Error && 'code' in error && String(error.code).startsWith('Z_');
    if (isZlib) throw new TraceError(`${basename(path)}: not gzip, or cut off`, { cause: error });
    throw error;
  }
}

/** The trace in a text. Throws TraceError, which names the text as `name`. */
export function parseSwf(text: string, name = 'trace'): Trace {
  const reader = createSwfReader(name, jobsMaxDefault);
  for (const line of text.split('\n')) reader.line(line);
  return reader.end();
}

interface SwfReader {
  line(text: string): void;
  end(): Trace;
}

function createSwfReader(name: string, jobsMax: number): SwfReader {
  const header: SwfHeaderLine[] = [];
  const jobs: TraceJob[] = [];
  const skipped: Record<SkipReason, number> = {
    neverRan: 0,
    unknownRunTime: 0,
    noProcessors: 0,
    partOfJob: 0,
  };
  let lineNumber = 0;
  let words: Words | null = null;

  return {
    line: (text) => {
      lineNumber += 1;
      const trimmed = text.trim();
      if (trimmed === '') return;
      if (trimmed.startsWith(';')) {
        const line = parseSwfHeader(trimmed);
        if (line !== null) header.push(line);
        return;
      }
      words ??= { names: traceNames(header), texts: new Map(), specs: new Map() };
      const job = parseJob(trimmed.split(/\s+/), words, (field, wrong) => {
        const label = fieldNames[field] ?? (field === at.resourceSpec ? 'resource specification' : 'field');
        return new TraceError(`${name}:${lineNumber}:${field + 1} ${label}: ${wrong}`);
      });
      if (typeof job === 'string') skipped[job] += 1;
      else if (jobs.length >= jobsMax)
        throw new TraceError(`${name}:${lineNumber}:1 more than ${jobsMax} jobs`);
      else jobs.push(job);
    },
    end: () => finishTrace(jobs, skipped, header),
  };
}

function finishTrace(
  jobs: TraceJob[],
  skipped: Readonly<Record<SkipReason, number>>,
  header: readonly SwfHeaderLine[],
): Trace {
  jobs.sort((a, b) => a.submitSeconds - b.submitSeconds);
  const first = jobs[0]?.submitSeconds ?? 0;
  const labels = new Map<string, string>();
  for (const { label, text } of header) if (!labels.has(label)) labels.set(label, text);
  const base = Number(labels.get('UnixStartTime') ?? Number.NaN);
  const startUnixSeconds =
    first >= unixTimeMin ? first : Number.isFinite(base) && base > 0 ? base + first : null;
  return {
    jobs: first === 0 ? jobs : jobs.map((job) => ({ ...job, submitSeconds: job.submitSeconds - first })),
    skipped,
    header: { startUnixSeconds, labels },
  };
}

type WrongField = (field: number, wrong: string) => TraceError;

/** What many jobs say alike is held once: a million jobs have a few hundred users, queues and specifications. */
interface Words {
  readonly names: TraceNames;
  readonly texts: Map<string, string>;
  readonly specs: Map<string, readonly TraceNodes[]>;
}

function once(texts: Map<string, string>, text: string): string {
  const known = texts.get(text);
  if (known === undefined) texts.set(text, text);
  return known ?? text;
}

function nodesOf(specs: Words['specs'], spec: string): readonly TraceNodes[] | { readonly wrong: string } {
  const known = specs.get(spec);
  if (known !== undefined) return known;
  const nodes = parseResourceSpec(spec);
  if (typeof nodes === 'string') return { wrong: nodes };
  specs.set(spec, nodes);
  return nodes;
}

function parseJob(fields: readonly string[], words: Words, wrong: WrongField): TraceJob | SkipReason {
  if (fields.length < fieldNames.length)
    throw wrong(fields.length, `missing: ${fields.length} fields, not ${fieldNames.length}`);
  const number = (field: number): number => {
    const value = Number(fields[field]);
    if (!Number.isFinite(value)) throw wrong(field, `not a number: ${JSON.stringify(fields[field])}`);
    return value;
  };
  const known = (field: number): number | null => {
    const value = number(field);
    return value < 0 ? null : value;
  };
  const named = (field: number, kind: 'user' | 'group' | 'queue'): string | null => {
    const value = known(field);
    return value === null ? null : (words.names[kind].get(value) ?? once(words.texts, String(value)));
  };

  const id = number(at.id);
  const status = known(at.status);
  const submitSeconds = known(at.submit);
  if (submitSeconds === null) throw wrong(at.submit, 'unknown: a job cannot be replayed without it');
  // 2, 3 and 4 are the pieces of a job that was swapped out; the job itself has a line, too.
  if (status !== null && status >= 2 && status <= 4) return 'partOfJob';
  const runSeconds = known(at.run);
  if (runSeconds === null) return status === 5 ? 'neverRan' : 'unknownRunTime';
  if (runSeconds === 0) return 'neverRan';
  const processors = positive(number(at.processors)) ?? positive(number(at.requestedProcessors));
  if (processors === null) return 'noProcessors';
  if (!Number.isInteger(processors) || processors > processorsMax)
    throw wrong(at.processors, `${processors} is not a whole number up to ${processorsMax}`);

  const spec = fields[at.resourceSpec];
  const nodes = spec === undefined ? null : nodesOf(words.specs, spec);
  if (nodes !== null && 'wrong' in nodes) throw wrong(at.resourceSpec, nodes.wrong);
  const fitting = nodes !== null && processorsOf(nodes) === processors ? nodes : null;
  const queueName = spec === undefined ? undefined : fields[at.queueName];
  return {
    id,
    submitSeconds,
    waitSeconds: known(at.wait),
    runSeconds,
    processors,
    memoryMiB:
      spec === undefined
        ? memoryByProcessor(
            positive(number(at.requestedMemory)) ?? positive(number(at.usedMemory)),
            processors,
          )
        : memoryByNode(positive(number(at.requestedMemory)), fitting),
    requestedSeconds: positive(number(at.requestedTime)),
    user: named(at.user, 'user'),
    group: named(at.group, 'group'),
    queue: queueName === undefined ? named(at.queue, 'queue') : once(words.texts, queueName),
    executable: known(at.executable),
    completion: status === null ? null : (completionOf.get(status) ?? null),
    // MetaCentrum's logs have a 1 in both of each line.
    precedingJob: spec === undefined ? known(at.precedingJob) : null,
    thinkSeconds: spec === undefined ? known(at.thinkTime) : null,
    nodes: fitting,
  };
}

const completionOf: ReadonlyMap<number, Completion> = new Map([
  [0, 'failed'],
  [1, 'completed'],
  [5, 'cancelled'],
]);

const positive = (value: number): number | null => (value > 0 ? value : null);

const processorsOf = (nodes: readonly TraceNodes[]): number =>
  nodes.reduce((sum, node) => sum + node.count * node.processors, 0);

const memoryByProcessor = (kibibytes: number | null, processors: number): number | null =>
  kibibytes === null ? null : (kibibytes * processors) / 1024;

const memoryByNode = (bytes: number | null, nodes: readonly TraceNodes[] | null): number | null =>
  bytes === null
    ? null
    : (Math.ceil(bytes / 1024) * (nodes?.reduce((sum, node) => sum + node.count, 0) ?? 1)) / 1024;
