import type { CloudInstance, CloudSnapshot } from '../model/cloud.ts';
import { type CloudName, InstanceId, type OfferName, type PoolName, QueueName } from '../model/ids.ts';
import type { Instance } from '../model/instance.ts';
import { isObserved } from '../model/mode.ts';
import { newEntry } from './entry.ts';
import { type FleetChange, seatId } from './fleet.ts';

/** Few may vanish in one list without raising doubt, whatever the share. */
const vanishedFew = 2;

/** Of a machine whose pool is no longer in the config. */
const noQueue = QueueName('');

/** A complete list of a cloud: what it shows, what it does not show, and what it shows that we do not know. */
export function foldList(change: FleetChange, list: CloudSnapshot): void {
  const known = new Map<string, InstanceId>();
  for (const { instance } of change.entries.values())
    if (instance.cloud === list.cloud && instance.cloudId !== null) known.set(instance.cloudId, instance.id);

  const listed = new Set<InstanceId>();
  for (const found of list.instances) {
    const id = known.get(found.cloudId) ?? unboundSeat(change, list.cloud, found);
    if (id === undefined) meet(change, list, found);
    else {
      // A list may show it twice, and it may have been met before its seat was known to be taken.
      known.set(found.cloudId, id);
      change.strangers.delete(strangerKey(list.cloud, found));
      listed.add(id);
      change.apply(id, { kind: 'listed', found, takenAtMs: list.takenAtMs }, describe(found));
    }
  }

  const vanished = [...known.values()].filter((id) => !listed.has(id));
  const mass = vanished.length > Math.max(vanishedFew, known.size * change.context.massShare);
  for (const id of vanished)
    change.apply(id, { kind: 'unlisted', takenAtMs: list.takenAtMs, mass }, 'the cloud no longer lists it');
  forgetStrangers(change, list);
}

function unboundSeat(change: FleetChange, cloud: CloudName, found: CloudInstance): InstanceId | undefined {
  const entry = change.entries.get(seatId(found.intent, found.seat));
  return entry?.instance.cloud === cloud && entry.instance.cloudId === null ? entry.instance.id : undefined;
}

function describe({ state, fault }: CloudInstance): string {
  return fault === null ? `the cloud says: ${state}` : `the cloud says: ${state} (${fault})`;
}

const strangerKey = (cloud: CloudName, found: CloudInstance): string => `${cloud}/${found.cloudId}`;

function meet(change: FleetChange, { cloud, takenAtMs }: CloudSnapshot, found: CloudInstance): void {
  const key = strangerKey(cloud, found);
  if (found.state === 'gone') {
    change.strangers.delete(key);
    return;
  }
  const before = change.strangers.get(key);
  change.strangers.set(key, {
    cloud,
    found,
    firstListedAtMs: before?.firstListedAtMs ?? takenAtMs,
    lastListedAtMs: takenAtMs,
    // A list may show it twice.
    lists: (before?.lists ?? 0) + (before?.lastListedAtMs === takenAtMs ? 0 : 1),
    missed: 0,
  });
}

/** In so many lists in a row it must be missing: a list that lacks each second row would hide it from the reaper for ever. */
const missesBelieved = 2;

function forgetStrangers(change: FleetChange, list: CloudSnapshot): void {
  const keys = new Set(list.instances.map((found) => strangerKey(list.cloud, found)));
  for (const [key, stranger] of change.strangers) {
    if (stranger.cloud !== list.cloud || keys.has(key)) continue;
    const missed = stranger.missed + 1;
    if (missed >= missesBelieved) change.strangers.delete(key);
    else change.strangers.set(key, { ...stranger, missed });
  }
}

/** Whom `settleStrangers` asks about: "no worker" is to be said by a view that was begun at `sinceMs` or later. */
export interface WorkerQuestion {
  readonly id: InstanceId;
  readonly pool: PoolName;
  readonly sinceMs: number;
}

export interface WorkerAnswers {
  /** Null while no complete view of the queue says. */
  readonly hasWorker: (question: WorkerQuestion) => boolean | null;
  /** Whether the worker at that address, of two that bear the instance's identity, has a job. */
  readonly twinWorks: (id: InstanceId, address: string | null) => boolean;
}

/**
 * What becomes of machines that bear our mark and are not in the store: seen twice and with a worker they are
 * adopted; without one they are ended when they have been seen for the reap period. `hasWorker` answers null while
 * no complete view of the queue says. One that has a worker and no pool in the config is left alone, as is one whose
 * mark cannot be read back: they count, and nothing that runs on them is ended.
 */
export function settleStrangers(change: FleetChange, { hasWorker, twinWorks }: WorkerAnswers): void {
  for (const [key, { cloud, found, lists, missed, firstListedAtMs }] of change.strangers) {
    const { pool, offer } = found;
    if (lists < 2 || missed > 0 || pool === null || offer === null) continue;
    const id = seatId(found.intent, found.seat);
    const twin = change.entries.has(id);
    const dueMs = firstListedAtMs + change.context.reapMs;
    const worker = twin ? false : hasWorker({ id, pool, sinceMs: dueMs });
    if (worker === null || (twin && twinWorks(id, found.address))) continue;
    if (worker ? !change.context.pools.has(pool) : change.context.nowMs < dueMs) continue;
    // It would be taken in to be ended.
    if (!worker && isObserved(change.context.observed, { pool, cloud })) continue;
    change.strangers.delete(key);
    const name = twin ? InstanceId(`${id}-twin-${found.cloudId}`) : id;
    takeIn(change, { ...found, cloud, pool, offer }, { id: name, worker, twin });
  }
}

function takeIn(
  change: FleetChange,
  found: CloudInstance & { readonly cloud: CloudName; readonly pool: PoolName; readonly offer: OfferName },
  { id, worker, twin }: { id: InstanceId; worker: boolean; twin: boolean },
): void {
  const { cloud } = found;
  const pool = change.context.pools.get(found.pool);
  const { nowMs } = change.context;
  const instance: Instance = {
    id,
    intent: found.intent,
    seat: found.seat,
    pool: found.pool,
    queue: pool?.queue ?? noQueue,
    offer: found.offer,
    cloud,
    cause: { kind: 'adopted' },
    terms: change.termsOf(found.offer),
    phase: worker ? 'joining' : 'terminating',
    phaseSinceMs: nowMs,
    deadlineMs: nowMs + change.context.reapMs,
    cloudId: found.cloudId,
    address: found.address,
    worker: null,
    createdAtMs: nowMs,
    runningAtMs: nowMs,
    joinedAtMs: null,
    idleSinceMs: null,
    claims: 0,
    endReason: worker ? null : twin ? 'twin' : 'orphan',
    endedAtMs: null,
  };
  change.putIntent(
    change.intents.get(found.intent) ?? {
      id: found.intent,
      pool: found.pool,
      offer: found.offer,
      cloud,
      seats: found.seat + 1,
      state: 'accepted',
      createdAtMs: nowMs,
      sentAtMs: null,
    },
  );
  change.put(newEntry(instance));
  change.note({
    kind: 'adopted',
    atMs: nowMs,
    instance: id,
    intent: found.intent,
    pool: found.pool,
    cloud,
    offer: found.offer,
    why: worker
      ? 'it bears our mark and its worker is in the queue'
      : twin
        ? 'a second machine for a seat that has one: will be ended'
        : 'it bears our mark, the store does not know it, and it has no worker: will be ended',
    data: { cloudId: found.cloudId },
  });
}
