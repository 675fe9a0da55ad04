import type { Demand } from '../model/demand.ts';
import { timesThatFit } from '../model/resources.ts';
import type { Fitting } from './machines.ts';
import type { Placement } from './placements.ts';
import type { DemandShortage } from './plan.ts';
import type { Grant } from './room.ts';
import type { Terms } from './supply.ts';
import { cpusOfJob, launchOf, noteCrowded, openPlacements, type Served, type Work } from './work.ts';

/**
 * Multi-node jobs: each wants `workers` machines at once, one node on each, or none. A job is served only if all of them are
 * there, on their way or within every bound that lasts; then their places are taken for it, and of the launches as many
 * are begun as the pace of create calls allows, the others at later ticks. Else nothing is launched for it and it takes
 * nothing: machines that are free and would fit are kept from being drained, for a limited time.
 *
 * Jobs are served in order and each takes all that it needs before the next is looked at, so two that are half assembled
 * never wait for each other.
 */
export function serveGang(demand: Demand, work: Work): Served {
  const served = { onWorkers: 0, onComing: 0, onUndrained: 0, onLaunches: 0 };
  for (let job = 0; job < demand.count; job++) {
    const result = serveJob(demand, work);
    if (result.kind === 'short') return { ...served, unmet: demand.count - job, shortage: result.shortage };
    served[result.on] += 1;
  }
  return { ...served, unmet: 0, shortage: null };
}

type Result =
  | { readonly kind: 'served'; readonly on: 'onWorkers' | 'onComing' | 'onUndrained' | 'onLaunches' }
  | { readonly kind: 'short'; readonly shortage: DemandShortage };

/** Machines of one placement for a job, and how many of them may be launched now. */
interface Part {
  readonly placement: Placement;
  readonly grant: Grant;
}

function serveJob(demand: Demand, work: Work): Result {
  const { supply, caps, room } = work;
  const { workers } = demand;
  const cpus = cpusOfJob(demand, work) * workers;
  const tooSmall = caps.tooSmallFor(demand, { cpus, machines: workers });
  if (tooSmall !== null) return short(tooLarge(workers, tooSmall.why, tooSmall.figures));
  if (caps.jobsAllowed(demand, cpus) < 1) return short(withMissing(caps.shortage(demand), workers, workers));

  const terms: Terms = { allowance: caps.allowanceFor(demand), apart: true };
  const there = supply.fitting(demand, terms);
  const usable = usableOf(there, terms, workers);
  const missing = workers - usable.count;
  if (missing > usable.freshLeft)
    return wait(demand, work, withMissing(caps.shortage(demand), workers, missing));
  let parts: readonly Part[] = [];
  if (missing > 0) {
    const open = openPlacements(demand, work);
    if ('shortage' in open) return wait(demand, work, withMissing(open.shortage, workers, missing));
    const found = room.attempt(() => reserveAll(demand, { placements: open.placements, missing }, work));
    if (found === null) return refuse(demand, { placements: open.placements, missing }, work);
    parts = found;
  }

  caps.spend(demand, cpus);
  const onWorkers = supply.takeFromWorkers(demand, workers, terms);
  const onComing = supply.takeFromComing(demand, workers - onWorkers, terms);
  const onUndrained = supply.takeFromDraining(demand, workers - onWorkers - onComing, terms);
  for (const part of parts) launch(demand, { part, terms }, work);
  const later = parts.find(({ grant }) => grant.now < grant.count);
  if (later !== undefined) {
    const waits = parts.reduce((sum, { grant }) => sum + grant.count - grant.now, 0);
    const { code, why } = later.grant.short ?? {
      code: 'launchesInFlight',
      why: 'create calls are under way',
    };
    return short(withMissing({ code, why }, workers, waits));
  }
  const on =
    missing > 0 ? 'onLaunches' : onUndrained > 0 ? 'onUndrained' : onComing > 0 ? 'onComing' : 'onWorkers';
  return { kind: 'served', on };
}

const short = (shortage: DemandShortage): Result => ({ kind: 'short', shortage });

/** It may have its machines later: those that are free for it are kept. */
function wait(demand: Demand, { waitingGangs }: Work, shortage: DemandShortage): Result {
  if (waitingGangs.at(-1) !== demand) waitingGangs.push(demand);
  return short(shortage);
}

function launch(demand: Demand, { part, terms }: { part: Part; terms: Terms }, work: Work): void {
  const { placement, grant } = part;
  const { pool, match } = placement;
  if (grant.now > 0) {
    work.launches.push(launchOf(demand, placement, { count: grant.now, probe: grant.probe }));
    work.spreader.launched(pool.name, match.offer.cloud, grant.now);
    work.supply.addLaunch(match.offer, pool, grant.now);
    work.supply.takeFromOffer(demand, match.offer.name, grant.now, terms);
  }
  for (let n = grant.now; n < grant.count; n++)
    terms.allowance?.use(`later ${demand.id} ${work.launches.length} ${n}`);
}

