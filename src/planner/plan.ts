import type { Fleet } from '../fleet/fleet.ts';
import type { Matchmaker } from '../matchmaker/matchmaker.ts';
import type { QuotaSnapshot } from '../model/cloud.ts';
import type { Demand, QueueSnapshot, Worker } from '../model/demand.ts';
import { type FairnessPolicy, usualFairness } from '../model/fairness.ts';
import type { CloudName, DemandId, InstanceId, JobId, OfferName, PoolName, QueueName } from '../model/ids.ts';
import type { EndReason, LaunchCause } from '../model/instance.ts';
import type { Observed } from '../model/mode.ts';
import type { Offer, Pool, Price } from '../model/offer.ts';
import { drainsForBudgets } from './budgetDrains.ts';
import { createCaps } from './caps.ts';
import { type DowntimeOutlook, drainsForDowntimes } from './downtimes.ts';
import { planDrains } from './drains.ts';
import { expectedCost } from './expectedCost.ts';
import { createFallback } from './fallback.ts';
import { headroomOf, type IdleOutlook, type IdleState, noteIdle } from './idle.ts';
import type { LaunchCounts } from './launchRate.ts';
import { drainsForLifetimes } from './lifetimes.ts';
import { drainsForNotices } from './notices.ts';
import { inOrder, type Turn } from './order.ts';
import { type Division, divide, drainsForOthers } from './parts.ts';
import { cheapestFirst, createPlacements, indexPools } from './placements.ts';
import { type BudgetReport, createPurse, type MoneyOutlook } from './purse.ts';
import { createRoom, type Shortage } from './room.ts';
import { serve } from './serve.ts';
import type { SetAsides } from './setAside.ts';
import { noShares, type Shares } from './share.ts';
import { createSpreader } from './spread.ts';
import { createSupply } from './supply.ts';
import type { Work } from './work.ts';

/** All that a plan is made from: the same input gives the same plan. */
export interface PlanInput {
  readonly nowMs: number;
  /** By the host's wall clock, as schedulers date jobs: daemon time may be ahead of it by years (model/clock.ts). */
  readonly wallMs: number;
  readonly pools: readonly Pool[];
  /** Those that take no new machines; absent: none. */
  readonly paused?: ReadonlySet<PoolName>;
  /** Where nothing is to be launched because it is only observed; absent or null: nowhere. */
  readonly observed?: Observed | null;
  /** With the prices of now. */
  readonly offers: ReadonlyMap<string, Offer>;
  readonly clouds: ReadonlyMap<CloudName, CloudOutlook>;
  readonly queues: ReadonlyMap<QueueName, QueueOutlook>;
  readonly fleet: Fleet;
  readonly setAsides: SetAsides;
  /** Absent: none is declared. */
  readonly downtimes?: DowntimeOutlook;
  /** Machines that take no job, it seems: they are not counted on. Absent: none. */
  readonly doubted?: ReadonlySet<InstanceId>;
  /** Absent: none has been launched lately. */
  readonly launchCounts?: LaunchCounts;
  /** Absent: nothing is counted, and nothing is held. */
  readonly money?: MoneyOutlook;
  /** Absent: nothing has been learned of idle times. */
  readonly idle?: IdleOutlook;
  /** Absent: the usual order, no caps. */
  readonly fairness?: FairnessPolicy;
  /** Absent: nothing has been used. */
  readonly shares?: Pick<Shares, 'usage'>;
  /** Machines that one create call for this pool at this cloud may make; absent: one. */
  readonly seatsPerCall?: (pool: Pool, cloud: CloudName) => number;
  readonly matchmaker: Matchmaker;
  readonly instanceOf: (worker: Worker) => InstanceId | null;
}

