import { type AccountingState, type Accrual, accrue } from '../accounting/accrue.ts';
import { type Fleet, type FleetChange, type FoldContext, type Lesson, seatId } from '../fleet/fleet.ts';
import { type FoldInput, fold } from '../fleet/fold.ts';
import { linkWorkers } from '../fleet/foldQueue.ts';
import { deadlinesOf, type Learned, learnTimes, usualBootMs } from '../fleet/learned.ts';
import type { Effect } from '../fleet/owed.ts';
import type { Matchmaker } from '../matchmaker/matchmaker.ts';
import type { Budget } from '../model/budget.ts';
import type { Worker } from '../model/demand.ts';
import { deriveFraction, deriveName } from '../model/derive.ts';
import type { Downtime, DowntimeOrder } from '../model/downtime.ts';
import type { FairnessPolicy } from '../model/fairness.ts';
import {
  type CloudName,
  type DemandId,
  type InstanceId,
  IntentId,
  type PoolName,
  type QueueName,
  type SiteId,
} from '../model/ids.ts';
import type { Instance } from '../model/instance.ts';
import type { JournalEntry } from '../model/journal.ts';
import { isObserved, type Observed } from '../model/mode.ts';
import type { Offer, Pool } from '../model/offer.ts';
import type { PoolOrder, PoolSettings } from '../model/poolOrder.ts';
import type { IdleState } from '../planner/idle.ts';
import { lazily } from '../planner/lazily.ts';
import { forgiveMatches, probedBy, setMismatchesAside } from '../planner/mismatch.ts';
import {
  type CloudOutlook,
  type Plan,
  type PlanInput,
  type PlannedLaunch,
  plan,
  type QueueOutlook,
} from '../planner/plan.ts';
import { describeOrder, obey, pausedPools, poolsAsSet } from '../planner/poolSettings.ts';
import {
  dropStaleProbes,
  forgiveShortLives,
  learnSetAsides,
  type SetAsidePolicy,
  type SetAsides,
  withProbe,
} from '../planner/setAside.ts';
import { learnShares, type Shares } from '../planner/share.ts';
import type { Batch } from '../store/port.ts';
import { type DowntimeState, foldDowntimes, outlookOf } from './downtimes.ts';
import { factsOf, type Totals } from './facts.ts';
import { openIntent } from './openIntent.ts';
import { offersNow } from './prices.ts';
import { actedOn, cast, type ShadowState } from './shadow.ts';
import { awayOf, bookEnded, foldBudgets, moneyOutlook, noteMissed, type Spending } from './spending.ts';
import { isStill, type Planned } from './still.ts';
import { noteSetAsides, noteUnmet } from './tickNotes.ts';
import { doubtedOf, type Watch, watch } from './watch.ts';

/** All that the core knows. Everything but `unmet` is in the store or is seen anew after a restart. */
export interface CoreState {
  /** From the store's birth: with `sequence` it makes ids that no other store makes. */
  readonly seed: string;
  readonly sequence: number;
  readonly fleet: Fleet;
  readonly learned: Learned;
  readonly setAsides: SetAsides;
  /** What operators have said of pools. */
  readonly poolSettings: PoolSettings;
  readonly downtimes: DowntimeState;
  readonly idle: IdleState;
  readonly watch: Watch;
  readonly spending: Spending;
  /** What each user's jobs have used. */
  readonly shares: Shares;
  /** What is had and used now: see src/accounting. */
  readonly accounting: AccountingState;
  /** What would have been done where the site only observes. */
  readonly shadow: ShadowState;
  readonly totals: Totals;
  /** Why each demand group's jobs wait, as the journal was last told. */
  readonly unmet: ReadonlyMap<DemandId, string>;
  /** The newest plan; null before the first. */
  readonly planned: Planned | null;
}

