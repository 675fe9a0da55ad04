import type { Clock } from '../../model/clock.ts';
import { QueueError } from '../../model/errors.ts';
import type { Log } from '../../model/log.ts';
import { type Dependencies, dependenciesOf } from './dependencies.ts';
import { inParallel } from './parallel.ts';
import type { Rest } from './rest.ts';
import type { ProactiveSettings } from './settings.ts';
import { type TaskView, viewTasks } from './tasks.ts';
import { type JobRow, readJobInfo, readJobsPage, readTasksPage, type TaskRow } from './wire.ts';

export interface SeenJob {
  readonly row: JobRow;
  readonly tasks: TaskView;
}

/** All jobs that have not ended. The same object as before where nothing has changed. */
export interface JobsView {
  readonly jobs: readonly SeenJob[];
  /** False where the tasks of some are still to be read, or a job may have slipped between two pages. */
  readonly complete: boolean;
  /** By the monotonic clock: when it was begun. */
  readonly askedAtMs: number;
}

export interface JobReader {
  /**
   * One request where nothing has changed; else the list of jobs, and the tasks of those that have changed. `isOfInterest`:
   * a job whose tasks are wanted though none of them waits.
   */
  read(isOfInterest: (job: string) => boolean, signal: AbortSignal): Promise<JobsView>;
  /** The last view, where one request shows that it still holds; else null. */
  same(signal: AbortSignal): Promise<JobsView | null>;
  /** One job with all its tasks and what each waits for; null: there is none. */
  one(job: string, signal: AbortSignal): Promise<WholeJob | null>;
  /** The scheduler's revision now. */
  revision(signal: AbortSignal): Promise<string>;
  /** The revision that the last view was made of; null: none. */
  readonly seen: string | null;
}

export interface WholeJob {
  readonly row: JobRow;
  readonly tasks: readonly TaskRow[];
  readonly dependencies: Dependencies;
}

interface Known {
  readonly row: JobRow;
  /** Null: not read yet. */
  readonly tasks: TaskView | null;
  /** Null: not known. */
  readonly dependencies: Dependencies | null;
  readonly readAtMs: number;
}

const jobsMax = 500_000;
const tasksPerJobMax = 1_000_000;
const readersMax = 4;
/** Rows of a page that are read again with the next one, so that jobs which end meanwhile hide none. */
const overlapMax = 20;
/** Of jobs that seem unchanged so many are read again in a poll when their time has come. */
const rereadMax = 20;
const nothing: TaskView = { ready: [], marked: [], held: 0 };

