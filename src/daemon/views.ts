import type {
  CloudStatus,
  InstanceView,
  QueueStatus,
  SetAside as SetAsideView,
  StatusView,
} from '../api/control.ts';
import type { DemandPlan } from '../api/demandPlan.ts';
import type { PlanView } from '../api/plan.ts';
import type { LivePhase, PhaseCounts, PoolStatus, StateCounts, Unmet } from '../api/poolStatus.ts';
import { type FleetEntry, publicState } from '../fleet/entry.ts';
import { adForBoot, type Worker } from '../model/demand.ts';
import type { CloudName } from '../model/ids.ts';
import { type Instance, type PublicState, phases } from '../model/instance.ts';
import { isObserved, type Mode, type Observed } from '../model/mode.ts';
import type { Pool } from '../model/offer.ts';
import { isRaised } from '../planner/alarms.ts';
import { headroomOf } from '../planner/idle.ts';
import type { DemandReport, Plan, PlanInput } from '../planner/plan.ts';
import { poolsAsSet } from '../planner/poolSettings.ts';
import { admittance, cloudKey, offerKey } from '../planner/setAside.ts';
import type { DaemonView } from './control.ts';
import { listDowntimes } from './downtimeControl.ts';
import { idleOutlook } from './idleOutlook.ts';
import { budgetViews, costOf, moneyView } from './moneyView.ts';
import { observePlan, observeView } from './observeView.ts';
import { describeCause } from './openIntent.ts';

/** The pools with the bounds that hold now. */
export function poolsOf(view: DaemonView): ReadonlyMap<string, Pool> {
  return poolsAsSet(view.site.pools, view.state().poolSettings);
}

/** The daemon's state as the API shows it: plain data, made anew for each answer. */
export function statusView(view: DaemonView): StatusView {
  const { parts, totalsAtStart, startedAtMs } = view;
  const { totals } = view.state();
  const nowMs = view.now();
  return {
    site: parts.config.site,
    version: parts.version,
    mode: view.stopping() ? 'stopping' : view.everReady() ? 'running' : 'starting',
    nowMs,
    wallMs: view.wallNow(),
    uptimeMs: nowMs - startedAtMs,
    queues: parts.queues.map(({ config }) => queueStatus(view, config)),
    clouds: parts.clouds.map(({ config }) => cloudStatus(view, config)),
    pools: [...poolsOf(view).values()].map((pool) => poolStatus(view, pool)),
    totals: {
      sinceStart: {
        launched: totals.launched - totalsAtStart.launched,
        ended: totals.ended - totalsAtStart.ended,
        reused: totals.reused - totalsAtStart.reused,
        refused: totals.refused - totalsAtStart.refused,
      },
      sinceStore: totals,
    },
    money: moneyView(view),
    observe: observeView(view),
    alarms: [...view.state().watch.alarms.values()].filter((alarm) => isRaised(alarm, nowMs)),
    downtimes: listDowntimes(view).downtimes,
  };
}

/** What the daemon has not seen yet or not lately, a clause each. */
function missing(view: DaemonView): string[] {
  const { clouds, queues } = view.outlooks();
  const of = (kind: string, sources: ReadonlyMap<string, { readonly trouble: string | null }>) =>
    [...sources].flatMap(([name, { trouble }]) => (trouble === null ? [] : [`${kind} ${name}: ${trouble}`]));
  return [...of('queue', queues), ...of('cloud', clouds)];
}

function queueStatus(view: DaemonView, config: { name: Pool['queue']; adapter: string }): QueueStatus {
  const source = view.queueSource(config.name);
  const snapshot = source?.latest ?? null;
  const ours = snapshot?.workers.filter(({ instance }) => instance !== null).length ?? 0;
  return {
    name: config.name,
    adapter: config.adapter,
    jobs: snapshot?.jobs ?? { waiting: 0, running: 0, held: 0 },
    demandGroups: snapshot?.demand.length ?? 0,
    workers: { ours, others: (snapshot?.workers.length ?? 0) - ours },
    complete: snapshot?.demandComplete === true && snapshot.workersComplete,
    pollAgeMs: ageOf(view, source?.latestAtMs ?? null),
    trouble: source?.trouble ?? null,
  };
}

