import {
  type ChangeReceipt,
  ControlError,
  type DaemonControl,
  type InstanceExplanation,
  type LaunchReceipt,
  type LaunchRequest,
  type RefusalReason,
} from '../api/control.ts';
import type { FleetEntry } from '../fleet/entry.ts';
import type { Order } from '../fleet/fleet.ts';
import type { CloudSnapshot } from '../model/cloud.ts';
import type { QueueSnapshot } from '../model/demand.ts';
import type { DowntimeOrder } from '../model/downtime.ts';
import type { CloudName, InstanceId, QueueName } from '../model/ids.ts';
import type { Instance } from '../model/instance.ts';
import { isObserved } from '../model/mode.ts';
import type { PoolOrder } from '../model/poolOrder.ts';
import {
  type CloudOutlook,
  type PlanInput,
  type PlannedLaunch,
  plan,
  type QueueOutlook,
} from '../planner/plan.ts';
import { pausedPools } from '../planner/poolSettings.ts';
import { createRoom } from '../planner/room.ts';
import { createAccountingControl } from './accountingControl.ts';
import type { DaemonParts } from './daemonParts.ts';
import { addDowntime, endDowntime, listDowntimes } from './downtimeControl.ts';
import { outlookOf } from './downtimes.ts';
import { explainJob } from './explain.ts';
import type { Totals } from './facts.ts';
import { idleOutlook } from './idleOutlook.ts';
import { keptBecause } from './keeping.ts';
import { createLeaseControl } from './leaseControl.ts';
import { createObserving } from './observing.ts';
import { describeCause } from './openIntent.ts';
import { adjustPool } from './poolControl.ts';
import { offersNow } from './prices.ts';
import type { Pulse } from './pulse.ts';
import { actedOn } from './shadow.ts';
import type { Source } from './source.ts';
import { moneyOutlook } from './spending.ts';
import type { CoreSite, CoreState, TickResult } from './tick.ts';
import type { TickBell } from './ticked.ts';
import { instanceView, planView, poolsOf, runningJobsOf, statusView } from './views.ts';
import { doubtedOf } from './watch.ts';

/** What the control needs to see of the daemon. */
export interface DaemonView {
  readonly parts: DaemonParts;
  readonly site: CoreSite;
  readonly startedAtMs: number;
  readonly totalsAtStart: Totals;
  now(): number;
  wallNow(): number;
  state(): CoreState;
  stopping(): boolean;
  /** Since the start there has been a moment at which every queue and every cloud could be acted on. */
  everReady(): boolean;
  lastTick(): TickResult | null;
  outlooks(): {
    readonly clouds: ReadonlyMap<CloudName, CloudOutlook>;
    readonly queues: ReadonlyMap<QueueName, QueueOutlook>;
  };
  cloudSource(name: CloudName): Source<CloudSnapshot> | null;
  queueSource(name: QueueName): Source<QueueSnapshot> | null;
  launchesInFlight(cloud: CloudName): number;
  readonly pulse: Pulse;
  readonly bell: TickBell;
  /** Decides, stores and begins: returns when the decision is on disk. */
  runTick(byHand: Partial<ByHand>): TickResult;
}

/** What operators ask of a tick. */
export interface ByHand {
  readonly orders: readonly Order[];
  readonly launches: readonly PlannedLaunch[];
  readonly poolOrders: readonly PoolOrder[];
  readonly downtimeOrders: readonly DowntimeOrder[];
}

const explanationEntriesMax = 500;