/** What does not change from tick to tick. */
export interface CoreSite {
  readonly site: SiteId;
  readonly pools: ReadonlyMap<string, Pool>;
  readonly offers: ReadonlyMap<string, Offer>;
  /** Those in the config. */
  readonly downtimes: readonly Downtime[];
  readonly policy: SetAsidePolicy & {
    readonly reapMs: number;
    readonly massShare: number;
    readonly drainAheadMs: number;
    readonly alarmAfter: number;
    readonly fairness: FairnessPolicy;
  };
  readonly budgets: readonly Budget[];
  /** From the decision to end a machine without a job until it is gone, if all goes well. */
  readonly windDownMs: (pool: PoolName, cloud: CloudName) => number;
  readonly matchmaker: Matchmaker;
  /** Null or absent: nothing is, and everything is done. */
  readonly observed?: Observed | null;
  readonly listLagMs: (cloud: CloudName) => number;
  /** The longest that a queue or cloud may go without a look. */
  readonly lookMs: number;
  /** Whether the same create call may be sent again and makes no second machine. */
  readonly replaySafe: (cloud: CloudName) => boolean;
  /** How many machines one create call for this pool at this cloud may make. */
  readonly seatsPerCall: (pool: Pool, cloud: CloudName) => number;
}

export interface TickInput extends FoldInput {
  readonly nowMs: number;
  readonly wallMs: number;
  readonly queues: ReadonlyMap<QueueName, QueueOutlook>;
  readonly clouds: ReadonlyMap<CloudName, CloudOutlook>;
  /** Launches that an operator asked for; checked against the bounds by whoever took the order. */
  readonly launches: readonly PlannedLaunch[];
  readonly poolOrders: readonly PoolOrder[];
  readonly downtimeOrders: readonly DowntimeOrder[];
  /** For the journal, from outside the core: a source fell silent or is back. */
  readonly notes: readonly JournalEntry[];
  /** False: time alone has brought nothing about since the last tick, as `nextDue` tells it. Absent: it may have. */
  readonly isDue?: boolean;
}

export interface TickResult {
  readonly state: CoreState;
  readonly plan: Plan;
  /** To be stored before anything is done; null where nothing changed. */
  readonly batch: Batch | null;
  /** To be started once the batch is stored. */
  readonly effects: readonly Effect[];
  readonly launched: readonly Instance[];
}

