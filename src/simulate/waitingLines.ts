import type { Job, JobClass } from './scheduler.ts';

/** Jobs of one class that wait, in the order of submission. */
export interface WaitingLine {
  readonly jobClass: JobClass;
  readonly count: number;
  /** The first few. */
  readonly heads: (most: number) => readonly Job[];
}

/** The jobs that wait, by class: each change costs no more than the logarithm of what waits. */
export interface WaitingLines {
  /** Those in which a job waits, by the age of their first. */
  all(): readonly WaitingLine[];
  first(jobClass: JobClass): Job | null;
  /** The first of all. */
  oldest(): Job | null;
  /** A new job: younger than all that are there. */
  add(job: Job): void;
  /** One that waits again, at its old place. */
  putBack(job: Job): void;
  /** Takes a job out that waits. */
  take(job: Job): void;
  /**
   * Offers the jobs, oldest first, until each class has had one refused or has none left; a job that is accepted is
   * taken out. Returns how many were.
   */
  serve(accept: (job: Job) => boolean): number;
}

/** Taken jobs stay in the array, marked by their absence from the set, until the head has passed them. */
interface Line {
  readonly jobClass: JobClass;
  readonly waiting: Set<Job>;
  jobs: Job[];
  head: number;
}

/** So many passed places are kept before the array is cut. */
const passedMax = 1024;

export function createWaitingLines(): WaitingLines {
  const lines = new Map<JobClass, Line>();

  function lineOf(jobClass: JobClass): Line {
    const known = lines.get(jobClass);
    if (known !== undefined) return known;
    const line: Line = { jobClass, waiting: new Set(), jobs: [], head: 0 };
    lines.set(jobClass, line);
    return line;
  }

  /** The first that waits; the head moves on to it. */
  function first(line: Line): Job | null {
    for (;;) {
      const job = line.jobs[line.head];
      if (job === undefined) return null;
      if (line.waiting.has(job)) return job;
      line.head += 1;
      if (line.head < passedMax) continue;
      line.jobs = line.jobs.slice(line.head);
      line.head = 0;
    }
  }

  function take(job: Job): void {
    const line = lines.get(job.jobClass);
    if (line === undefined || !line.waiting.delete(job)) return;
    if (line.waiting.size === 0) lines.delete(job.jobClass);
  }

  function heads(line: Line, most: number): readonly Job[] {
    first(line);
    const found: Job[] = [];
    for (let at = line.head; at < line.jobs.length && found.length < most; at++) {
      const job = line.jobs[at];
      if (job !== undefined && line.waiting.has(job)) found.push(job);
    }
    return found;
  }

  function byAge(): Line[] {
    const age = (line: Line) => first(line)?.number ?? Number.POSITIVE_INFINITY;
    return [...lines.values()].toSorted((a, b) => age(a) - age(b));
  }

  return {
    all: () =>
      byAge().map((line) => ({
        jobClass: line.jobClass,
        count: line.waiting.size,
        heads: (most) => heads(line, most),
      })),
    first: (jobClass) => {
      const line = lines.get(jobClass);
      return line === undefined ? null : first(line);
    },
    oldest: () => {
      const [line] = byAge();
      return line === undefined ? null : first(line);
    },
    add: (job) => {
      const line = lineOf(job.jobClass);
      line.jobs.push(job);
      line.waiting.add(job);
    },
    putBack: (job) => {
      const line = lineOf(job.jobClass);
      line.waiting.add(job);
      line.jobs = line.jobs.slice(line.head).filter((other) => other !== job);
      line.head = 0;
      const at = line.jobs.findIndex(({ number }) => number > job.number);
      line.jobs.splice(at < 0 ? line.jobs.length : at, 0, job);
    },
    take,
    serve: (accept) => {
      let served = 0;
      // Classes in the order of their oldest jobs; the few that are left are sorted anew as their heads grow younger.
      let left = byAge();
      while (left.length > 0) {
        const [line, second] = left;
        if (line === undefined) break;
        const until = second === undefined ? Number.POSITIVE_INFINITY : (first(second)?.number ?? 0);
        let refused = false;
        for (let job = first(line); job !== null && job.number < until; job = first(line)) {
          if (!accept(job)) {
            refused = true;
            break;
          }
          take(job);
          served += 1;
        }
        left = left.slice(1);
        const next = first(line);
        if (refused || next === null) continue;
        const place = left.findIndex((other) => (first(other)?.number ?? 0) > next.number);
        left.splice(place < 0 ? left.length : place, 0, line);
      }
      return served;
    },
  };
}
