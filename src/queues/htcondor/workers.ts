import { type ClassAd, withAttributes } from '../../classad/ad.ts';
import { evaluateAttribute } from '../../classad/evaluate.ts';
import { isTrue, numberOf, stringOf } from '../../classad/value.ts';
import type { Slot, Worker, WorkerActivity } from '../../model/demand.ts';
import { InstanceId, type QueueName, WorkerId } from '../../model/ids.ts';
import { addResources, noResources, type Resources } from '../../model/resources.ts';
import { usageOf } from './accounting.ts';
import type { JoinSettings } from './settings.ts';
import { identityOf } from './token.ts';

/**
 * Slot ads, one startd's together, as workers.
 *
 * | slot                              | takes a job | counts as claimed |
 * | --------------------------------- | ----------- | ----------------- |
 * | Unclaimed, Owner, Backfill        | if its Requirements (START) say so | no |
 * | Matched, Claimed/Idle             | yes: a waiting job is about to start there | yes |
 * | Claimed/Busy, /Suspended, /Retiring, Preempting | no | yes |
 * | Drained, or its startd is Draining | no         | no                |
 * | any other                         | no          | yes: nobody can say that it has no job |
 *
 * A partitionable slot is Unclaimed even when nothing is left of it, so that a startd is only idle when none of its
 * dynamic slots is there. With `condor_off -peaceful` the partitionable slot stays Unclaimed and all that runs is
 * Retiring: that is a drain as well.
 */
export function workersOf(
  queue: QueueName,
  slots: readonly ClassAd[],
  join: JoinSettings | null,
): readonly Worker[] {
  const startds = Map.groupBy(
    slots.filter((ad) => text(ad, 'Name') !== null && text(ad, 'State') !== null),
    (ad) => `${startdName(ad)}\n${addressOf(ad)}`,
  );
  const names = new Map<string, number>();
  for (const key of startds.keys()) {
    const name = key.split('\n')[0] ?? '';
    names.set(name, (names.get(name) ?? 0) + 1);
  }
  return [...startds].map(([key, ads]) => {
    const [name = '', address = ''] = key.split('\n');
    // Two machines of the same name (a cloned image): each is capacity, neither can be drained by name.
    const id = (names.get(name) ?? 0) > 1 ? `${name} ${address}` : name;
    return workerOf(queue, WorkerId(id), ads, join);
  });
}

function workerOf(
  queue: QueueName,
  id: WorkerId,
  ads: readonly ClassAd[],
  join: JoinSettings | null,
): Worker {
  const own = ads.filter((ad) => !flag(ad, 'DynamicSlot'));
  const dynamic = ads.filter((ad) => flag(ad, 'DynamicSlot'));
  const claimed = ads.filter(isClaimed);
  const running = claimed.filter((ad) => text(ad, 'State') !== 'Matched' && text(ad, 'Activity') !== 'Idle');
  // The partitionable slot counts its children in an ad that may be newer, or older, than theirs.
  const children = own.reduce((sum, ad) => sum + (number(ad, 'NumDynamicSlots') ?? 0), 0);
  const draining = own.some(isDraining) || (running.length > 0 && running.every(isRetiring));
  const first = own[0] ?? ads[0];
  const usage = usageOf(running);
  return {
    id,
    queue,
    instance: instanceOf(ads, join),
    address: first === undefined ? null : addressOf(first),
    activity: activityOf(draining, claimed.length > 0 || children > 0),
    runningJobs: running.length,
    jobIds: running.flatMap((ad) => text(ad, 'GlobalJobId') ?? []),
    ...(usage === null ? {} : { usage }),
    total: own.map(totalOf).reduce(addResources, noResources),
    slots: [...own, ...dynamic.filter((ad) => takesJob(ad, draining)).map((ad) => wholeOf(ad, own))].map(
      (ad) => slotOf(ad, draining),
    ),
  };
}

function activityOf(draining: boolean, busy: boolean): WorkerActivity {
  if (draining) return busy ? 'draining' : 'drained';
  return busy ? 'claimed' : 'idle';
}