/** Fold, plan, and what must be stored. Pure: no clock, no I/O, the same input gives the same result. */
export function tick(state: CoreState, input: TickInput, configured: CoreSite): TickResult {
  const { nowMs } = input;
  const offers = offersNow(configured.offers, input.clouds);
  const site = offers === configured.offers ? configured : { ...configured, offers };
  const change = fold(state.fleet, input, foldContext(state, site, nowMs));
  if (state.planned !== null && isStill(state.fleet, state.planned, { input, change }))
    return {
      state: { ...state, fleet: change.result() },
      plan: state.planned.plan,
      batch: null,
      effects: [],
      launched: [],
    };
  let sequence = state.sequence;
  const learned = learnTimes(state.learned, change.lessons);
  const jitter = () => deriveFraction(state.seed, ++sequence);
  let setAsides = learnSetAsides(state.setAsides, change.lessons, {
    nowMs,
    policy: site.policy,
    jitter,
  });
  setAsides = dropStaleProbes(setAsides, (intent) => change.intents.get(intent)?.state);
  setAsides = forgiveShortLives(setAsides, change.entries, nowMs);
  setAsides = forgiveMatches(setAsides, change.entries, nowMs);

  const effects: Effect[] = [];
  const launched: Instance[] = [];
  const launchAll = (launches: readonly PlannedLaunch[]) => {
    for (const launch of launches.flatMap((planned) => callsOf(planned, site))) {
      const intent = IntentId(`${site.site}-${deriveName(state.seed, ++sequence)}`);
      const instances = openIntent(change, intent, launch, site);
      launched.push(...instances);
      if (launch.probe) for (const key of probedBy(launch)) setAsides = withProbe(setAsides, key, intent);
      const { cloud, pool, offer } = launch;
      effects.push({ kind: 'launch', intent, cloud, pool, offer, instances: instances.map(({ id }) => id) });
    }
  };

  const poolSettings = obeyAll(change, state.poolSettings, input.poolOrders);
  const paused = pausedPools(poolSettings);
  const downtimes = foldDowntimes(change, state.downtimes, input, site);
  const outlook = outlookOf(downtimes, site, input);
  const booked = new Set<InstanceId>();
  let spending = bookEnded(state.spending, change, booked);
  noteMissed(change, spending, { budgets: site.budgets, awayMs: awayOf(input) });
  launchAll(input.launches);
  effects.push(...resend(change, input, { site, paused }));
  const instanceOf = workerLinks(change, input);
  const shares = learnShares(state.shares, input.views, {
    nowMs,
    halfLifeMs: site.policy.fairness.share.halfLifeMs,
    isOurs: (worker) => instanceOf(worker) !== null,
  });
  const wished: PlanInput = {
    nowMs,
    wallMs: input.wallMs,
    observed: site.observed ?? null,
    fairness: site.policy.fairness,
    shares,
    pools: [...poolsAsSet(site.pools, poolSettings).values()],
    paused,
    offers: site.offers,
    clouds: input.clouds,
    queues: input.queues,
    fleet: change.result(),
    setAsides,
    downtimes: outlook,
    doubted: doubtedOf(state.watch),
    launchCounts: state.watch.launchCounts,
    idle: { state: state.idle, bootMs: (offer) => usualBootMs(learned, offer) },
    money: moneyOutlook(spending, site, learned),
    seatsPerCall: site.seatsPerCall,
    matchmaker: site.matchmaker,
    instanceOf,
  };
  const decided = actedOn(plan(wished), wished);
  const shadow = cast(change, state.shadow, wished);
  for (const id of decided.undrains) change.apply(id, { kind: 'undrain' }, 'a waiting job needs it');
  for (const { instance, reason, why, force } of decided.drains)
    change.apply(instance, { kind: force === true ? 'terminate' : 'drain', reason }, why);
  setAsides = setMismatchesAside(
    setAsides,
    { drained: drainedForIdleness(decided, change), reports: decided.demand },
    { nowMs, policy: site.policy, jitter },
  );
  launchAll(decided.launches);
  for (const { id, phase, queue, worker, pool, cloud } of change.changedInstances.values())
    if (phase === 'ended' && worker !== null && !isObserved(site.observed, { pool, cloud }))
      effects.push({ kind: 'remove', instance: id, queue, worker });
  const watched = watch(change, state.watch, {
    input,
    decided,
    launched,
    pools: site.pools,
    policy: site.policy,
    setAsides,
    downtimes: outlook,
    jitter,
  });
  setAsides = watched.setAsides;
  const unmet = noteUnmet(change, state.unmet, decided);
  noteSetAsides(change, state.setAsides, setAsides);
  spending = bookEnded(foldBudgets(change, spending, decided.budgets), change, booked);
  const accrued = accrue(state.accounting, {
    nowMs,
    views: input.views,
    instanceOf,
    changed: change.changedInstances,
    offers: site.offers,
  });
  const totals = count(state, change);
  const next: CoreState = {
    ...state,
    sequence,
    fleet: change.result(),
    learned,
    setAsides,
    poolSettings,
    downtimes,
    idle: decided.idle,
    watch: watched.watch,
    spending,
    shares,
    accounting: accrued.state,
    shadow,
    totals,
    unmet,
    planned: { atMs: nowMs, plan: decided, clouds: input.clouds, queues: input.queues },
  };
  return {
    state: next,
    plan: decided,
    batch: batchOf(state, next, { change, input, accrued }),
    effects,
    launched,
  };
}

function obeyAll(change: FleetChange, before: PoolSettings, orders: readonly PoolOrder[]): PoolSettings {
  let settings = before;
  for (const order of orders) {
    const after = obey(settings, order);
    if (after !== settings) {
      const { pool } = order;
      change.note({ kind: 'operator', atMs: change.context.nowMs, pool, why: describeOrder(order) });
    }
    settings = after;
  }
  return settings;
}

/**
 * Where the same create call makes no second machine, one that was looked for in vain is sent again, to the letter: its
 * machine comes now, and not when the cloud's list has had its time. The look-ups pace it.
 */