export function createControl(view: DaemonView): DaemonControl {
  return {
    ...createLeaseControl(view.parts),
    ...createAccountingControl(view),
    ...createObserving(view),
    status: () => statusView(view),
    instances: (filter) => {
      const jobs = runningJobsOf(view);
      const live = [...view.state().fleet.entries.values()].map(({ instance }) => instance);
      const ended =
        filter.ended || filter.phase === 'ended' ? view.parts.store.endedInstances(filter.limit) : [];
      const views = [...ended, ...live]
        .toSorted((a, b) => a.createdAtMs - b.createdAtMs || (a.id < b.id ? -1 : 1))
        .map((instance) => instanceView(instance, jobs.get(instance.id) ?? null, view.now()))
        .filter(
          ({ pool, cloud, offer, state, phase }) =>
            (filter.pool === undefined || pool === filter.pool) &&
            (filter.cloud === undefined || cloud === filter.cloud) &&
            (filter.offer === undefined || offer === filter.offer) &&
            (filter.state === undefined || state === filter.state) &&
            (filter.phase === undefined || phase === filter.phase),
        );
      return { nowMs: view.now(), total: views.length, instances: views.slice(-filter.limit) };
    },
    plan: () => {
      const input = planInput(view);
      return planView(view, actedOn(plan(input), input), input);
    },
    explainJob: (id, signal) => explainJob(view, id, signal),
    explainInstance: (id) => explainInstance(view, id),
    launch: async (request) => launch(view, request),
    drain: async (id) => order(view, { kind: 'drain', instance: id }),
    undrain: async (id) => order(view, { kind: 'undrain', instance: id }),
    terminate: async (id, { force }) => order(view, { kind: force ? 'terminate' : 'drain', instance: id }),
    adjustPool: async (wanted) => adjustPool(view, wanted),
    downtimes: () => listDowntimes(view),
    addDowntime: async (request) => addDowntime(view, request),
    endDowntime: async (id) => endDowntime(view, id),
    journal: (query) => view.parts.store.journal(query),
  };
}

function planInput(view: DaemonView): PlanInput {
  const { clouds, queues } = view.outlooks();
  const { fleet, setAsides, poolSettings } = view.state();
  return {
    nowMs: view.now(),
    wallMs: view.wallNow(),
    pools: [...poolsOf(view).values()],
    paused: pausedPools(poolSettings),
    observed: view.site.observed ?? null,
    offers: offersNow(view.site.offers, clouds),
    clouds,
    queues,
    fleet,
    setAsides,
    downtimes: outlookOf(view.state().downtimes, view.site, { nowMs: view.now(), wallMs: view.wallNow() }),
    fairness: view.site.policy.fairness,
    shares: view.state().shares,
    idle: idleOutlook(view.state()),
    doubted: doubtedOf(view.state().watch),
    launchCounts: view.state().watch.launchCounts,
    money: moneyOutlook(view.state().spending, view.site, view.state().learned),
    seatsPerCall: view.site.seatsPerCall,
    matchmaker: view.site.matchmaker,
    instanceOf: ({ instance }) => instance,
  };
}

function launch(view: DaemonView, request: LaunchRequest): LaunchReceipt {
  const pool = poolsOf(view).get(request.pool);
  if (pool === undefined) throw new ControlError('unknownPool', `there is no pool ${request.pool}`);
  if (view.stopping()) throw new ControlError('notReady', 'the daemon stops');
  if (request.offer !== null && !pool.offers.includes(request.offer))
    throw new ControlError('unknownOffer', `pool ${pool.name} has no offer ${request.offer}`);
  // What has come in since the last tick counts, too: the check and the launch see the same.
  view.runTick({});
  const names = request.offer === null ? pool.offers : [request.offer];
  let short: { reason: RefusalReason; why: string } | null = null;
  for (const name of names) {
    const offer = view.site.offers.get(name);
    if (offer === undefined) continue;
    const grant = createRoom(planInput(view)).reserve({ pool, offer, user: null }, request.count);
    if (grant.count < request.count) {
      const code = grant.short?.code ?? 'poolMax';
      short ??= { reason: code === 'launchesInFlight' ? 'cloudTrouble' : code, why: grant.short?.why ?? '' };
      continue;
    }
    const planned: PlannedLaunch = {
      pool: pool.name,
      offer: offer.name,
      cloud: offer.cloud,
      count: request.count,
      cause: { kind: 'operator' },
      ...(request.note === null ? {} : { note: request.note }),
      probe: grant.probe,
    };
    const before = new Set(view.state().fleet.entries.keys());
    const { launched } = view.runTick({ launches: [planned] });
    const own = launched.filter(({ id, cause }) => cause.kind === 'operator' && !before.has(id));
    return {
      pool: pool.name,
      offer: offer.name,
      cloud: offer.cloud,
      instances: own.map(({ id, intent }) => ({ id, intent })),
    };
  }
  throw new ControlError('refused', short?.why ?? `pool ${pool.name} has no offer`, {
    reason: short?.reason ?? 'poolMax',
  });
}

