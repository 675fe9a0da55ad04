import { fixedContext } from '../../src/classad/context.ts';
import type { FleetEntry } from '../../src/fleet/entry.ts';
import type { Stranger } from '../../src/fleet/fleet.ts';
import { createMatchmaker } from '../../src/matchmaker/matchmaker.ts';
import type { Demand, QueueSnapshot } from '../../src/model/demand.ts';
import { type Cap, usualFairness } from '../../src/model/fairness.ts';
import { DemandId, JobId, type PoolName } from '../../src/model/ids.ts';
import type { Instance } from '../../src/model/instance.ts';
import type { Offer, Pool } from '../../src/model/offer.ts';
import type { DowntimeOutlook } from '../../src/planner/downtimes.ts';
import type { IdleOutlook } from '../../src/planner/idle.ts';
import type { LaunchCounts } from '../../src/planner/launchRate.ts';
import { type CloudOutlook, type Plan, type PlanInput, plan } from '../../src/planner/plan.ts';
import type { MoneyOutlook } from '../../src/planner/purse.ts';
import type { SetAsides } from '../../src/planner/setAside.ts';
import type { Shares } from '../../src/planner/share.ts';
import type { JobClass } from '../../src/simulate/simulatedQueue.ts';
import { makeEntry, makeFleet, makeInstance, makeView, makeWorker, t0 } from './fleetParts.ts';
import { batchQueue, east, makeOffer, makePool, west } from './siteParts.ts';

export const nowMs = t0 + 100_000;
export const small = makeOffer({ name: 'small' });
export const pool = makePool({ offers: ['small'] });

export function demandOf(jobClass: JobClass, count: number, over: Partial<Demand> = {}): Demand {
  return {
    id: DemandId(jobClass.name),
    queue: batchQueue,
    kind: 'counted',
    count,
    ad: jobClass.ad,
    sampleJobs: [JobId('1.0')],
    oldestSubmittedAtMs: 0,
    user: null,
    group: null,
    priority: 0,
    workers: 1,
    walltimeMs: null,
    ...over,
  };
}

/** What a plan is made from, as far as a test says it: one pool, one offer, two clouds, a fresh and whole view. */
export interface Situation {
  readonly offers?: readonly Offer[];
  readonly pools?: readonly Pool[];
  readonly demand?: readonly Demand[];
  readonly machines?: readonly FleetEntry[];
  readonly strangers?: readonly Stranger[];
  /** Workers of those in service, from their phase, unless given. */
  readonly view?: Partial<QueueSnapshot> | null;
  readonly queueTrouble?: string;
  readonly isNew?: boolean;
  readonly clouds?: readonly CloudOutlook[];
  readonly setAsides?: SetAsides;
  readonly doubted?: readonly FleetEntry[];
  readonly paused?: ReadonlySet<PoolName>;
  readonly caps?: readonly Cap[];
  readonly shares?: Pick<Shares, 'usage'>;
  readonly gangHoldMs?: number;
  /** `nowMs` where it is not given. */
  readonly wallMs?: number;
  readonly downtimes?: DowntimeOutlook;
  readonly money?: MoneyOutlook;
  readonly idle?: IdleOutlook;
  readonly launchCounts?: LaunchCounts;
  readonly seatsPerCall?: PlanInput['seatsPerCall'];
}

export function decide(situation: Situation): Plan {
  const { offers = [small], pools = [pool], demand = [], machines = [], strangers = [] } = situation;
  const workers = machines.flatMap(({ instance, sighting }) =>
    sighting.activity === null || sighting.unseen > 0 ? [] : [makeWorker(instance.id, sighting.activity)],
  );
  const view =
    situation.view === null ? null : makeView(nowMs - 1000, { demand, workers, ...situation.view });
  const clouds = situation.clouds ?? [cloud(), { ...cloud(), name: west }];
  return plan({
    nowMs,
    wallMs: situation.wallMs ?? nowMs,
    pools,
    offers: new Map(offers.map((offer) => [offer.name, offer])),
    clouds: new Map(clouds.map((outlook) => [outlook.name, outlook])),
    queues: new Map([
      [batchQueue, { view, trouble: situation.queueTrouble ?? null, isNew: situation.isNew ?? true }],
    ]),
    fleet: {
      ...makeFleet(machines),
      strangers: new Map(strangers.map((stranger) => [stranger.found.cloudId, stranger])),
    },
    setAsides: situation.setAsides ?? new Map(),
    ...(situation.shares === undefined ? {} : { shares: situation.shares }),
    fairness: {
      ...usualFairness,
      caps: situation.caps ?? [],
      gangHoldMs: situation.gangHoldMs ?? usualFairness.gangHoldMs,
    },
    ...(situation.doubted === undefined
      ? {}
      : { doubted: new Set(situation.doubted.map(({ instance }) => instance.id)) }),
    ...(situation.paused === undefined ? {} : { paused: situation.paused }),
    ...(situation.launchCounts === undefined ? {} : { launchCounts: situation.launchCounts }),
    ...(situation.seatsPerCall === undefined ? {} : { seatsPerCall: situation.seatsPerCall }),
    ...(situation.idle === undefined ? {} : { idle: situation.idle }),
    ...(situation.downtimes === undefined ? {} : { downtimes: situation.downtimes }),
    ...(situation.money === undefined ? {} : { money: situation.money }),
    matchmaker: createMatchmaker(offers, () => fixedContext),
    instanceOf: ({ instance }) => instance,
  });
}

export const cloud = (over: Partial<CloudOutlook> = {}): CloudOutlook => ({
  name: east,
  max: null,
  launchesLeft: 100,
  trouble: null,
  ...over,
});
export const coming = (name: string, over: Partial<Instance> = {}) =>
  makeEntry(makeInstance('building', { name, deadlineMs: nowMs + 1, ...over }));
export const serving = (phase: 'idle' | 'claimed', name: string, over: Partial<Instance> = {}) =>
  makeEntry(makeInstance(phase, { name, ...over }), {
    activity: phase,
    workerSeenAtMs: nowMs - 1000,
    cloudState: 'running',
  });
/** Free for longer than the pool's idle time. */
export const longFree = (name: string, sinceMs = nowMs - 90_000) =>
  serving('idle', name, { idleSinceMs: sinceMs });
export const draining = (name: string, endReason: Instance['endReason'] = 'idle') =>
  makeEntry(makeInstance('draining', { name, endReason }), {
    activity: 'drained',
    workerSeenAtMs: nowMs - 1000,
  });
export const named = (names: readonly string[], make: (name: string) => FleetEntry) =>
  names.map((name) => make(name));

export const launched = ({ launches }: Plan) =>
  launches.map(({ pool: of, offer, count, cause }) => `${of}/${offer} ×${count} ${cause.kind}`);
