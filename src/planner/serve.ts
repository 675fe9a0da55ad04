import type { Demand } from '../model/demand.ts';
import { usualFairness } from '../model/fairness.ts';
import type { Offer } from '../model/offer.ts';
import { serveGang } from './gang.ts';
import { matchAdmittance } from './mismatch.ts';
import { type Turn, waitedMsOf } from './order.ts';
import type { Scope } from './parts.ts';
import type { Placement } from './placements.ts';
import type { DemandReport, DemandShortage } from './plan.ts';
import type { Shortage } from './room.ts';
import type { Terms } from './supply.ts';
import { cpusOfJob, launchOf, noteCrowded, openPlacements, type Served, type Work } from './work.ts';

export function serve(demand: Demand, turn: Turn, work: Work): DemandReport {
  const { id, queue, sampleJobs, count } = demand;
  return { demand: id, queue, sampleJobs, jobs: count, ...served(demand, work), turn };
}

function served(demand: Demand, work: Work): Served {
  switch (demand.kind) {
    case 'counted':
      return serveCounted(demand, work);
    case 'gang':
      return demand.workers > 1 ? serveGang(demand, work) : serveCounted(demand, work);
    case 'named':
    case 'instance': {
      const shortage = { code: 'kind', why: `${demand.kind} demand is not served yet` } as const;
      return { onWorkers: 0, onComing: 0, onUndrained: 0, onLaunches: 0, unmet: demand.count, shortage };
    }
  }
}

function serveCounted(demand: Demand, work: Work): Served {
  const { supply, caps } = work;
  const cpus = cpusOfJob(demand, work);
  const allowed = Math.min(demand.count, caps.jobsAllowed(demand, cpus));
  const terms: Terms = { allowance: caps.allowanceFor(demand), apart: false };
  const onWorkers = supply.takeFromWorkers(demand, allowed, terms);
  const onComing = supply.takeFromComing(demand, allowed - onWorkers, terms);
  const onUndrained = supply.takeFromDraining(demand, allowed - onWorkers - onComing, terms);
  const left = allowed - onWorkers - onComing - onUndrained;
  const { onLaunches, shortage } = launchFor(demand, { jobs: left, terms }, work);
  const placed = allowed - left + onLaunches;
  caps.spend(demand, placed * cpus);
  const unmet = demand.count - placed;
  const why = unmet === 0 ? null : left > onLaunches ? shortage : caps.shortage(demand);
  return { onWorkers, onComing, onUndrained, onLaunches, unmet, shortage: why };
}

/** What a bound counts that pools share; null: it is the pool's own, or it passes. */
function sharedScope(code: Shortage['code'], { name, cloud }: Offer): Scope | null {
  if (code === 'offerMax') return { cloud, offer: name };
  return code === 'cloudMax' || code === 'quota' ? { cloud, offer: null } : null;
}

function hasWaitedLong(demand: Demand, { input }: Work): boolean {
  const { makeRoomAfterMs } = input.fairness ?? usualFairness;
  if (makeRoomAfterMs === null || demand.oldestSubmittedAtMs === null) return false;
  return waitedMsOf(demand, input.wallMs) >= makeRoomAfterMs;
}

function launchFor(
  demand: Demand,
  { jobs, terms }: { jobs: number; terms: Terms },
  work: Work,
): { onLaunches: number; shortage: DemandShortage | null } {
  if (jobs === 0) return { onLaunches: 0, shortage: null };
  const open = openPlacements(demand, work);
  if ('shortage' in open) return { onLaunches: 0, shortage: open.shortage };
  const { room, supply, launches, caps } = work;
  const admits = matchAdmittance(work.input.setAsides, demand, work.input.nowMs);
  let left = jobs;
  let shortage: DemandShortage | null = null;
  let full: Placement | null = null;
  let stopped: { readonly way: Placement; readonly scope: Scope } | null = null;
  for (const { way, most } of work.spreader.choices(open.placements, jobs)) {
    const { pool, match } = way;
    if (left === 0) break;
    const held = work.fallback.holds(pool, match.offer);
    if (held !== null) {
      shortage ??= held;
      continue;
    }
    const { offer, jobsPerMachine } = match;
    const allowed = terms.allowance?.machinesLeft ?? Number.POSITIVE_INFINITY;
    if (allowed === 0) {
      shortage ??= caps.shortage(demand);
      break;
    }
    const isTrial = admits(offer.name) === 'probe';
    const wanted = isTrial ? 1 : Math.min(most, Math.ceil(left / jobsPerMachine));
    const granted = room.reserve({ pool, offer, user: demand.user }, Math.min(wanted, allowed));
    work.fallback.asked(pool, offer, granted.short);
    const { short } = granted;
    if (short === null) {
      if (allowed < wanted) shortage ??= caps.shortage(demand);
    } else {
      shortage ??= short;
      if (short.code === 'poolMax') full ??= way;
      const scope = sharedScope(short.code, offer);
      if (scope !== null) stopped ??= { way, scope };
    }
    if (granted.count === 0) continue;
    launches.push(launchOf(demand, { pool, match }, { ...granted, probe: granted.probe || isTrial }));
    work.spreader.launched(pool.name, offer.cloud, granted.count);
    supply.addLaunch(offer, pool, granted.count);
    left -= supply.takeFromOffer(demand, offer.name, left, terms);
  }
  if (full !== null && left > 0) noteCrowded(full.pool, Math.ceil(left / full.match.jobsPerMachine), work);
  if (stopped !== null && left > 0 && hasWaitedLong(demand, work))
    work.pressures.push({
      scope: stopped.scope,
      pool: stopped.way.pool,
      machines: Math.ceil(left / stopped.way.match.jobsPerMachine),
    });
  return { onLaunches: jobs - left, shortage };
}
