import { type ClassAd, withAttributes } from '../classad/ad.ts';
import { symmetricMatch } from '../classad/match.ts';
import type { Slot } from '../model/demand.ts';
import { type InstanceId, JobId, type QueueName, type WorkerId } from '../model/ids.ts';
import { addResources, type Resources, subtractResources, timesThatFit } from '../model/resources.ts';
import type { VirtualClock } from './virtualClock.ts';
import { createWaitingLines, type WaitingLines } from './waitingLines.ts';

/** Jobs that want the same: what the ad says, and what one of them takes. */
export interface JobClass {
  readonly name: string;
  readonly ad: ClassAd;
  /** Of each of its workers. */
  readonly request: Resources;
  readonly user?: string;
  readonly group?: string;
  readonly priority?: number;
  /** Machines that one job needs at the same time: more than one makes it a gang. */
  readonly workers?: number;
  readonly walltimeMs?: number;
}

export interface Job {
  readonly id: JobId;
  /** Its place in the order of submission, from 0. */
  readonly number: number;
  readonly jobClass: JobClass;
  readonly runMs: number;
  readonly submittedAtMs: number;
  /** Epoch ms by the wall clock: what the scheduler says. */
  readonly submittedAtWallMs: number;
  state: 'waiting' | 'running' | 'done' | 'removed';
  /** The first of its workers. */
  worker: WorkerId | null;
  startedAtMs: number | null;
  doneAtMs: number | null;
  /** How often it was begun. */
  starts: number;
}

/** A machine that has joined, as the scheduler knows it. */
export interface Startd {
  readonly id: WorkerId;
  readonly instance: InstanceId | null;
  readonly ad: ClassAd;
  readonly total: Resources;
  readonly running: Set<Job>;
  free: Resources;
  draining: boolean;
  /** It stopped without saying good-bye: its ad is shown until then. */
  shownUntilMs: number | null;
  /** When it last began or ended a job, or joined. */
  usedAtMs: number;
  /** Goes up with every change of the above. */
  version: number;
}

export interface Kill {
  readonly job: JobId;
  readonly worker: WorkerId;
  readonly atMs: number;
}

/** How the scheduler goes about it; may be changed while it runs. */
export interface SchedulerLevers {
  /** Jobs are matched with workers no more often than that. */
  negotiateMs: number;
  /** At a change, as `condor_reschedule` has it, rather than at whole multiples of `negotiateMs`. */
  negotiateAtChanges: boolean;
  /**
   * A worker that ends a job takes the next one of the same kind at once, as a schedd reuses its claims, where no older
   * one of another kind waits.
   */
  reuseClaims: boolean;
}

export interface SchedulerOptions {
  readonly name: QueueName;
  readonly clock: VirtualClock;
  readonly levers: SchedulerLevers;
  readonly onChange: () => void;
  readonly onBegun: (job: Job, on: readonly Startd[]) => void;
  /** Its machine has stopped: it waits again. */
  readonly onKilled: (job: Job) => void;
  readonly onDone: (job: Job) => void;
  /** Jobs that are done or removed are not kept. */
  readonly forgetDone: boolean;
}

export interface Scheduler {
  readonly lines: WaitingLines;
  readonly startds: ReadonlyMap<WorkerId, Startd>;
  readonly jobs: readonly Job[];
  readonly kills: readonly Kill[];
  readonly counts: { readonly waiting: number; readonly running: number; readonly done: number };
  readonly job: (id: JobId) => Job | null;
  readonly submit: (jobClass: JobClass, options: { count: number; runMs: number }) => readonly Job[];
  readonly removeJob: (job: Job) => void;
  readonly join: (worker: Pick<Startd, 'id' | 'instance' | 'ad' | 'total'>) => void;
  setDraining(startd: Startd, draining: boolean): void;
  /** A machine has stopped: what ran on it is killed and waits again. */
  lose(id: WorkerId, lingerMs: number): void;
  forget(id: WorkerId): void;
  /** The slot of such a machine with so much left; the same object for the same. */
  slot(ad: ClassAd, free: Resources): Slot;
}

/**
 * A batch scheduler in memory. First come, first served; what does not fit is passed over, but for a gang, for which the
 * machines are held that it can have. A job goes to the fullest
 * machine that takes it, and among machines without a job to the one that had one last, as a farm's
 * NEGOTIATOR_PRE_JOB_RANK does that wants some machines empty. Nothing here is linear in all the jobs there ever were.
 */
