import { keepTimeMs } from '../../planner/gaps.ts';
import { firstUsage, nextSurplusMs, noteUsage, recentlyNeeded, type Usage } from '../../planner/usage.ts';
import type { FarmPolicy } from './farm.ts';

export interface LearnedSettings {
  readonly bootSeconds: number;
  /** As in a pool's config. */
  readonly waitWeight: number;
  readonly headroomShare: number;
  readonly idleMinSeconds: number;
  readonly idleMaxSeconds: number;
}

/** A pool's defaults. */
export const usualSettings: Omit<LearnedSettings, 'bootSeconds'> = {
  waitWeight: 1,
  headroomShare: 0.01,
  idleMinSeconds: 30,
  idleMaxSeconds: 7200,
};

const quietBoots = 10;
const longestBoots = 60;

/** The planner's own rule and its own histogram, on the farm of the references. */
export function learnedPolicy(settings: LearnedSettings): FarmPolicy {
  const bootMs = settings.bootSeconds * 1000;
  const bounds = {
    bootMs,
    minMs: settings.idleMinSeconds * 1000,
    maxMs: settings.idleMaxSeconds * 1000,
    waitWeight: settings.waitWeight,
  };
  const longestMs = Math.max(bounds.maxMs, longestBoots * bootMs);
  let usage: Usage | null = null;
  let spare = { kept: 0, keptAtMs: 0 };
  return (farm) => {
    const atMs = farm.nowSeconds * 1000;
    const now = { needed: farm.inUse + farm.wanted, free: Math.max(0, farm.empty - farm.wanted), atMs };
    usage = usage === null ? firstUsage(now) : noteUsage(usage, now, longestMs);
    const keepMs = keepTimeMs(usage.gaps, bounds);
    const isQuiet = usage.wantedAtMs === null || atMs > usage.wantedAtMs + quietBoots * bootMs;
    const target = isQuiet ? 0 : Math.floor(settings.headroomShare * now.needed);
    if (target >= spare.kept || atMs > spare.keptAtMs + quietBoots * bootMs)
      spare = { kept: target, keptAtMs: atMs };
    const surplus = now.free - recentlyNeeded(usage, atMs, keepMs);
    const next = nextSurplusMs(usage, atMs, keepMs);
    return {
      launch: Math.max(0, farm.wanted + target - farm.empty - farm.booting),
      end: Math.max(0, Math.min(surplus, now.free - spare.kept)),
      againAtSeconds: next === null ? Number.POSITIVE_INFINITY : next / 1000,
    };
  };
}