export interface CloudOutlook {
  readonly name: CloudName;
  readonly max: number | null;
  /** Create calls that may be started now. */
  readonly launchesLeft: number;
  /** What the account may still have; null or absent: the cloud does not say. */
  readonly quota?: QuotaSnapshot | null;
  /** What its market says that spot offers cost; null or absent: what the config says. */
  readonly prices?: ReadonlyMap<OfferName, Price> | null;
  /** Null: it may be used; else why not, e.g. `no complete list since the start`. */
  readonly trouble: string | null;
  /** It has left the config: its machines drain. */
  readonly retiring?: boolean;
}

export interface QueueOutlook {
  /** The newest view; null before the first. */
  readonly view: QueueSnapshot | null;
  /** Null: the view may be acted on; else why not. */
  readonly trouble: string | null;
  /** The view came in just now: only then may it say that a machine is not needed. */
  readonly isNew: boolean;
  /** Waiting jobs that fit no offer and no worker, and have not for a while; absent or null: none. */
  readonly unfit?: UnfitJobs | null;
}

export interface UnfitJobs {
  readonly jobs: number;
  readonly groups: number;
  /** One of them, and what it fails by. */
  readonly sample: JobId;
  readonly why: string;
}

export interface Plan {
  readonly launches: readonly PlannedLaunch[];
  readonly undrains: readonly InstanceId[];
  readonly drains: readonly PlannedDrain[];
  /** One for each demand group, in the order in which they were served. */
  readonly demand: readonly DemandReport[];
  /** How each budget stood before the plan. */
  readonly budgets: readonly BudgetReport[];
  /** How machines are used, with what this plan's views show: what the next plan begins with. */
  readonly idle: IdleState;
  /** Machines that some waiting job has been put on. */
  readonly needed: ReadonlySet<InstanceId>;
  /** Those, and the doubted that some waiting job matches. */
  readonly waitedFor: ReadonlySet<InstanceId>;
}

export interface PlannedLaunch {
  readonly pool: PoolName;
  readonly offer: OfferName;
  readonly cloud: CloudName;
  readonly count: number;
  readonly cause: LaunchCause;
  /** Half-open: this launch tries an offer or cloud that was set aside. */
  readonly probe: boolean;
  /** An operator's own words, for the journal. */
  readonly note?: string;
}

export interface PlannedDrain {
  readonly instance: InstanceId;
  readonly reason: EndReason;
  readonly why: string;
  /** It ends now, whatever runs on it. */
  readonly force?: true;
}

/** What becomes of a group's waiting jobs: the parts add up to `jobs`. */
export interface DemandReport {
  readonly demand: DemandId;
  readonly queue: QueueName;
  readonly sampleJobs: readonly JobId[];
  readonly jobs: number;
  readonly onWorkers: number;
  readonly onComing: number;
  readonly onUndrained: number;
  readonly onLaunches: number;
  readonly unmet: number;
  readonly shortage: DemandShortage | null;
  /** When it was served, and why not sooner. */
  readonly turn: Turn;
}

export interface DemandShortage {
  /**
   * `noOffer`: no offer of any pool of this queue matches; `kind`: this sort of demand is not served;
   * `workersIncomplete`: workers that could take the jobs may be missing from the view; `userCap`, `groupCap`: who
   * submitted them has what a cap allows; `price`: every offer costs more than they are to cost; `walltime`: no new machine
   * lives long enough; `tooLarge`: a multi-node job
   * wants more machines at once than there can ever be.
   */
  readonly code:
    | Shortage['code']
    | 'noOffer'
    | 'noPool'
    | 'kind'
    | 'workersIncomplete'
    | 'fallback'
    | 'userCap'
    | 'groupCap'
    | 'price'
    | 'walltime'
    | 'tooLarge';
  readonly why: string;
  /** What the clause says in numbers, by name. */
  readonly figures?: Readonly<Record<string, number>>;
}