export function createScheduler(options: SchedulerOptions): Scheduler {
  const { name, clock, levers, forgetDone } = options;
  const lines = createWaitingLines();
  const byId = new Map<JobId, Job>();
  const jobs: Job[] = [];
  const kills: Kill[] = [];
  const startds = new Map<WorkerId, Startd>();
  const open = new Set<Startd>();
  const endings = new Map<number, { readonly job: Job; readonly start: number }[]>();
  const placements = new Map<Job, readonly Startd[]>();
  const slots = createSlots();
  const counts = { waiting: 0, running: 0, done: 0 };
  let submitted = 0;
  let negotiatedAtMs = Number.NEGATIVE_INFINITY;
  let negotiatesAtMs: number | null = null;

  const now = () => clock.monotonicNow();

  function touch(startd: Startd): void {
    startd.version += 1;
    if (!startd.draining && startd.shownUntilMs === null && startd.free.cpus > 0) open.add(startd);
    else open.delete(startd);
  }

  /** Something may fit now that did not before. */
  function wantNegotiation(): void {
    if (negotiatesAtMs !== null || counts.waiting === 0 || open.size === 0) return;
    const { negotiateMs, negotiateAtChanges } = levers;
    const atMs = negotiateAtChanges
      ? Math.max(now(), negotiatedAtMs + negotiateMs)
      : (Math.floor(now() / negotiateMs) + 1) * negotiateMs;
    negotiatesAtMs = atMs;
    clock.at(atMs, () => {
      negotiatesAtMs = null;
      negotiatedAtMs = now();
      negotiate();
    });
  }

  function negotiate(): void {
    let candidates = [...open].toSorted(byPreference);
    const begun = lines.serve((job) => {
      const on = placeFor(job, candidates);
      if (on === null) {
        // A gang would wait for ever if younger jobs took each machine that becomes free before it.
        if ((job.jobClass.workers ?? 1) > 1)
          candidates = candidates.filter((startd) => !takes(startd, job.jobClass));
        return false;
      }
      begin(job, on);
      return true;
    });
    if (begun > 0) options.onChange();
  }

  /** As many machines as it needs, the preferred ones first; null where there are not so many. */
  function placeFor({ jobClass }: Job, candidates: readonly Startd[]): readonly Startd[] | null {
    const wanted = jobClass.workers ?? 1;
    const found: Startd[] = [];
    for (const startd of candidates) {
      if (!takes(startd, jobClass)) continue;
      found.push(startd);
      if (found.length === wanted) return found;
    }
    return null;
  }

  function takes(startd: Startd, jobClass: JobClass): boolean {
    return (
      open.has(startd) &&
      timesThatFit(startd.free, jobClass.request) > 0 &&
      slots.match(jobClass, slots.slot(startd.ad, startd.free))
    );
  }

  function begin(job: Job, on: readonly Startd[]): void {
    const startedAtMs = now();
    job.state = 'running';
    job.worker = on[0]?.id ?? null;
    job.startedAtMs = startedAtMs;
    job.starts += 1;
    counts.waiting -= 1;
    counts.running += 1;
    placements.set(job, on);
    for (const startd of on) {
      startd.running.add(job);
      startd.free = subtractResources(startd.free, job.jobClass.request);
      startd.usedAtMs = startedAtMs;
      touch(startd);
    }
    const endMs = startedAtMs + job.runMs;
    const ending = { job, start: job.starts };
    const together = endings.get(endMs);
    if (together === undefined) {
      endings.set(endMs, [ending]);
      clock.at(endMs, () => endAll(endMs));
    } else together.push(ending);
    options.onBegun(job, on);
  }

  function endAll(endMs: number): void {
    const due = endings.get(endMs) ?? [];
    endings.delete(endMs);
    let changed = false;
    for (const { job, start } of due) {
      if (job.state !== 'running' || job.starts !== start) continue;
      const on = release(job);
      job.state = 'done';
      job.worker = null;
      job.doneAtMs = now();
      counts.done += 1;
      if (forgetDone) byId.delete(job.id);
      options.onDone(job);
      changed = true;
      if (levers.reuseClaims && on.length === 1)
        for (const startd of on) {
          const next = lines.first(job.jobClass);
          if (next !== null && next === lines.oldest() && takes(startd, job.jobClass)) {
            lines.take(next);
            begin(next, on);
          }
        }
    }
    if (!changed) return;
    options.onChange();
    wantNegotiation();
  }

  /** Frees what a running job holds. */
  function release(job: Job): readonly Startd[] {
    const on = placements.get(job) ?? [];
    placements.delete(job);
    counts.running -= 1;
    for (const startd of on) {
      startd.running.delete(job);
      startd.free = addResources(startd.free, job.jobClass.request);
      startd.usedAtMs = now();
      touch(startd);
    }
    return on;
  }

  return {
    lines,
    startds,
    jobs,
    kills,
    counts,
    job: (id) => byId.get(id) ?? null,
    submit: (jobClass, { count, runMs }) => {
      const made: Job[] = [];
      // Jobs that are submitted together are one cluster.
      const cluster = submitted + 1;
      for (let n = 0; n < count; n++) {
        const job: Job = {
          id: JobId(`${name}#${cluster}.${n}`),
          number: submitted,
          jobClass,
          runMs,
          submittedAtMs: now(),
          submittedAtWallMs: clock.wallNow(),
          state: 'waiting',
          worker: null,
          startedAtMs: null,
          doneAtMs: null,
          starts: 0,
        };
        submitted += 1;
        byId.set(job.id, job);
        lines.add(job);
        made.push(job);
      }
      if (!forgetDone) for (const job of made) jobs.push(job);
      counts.waiting += count;
      options.onChange();
      wantNegotiation();
      return made;
    },
    removeJob: (job) => {
      if (job.state !== 'waiting' && job.state !== 'running') return;
      if (job.state === 'running') release(job);
      else {
        lines.take(job);
        counts.waiting -= 1;
      }
      job.state = 'removed';
      job.worker = null;
      if (forgetDone) byId.delete(job.id);
      wantNegotiation();
    },
    join: ({ id, instance, ad, total }) => {
      const startd: Startd = {
        id,
        instance,
        ad,
        total,
        running: new Set(),
        free: total,
        draining: false,
        shownUntilMs: null,
        usedAtMs: now(),
        version: 0,
      };
      startds.set(id, startd);
      touch(startd);
      options.onChange();
      wantNegotiation();
    },
    setDraining: (startd, draining) => {
      startd.draining = draining;
      touch(startd);
      wantNegotiation();
    },
    lose: (id, lingerMs) => {
      const startd = startds.get(id);
      if (startd === undefined) return;
      startd.shownUntilMs = now() + lingerMs;
      for (const job of startd.running) {
        kills.push({ job: job.id, worker: id, atMs: now() });
        release(job);
        job.state = 'waiting';
        job.worker = null;
        job.startedAtMs = null;
        counts.waiting += 1;
        lines.putBack(job);
        options.onKilled(job);
      }
      touch(startd);
      wantNegotiation();
    },
    forget: (id) => {
      startds.delete(id);
    },
    slot: slots.slot,
  };
}

