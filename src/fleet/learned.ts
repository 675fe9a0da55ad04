import type { OfferName } from '../model/ids.ts';
import type { PoolLimits } from '../model/offer.ts';
import type { Lesson } from './fleet.ts';

/** The newest boot and join times of an offer, in ms: what its deadlines are made of. */
export interface BootTimes {
  readonly bootMs: readonly number[];
  readonly joinMs: readonly number[];
}

export type Learned = ReadonlyMap<OfferName, BootTimes>;

const samplesMax = 32;
const samplesNeeded = 5;
/** A deadline is so many times what 95 of 100 machines took, and never shorter than the floor. */
const margin = 3;
const floorMs = 60_000;

const noTimes: BootTimes = { bootMs: [], joinMs: [] };

/** The times with what the lessons add; the same object where they add nothing. */
export function learnTimes(learned: Learned, lessons: readonly Lesson[]): Learned {
  const next = new Map(learned);
  let changed = false;
  for (const lesson of lessons) {
    if (lesson.kind !== 'booted' && lesson.kind !== 'joined') continue;
    const times = next.get(lesson.offer) ?? noTimes;
    const add = (samples: readonly number[]) => [...samples, lesson.tookMs].slice(-samplesMax);
    next.set(
      lesson.offer,
      lesson.kind === 'booted'
        ? { ...times, bootMs: add(times.bootMs) }
        : { ...times, joinMs: add(times.joinMs) },
    );
    changed = true;
  }
  return changed ? next : learned;
}

/** How long a machine of this offer may take to run and to join: the pool's caps until enough has been seen. */
export function deadlinesOf(
  learned: Learned,
  offer: OfferName,
  limits: PoolLimits,
): { readonly bootMs: number; readonly joinMs: number } {
  const times = learned.get(offer) ?? noTimes;
  return {
    bootMs: deadline(times.bootMs, limits.bootMaxMs),
    joinMs: deadline(times.joinMs, limits.joinMaxMs),
  };
}

function deadline(samples: readonly number[], capMs: number): number {
  if (samples.length < samplesNeeded) return capMs;
  const sorted = samples.toSorted((a, b) => a - b);
  const p95 = sorted[Math.ceil(sorted.length * 0.95) - 1] ?? capMs;
  return Math.min(capMs, Math.max(floorMs, margin * p95));
}