/**
 * Decides what to do now. Pure. Waiting jobs are put, in their order (order.ts), on workers with room, then on machines
 * on their way, then on machines that drain for want of work (they are un-drained), and only for what is left machines
 * are launched, the best match first and within all bounds. Then each pool's min and head-room are filled, and
 * machines that no job needs are drained. Pools of greater priority come first in all of it. Where a bound that pools
 * share stops jobs that have waited long, and somebody lacks of his part of it (parts.ts), all is planned once more within
 * the parts: twice the cost, at such a tick alone.
 */
export function plan(input: PlanInput): Plan {
  const first = planWithin([], input);
  if (first.pressures.length === 0) return first.plan;
  const divisions = divide(first);
  return divisions.length === 0 ? first.plan : planWithin(divisions, input).plan;
}

function planWithin(divisions: readonly Division[], input: PlanInput): Work & { readonly plan: Plan } {
  const { fairness = usualFairness, shares = noShares, matchmaker, wallMs } = input;
  const { caps } = fairness;
  const views = [...input.queues.values()].flatMap(({ view }) => (view === null ? [] : [view]));
  const groups = [...input.queues.values()].flatMap(({ view, trouble }) =>
    view === null || trouble !== null ? [] : view.demand,
  );
  matchmaker.prepare(groups);
  const purse = createPurse(input);
  const room = createRoom(input, purse, divisions);
  const namesLaunches = caps.some(({ machines }) => machines !== null);
  const pools = indexPools(input.pools);
  const work: Work = {
    input,
    pools,
    placements: createPlacements(input, pools),
    room,
    supply: createSupply({ ...input, views, purse, namesLaunches }),
    caps: createCaps({ caps, views, entries: input.fleet.entries, instanceOf: input.instanceOf }),
    spreader: createSpreader(input.fleet),
    fallback: createFallback(input),
    launches: [],
    waitingGangs: [],
    crowded: new Map(),
    pressures: [],
  };
  const poolPriority = (demand: Demand) => greatestPriority(demand, work);
  const turns = inOrder(groups, { wallMs, policy: fairness, shares, poolPriority });
  const demand = serveAndFill(turns, work);
  holdForGangs(work);
  const due = onceEach([
    ...drainsForNotices(input),
    ...drainsForDowntimes(input),
    ...drainsForLifetimes(input),
    ...drainsForBudgets(input, purse),
    ...drainsForOthers(divisions, input),
  ]);
  const leaving = new Set([...due.map(({ instance }) => instance), ...(input.doubted ?? [])]);
  const usages = noteIdle(input, { needed: work.supply.needed, launches: work.launches });
  const drains = [...due, ...planDrains(input, work.supply, { usages, leaving, crowded: work.crowded })];
  const decided = {
    launches: work.launches,
    undrains: work.supply.undrained,
    drains,
    demand,
    budgets: purse.reports,
    idle: usages,
    needed: work.supply.needed,
    waitedFor: waitedFor(work, groups),
  };
  return { ...work, plan: decided };
}

/** No job is put on a machine that is doubted: one is waited for while some job matches it, or may do so unseen. */
function waitedFor({ input, supply }: Work, waiting: readonly Demand[]): ReadonlySet<InstanceId> {
  const { doubted, fleet, queues, matchmaker } = input;
  if (doubted === undefined || doubted.size === 0) return supply.needed;
  const isWaitedFor = (id: InstanceId): boolean => {
    const instance = fleet.entries.get(id)?.instance;
    if (instance === undefined) return false;
    const queue = queues.get(instance.queue);
    if (queue?.view?.demandComplete !== true || queue.trouble !== null) return true;
    return waiting.some(
      (demand) => demand.queue === instance.queue && matchmaker.matches(demand).has(instance.offer),
    );
  };
  return new Set([...supply.needed, ...[...doubted].filter(isWaitedFor)]);
}

/** A machine drains for the first of its reasons. */
function onceEach(drains: readonly PlannedDrain[]): PlannedDrain[] {
  const first = new Map<InstanceId, PlannedDrain>();
  for (const drain of drains) if (!first.has(drain.instance)) first.set(drain.instance, drain);
  return [...first.values()];
}