export function createJobReader(
  rest: Rest,
  settings: Pick<ProactiveSettings, 'pageSize' | 'jobsPerPollMax' | 'rereadAfterMs'>,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): JobReader {
  const overlap = Math.min(overlapMax, Math.floor(settings.pageSize / 4));
  let known = new Map<string, Known>();
  let last: { readonly revision: string; readonly session: number; readonly view: JobsView } | null = null;
  let badBefore = 0;
  let orderUnknown = false;

  const revision = async (signal: AbortSignal): Promise<string> => {
    const said = (
      await rest.text({ half: 'scheduler', method: 'GET', path: '/state/revision' }, signal)
    ).trim();
    if (!/^-?\d{1,19}$/.test(said)) throw new QueueError('malformed', 'the revision is no number');
    return said;
  };

  /** Whether the list can be trusted to be whole: each page begins with jobs that the one before had. */
  async function listJobs(signal: AbortSignal): Promise<{ rows: JobRow[]; whole: boolean; bad: number }> {
    const rows = new Map<string, JobRow>();
    let bad = 0;
    let whole = true;
    for (let index = 0, before: string | null = null; ; ) {
      const page = readJobsPage(
        await rest.json(
          {
            half: 'scheduler',
            method: 'GET',
            path: '/revisionjobsinfo',
            query: {
              index,
              limit: settings.pageSize,
              myjobs: false,
              pending: true,
              running: true,
              finished: false,
              sortParams: 'ID_a',
            },
          },
          signal,
        ),
      );
      const received = page.rows.length + page.bad;
      if (before !== null && !page.rows.some(({ id }) => id === before)) whole = false;
      for (const row of page.rows) rows.set(row.id, row);
      bad += page.bad;
      if (page.size > jobsMax) throw new QueueError('malformed', `more than ${jobsMax} jobs`);
      if (index + received >= page.size) return { rows: [...rows.values()], whole, bad };
      if (received <= overlap) throw new QueueError('malformed', 'jobs: a page is shorter than it must be');
      before = page.rows.at(-1)?.id ?? null;
      index += received - overlap;
    }
  }

  async function listTasks(job: string, signal: AbortSignal): Promise<readonly TaskRow[]> {
    const tasks = new Map<string, TaskRow>();
    for (let offset = 0; ; ) {
      const page = readTasksPage(
        await rest.json(
          {
            half: 'scheduler',
            method: 'GET',
            path: `/jobs/${job}/taskstates/paginated`,
            query: { offset, limit: settings.pageSize },
          },
          signal,
        ),
      );
      for (const task of page.rows) tasks.set(task.id, task);
      offset += page.rows.length + page.bad;
      if (offset >= page.size) return [...tasks.values()];
      if (page.rows.length + page.bad === 0 || offset > tasksPerJobMax)
        throw new QueueError('malformed', `tasks of job ${job}: a page is shorter than it must be`);
    }
  }

  /** Only a job of several tasks has an order; it does not change. */
  async function orderOf({ id, tasks }: JobRow, before: Known | undefined, signal: AbortSignal) {
    if (before?.dependencies != null && before.row.tasks > 1) return before.dependencies;
    if (tasks < 2) return new Map();
    try {
      const call = {
        half: 'scheduler',
        method: 'GET',
        path: `/jobs/${id}/xml`,
        headers: { accept: 'application/xml' },
      } as const;
      return dependenciesOf(await rest.text(call, signal));
    } catch (error) {
      const isGone =
        error instanceof QueueError && ['notFound', 'malformed', 'denied', 'invalid'].includes(error.code);
      if (!isGone) throw error;
      if (!orderUnknown)
        log.warn({ job: id, why: error.message }, 'the order of tasks cannot be read: all that wait count');
      orderUnknown = true;
      return new Map();
    }
  }

  async function readTasks(
    row: JobRow,
    before: Known | undefined,
    signal: AbortSignal,
  ): Promise<Known | null> {
    try {
      const rows = await listTasks(row.id, signal);
      const dependencies = await orderOf(row, before, signal);
      return { row, dependencies, tasks: viewTasks(row, rows, dependencies), readAtMs: clock.monotonicNow() };
    } catch (error) {
      // It ended between the list and now.
      if (error instanceof QueueError && error.code === 'notFound') return null;
      throw error;
    }
  }

  async function readAll(isOfInterest: (job: string) => boolean, askedAtMs: number, signal: AbortSignal) {
    const { rows, whole, bad } = await listJobs(signal);
    if (bad > 0 && bad !== badBefore) log.warn({ jobs: bad }, 'jobs that cannot be understood are left out');
    badBefore = bad;
    const next = new Map<string, Known>();
    const wanted: JobRow[] = [];
    let old = 0;
    for (const row of rows) {
      const before = known.get(row.id);
      const isSame = before?.row.signature === row.signature && before.tasks !== null;
      const isOld = isSame && old < rereadMax && askedAtMs >= before.readAtMs + settings.rereadAfterMs;
      if (isOld) old += 1;
      if (isSame && !isOld) next.set(row.id, { ...before, row });
      else if (row.waiting === 0 && !before?.tasks?.marked.length && !isOfInterest(row.id))
        // All that it has runs: what it holds is known without its tasks, until one of them waits again.
        next.set(row.id, {
          row,
          tasks: null,
          dependencies: before?.dependencies ?? null,
          readAtMs: askedAtMs,
        });
      else wanted.push(row);
    }
    const now = wanted.slice(0, settings.jobsPerPollMax);
    // What has been read is kept even if a later call fails: the next poll goes on from there.
    try {
      await inParallel(now, readersMax, async (row) => {
        const read = await readTasks(row, known.get(row.id), signal);
        if (read !== null) next.set(row.id, read);
      });
    } finally {
      known = next;
    }
    const jobs = [...next.values()].map(({ row, tasks }): SeenJob => ({ row, tasks: tasks ?? nothing }));
    return { jobs, complete: whole && now.length === wanted.length, askedAtMs };
  }

  /** Another session may be with a scheduler that counts anew. */
  const isFresh = (now: string, atMs: number) =>
    last?.revision === now &&
    last.session === rest.sessions('scheduler') &&
    last.view.complete &&
    atMs < last.view.askedAtMs + settings.rereadAfterMs;
  const lastView = () => last?.view ?? null;

  return {
    revision,
    one: async (job, signal) => {
      try {
        const call = { half: 'scheduler', method: 'GET', path: `/jobs/${job}/info` } as const;
        const row = readJobInfo(await rest.json(call, signal));
        const tasks = await listTasks(job, signal);
        return { row, tasks, dependencies: await orderOf(row, known.get(job), signal) };
      } catch (error) {
        if (error instanceof QueueError && error.code === 'notFound') return null;
        throw error;
      }
    },
    get seen() {
      return last?.revision ?? null;
    },
    same: async (signal) => {
      const session = rest.sessions('scheduler');
      const now = await revision(signal);
      return isFresh(now, clock.monotonicNow()) && session === rest.sessions('scheduler') ? lastView() : null;
    },
    read: async (isOfInterest, signal) => {
      const askedAtMs = clock.monotonicNow();
      const now = await revision(signal);
      if (isFresh(now, askedAtMs) && last !== null) return last.view;
      const session = rest.sessions('scheduler');
      if (last !== null && last.session !== session) known = new Map();
      last = null;
      const view = await readAll(isOfInterest, askedAtMs, signal);
      last = { revision: now, session, view };
      return view;
    },
  };
}
