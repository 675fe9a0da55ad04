import type { Clock } from '../model/clock.ts';

export interface Rate {
  readonly perSecond: number;
  /** So many may come at once after a pause. */
  readonly burst: number;
}

/** Buckets that fill by the clock, one for each key. */
export interface RateLimit {
  /** Takes one from the key's bucket: 0, or how many ms until there is one to take. */
  take(key: string, rate: Rate): number;
}

interface Bucket {
  readonly level: number;
  readonly atMs: number;
}

/** A key that is forgotten has a full bucket again, so there is room for more keys than a burst has any use of. */
const keysMax = 10_000;

export function createRateLimit(clock: Pick<Clock, 'monotonicNow'>, keysKept = keysMax): RateLimit {
  const buckets = new Map<string, Bucket>();
  return {
    take: (key, { perSecond, burst }) => {
      const nowMs = clock.monotonicNow();
      const last = buckets.get(key) ?? { level: burst, atMs: nowMs };
      const level = Math.min(burst, last.level + ((nowMs - last.atMs) / 1000) * perSecond);
      const waitMs = level >= 1 ? 0 : Math.ceil(((1 - level) / perSecond) * 1000);
      buckets.delete(key); // so that the map has the one that was not asked of for longest first
      buckets.set(key, { level: waitMs === 0 ? level - 1 : level, atMs: nowMs });
      const [oldest] = buckets.keys();
      if (buckets.size > keysKept && oldest !== undefined) buckets.delete(oldest);
      return waitMs;
    },
  };
}