/** The greatest priority of a pool that could boot a machine for the demand. */
function greatestPriority(demand: Demand, { input, pools }: Work): number {
  const own = pools.of(demand.queue);
  const [first] = own;
  if (first === undefined) return 0;
  if (own.every(({ priority }) => priority === first.priority)) return first.priority;
  let most = Number.NEGATIVE_INFINITY;
  for (const offer of input.matchmaker.matches(demand).keys())
    for (const { pool } of pools.having(demand.queue, offer)) most = Math.max(most, pool.priority);
  return Number.isFinite(most) ? most : Math.min(...own.map(({ priority }) => priority));
}

/** Priority by priority: the jobs that a pool of it could serve, then what its pools must have anyway. */
function serveAndFill(turns: ReturnType<typeof inOrder>, work: Work): DemandReport[] {
  const reports: DemandReport[] = [];
  const byPriority = Map.groupBy(work.input.pools, ({ priority }) => priority);
  const byTurn = Map.groupBy(turns, ({ turn }) => turn.pool);
  for (const priority of [...new Set([...byPriority.keys(), ...byTurn.keys()])].toSorted((a, b) => b - a)) {
    for (const { demand, turn } of byTurn.get(priority) ?? []) reports.push(serve(demand, turn, work));
    for (const pool of byPriority.get(priority) ?? []) fillPool(pool, work);
  }
  return reports;
}

function holdForGangs({ input, waitingGangs, supply }: Work): void {
  const freeSinceMs = input.nowMs - (input.fairness ?? usualFairness).gangHoldMs;
  for (const demand of waitingGangs) supply.hold(demand, demand.workers, freeSinceMs);
}

/**
 * Min, then head-room: what the pool must have whether a job waits or not. Head-room is for jobs that may come: where
 * some wait already for a place in the pool, it is not filled.
 */
function fillPool(pool: Pool, work: Work): void {
  const { input, room, supply, spreader, fallback, launches } = work;
  const queue = input.queues.get(pool.queue);
  const undrained = supply.undrained.filter((id) => input.fleet.entries.get(id)?.instance.pool === pool.name);
  const takenBack = fill('min', room.missingToMin(pool) - undrained.length);
  const headroom = headroomOf(pool, input.idle);
  if (headroom === 0 || queue?.view == null || queue.trouble !== null) return;
  if (work.crowded.has(pool.name)) return;
  const planned = launches.filter((launch) => launch.pool === pool.name && launch.cause.kind !== 'demand');
  const spare = room.spareOf(pool, supply.needed) + planned.reduce((sum, { count }) => sum + count, 0);
  fill('headroom', headroom - spare - takenBack);

  /** Those that drain for want of work are there already: returns how many were taken back. */
  function fill(kind: 'min' | 'headroom', missing: number): number {
    const back = supply.takeBack(pool, missing);
    let left = missing - back;
    if (left <= 0) return back;
    const ways = cheapestFirst(pool, input.offers, expectedCost(input.money, null)).map((offer) => ({
      pool,
      match: { offer, jobsPerMachine: 1 },
    }));
    for (const { way, most } of spreader.choices(ways, left)) {
      const { offer } = way.match;
      if (left <= 0) break;
      if (fallback.holds(pool, offer) !== null) continue;
      const { count, probe, short } = room.reserve({ pool, offer, user: null }, Math.min(most, left));
      fallback.asked(pool, offer, short);
      if (count === 0) continue;
      spreader.launched(pool.name, offer.cloud, count);
      left -= count;
      launches.push({
        pool: pool.name,
        offer: offer.name,
        cloud: offer.cloud,
        count,
        cause: { kind },
        probe,
      });
      supply.addLaunch(offer, pool, count);
    }
    return back;
  }
}