function resend(
  change: FleetChange,
  { nowMs, clouds }: TickInput,
  { site, paused }: { site: CoreSite; paused: ReadonlySet<PoolName> },
): Effect[] {
  return change.resendable.flatMap((id) => {
    const intent = change.intents.get(id);
    if (intent === undefined || intent.state !== 'unknown') return [];
    if (paused.has(intent.pool) || isObserved(site.observed, intent)) return [];
    if (!site.replaySafe(intent.cloud) || clouds.get(intent.cloud)?.trouble !== null) return [];
    change.putIntent({ ...intent, sentAtMs: nowMs });
    const { cloud, pool, offer, seats } = intent;
    const instances = Array.from({ length: seats }, (_, seat) => seatId(id, seat));
    return [{ kind: 'launch', intent: id, cloud, pool, offer, instances }];
  });
}

function drainedForIdleness({ drains }: Plan, change: FleetChange): Instance[] {
  return drains.flatMap(({ instance, reason }) => {
    const entry = reason === 'idle' ? change.entries.get(instance) : undefined;
    return entry === undefined ? [] : [entry.instance];
  });
}

export function foldContext(state: CoreState, site: CoreSite, nowMs: number): FoldContext {
  return {
    nowMs,
    pools: site.pools,
    offers: site.offers,
    listLagMs: site.listLagMs,
    deadlines: (offer, limits) => deadlinesOf(state.learned, offer, { limits, lookMs: site.lookMs }),
    reapMs: site.policy.reapMs,
    massShare: site.policy.massShare,
    observed: site.observed ?? null,
  };
}

/** By the fleet as it is before the plan is carried out; where no view is new, only the plan may ask. */
function workerLinks(change: FleetChange, input: TickInput): (worker: Worker) => InstanceId | null {
  const links = lazily(() => {
    const made = new Map<Worker, InstanceId>();
    for (const { view } of input.queues.values())
      if (view !== null)
        for (const [instance, worker] of linkWorkers(change, view)) made.set(worker, instance);
    return made;
  });
  if (input.views.length > 0) links();
  return (worker) => links().get(worker) ?? null;
}

function callsOf(launch: PlannedLaunch, site: CoreSite): PlannedLaunch[] {
  const pool = site.pools.get(launch.pool);
  const most = pool === undefined ? 1 : Math.max(1, site.seatsPerCall(pool, launch.cloud));
  const calls: PlannedLaunch[] = [];
  for (let left = launch.count; left > 0; left -= most)
    calls.push({ ...launch, count: Math.min(left, most) });
  return calls;
}

function count(before: CoreState, change: FleetChange): Totals {
  let { launched, ended, reused, refused } = before.totals;
  for (const [id, instance] of change.changedInstances) {
    const was = before.fleet.entries.get(id)?.instance;
    if (instance.cloudId !== null && (was === undefined || was.cloudId === null)) launched += 1;
    if (instance.phase === 'ended' && instance.cloudId !== null) ended += 1;
    reused += Math.max(0, instance.claims - 1) - Math.max(0, (was?.claims ?? 0) - 1);
  }
  refused += change.lessons.filter((lesson: Lesson) => lesson.kind === 'refused').length;
  return { launched, ended, reused, refused };
}

function batchOf(
  before: CoreState,
  after: CoreState,
  { change, input, accrued }: { change: FleetChange; input: TickInput; accrued: Accrual },
): Batch | null {
  const facts = factsOf(before, after);
  const journal = [...input.notes, ...change.journal];
  const instances = [...change.changedInstances.values()];
  const intents = [...change.changedIntents.values()];
  const { machines, usage } = accrued;
  const rows = [instances, intents, journal, facts, machines, usage];
  if (rows.every(({ length }) => length === 0)) return null;
  return {
    nowMs: input.nowMs,
    wallMs: input.wallMs,
    sequence: after.sequence,
    intents,
    instances,
    facts,
    journal,
    ...(machines.length === 0 ? {} : { machineUses: machines }),
    ...(usage.length === 0 ? {} : { usage }),
  };
}
