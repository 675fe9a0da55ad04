import { deriveFraction } from '../model/derive.ts';
import type { Instance } from '../model/instance.ts';
import type { PoolLimits } from '../model/offer.ts';
import { busyForMs, type LongestJob } from './longestJobs.ts';
import type { PlanInput, PlannedDrain } from './plan.ts';

/** Up to so much of the lifetime earlier, each machine by its own part, so that a pool does not drain at once. */
const spread = 0.1;
/** Long jobs take no more than this share of it: a machine is there to work. */
const leadMost = 0.5;

/**
 * Machines whose maximum lifetime comes to its end: drained so much earlier as the longest job may run that states how
 * long it may, so that none runs beyond it. Jobs that state nothing have the grace.
 */
export function drainsForLifetimes({ fleet, pools, nowMs, downtimes }: PlanInput): PlannedDrain[] {
  const limits = new Map(pools.map((pool) => [pool.name, pool.limits]));
  const drains: PlannedDrain[] = [];
  for (const { instance } of fleet.entries.values()) {
    if (instance.endReason !== null) continue;
    if (instance.phase !== 'idle' && instance.phase !== 'claimed') continue;
    const own = limits.get(instance.pool);
    if (own === undefined) continue;
    const fromMs = lifetimeDrainMs(instance, own, {
      nowMs,
      longest: downtimes?.longestJobs.get(instance.pool),
    });
    if (fromMs === null || nowMs < fromMs) continue;
    drains.push({ instance: instance.id, reason: 'lifetime', why: 'its maximum lifetime is nearly over' });
  }
  return drains;
}

/** From when on it is drained; null: it has no maximum lifetime, or not nearly. */
export function lifetimeDrainMs(
  { id, createdAtMs }: Pick<Instance, 'id' | 'createdAtMs'>,
  { lifetimeMs }: Pick<PoolLimits, 'lifetimeMs'>,
  { nowMs, longest }: { nowMs: number; longest: LongestJob | undefined },
): number | null {
  if (lifetimeMs === null) return null;
  const leadMs = Math.min(leadMost * lifetimeMs, busyForMs(longest, { nowMs, otherwiseMs: 0 }));
  const latestMs = createdAtMs + lifetimeMs - leadMs;
  // A digest for each machine at each tick would cost more than all else.
  if (nowMs < latestMs - spread * lifetimeMs) return null;
  return latestMs - spread * lifetimeMs * deriveFraction(id, 0);
}