function ageOf(view: DaemonView, atMs: number | null): number | null {
  return atMs === null ? null : view.now() - atMs;
}

function cloudStatus(view: DaemonView, config: DaemonView['parts']['clouds'][number]['config']): CloudStatus {
  const { name, driver, max, launchesInFlightMax } = config;
  const source = view.cloudSource(name);
  return {
    name,
    driver,
    instances: countStates(entriesOf(view).filter(({ instance }) => instance.cloud === name)),
    max,
    launchesInFlight: view.launchesInFlight(name),
    launchesInFlightMax,
    listAgeMs: ageOf(view, source?.latestAtMs ?? null),
    trouble: source?.trouble ?? null,
    setAside: setAsidesOf(view).filter(({ cloud }) => cloud === name),
    quota: quotaOf(view, name),
    mode: modeOf(view, (observed) => observed.clouds.has(name)),
    retiring: config.retiring === true,
  };
}

function quotaOf(view: DaemonView, name: CloudName): CloudStatus['quota'] {
  const quota = view.outlooks().clouds.get(name)?.quota ?? null;
  if (quota === null) return null;
  const { instances, cpus, memoryMiB } = quota;
  return { instances, cpus, memoryMiB };
}

function modeOf({ site: { observed } }: DaemonView, isNamed: (observed: Observed) => boolean): Mode {
  return observed != null && (observed.site || isNamed(observed)) ? 'observe' : 'act';
}

const entriesOf = (view: DaemonView): FleetEntry[] => [...view.state().fleet.entries.values()];

function countStates(entries: readonly FleetEntry[]): StateCounts {
  const counts: Record<PublicState, number> = { Free: 0, Busy: 0, Unusable: 0 };
  for (const { instance } of entries) {
    const state = publicState(instance.phase);
    if (state !== null) counts[state] += 1;
  }
  return counts;
}

function countPhases(entries: readonly FleetEntry[]): PhaseCounts {
  const live = phases.filter((phase): phase is LivePhase => phase !== 'ended');
  const counts = Object.fromEntries(live.map((phase) => [phase, 0])) as Record<LivePhase, number>;
  for (const { instance } of entries) if (instance.phase !== 'ended') counts[instance.phase] += 1;
  return counts;
}

/** One row for each offer that may not be launched freely, because of itself or of its cloud. */
export function setAsidesOf(view: DaemonView): SetAsideView[] {
  const { setAsides } = view.state();
  const nowMs = view.now();
  return view.parts.config.offers.flatMap(({ name, cloud }) =>
    [offerKey(name), cloudKey(cloud)].flatMap((key) => {
      const aside = setAsides.get(key);
      if (aside === undefined || admittance(setAsides, key, nowMs) === 'open') return [];
      const { reason, message, failures, untilMs } = aside;
      return [{ offer: name, cloud, code: reason, why: message, failures, untilMs }];
    }),
  );
}

export function poolStatus(view: DaemonView, pool: Pool): PoolStatus {
  const { name, queue, min, max } = pool;
  const headroom = headroomOf(pool, idleOutlook(view.state()));
  const own = entriesOf(view).filter(({ instance }) => instance.pool === name);
  const setting = view.state().poolSettings.get(name);
  return {
    name,
    queue,
    min,
    max,
    headroom,
    paused: setting?.paused ?? false,
    mode: modeOf(view, (observed) => observed.pools.has(pool.name)),
    retiring: pool.retiring === true,
    scaled: setting !== undefined && (setting.min !== null || setting.max !== null),
    states: countStates(own),
    phases: countPhases(own),
    onlyHereJobs: null,
    unmet: unmetOf(view, pool),
  };
}

/** What a pool could serve and does not; what no pool could serve is said once, at the queue's first pool. */
function unmetOf(view: DaemonView, pool: Pool): Unmet[] {
  const { pools } = view.parts.config;
  const isFirst = pools.find(({ queue }) => queue === pool.queue) === pool;
  const groups = view.queueSource(pool.queue)?.latest?.demand ?? [];
  return (view.lastTick()?.plan.demand ?? []).flatMap(({ demand, unmet, shortage, queue }) => {
    if (queue !== pool.queue || shortage === null || unmet === 0) return [];
    const group = groups.find(({ id }) => id === demand);
    const matches = group === undefined ? null : view.site.matchmaker.matches(group);
    const isServed = (offers: Pool['offers']) => offers.some((name) => matches?.has(name) === true);
    const nobodys = !pools.some(({ queue: of, offers }) => of === queue && isServed(offers));
    if (!isServed(pool.offers) && !(nobodys && isFirst)) return [];
    return [{ demand, jobs: unmet, code: shortage.code, why: shortage.why }];
  });
}

