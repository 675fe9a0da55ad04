import type { FleetChange } from '../fleet/fleet.ts';
import type { DemandId } from '../model/ids.ts';
import type { Plan } from '../planner/plan.ts';
import type { SetAsides } from '../planner/setAside.ts';
import type { CoreState } from './tick.ts';

/** Tells the journal when the reason why a group's jobs wait changes: once, not at every tick. */
export function noteUnmet(
  change: FleetChange,
  before: CoreState['unmet'],
  decided: Plan,
): CoreState['unmet'] {
  const now = new Map<DemandId, string>();
  for (const { demand, shortage, unmet, jobs } of decided.demand) {
    if (shortage === null || shortage.code === 'launchesInFlight') continue;
    now.set(demand, shortage.code);
    if (before.get(demand) === shortage.code) continue;
    const why = `${unmet} of ${jobs} jobs get no machine: ${shortage.why}`;
    change.note({
      kind: 'decision',
      atMs: change.context.nowMs,
      demand,
      why,
      data: { code: shortage.code, unmet, jobs },
    });
  }
  return now;
}

export function noteSetAsides(change: FleetChange, before: SetAsides, after: SetAsides): void {
  if (before === after) return;
  const atMs = change.context.nowMs;
  for (const [key, aside] of after) {
    const was = before.get(key);
    if (was?.untilMs === aside.untilMs || aside.untilMs <= atMs) continue;
    const why = `${key} is set aside: ${aside.reason}: ${aside.message}`;
    const data = {
      key,
      reason: aside.reason,
      failures: aside.failures,
      forMs: Math.round(aside.untilMs - atMs),
    };
    change.note({ kind: 'offerSetAside', atMs, why, data });
  }
  for (const [key, was] of before)
    if (!after.has(key) && was.untilMs > was.sinceMs)
      change.note({
        kind: 'offerBack',
        atMs,
        why: `${key} is used again`,
        data: { key, failures: was.failures },
      });
}
