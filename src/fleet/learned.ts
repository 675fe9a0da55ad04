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

/**
 * How long a machine of this offer may take to run and to join: the pool's caps until enough has been seen. `lookMs`: a
 * machine that is there may be seen so much later.
 */
export function deadlinesOf(
  learned: Learned,
  offer: OfferName,
  { limits, lookMs }: { readonly limits: PoolLimits; readonly lookMs: number },
): { readonly bootMs: number; readonly joinMs: number } {
  const times = learned.get(offer) ?? noTimes;
  return {
    bootMs: deadline(times.bootMs, lookMs, limits.bootMaxMs),
    joinMs: deadline(times.joinMs, lookMs, limits.joinMaxMs),
  };
}

/** Worked out once for each set of samples: a tick asks for each machine. */
const known = new WeakMap<readonly number[], number>();
const usual = new WeakMap<BootTimes, number>();

/** From a create call to a machine in service as it usually is: the median; null while nothing has been seen. */
export function usualBootMs(learned: Learned, offer: OfferName): number | null {
  const times = learned.get(offer);
  if (times === undefined || times.bootMs.length + times.joinMs.length === 0) return null;
  let usualMs = usual.get(times);
  if (usualMs === undefined) {
    usualMs = median(times.bootMs) + median(times.joinMs);
    usual.set(times, usualMs);
  }
  return usualMs;
}

function median(samples: readonly number[]): number {
  return samples.toSorted((a, b) => a - b)[Math.floor(samples.length / 2)] ?? 0;
}

function deadline(samples: readonly number[], lookMs: number, capMs: number): number {
  if (samples.length < samplesNeeded) return capMs;
  let wantedMs = known.get(samples);
  if (wantedMs === undefined) {
    const sorted = samples.toSorted((a, b) => a - b);
    const p95 = sorted[Math.ceil(sorted.length * 0.95) - 1] ?? Number.POSITIVE_INFINITY;
    wantedMs = Math.max(floorMs, margin * p95);
    known.set(samples, wantedMs);
  }
  return Math.min(capMs, wantedMs + lookMs);
}
