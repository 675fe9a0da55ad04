import type { Clock } from '../model/clock.ts';

/** Daemon time: see model/clock.ts. */
export interface Timeline {
  now(): number;
}

/**
 * Begins at the wall clock's time, or where the last run left off if the wall clock has been set back since, and from
 * then on follows the monotonic clock alone. A wall clock that steps while the daemon runs, or a suspended host,
 * moves no deadline.
 */
export function createTimeline(clock: Clock, storedNowMs: number | null): Timeline {
  const startMs = Math.max(Math.floor(clock.wallNow()), storedNowMs ?? 0);
  const zero = clock.monotonicNow();
  return { now: () => startMs + Math.floor(clock.monotonicNow() - zero) };
}
