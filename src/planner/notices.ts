import type { PlanInput, PlannedDrain } from './plan.ts';

/**
 * Machines of which the cloud has said that it takes them back: no job is begun there any more, so that what waits gets
 * another machine at once. A job that runs has what is left of the time; it is neither moved nor ended by us.
 */
export function drainsForNotices({ fleet }: Pick<PlanInput, 'fleet'>): PlannedDrain[] {
  const drains: PlannedDrain[] = [];
  for (const { instance, sighting } of fleet.entries.values()) {
    if (sighting.notice === null || instance.endReason !== null) continue;
    if (instance.phase !== 'idle' && instance.phase !== 'claimed') continue;
    drains.push({
      instance: instance.id,
      reason: 'reclaimed',
      why: `the cloud takes it back: ${sighting.notice}`,
    });
  }
  return drains;
}