function slotOf(ad: ClassAd, draining: boolean): Slot {
  return {
    ad,
    free: takesJob(ad, draining) ? freeOf(ad) : noResources,
    partitionable: flag(ad, 'PartitionableSlot'),
  };
}

/** A dynamic slot about to be used, with what its startd says of itself from the slot that it was cut from. */
function wholeOf(dynamic: ClassAd, own: readonly ClassAd[]): ClassAd {
  const parent = own.find((ad) => number(ad, 'SlotID') === number(dynamic, 'SlotID'));
  if (parent === undefined) return dynamic;
  const said = Object.fromEntries(dynamic.names().map((name) => [name, dynamic.get(name)]));
  return withAttributes(parent, { PartitionableSlot: false, NumDynamicSlots: 0, GPUs: 0, ...said });
}

const jobless: readonly string[] = ['Unclaimed', 'Owner', 'Backfill', 'Drained'];

function isClaimed(ad: ClassAd): boolean {
  return !jobless.includes(text(ad, 'State') ?? '');
}

function isRetiring(ad: ClassAd): boolean {
  return text(ad, 'Activity') === 'Retiring';
}

function isDraining(ad: ClassAd): boolean {
  return flag(ad, 'Draining') || text(ad, 'State') === 'Drained';
}

function takesJob(ad: ClassAd, draining: boolean): boolean {
  if (draining) return false;
  const state = text(ad, 'State') ?? '';
  if (state === 'Claimed') return text(ad, 'Activity') === 'Idle';
  return ['Unclaimed', 'Matched', 'Owner', 'Backfill'].includes(state);
}

/**
 * Ours only where the machine says so and its authenticated identity, which the collector writes and no machine can
 * choose, is the one that was minted for that very instance; in each of its ads.
 */
function instanceOf(ads: readonly ClassAd[], join: JoinSettings | null): InstanceId | null {
  const said = new Set(ads.map((ad) => text(ad, 'SpillwayInstance')));
  const identities = new Set(ads.map((ad) => text(ad, 'AuthenticatedIdentity')));
  const [instance = null] = said;
  const [identity = null] = identities;
  if (join === null || instance === null || said.size !== 1 || identities.size !== 1) return null;
  return identity === identityOf(InstanceId(instance), join) ? InstanceId(instance) : null;
}

/** `slot1_2@node7` → `node7`: what the drain command takes. A startd with one slot may name it after itself. */
function startdName(ad: ClassAd): string {
  const name = text(ad, 'Name') ?? '';
  return name.slice(name.indexOf('@') + 1);
}

/** `<10.0.0.7:9618?addrs=…>` → `10.0.0.7`. */
function addressOf(ad: ClassAd): string | null {
  const address = /^<(?:\[([^\]]+)\]|([^:?>]+))/.exec(text(ad, 'MyAddress') ?? '');
  return address?.[1] ?? address?.[2] ?? null;
}

function freeOf(ad: ClassAd): Resources {
  return {
    cpus: number(ad, 'Cpus') ?? 0,
    memoryMiB: number(ad, 'Memory') ?? 0,
    diskMiB: Math.floor((number(ad, 'Disk') ?? 0) / 1024),
    gpus: number(ad, 'GPUs') ?? 0,
  };
}

function totalOf(ad: ClassAd): Resources {
  const free = freeOf(ad);
  const diskKiB = number(ad, 'TotalSlotDisk');
  return {
    cpus: number(ad, 'TotalSlotCpus') ?? free.cpus,
    memoryMiB: number(ad, 'TotalSlotMemory') ?? free.memoryMiB,
    diskMiB: diskKiB === null ? free.diskMiB : Math.floor(diskKiB / 1024),
    gpus: number(ad, 'TotalSlotGPUs') ?? free.gpus,
  };
}

function text(ad: ClassAd, name: string): string | null {
  return stringOf(evaluateAttribute(ad, name));
}

function number(ad: ClassAd, name: string): number | null {
  return numberOf(evaluateAttribute(ad, name));
}

function flag(ad: ClassAd, name: string): boolean {
  return isTrue(evaluateAttribute(ad, name));
}