export function instanceView(instance: Instance, runningJobs: number | null, nowMs: number): InstanceView {
  const { cause, terms } = instance;
  return {
    ...instance,
    cause: {
      kind: cause.kind,
      demand: cause.kind === 'demand' ? cause.demand : null,
      job: cause.kind === 'demand' ? cause.job : null,
      user: cause.kind === 'demand' ? cause.user : null,
    },
    state: publicState(instance.phase),
    runningJobs,
    market: terms.market,
    price: terms.price,
    cost: costOf(instance, nowMs),
  };
}

/** Running jobs of each instance's worker in the newest views. */
export function runningJobsOf(view: DaemonView): ReadonlyMap<string, number> {
  const jobs = new Map<string, number>();
  for (const { config } of view.parts.queues) {
    const workers: readonly Worker[] = view.queueSource(config.name)?.latest?.workers ?? [];
    for (const { instance, runningJobs } of workers) if (instance !== null) jobs.set(instance, runningJobs);
  }
  return jobs;
}

export function planView(view: DaemonView, plan: Plan, input: PlanInput): PlanView {
  const poolOf = (id: string) => view.state().fleet.entries.get(id as Instance['id'])?.instance.pool ?? '';
  const gaps = missing(view);
  return {
    nowMs: view.now(),
    ready: gaps.length === 0,
    missing: gaps,
    launches: plan.launches.map((launch) => ({
      pool: launch.pool,
      offer: launch.offer,
      cloud: launch.cloud,
      count: launch.count,
      why: describeCause(launch),
      demand: launch.cause.kind === 'demand' ? launch.cause.demand : null,
    })),
    drains: plan.drains.map(({ instance, why }) => ({ instance, pool: poolOf(instance), why })),
    undrains: plan.undrains.map((id) => ({ instance: id, pool: poolOf(id), why: 'a waiting job needs it' })),
    terminations: entriesOf(view)
      .filter(({ instance }) => instance.phase === 'terminating' && !isObserved(view.site.observed, instance))
      .map(({ instance }) => ({ instance: instance.id, pool: instance.pool, why: instance.endReason ?? '' })),
    demand: plan.demand.map((report) => demandPlan(view, report, plan.demand.length)),
    budgets: budgetViews(plan.budgets),
    observe: observePlan(view, input),
  };
}

function demandPlan(view: DaemonView, report: DemandReport, of: number): DemandPlan {
  const group = view.queueSource(report.queue)?.latest?.demand.find(({ id }) => id === report.demand);
  const offers = view.parts.config.pools
    .filter(({ queue }) => queue === report.queue)
    .flatMap(({ offers: names }) => names);
  const refused = view.parts.config.offers
    .filter(({ name }) => offers.includes(name))
    .flatMap((offer) =>
      group === undefined ? [] : (view.site.matchmaker.refusal(adForBoot(group), offer) ?? []),
    );
  return {
    demand: report.demand,
    queue: report.queue,
    sampleJobs: report.sampleJobs,
    user: group?.user ?? null,
    group: group?.group ?? null,
    workers: group?.workers ?? 1,
    walltimeMs: group?.walltimeMs ?? null,
    turn: { ...report.turn, of },
    jobs: report.jobs,
    servedByWorkers: report.onWorkers,
    servedComing: report.onComing + report.onUndrained,
    toLaunch: report.onLaunches,
    unmet: report.unmet,
    unmetCode: report.shortage?.code ?? null,
    unmetWhy: report.shortage?.why ?? null,
    unmetFigures: report.shortage?.figures ?? {},
    refusedOffers: refused.map(({ offer, side, clause }) => ({
      offer,
      code: side === 'job' ? 'jobRequirements' : side === 'offer' ? 'offerRequirements' : 'size',
      clause,
    })),
  };
}
