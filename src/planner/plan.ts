import type { Fleet } from '../fleet/fleet.ts';
import type { Matchmaker } from '../matchmaker/matchmaker.ts';
import type { Demand, QueueSnapshot, Worker } from '../model/demand.ts';
import type { CloudName, DemandId, InstanceId, JobId, OfferName, PoolName, QueueName } from '../model/ids.ts';
import type { EndReason, LaunchCause } from '../model/instance.ts';
import type { Offer, Pool } from '../model/offer.ts';
import { drainsForBudgets } from './budgetDrains.ts';
import { type DowntimeOutlook, drainsForDowntimes } from './downtimes.ts';
import { planDrains } from './drains.ts';
import { cheapestFirst } from './placements.ts';
import { type BudgetReport, createPurse, type MoneyOutlook } from './purse.ts';
import { createRoom, type Shortage } from './room.ts';
import { serve, type Work } from './serve.ts';
import type { SetAsides } from './setAside.ts';
import { createSupply } from './supply.ts';

/** All that a plan is made from: the same input gives the same plan. */
export interface PlanInput {
  readonly nowMs: number;
  readonly pools: readonly Pool[];
  /** Those that take no new machines; absent: none. */
  readonly paused?: ReadonlySet<PoolName>;
  readonly offers: ReadonlyMap<string, Offer>;
  readonly clouds: ReadonlyMap<CloudName, CloudOutlook>;
  readonly queues: ReadonlyMap<QueueName, QueueOutlook>;
  readonly fleet: Fleet;
  readonly setAsides: SetAsides;
  /** Absent: none is declared. */
  readonly downtimes?: DowntimeOutlook;
  /** Absent: nothing is counted, and nothing is held. */
  readonly money?: MoneyOutlook;
  readonly matchmaker: Matchmaker;
  readonly instanceOf: (worker: Worker) => InstanceId | null;
}

export interface CloudOutlook {
  readonly name: CloudName;
  readonly max: number | null;
  /** Create calls that may be started now. */
  readonly launchesLeft: number;
  /** Null: it may be used; else why not, e.g. `no complete list since the start`. */
  readonly trouble: string | null;
}

export interface QueueOutlook {
  /** The newest view; null before the first. */
  readonly view: QueueSnapshot | null;
  /** Null: the view may be acted on; else why not. */
  readonly trouble: string | null;
  /** The view came in just now: only then may it say that a machine is not needed. */
  readonly isNew: boolean;
}

export interface Plan {
  readonly launches: readonly PlannedLaunch[];
  readonly undrains: readonly InstanceId[];
  readonly drains: readonly PlannedDrain[];
  /** One for each demand group, in the order in which they were served. */
  readonly demand: readonly DemandReport[];
  /** How each budget stood before the plan. */
  readonly budgets: readonly BudgetReport[];
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
}

export interface DemandShortage {
  /**
   * `noOffer`: no offer of any pool of this queue matches; `kind`: this sort of demand is not served;
   * `workersIncomplete`: workers that could take the jobs may be missing from the view.
   */
  readonly code: Shortage['code'] | 'noOffer' | 'noPool' | 'kind' | 'workersIncomplete';
  readonly why: string;
}

/**
 * Decides what to do now. Pure. Waiting jobs are put, oldest group first, on workers with room, then on machines on
 * their way, then on machines that drain for want of work (they are un-drained), and only for what is left machines
 * are launched, the best match first and within all bounds. Then each pool's min and head-room are filled, and
 * machines that no job needs are drained.
 */
export function plan(input: PlanInput): Plan {
  const views = [...input.queues.values()].flatMap(({ view }) => (view === null ? [] : [view]));
  const purse = createPurse(input);
  const room = createRoom(input, purse);
  const supply = createSupply({ ...input, views, purse });
  const launches: PlannedLaunch[] = [];
  const demand: DemandReport[] = [];
  for (const { view, trouble } of input.queues.values()) {
    if (view === null || trouble !== null) continue;
    for (const group of view.demand.toSorted(byAge))
      demand.push(serve(group, { input, room, supply, launches }));
  }
  for (const pool of input.pools) fillPool(pool, { input, room, supply, launches });
  const due = [...drainsForDowntimes(input), ...drainsForBudgets(input, purse)];
  const drains = [...due, ...planDrains(input, supply, new Set(due.map(({ instance }) => instance)))];
  return { launches, undrains: supply.undrained, drains, demand, budgets: purse.reports };
}

function byAge(a: Demand, b: Demand): number {
  const age = (demand: Demand) => demand.oldestSubmittedAtMs ?? Number.POSITIVE_INFINITY;
  const difference = age(a) - age(b);
  return Number.isNaN(difference) || difference === 0 ? (a.id < b.id ? -1 : 1) : difference;
}

/** Min, then head-room: what the pool must have whether a job waits or not. */
function fillPool(pool: Pool, { input, room, supply, launches }: Work): void {
  const queue = input.queues.get(pool.queue);
  fill('min', room.missingToMin(pool));
  if (pool.headroom === 0 || queue?.view == null || queue.trouble !== null) return;
  const planned = launches.filter((launch) => launch.pool === pool.name && launch.cause.kind !== 'demand');
  const spare = room.spareOf(pool, supply.needed) + planned.reduce((sum, { count }) => sum + count, 0);
  fill('headroom', pool.headroom - spare);

  function fill(kind: 'min' | 'headroom', missing: number): void {
    let left = missing;
    for (const offer of cheapestFirst(pool, input.offers)) {
      if (left <= 0) return;
      const { count, probe } = room.reserve({ pool, offer, user: null }, left);
      if (count === 0) continue;
      left -= count;
      launches.push({
        pool: pool.name,
        offer: offer.name,
        cloud: offer.cloud,
        count,
        cause: { kind },
        probe,
      });
      supply.addLaunch(offer, pool.queue, count);
    }
  }
}
