import { type FleetEntry, neverSeen, type Sighting } from '../../src/fleet/entry.ts';
import type { StepContext } from '../../src/fleet/event.ts';
import type { Fleet, FoldContext } from '../../src/fleet/fleet.ts';
import type { FoldInput } from '../../src/fleet/fold.ts';
import { perSecond } from '../../src/model/billing.ts';
import type { CloudInstance, CloudSnapshot } from '../../src/model/cloud.ts';
import type { QueueSnapshot, Worker, WorkerActivity } from '../../src/model/demand.ts';
import { CloudId, InstanceId, IntentId, OfferName, PoolName } from '../../src/model/ids.ts';
import type { Instance, Intent, Phase } from '../../src/model/instance.ts';
import type { Offer, Pool } from '../../src/model/offer.ts';
import { workerIdOf } from '../../src/simulate/simulatedQueue.ts';
import { batchQueue, east, makeOffer, makePool, quickLimits } from './siteParts.ts';

/** A daemon time that is neither 0 nor round. */
export const t0 = 1_000_000;
export const lagMs = 10_000;

const unplaced: readonly Phase[] = ['requested', 'unknown'];
const joined: readonly Phase[] = ['idle', 'claimed', 'leased', 'draining', 'unreachable'];

/** A record as it would be in that phase, since `t0`, unless the test says otherwise. */
export function makeInstance(
  phase: Phase,
  over: Partial<Instance> & { readonly name?: string } = {},
): Instance {
  const { name = 'i', ...fields } = over;
  const intent = fields.intent ?? IntentId(name);
  const seat = fields.seat ?? 0;
  const id = InstanceId(`${intent}-${seat}`);
  const placed = !unplaced.includes(phase);
  const hasJoined = joined.includes(phase);
  return {
    id,
    intent,
    seat,
    pool: PoolName('pool'),
    queue: batchQueue,
    offer: OfferName('small'),
    cloud: east,
    cause: { kind: 'min' },
    terms: { market: 'onDemand', price: null, billing: perSecond },
    phase,
    phaseSinceMs: t0,
    deadlineMs: phase === 'idle' || phase === 'claimed' ? null : t0 + 100_000,
    cloudId: placed ? CloudId(`cloud-of-${id}`) : null,
    address: null,
    worker: hasJoined ? workerIdOf(id) : null,
    createdAtMs: t0 - 100_000,
    runningAtMs: hasJoined || phase === 'joining' ? t0 - 80_000 : null,
    joinedAtMs: hasJoined ? t0 - 60_000 : null,
    idleSinceMs: phase === 'idle' ? t0 : null,
    claims: 0,
    endReason: phase === 'draining' || phase === 'terminating' ? 'idle' : null,
    endedAtMs: phase === 'ended' ? t0 : null,
    ...fields,
  };
}

export function makeEntry(instance: Instance, sighting: Partial<Sighting> = {}): FleetEntry {
  return { instance, sighting: { ...neverSeen, ...sighting } };
}

export function makeIntent(id: string, over: Partial<Intent> = {}): Intent {
  return {
    id: IntentId(id),
    pool: PoolName('pool'),
    offer: OfferName('small'),
    cloud: east,
    seats: 1,
    state: 'accepted',
    createdAtMs: t0,
    sentAtMs: t0,
    ...over,
  };
}

export function makeFleet(entries: readonly FleetEntry[], intents: readonly Intent[] = []): Fleet {
  const all = [...entries.map(({ instance }) => makeIntent(instance.intent)), ...intents];
  return {
    entries: new Map(entries.map((entry) => [entry.instance.id, entry])),
    intents: new Map(all.map((intent) => [intent.id, intent])),
    strangers: new Map(),
  };
}

/** As the cloud shows a machine: running, unless the test says otherwise. */
export function found(
  instance: Pick<Instance, 'intent' | 'seat' | 'cloudId'>,
  over: Partial<CloudInstance> = {},
): CloudInstance {
  return {
    cloudId: instance.cloudId ?? CloudId(`cloud-of-${instance.intent}-${instance.seat}`),
    intent: instance.intent,
    seat: instance.seat,
    pool: PoolName('pool'),
    offer: OfferName('small'),
    state: 'running',
    address: null,
    fault: null,
    ...over,
  };
}

export function makeWorker(
  id: InstanceId | null,
  activity: WorkerActivity,
  over: Partial<Worker> = {},
): Worker {
  const offer = makeOffer({ name: 'small' });
  const busy = activity === 'claimed' || activity === 'draining';
  const nothing = { cpus: 0, memoryMiB: 0, diskMiB: 0, gpus: 0 };
  return {
    id: workerIdOf(id ?? InstanceId('foreign')),
    queue: batchQueue,
    instance: id,
    address: null,
    activity,
    runningJobs: busy ? 1 : 0,
    total: offer.resources,
    slots: [{ ad: offer.ad, free: busy ? nothing : offer.resources, partitionable: true }],
    ...over,
  };
}

export function makeView(takenAtMs: number, over: Partial<QueueSnapshot> = {}): QueueSnapshot {
  return {
    queue: batchQueue,
    takenAtMs,
    workersComplete: true,
    demandComplete: true,
    demand: [],
    workers: [],
    jobs: { waiting: 0, running: 0, held: 0 },
    ...over,
  };
}

export function makeList(takenAtMs: number, instances: readonly CloudInstance[]): CloudSnapshot {
  return { cloud: east, takenAtMs, instances };
}

export function stepContext(nowMs: number, over: Partial<StepContext> = {}): StepContext {
  return { nowMs, limits: quickLimits, bootMs: 60_000, joinMs: 60_000, listLagMs: lagMs, ...over };
}

export function foldContext(
  nowMs: number,
  over: { pools?: readonly Pool[]; offers?: readonly Offer[] } = {},
): FoldContext {
  const { pools = [makePool({ offers: ['small'] })], offers = [makeOffer({ name: 'small' })] } = over;
  return {
    nowMs,
    pools: new Map(pools.map((pool) => [pool.name, pool])),
    offers: new Map(offers.map((offer) => [offer.name, offer])),
    listLagMs: () => lagMs,
    deadlines: () => ({ bootMs: 60_000, joinMs: 60_000 }),
    reapMs: 120_000,
    massShare: 0.5,
  };
}

/** Nothing new but what is given; the newest views are the new ones. */
export function news(over: Partial<FoldInput>): FoldInput {
  const { views = [] } = over;
  const latestViews = new Map(views.map((view) => [view.queue, view]));
  return { outcomes: [], orders: [], lists: [], views, latestViews, ...over };
}
