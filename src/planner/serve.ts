import type { Demand } from '../model/demand.ts';
import { placementsOf } from './placements.ts';
import type { DemandReport, DemandShortage, PlanInput, PlannedLaunch } from './plan.ts';
import type { Room } from './room.ts';
import type { Supply } from './supply.ts';

/** A plan as it grows. */
export interface Work {
  readonly input: PlanInput;
  readonly room: Room;
  readonly supply: Supply;
  readonly launches: PlannedLaunch[];
}

export function serve(demand: Demand, work: Work): DemandReport {
  const { supply } = work;
  const base = { demand: demand.id, queue: demand.queue, sampleJobs: demand.sampleJobs, jobs: demand.count };
  if (demand.kind !== 'counted') {
    const why = `${demand.kind} demand is not served yet`;
    const none = { onWorkers: 0, onComing: 0, onUndrained: 0, onLaunches: 0 };
    return { ...base, ...none, unmet: demand.count, shortage: { code: 'kind', why } };
  }
  const onWorkers = supply.takeFromWorkers(demand, demand.count);
  const onComing = supply.takeFromComing(demand, demand.count - onWorkers);
  const onUndrained = supply.takeFromDraining(demand, demand.count - onWorkers - onComing);
  const left = demand.count - onWorkers - onComing - onUndrained;
  const { onLaunches, shortage } = launchFor(demand, left, work);
  const unmet = left - onLaunches;
  return {
    ...base,
    onWorkers,
    onComing,
    onUndrained,
    onLaunches,
    unmet,
    shortage: unmet === 0 ? null : shortage,
  };
}

function launchFor(
  demand: Demand,
  jobs: number,
  { input, room, supply, launches }: Work,
): { onLaunches: number; shortage: DemandShortage | null } {
  if (jobs === 0) return { onLaunches: 0, shortage: null };
  // Workers that the view lacks may be free for these jobs.
  if (input.queues.get(demand.queue)?.view?.workersComplete !== true) {
    const why = `queue ${demand.queue} does not show all its workers now`;
    return { onLaunches: 0, shortage: { code: 'workersIncomplete', why } };
  }
  const pools = input.pools.filter(({ queue }) => queue === demand.queue);
  const matches = input.matchmaker.matches(demand);
  const placements = placementsOf(pools, matches);
  if (placements.length === 0) {
    const why = 'no offer of a pool of this queue matches';
    if (pools.length === 0)
      return { onLaunches: 0, shortage: { code: 'noPool', why: 'no pool has this queue' } };
    return { onLaunches: 0, shortage: { code: 'noOffer', why } };
  }
  let left = jobs;
  let shortage: DemandShortage | null = null;
  for (const { pool, match } of placements) {
    if (left === 0) break;
    const { offer, jobsPerMachine } = match;
    const wanted = Math.ceil(left / jobsPerMachine);
    const granted = room.reserve({ pool, offer, user: demand.user }, wanted);
    if (granted.short !== null) shortage ??= granted.short;
    if (granted.count === 0) continue;
    launches.push({
      pool: pool.name,
      offer: offer.name,
      cloud: offer.cloud,
      count: granted.count,
      cause: {
        kind: 'demand',
        demand: demand.id,
        job: demand.sampleJobs[0] ?? null,
        user: demand.user,
        group: demand.group,
      },
      probe: granted.probe,
    });
    supply.addLaunch(offer, pool.queue, granted.count);
    left -= supply.takeFromComing(demand, left);
  }
  return { onLaunches: jobs - left, shortage };
}
