import type { Matchmaker } from '../matchmaker/matchmaker.ts';
import type { Demand, QueueSnapshot } from '../model/demand.ts';
import type { PoolName } from '../model/ids.ts';
import type { Pool } from '../model/offer.ts';

/**
 * The longest job that may still run on a pool's machines, as far as its queue has said while the job waited. A job
 * was waiting when it was last seen, so it ends, if it keeps its walltime, no later than that moment and the walltime.
 */
export interface LongestJob {
  readonly walltimeMs: number;
  /** When jobs with this walltime were last seen waiting; null: none has been. */
  readonly seenAtMs: number | null;
  /** When a job that states no walltime was last seen waiting; null: none has been. */
  readonly unstatedAtMs: number | null;
}

export type LongestJobs = ReadonlyMap<PoolName, LongestJob>;

const none: LongestJob = { walltimeMs: 0, seenAtMs: null, unstatedAtMs: null };

/** With what new views show. Pure; the same object where they show nothing. */
export function noteWalltimes(
  before: LongestJobs,
  views: readonly QueueSnapshot[],
  { pools, matchmaker }: { pools: Iterable<Pool>; matchmaker: Matchmaker },
): LongestJobs {
  if (views.length === 0) return before;
  const next = new Map(before);
  const all = [...pools];
  for (const view of views) {
    const stated = view.demand
      .filter(({ walltimeMs }) => walltimeMs !== null)
      .toSorted((a, b) => (b.walltimeMs ?? 0) - (a.walltimeMs ?? 0));
    const unstated = view.demand.filter(({ walltimeMs }) => walltimeMs === null);
    for (const pool of all.filter(({ queue }) => queue === view.queue)) {
      const mayRun = (demand: Demand) => {
        const matches = matchmaker.matches(demand);
        return pool.offers.some((offer) => matches.has(offer));
      };
      const atMs = view.takenAtMs;
      const was = next.get(pool.name) ?? none;
      const isOver = was.seenAtMs !== null && atMs > was.seenAtMs + was.walltimeMs;
      const kept = isOver ? { ...was, walltimeMs: 0, seenAtMs: null } : was;
      const longest = stated.find(
        (demand) => (demand.walltimeMs ?? 0) < kept.walltimeMs || mayRun(demand),
      )?.walltimeMs;
      const isLongest = longest != null && longest >= kept.walltimeMs;
      next.set(pool.name, {
        walltimeMs: isLongest ? longest : kept.walltimeMs,
        seenAtMs: isLongest ? atMs : kept.seenAtMs,
        unstatedAtMs: unstated.some(mayRun) ? atMs : kept.unstatedAtMs,
      });
    }
  }
  return next;
}

/**
 * How long a machine of the pool may still be busy if it takes no new job from now on: the longest stated walltime;
 * where jobs state none, or none has been seen yet, no less than `otherwiseMs`.
 */
export function busyForMs(
  longest: LongestJob | undefined,
  { nowMs, otherwiseMs }: { nowMs: number; otherwiseMs: number },
): number {
  if (longest === undefined || (longest.seenAtMs === null && longest.unstatedAtMs === null))
    return otherwiseMs;
  const statedMs =
    longest.seenAtMs === null || nowMs > longest.seenAtMs + longest.walltimeMs ? 0 : longest.walltimeMs;
  const unstatedMs =
    longest.unstatedAtMs !== null && nowMs <= longest.unstatedAtMs + otherwiseMs ? otherwiseMs : 0;
  return Math.max(statedMs, unstatedMs);
}
