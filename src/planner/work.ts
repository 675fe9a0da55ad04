import { adForBoot, type Demand } from '../model/demand.ts';
import type { PoolName } from '../model/ids.ts';
import type { Pool } from '../model/offer.ts';
import type { CapKeeper } from './caps.ts';
import type { Fallback } from './fallback.ts';
import { matchAdmittance } from './mismatch.ts';
import type { Pressure } from './parts.ts';
import type { Placement, PoolIndex } from './placements.ts';
import type { DemandReport, DemandShortage, PlanInput, PlannedLaunch } from './plan.ts';
import { fitsLife, remainingOfNewMs } from './remaining.ts';
import type { Room } from './room.ts';
import type { Spreader } from './spread.ts';
import type { Supply } from './supply.ts';

/** A plan as it grows. */
export interface Work {
  readonly input: PlanInput;
  readonly pools: PoolIndex;
  /** In order; demands that match the same share them. */
  readonly placements: (demand: Demand) => readonly Placement[];
  readonly room: Room;
  readonly supply: Supply;
  readonly caps: CapKeeper;
  readonly spreader: Spreader;
  readonly fallback: Fallback;
  readonly launches: PlannedLaunch[];
  /** Multi-node jobs that cannot have all their machines now: what is free for them is kept for a while. */
  readonly waitingGangs: Demand[];
  /** Machines that jobs wait for and that a pool has no place for, as it has its max. */
  readonly crowded: Map<PoolName, number>;
  /** What jobs have waited for long for, and bounds that pools share stop. */
  readonly pressures: Pressure[];
}

/** What becomes of a demand's jobs; they add up to its count. */
export type Served = Pick<
  DemandReport,
  'onWorkers' | 'onComing' | 'onUndrained' | 'onLaunches' | 'unmet' | 'shortage'
>;

/** What caps count for one job: the most that it takes of any machine that it may get. */
export function cpusOfJob(demand: Demand, { input, caps }: Work): number {
  if (!caps.any) return 0;
  const requests = [...input.matchmaker.matches(demand).values()].map(({ request }) => request.cpus);
  return requests.length === 0
    ? input.matchmaker.request(adForBoot(demand), demand.ad).cpus
    : requests.reduce((most, one) => Math.max(most, one), 0);
}

/** Where machines for these jobs may be launched, the best first; or why nowhere. */
export function openPlacements(
  demand: Demand,
  work: Work,
): { readonly placements: readonly Placement[] } | { readonly shortage: DemandShortage } {
  const { input, pools } = work;
  const { queue, walltimeMs } = demand;
  // Workers that the view lacks may be free for these jobs.
  if (input.queues.get(queue)?.view?.workersComplete !== true) {
    const why = `queue ${queue} does not show all its workers now`;
    return { shortage: { code: 'workersIncomplete', why } };
  }
  const matching = work.placements(demand);
  const admits = matchAdmittance(input.setAsides, demand, input.nowMs);
  const all = matching.filter(({ match }) => admits(match.offer.name) !== 'closed');
  if (all.length === 0 && matching.length > 0) {
    const why = 'machines that were launched for these jobs took none of them, though their ads match';
    return { shortage: { code: 'setAside', why } };
  }
  if (all.length === 0) {
    if (pools.of(queue).length === 0) return { shortage: { code: 'noPool', why: 'no pool has this queue' } };
    return { shortage: { code: 'noOffer', why: 'no offer of a pool of this queue matches' } };
  }
  const { pricePerHourMax } = demand;
  const paid =
    pricePerHourMax === undefined ? all : all.filter((one) => priceOf(one, work) <= pricePerHourMax);
  if (paid.length === 0) {
    const least = all.reduce((most, one) => Math.min(most, priceOf(one, work)), Number.POSITIVE_INFINITY);
    const why = `they are not to cost more than ${pricePerHourMax} an hour, and no offer that matches costs that little now`;
    const figures = { pricePerHourMax: pricePerHourMax ?? 0, ...(Number.isFinite(least) ? { least } : {}) };
    return { shortage: { code: 'price', why, figures } };
  }
  if (walltimeMs === null) return { placements: paid };
  const lifeOf = ({ pool, match }: Placement) => remainingOfNewMs(pool, match.offer.cloud, input);
  const placements = paid.filter((placement) => fitsLife(walltimeMs, lifeOf(placement)));
  if (placements.length > 0) return { placements };
  const longestMs = paid.reduce((most, placement) => Math.max(most, lifeOf(placement)), 0);
  const why = `it may run for ${minutes(walltimeMs)}, and a new machine serves jobs for ${minutes(longestMs)} at most`;
  return { shortage: { code: 'walltime', why, figures: { walltimeMs, longestMs } } };
}

/** As its market says now; without a price it may cost anything. */
function priceOf({ match }: Placement, { input }: Work): number {
  const offer = input.offers.get(match.offer.name) ?? match.offer;
  return offer.price?.perHour ?? Number.POSITIVE_INFINITY;
}

function minutes(ms: number): string {
  return `${Math.round(ms / 60_000)} min`;
}

export function noteCrowded({ name }: Pool, machines: number, { crowded }: Work): void {
  crowded.set(name, (crowded.get(name) ?? 0) + machines);
}

export function launchOf(
  demand: Demand,
  { pool, match }: Pick<Placement, 'pool' | 'match'>,
  { count, probe }: { readonly count: number; readonly probe: boolean },
): PlannedLaunch {
  const { id, sampleJobs, user, group, keepAliveMs } = demand;
  const job = sampleJobs[0] ?? null;
  const cause = {
    kind: 'demand',
    demand: id,
    job,
    user,
    group,
    ...(keepAliveMs === undefined ? {} : { keepAliveMs }),
  } as const;
  const { name: offer, cloud } = match.offer;
  return { pool: pool.name, offer, cloud, count, cause, probe };
}
