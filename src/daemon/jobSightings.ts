import type { QueueSnapshot, Worker } from '../model/demand.ts';
import type { InstanceId, QueueName } from '../model/ids.ts';
import type { JournalEntry } from '../model/journal.ts';

/**
 * The jobs that our machines have, as views show them: for the trace of the site that `spillway journal export` writes.
 * Nothing decides by it, and a restart forgets it: a job that goes on over one seems to begin anew.
 */
export type JobSightings = ReadonlyMap<string, JobSighting>;

export interface JobSighting {
  readonly instance: InstanceId;
  readonly firstMs: number;
  readonly lastMs: number;
  /** Its share of what all jobs of the worker take. */
  readonly cpus: number;
  readonly user: string | null;
}

/** How the journal has it: daemon time, in ms. */
export type EndedJobRow = readonly [
  id: string,
  firstMs: number,
  lastMs: number,
  cpus: number,
  user: string | null,
];

export const noJobSightings: JobSightings = new Map();

/** More are not followed. */
const jobsMax = 200_000;
/** In one journal entry. */
const rowsMax = 200;

/**
 * With a new view: what is seen now, and journal entries of the jobs that are not there any more. Only a complete view
 * says that. A job that is shorter than the time between two views is not seen at all. Linear in jobs; pure.
 */
export function sightJobs(
  before: JobSightings,
  view: QueueSnapshot,
): { readonly after: JobSightings; readonly entries: readonly JournalEntry[] } {
  const after = new Map<string, JobSighting>();
  for (const worker of view.workers) {
    const { instance, jobIds = [] } = worker;
    if (instance === null) continue;
    for (const id of jobIds) {
      const known = before.get(id);
      if (after.size >= jobsMax) break;
      if (known?.instance === instance) after.set(id, { ...known, lastMs: view.takenAtMs });
      else after.set(id, firstSight(worker, instance, view.takenAtMs));
    }
  }
  const gone = [...before].filter(([id]) => !after.has(id));
  if (!view.workersComplete) {
    for (const [id, sighting] of gone) after.set(id, sighting);
    return { after, entries: [] };
  }
  const rows = gone.map(
    ([id, { firstMs, lastMs, cpus, user }]): EndedJobRow => [id, firstMs, lastMs, cpus, user],
  );
  const entries: JournalEntry[] = [];
  for (let at = 0; at < rows.length; at += rowsMax) {
    const some = rows.slice(at, at + rowsMax);
    const why = some.length === 1 ? 'a job has ended' : `${some.length} jobs have ended`;
    entries.push({ kind: 'jobs', atMs: view.takenAtMs, why, data: { jobs: JSON.stringify(some) } });
  }
  return { after, entries };
}

/** Takes each new view of any queue; returns what the journal is to be told. */
export function createJobWatch(): (view: QueueSnapshot) => readonly JournalEntry[] {
  const sightings = new Map<QueueName, JobSightings>();
  return (view) => {
    const { after, entries } = sightJobs(sightings.get(view.queue) ?? noJobSightings, view);
    sightings.set(view.queue, after);
    return entries;
  };
}

function firstSight(worker: Worker, instance: InstanceId, atMs: number): JobSighting {
  const { usage = [], jobIds = [], total } = worker;
  const used = usage.reduce((sum, { cpus }) => sum + cpus, 0);
  const cpus = Math.max(1, Math.round((used > 0 ? used : total.cpus) / Math.max(1, jobIds.length)));
  const [only] = usage;
  return {
    instance,
    firstMs: atMs,
    lastMs: atMs,
    cpus,
    user: usage.length === 1 ? (only?.user ?? null) : null,
  };
}