/** How many of the machines that fit the caps let it have, and how many more they would. */
function usableOf(
  { workers, coming, draining }: Record<'workers' | 'coming' | 'draining', Fitting>,
  { allowance }: Terms,
  wanted: number,
): { count: number; freshLeft: number } {
  const all = [workers, coming, draining];
  const counted = all.reduce((sum, fitting) => sum + fitting.counted, 0);
  const others = all.reduce((sum, fitting) => sum + fitting.others, 0);
  const freshMax = allowance?.machinesLeft ?? Number.POSITIVE_INFINITY;
  // The order in which machines are taken may use up what the cap leaves before those that count already.
  const fresh = Math.min(others, freshMax, wanted);
  return { count: Math.min(wanted, counted + fresh), freshLeft: freshMax - fresh };
}

/** All of them at one cloud, if one has room for them; else wherever there is room. Null: not all. */
function reserveAll(
  demand: Demand,
  { placements, missing }: { placements: readonly Placement[]; missing: number },
  work: Work,
): readonly Part[] | null {
  const clouds = [...Map.groupBy(placements, ({ match }) => match.offer.cloud).values()];
  for (const own of clouds.length > 1 ? clouds : []) {
    const parts = work.room.attempt(() =>
      wholeOf(reserve(demand, { placements: own, missing }, work), missing),
    );
    if (parts !== null) return parts;
  }
  return wholeOf(reserve(demand, { placements, missing }, work), missing);
}

function reserve(
  demand: Demand,
  { placements, missing }: { placements: readonly Placement[]; missing: number },
  { room, fallback }: Work,
): readonly Part[] {
  const parts: Part[] = [];
  let left = missing;
  for (const placement of placements) {
    if (left === 0) break;
    const { pool, match } = placement;
    if (fallback.holds(pool, match.offer) !== null) continue;
    const grant = room.reserveWhole({ pool, offer: match.offer, user: demand.user }, left);
    fallback.asked(pool, match.offer, grant.short);
    left -= grant.count;
    parts.push({ placement, grant });
  }
  return parts;
}

const countOf = (parts: readonly Part[]) => parts.reduce((sum, { grant }) => sum + grant.count, 0);

function wholeOf(parts: readonly Part[], missing: number): readonly Part[] | null {
  return countOf(parts) < missing ? null : parts.filter(({ grant }) => grant.count > 0);
}

/** Why not all can be had: not now, or never. */
function refuse(
  demand: Demand,
  wanted: { placements: readonly Placement[]; missing: number },
  work: Work,
): Result {
  const { workers } = demand;
  const most = mostMachines(wanted.placements, work) + othersFor(demand, work);
  if (workers > most) {
    const why = `pools, offers and clouds allow ${most}`;
    return short(tooLarge(workers, why, { most }));
  }
  let parts: readonly Part[] = [];
  work.room.attempt(() => {
    parts = reserve(demand, wanted, work);
    return null;
  });
  const lacks = wanted.missing - countOf(parts);
  const full = parts.find(({ grant }) => grant.short?.code === 'poolMax');
  if (full !== undefined) noteCrowded(full.placement.pool, lacks, work);
  const bound = parts.find(({ grant }) => grant.short !== null)?.grant.short;
  const held = wanted.placements.map(({ pool, match }) => work.fallback.holds(pool, match.offer));
  const shortage =
    bound ??
    held.find((reason) => reason !== null) ??
    ({ code: 'poolMax', why: 'there is no room' } as const);
  return wait(demand, work, withMissing(shortage, workers, lacks));
}

function tooLarge(workers: number, why: string, figures: Readonly<Record<string, number>>): DemandShortage {
  return {
    code: 'tooLarge',
    why: `it wants ${workers} machines at once, and ${why}`,
    figures: { ...figures, workers },
  };
}

function withMissing(
  { code, why, figures }: DemandShortage,
  workers: number,
  missing: number,
): DemandShortage {
  const text = `${missing} of the ${workers} machines that it wants at once cannot be had: ${why}`;
  return { code, why: text, figures: { ...figures, workers, missing } };
}

/** How many machines the bounds would allow if nothing else were there: never less than could really be had. */
function mostMachines(placements: readonly Placement[], { input }: Work): number {
  const sumBy = (groups: Iterable<readonly [number | null, readonly Placement[]]>): number => {
    let all = 0;
    for (const [max, own] of groups) {
      const offers = new Map(own.map(({ match }) => [match.offer.name, match.offer.max]));
      const ofOffers = [...offers.values()].reduce<number>(
        (sum, most) => sum + (most ?? Number.POSITIVE_INFINITY),
        0,
      );
      all += Math.min(max ?? Number.POSITIVE_INFINITY, ofOffers);
    }
    return all;
  };
  const byPool = Map.groupBy(placements, ({ pool }) => pool);
  const byCloud = Map.groupBy(placements, ({ match }) => match.offer.cloud);
  return Math.min(
    sumBy([...byPool].map(([pool, own]) => [pool.max, own] as const)),
    sumBy([...byCloud].map(([cloud, own]) => [input.clouds.get(cloud)?.max ?? null, own] as const)),
  );
}

/** Machines that are not ours and large enough: whether they may have the job is not asked. */
function othersFor({ queue, ad }: Demand, { input }: Work): number {
  const request = input.matchmaker.request(ad, ad);
  const workers = input.queues.get(queue)?.view?.workers ?? [];
  return workers.filter(
    (worker) => input.instanceOf(worker) === null && timesThatFit(worker.total, request) > 0,
  ).length;
}
