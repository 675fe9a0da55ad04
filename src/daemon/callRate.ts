import type { Timeline } from './timeline.ts';

/**
 * A bound on calls to one cloud: an account has a limit on them, which all that use it share. What is not begun now comes
 * again, as it is still owed; a create call whose intent is stored is made whatever is left, and the planner asks first.
 */
export interface CallRate {
  /** Counts a call and returns null; where none is left, the moment (daemon time, ms) at which there will be one. */
  take(): number | null;
  /** Counts a call that is made in any case. */
  spend(): void;
  /** Calls that may be made now. */
  left(): number;
}

/** So much of a minute's calls may be made at once. */
const burstShare = 1 / 6;

const unbounded: CallRate = { take: () => null, spend: () => {}, left: () => Number.POSITIVE_INFINITY };

/** Null: no bound. */
export function createCallRate(perMinute: number | null, timeline: Timeline): CallRate {
  if (perMinute === null) return unbounded;
  const mostAtOnce = Math.max(1, perMinute * burstShare);
  const msEach = 60_000 / perMinute;
  let calls = mostAtOnce;
  let countedAtMs = timeline.now();

  function count(): number {
    const nowMs = timeline.now();
    calls = Math.min(mostAtOnce, calls + (nowMs - countedAtMs) / msEach);
    countedAtMs = nowMs;
    return calls;
  }

  return {
    take: () => {
      if (count() < 1) return countedAtMs + Math.ceil((1 - calls) * msEach);
      calls -= 1;
      return null;
    },
    spend: () => {
      calls = count() - 1;
    },
    left: () => Math.max(0, Math.floor(count())),
  };
}