/** Those with a job first, the fullest of them before the others; then those that had one last. */
function byPreference(a: Startd, b: Startd): number {
  const busy = Number(b.running.size > 0) - Number(a.running.size > 0);
  if (busy !== 0) return busy;
  return a.running.size > 0 && a.free.cpus !== b.free.cpus
    ? a.free.cpus - b.free.cpus
    : b.usedAtMs - a.usedAtMs;
}

const slotsMax = 10_000;

/** Slot ads of machines with so much left, and what matches them: worked out once for all machines that are alike. */
function createSlots() {
  const byAd = new Map<ClassAd, Map<string, Slot>>();
  let matches = new WeakMap<Slot, Map<JobClass, boolean>>();
  let count = 0;

  function slot(ad: ClassAd, free: Resources): Slot {
    const key = `${free.cpus}/${free.memoryMiB}/${free.diskMiB}/${free.gpus}`;
    const known = byAd.get(ad)?.get(key);
    if (known !== undefined) return known;
    if (count >= slotsMax) {
      byAd.clear();
      matches = new WeakMap();
      count = 0;
    }
    const { cpus, memoryMiB, diskMiB } = free;
    const made: Slot = {
      ad: withAttributes(ad, { Cpus: cpus, Memory: memoryMiB, Disk: diskMiB * 1024 }),
      free,
      partitionable: true,
    };
    const ofAd = byAd.get(ad) ?? new Map<string, Slot>();
    byAd.set(ad, ofAd.set(key, made));
    count += 1;
    return made;
  }

  function match(jobClass: JobClass, of: Slot): boolean {
    const known = matches.get(of) ?? new Map<JobClass, boolean>();
    const before = known.get(jobClass);
    if (before !== undefined) return before;
    const found = symmetricMatch(jobClass.ad, of.ad);
    matches.set(of, known.set(jobClass, found));
    return found;
  }

  return { slot, match };
}
