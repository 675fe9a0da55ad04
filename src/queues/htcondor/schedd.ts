import { createHash } from 'node:crypto';
import { QueueError } from '../../model/errors.ts';
import { type JobClass, JobClasses } from './job-classes.ts';
import type { LogSource } from './log-source.ts';
import type { Tools } from './tools.ts';
import { parseTotals, type Totals } from './totals.ts';

/**
 * Universes of jobs that a machine could run: vanilla, java, parallel and vm. Local and scheduler jobs run on the
 * submit host, grid jobs elsewhere.
 */
export const universes: readonly number[] = [5, 10, 11, 13];

export const waiting = `JobStatus == 1 && (${universes.map((number) => `JobUniverse == ${number}`).join(' || ')})`;

/** What one schedd was seen to hold. */
export interface ScheddView {
  readonly totals: Totals;
  readonly classes: readonly JobClass[];
  /** False where there are more kinds of jobs than are kept, or where fewer came than the totals say. */
  readonly complete: boolean;
  /** What the classes were read with. */
  readonly projection: string;
  /** Monotonic ms at which they were read. */
  readonly readAtMs: number;
  /** Null where the queue is small, or its clusters too many to tell. */
  readonly shape: string | null;
}

export interface ScheddQuery {
  /** Null: the schedd of this host. */
  readonly name: string | null;
  readonly projection: string;
  readonly nowMs: number;
  /** A queue of so many waiting jobs that has not changed is not read again before `rereadAfterMs` are over. */
  readonly bigQueueJobs: number;
  readonly rereadAfterMs: number;
  /** Its job_queue.log is read in place of `condor_q -long`; null: not. */
  readonly log: LogSource | null;
}

/**
 * One schedd's waiting jobs by class. Totals first: they cost the same for any queue, and tell both an empty queue
 * and a query that has lost its answer. Throws QueueError; `malformed` where the jobs that came are far fewer than
 * the schedd says that there are.
 */
export async function readSchedd(
  tools: Tools,
  query: ScheddQuery,
  before: ScheddView | undefined,
  signal: AbortSignal,
): Promise<ScheddView> {
  const totals = await readTotals(tools, query.name, signal);
  const { projection, nowMs } = query;
  if (totals.matching === 0)
    return { totals, classes: [], complete: true, projection, readAtMs: nowMs, shape: null };
  const told = await query.log?.jobs(
    { projection, totals },
    () => readTotals(tools, query.name, signal),
    signal,
  );
  if (told !== undefined && told !== null) return viewOf(told, { totals, projection, nowMs });
  const shape =
    totals.matching < query.bigQueueJobs ? null : await shapeOf(tools, query.name, totals, signal);
  const fresh = before !== undefined && nowMs - before.readAtMs < query.rereadAfterMs;
  if (fresh && shape !== null && before.shape === shape && before.projection === projection) return before;

  const jobs = new JobClasses();
  const args = [...where(query.name), '-constraint', waiting, '-attributes', projection];
  await tools.ads('condor_q', args, jobs.take, signal);
  const whole = await isWhole(tools, query.name, { seen: jobs.count, totals }, signal);
  const view = viewOf(jobs, { totals, projection, nowMs });
  return { ...view, complete: whole && view.complete, shape };
}

function viewOf(
  jobs: JobClasses,
  { totals, projection, nowMs }: { totals: Totals; projection: string; nowMs: number },
): ScheddView {
  const { complete } = jobs;
  return { totals, classes: jobs.all(), complete, projection, readAtMs: nowMs, shape: null };
}

/** With more than this share of the jobs missing it is no view at all. */
const missingMax = 0.5;
/** Jobs start while they are read: so large a share may be missing from a whole view. */
const startedMax = 0.02;

/**
 * Whether as many jobs came as the totals say. Where fewer did, jobs may have started in between; then the totals say so
 * by now. Throws `malformed` where far fewer did.
 */
async function isWhole(
  tools: Tools,
  name: string | null,
  { seen, totals }: { readonly seen: number; readonly totals: Totals },
  signal: AbortSignal,
): Promise<boolean> {
  if (seen >= totals.matching) return true;
  const again = await readTotals(tools, name, signal);
  const said = Math.min(totals.matching, again.matching);
  if (seen < again.matching * (1 - missingMax)) {
    const counts = `${seen} jobs, but totals of ${again.matching}`;
    throw new QueueError('malformed', `condor_q: ${totals.schedd} answers with ${counts}`);
  }
  return seen >= said * (1 - startedMax);
}

async function readTotals(tools: Tools, name: string | null, signal: AbortSignal): Promise<Totals> {
  return parseTotals(
    await tools.text('condor_q', [...where(name), '-totals', '-constraint', waiting], signal),
  );
}

export function where(name: string | null): readonly string[] {
  return name === null ? ['-allusers'] : ['-name', name, '-allusers'];
}

/**
 * Totals and autoclusters: both cost the same for 100 jobs and for 100,000. Autoclusters count jobs in every state
 * and know only the attributes that the negotiator finds significant; they come and go with the kinds of machines.
 * So they are no demand, but where neither they nor the totals have changed, the queue hardly has. Null: there are
 * so many clusters that asking for the jobs themselves is as cheap.
 */
async function shapeOf(
  tools: Tools,
  name: string | null,
  totals: Totals,
  signal: AbortSignal,
): Promise<string | null> {
  try {
    const clusters = await tools.text('condor_q', [...where(name), '-autocluster', '-json'], signal);
    return `${totals.text}\n${createHash('sha256').update(clusters).digest('hex')}`;
  } catch (error) {
    if (error instanceof QueueError && error.code === 'malformed') return null;
    throw error;
  }
}
