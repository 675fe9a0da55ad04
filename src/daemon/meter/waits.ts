import type { QueueSnapshot } from '../../model/demand.ts';
import type { DemandId, QueueName } from '../../model/ids.ts';

/** Since when the jobs of each demand group have been seen to wait. */
export interface Waits {
  /** Takes the newest view of a queue. */
  see(view: QueueSnapshot): void;
  /** Of the job at a place in its group's line, 0 being the one that waits longest; null where the line is shorter. */
  sinceMs(demand: DemandId, place: number): number | null;
}

interface Arrival {
  readonly atMs: number;
  jobs: number;
}

/** Later arrivals of a group whose line has so many are counted with the newest. */
const arrivalsMax = 500;

/**
 * A group is a count and not a list of jobs, so its jobs are told apart by their place in line: those that come are put at
 * its end, those that go leave from its front. Where the scheduler begins a younger job first, the sum of what all wait is
 * still right. Jobs that waited before the daemon began count from its first view of them.
 */
export function createWaits(): Waits {
  const lines = new Map<DemandId, { readonly queue: QueueName; readonly arrivals: Arrival[] }>();

  function come(arrivals: Arrival[], jobs: number, atMs: number): void {
    const last = arrivals.at(-1);
    if (last !== undefined && arrivals.length >= arrivalsMax) last.jobs += jobs;
    else arrivals.push({ atMs, jobs });
  }

  function leave(arrivals: Arrival[], jobs: number): void {
    let left = jobs;
    while (left > 0) {
      const [first] = arrivals;
      if (first === undefined) return;
      const gone = Math.min(left, first.jobs);
      first.jobs -= gone;
      left -= gone;
      if (first.jobs === 0) arrivals.shift();
    }
  }

  return {
    see: ({ queue, demand, demandComplete, takenAtMs }) => {
      for (const { id, count } of demand) {
        const line = lines.get(id) ?? { queue, arrivals: [] };
        lines.set(id, line);
        const had = line.arrivals.reduce((sum, { jobs }) => sum + jobs, 0);
        if (count > had) come(line.arrivals, count - had, takenAtMs);
        else if (demandComplete) leave(line.arrivals, had - count);
      }
      if (!demandComplete) return;
      const seen = new Set(demand.map(({ id }) => id));
      for (const [id, line] of lines) if (line.queue === queue && !seen.has(id)) lines.delete(id);
    },
    sinceMs: (demand, place) => {
      let before = 0;
      for (const { atMs, jobs } of lines.get(demand)?.arrivals ?? []) {
        before += jobs;
        if (place < before) return atMs;
      }
      return null;
    },
  };
}
