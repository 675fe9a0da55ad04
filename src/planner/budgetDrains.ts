import { isComing, isInService } from '../fleet/entry.ts';
import type { PlanInput, PlannedDrain } from './plan.ts';
import { describeBudget, type Purse } from './purse.ts';

/**
 * When a budget is used up, all machines that count in it drain, whatever the pool's min: those without a job are gone
 * as soon as two views have shown them idle, those with one when it has ended, and no job is killed.
 */
export function drainsForBudgets({ nowMs, fleet }: PlanInput, purse: Purse): PlannedDrain[] {
  if (purse.reports.every(({ reached }) => reached === null)) return [];
  const drains: PlannedDrain[] = [];
  for (const { instance } of fleet.entries.values()) {
    if (!isInService(instance) && !isComing(instance, nowMs)) continue;
    const report = purse.usedUp(instance);
    if (report !== null)
      drains.push({ instance: instance.id, reason: 'budget', why: describeBudget(report) });
  }
  return drains;
}