function order(view: DaemonView, wanted: Order): ChangeReceipt {
  const before = known(view, wanted.instance);
  check(view, before, wanted);
  view.runTick({ orders: [wanted] });
  const after = view.state().fleet.entries.get(wanted.instance)?.instance ?? before.instance;
  const changed = after !== before.instance;
  const jobs = runningJobsOf(view).get(after.id) ?? null;
  return {
    nowMs: view.now(),
    instance: instanceView(after, jobs, view.now()),
    changed,
    next: whatFollows(after),
  };
}

function known(view: DaemonView, id: InstanceId): FleetEntry {
  const entry = view.state().fleet.entries.get(id);
  if (entry !== undefined) return entry;
  const stored = view.parts.store.instance(id);
  if (stored === null) throw new ControlError('unknownInstance', `there is no instance ${id}`);
  throw new ControlError('refused', `instance ${id} has ended`, { reason: 'ended' });
}

function check(view: DaemonView, { instance }: FleetEntry, wanted: Order): void {
  if (isObserved(view.site.observed, instance))
    throw new ControlError('refused', `instance ${instance.id} is only observed: the config's mode says so`, {
      reason: 'observe',
    });
  const going = instance.phase === 'terminating' || instance.phase === 'failed';
  if (wanted.kind === 'undrain' && instance.phase !== 'draining')
    throw new ControlError('refused', `instance ${instance.id} is ${instance.phase}, not draining`, {
      reason: going ? 'ended' : 'notDraining',
    });
  if (wanted.kind === 'drain' && going)
    throw new ControlError('refused', `instance ${instance.id} is being ended already`, { reason: 'ended' });
}

function whatFollows({ phase, endReason, cloudId }: Instance): string {
  switch (phase) {
    case 'draining':
      return endReason === null
        ? 'its worker is told to take jobs again'
        : 'its worker takes no more jobs; it ends when the last is done and it has been seen idle twice';
    case 'terminating':
      return 'the cloud is told to end it, until the cloud says that it is gone';
    case 'ended':
      return 'it is gone';
    default:
      return cloudId === null && endReason !== null
        ? 'it is ended as soon as the cloud has answered its create call'
        : `it stays ${phase}`;
  }
}

/** Phases whose end was decided before they were entered. */
function isEnding(phase: unknown): boolean {
  return phase === 'draining' || phase === 'failed' || phase === 'terminating';
}

function explainInstance(view: DaemonView, id: InstanceId): InstanceExplanation | null {
  const instance = view.state().fleet.entries.get(id)?.instance ?? view.parts.store.instance(id);
  if (instance === null) return null;
  const own = view.parts.store.journal({ instance: id, limit: explanationEntriesMax });
  const call = view.parts.store.journal({ intent: instance.intent, kinds: ['launch'], limit: 1 });
  const numbers = new Set(own.map(({ number }) => number));
  const journal = [...own, ...call.filter(({ number }) => !numbers.has(number))].toSorted(
    (a, b) => a.number - b.number,
  );
  const decided = journal.findLast(({ data }) => data?.endReason != null && !isEnding(data.from));
  return {
    nowMs: view.now(),
    instance: instanceView(instance, runningJobsOf(view).get(id) ?? null, view.now()),
    bootedBecause: `${describeCause(instance)}.`,
    endedBecause: instance.endReason === null ? null : (decided?.why ?? instance.endReason),
    keptBecause: keptBecause(view, id),
    journal,
  };
}
