import { addGaps, type Gaps, noGaps } from './gaps.ts';

/**
 * How many machines have been needed, and since when how many fewer are: what tells which are surplus. Machines are
 * counted and not told apart, so it does not matter which of its free machines the scheduler takes: the last one that
 * becomes needed again is the one that was given up last.
 */
export interface Usage {
  /** Machines with a job, and those that waiting jobs are put on. */
  readonly needed: number;
  /** So many machines are not needed any more since then; the newest last. Bounded. */
  readonly levels: readonly Level[];
  /** How long it took until they were needed again. Outlives a restart. */
  readonly gaps: Gaps;
  /** When a job was last seen to want a machine. */
  readonly wantedAtMs: number | null;
}

export interface Level {
  readonly sinceMs: number;
  readonly count: number;
}

const levelsMax = 64;

/**
 * What it is when first seen after a start: how long the free machines have not been needed is not known, so it counts
 * from now.
 */
export function firstUsage({ needed, free, atMs, gaps = noGaps }: Now & { gaps?: Gaps | undefined }): Usage {
  const levels = free > 0 ? [{ sinceMs: atMs, count: free }] : [];
  return { needed, levels, gaps, wantedAtMs: needed > 0 ? atMs : null };
}

export interface Now {
  readonly needed: number;
  /** Those of the machines that nothing needs. */
  readonly free: number;
  readonly atMs: number;
}

/** With what a new view shows. Gaps that are longer than `longestMs` are taken to be without an end. Pure. */
export function noteUsage(before: Usage, { needed, atMs }: Now, longestMs: number): Usage {
  const levels = [...before.levels];
  let { gaps } = before;
  let more = needed - before.needed;
  while (more > 0) {
    const last = levels.pop();
    if (last === undefined) break;
    const taken = Math.min(more, last.count);
    gaps = addGaps(gaps, atMs - last.sinceMs, taken);
    if (taken < last.count) levels.push({ ...last, count: last.count - taken });
    more -= taken;
  }
  if (needed < before.needed) levels.push({ sinceMs: atMs, count: before.needed - needed });
  for (
    let oldest = levels[0];
    oldest !== undefined && atMs - oldest.sinceMs > longestMs;
    oldest = levels[0]
  ) {
    gaps = addGaps(gaps, Number.MAX_SAFE_INTEGER, oldest.count);
    levels.shift();
  }
  if (levels.length > levelsMax) {
    const [first, second, ...rest] = levels;
    // The older of two that are told apart no more: one machine too many is kept for a while rather than one too few.
    if (first !== undefined && second !== undefined)
      levels.splice(
        0,
        levels.length,
        { sinceMs: second.sinceMs, count: first.count + second.count },
        ...rest,
      );
  }
  const isWanted = needed > before.needed || (needed > 0 && before.wantedAtMs === null);
  return { needed, levels, gaps, wantedAtMs: isWanted ? atMs : before.wantedAtMs };
}

/** How many free machines to keep, as they were needed less than `keepMs` ago. */
export function recentlyNeeded({ levels }: Usage, atMs: number, keepMs: number): number {
  return levels.reduce((sum, { sinceMs, count }) => (atMs < sinceMs + keepMs ? sum + count : sum), 0);
}

/** When the next machine becomes surplus if nothing changes; null: none will. */
export function nextSurplusMs({ levels }: Usage, atMs: number, keepMs: number): number | null {
  const due = levels.map(({ sinceMs }) => sinceMs + keepMs).filter((ms) => ms > atMs);
  return due.length === 0 ? null : Math.min(...due);
}
