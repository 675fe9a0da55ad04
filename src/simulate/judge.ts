import type { Cloud } from '../clouds/port.ts';
import type { CloudId, InstanceId, IntentId, QueueName, WorkerId } from '../model/ids.ts';
import type { Pool } from '../model/offer.ts';
import type { Queue } from '../queues/port.ts';
import type { Batch } from '../store/port.ts';
import { createManners } from './manners.ts';
import type { Machine } from './simulatedCloud.ts';
import { workerIdOf } from './simulatedQueue.ts';
import type { SimulatedSite, SiteWatch } from './simulatedSite.ts';

/** The promises of docs/guarantees.md that a simulation is judged by. */
export const invariants = [
  'noDoubleLaunch',
  'noLeak',
  'noKillOfWork',
  'boundsHold',
  'silenceIsNotZero',
  'everyPhaseEnds',
  'noThrash',
  'failuresAreSetAside',
  'everythingIsExplained',
  'secretsStaySecret',
  'restartDoesNothing',
  'noFaultOfOurs',
] as const;
export type Invariant = (typeof invariants)[number];

export interface Breach {
  readonly invariant: Invariant;
  /** By the simulation's clock. */
  readonly atMs: number;
  readonly what: string;
}

/**
 * Looks on while a simulated site runs and notes what must never be, at the moment at which it comes about: from what
 * the clouds and queues do and know, and from what is in the store, never from what the daemon says of itself. Each
 * look costs as much as there are machines then, however many there were before.
 */
export interface Judge {
  /** For `createSimulatedSite`. */
  readonly watch: SiteWatch;
  /** Stand between the daemon and a cloud or queue, and change nothing. */
  readonly overhearCloud: (cloud: Cloud) => Cloud;
  readonly overhearQueue: (queue: Queue, name: QueueName) => Queue;
  /** At once after the site has been made. */
  attach(site: SimulatedSite): void;
  /** Machines of this intent are none of the daemon's: somebody else makes them. */
  excuse(intent: IntentId): void;
  note(invariant: Invariant, what: string): void;
  readonly breaches: readonly Breach[];
}

/** A worker that drains, as the daemon has been shown it. */
interface Drained {
  /** When the first and the newest look began that showed it drained, with none to the contrary between them. */
  readonly firstMs: number;
  lastMs: number;
  looks: number;
}

interface LastCall {
  /** When the newest answered look at the machine's queue had begun as its end was asked for. */
  readonly viewMs: number;
}

const breachesMax = 50;

export function createJudge(): Judge {
  const breaches: Breach[] = [];
  const seats = new Map<InstanceId, CloudId>();
  const excused = new Set<IntentId>();
  const drained = new Map<WorkerId, Drained>();
  /** Workers that some view has shown. */
  const shown = new Set<WorkerId>();
  const newestViewMs = new Map<QueueName, number>();
  const ends = new Map<CloudId, LastCall>();
  const byCloudId = new Map<CloudId, Machine>();
  const counts = new Map<string, number>();
  let attached: SimulatedSite | null = null;
  const manners = createManners({ site: () => site(), note });

  const site = (): SimulatedSite => {
    if (attached === null) throw new Error('the judge has no site yet');
    return attached;
  };
  const now = () => site().clock.monotonicNow();
  function note(invariant: Invariant, what: string): void {
    if (breaches.length < breachesMax) breaches.push({ invariant, atMs: now(), what });
  }
  const poolOf = (machine: Machine): Pool | undefined =>
    site().config.pools.find(({ name }) => name === machine.pool);

  function created(machine: Machine): void {
    byCloudId.set(machine.cloudId, machine);
    if (excused.has(machine.intent)) return;
    const seat = machine.instance;
    const twin = seats.get(seat);
    if (twin !== undefined) note('noDoubleLaunch', `${machine.cloudId} has the seat ${seat} of ${twin}`);
    seats.set(seat, machine.cloudId);
    // Stored before the cloud was called, and not given up since.
    const record = site().store.instance(machine.instance);
    if (record === null)
      note('noDoubleLaunch', `${machine.cloudId} was made and ${seat} is not in the store`);
    else if (record.phase === 'ended')
      note('noDoubleLaunch', `${machine.cloudId} was made and ${seat} has ended: ${record.endReason}`);
    count(machine, 1);
    judgeBounds(machine);
  }

  function count({ pool, cloud, offer }: Machine, by: number): void {
    for (const key of [`pool ${pool}`, `cloud ${cloud}`, `offer ${offer}`])
      counts.set(key, (counts.get(key) ?? 0) + by);
  }

  function judgeBounds(machine: Machine): void {
    const { pools, clouds, offers } = site().config;
    const bounds = [
      [`pool ${machine.pool}`, pools.find(({ name }) => name === machine.pool)?.max ?? null],
      [`cloud ${machine.cloud}`, clouds.find(({ name }) => name === machine.cloud)?.max ?? null],
      [`offer ${machine.offer}`, offers.find(({ name }) => name === machine.offer)?.max ?? null],
    ] as const;
    for (const [what, max] of bounds) {
      const there = counts.get(what) ?? 0;
      if (max !== null && there > max)
        note('boundsHold', `${what} has ${there} machines with ${machine.cloudId}, its max is ${max}`);
    }
  }

  /** It has stopped: on the daemon's word, unless it has vanished. */
  function stopped(machine: Machine): void {
    const { cloudId, intent, joinedAtMs, instance, vanished } = machine;
    const pool = poolOf(machine);
    const last = ends.get(cloudId);
    if (vanished || last === undefined || joinedAtMs === null || pool === undefined || excused.has(intent))
      return;
    // Nobody could know of a worker that came after the newest view.
    if (joinedAtMs >= last.viewMs) return;
    const record = site().store.instance(instance);
    if (record?.endReason === 'lifetime' && pool.limits.lifetimeMs !== null) return;
    // Its cloud has gone on calling it pending, and no view has had its worker: nobody could know of that, either.
    if (record?.endReason === 'bootDeadline' && !shown.has(workerIdOf(instance))) return;
    const seen = drained.get(workerIdOf(instance));
    // Daemon time is in whole milliseconds.
    const isConfirmed =
      seen !== undefined && seen.looks >= 2 && seen.lastMs - seen.firstMs + 1 >= pool.limits.idleConfirmMs;
    const why = `record: ${record?.phase ?? 'none'}, ${record?.endReason ?? 'no reason'}`;
    const jobs = killsOf(machine, pool);
    if (jobs > 0) note('noKillOfWork', `${instance} was ended with ${jobs} jobs (${why})`);
    else if (!isConfirmed)
      note(
        'noKillOfWork',
        `${instance} was ended and ${seen === undefined ? 'no view' : `${seen.looks} view(s) in ${seen.lastMs - seen.firstMs} ms`} had shown it drained (${why})`,
      );
  }

  function killsOf({ instance }: Machine, { queue }: Pool): number {
    const worker = workerIdOf(instance);
    const kills = site().queues.get(queue)?.kills ?? [];
    let count = 0;
    for (let at = kills.length - 1; kills[at]?.atMs === now(); at--)
      if (kills[at]?.worker === worker) count += 1;
    return count;
  }

  /** What is in the books as gone must be gone. */
  function committed({ instances, intents }: Batch): void {
    for (const intent of intents) manners.settle(intent);
    for (const intent of intents) manners.judge(intent);
    for (const { id, phase, endReason, cloudId } of instances) {
      if (phase !== 'ended') continue;
      const known = cloudId ?? seats.get(id);
      const machine = known === undefined ? undefined : byCloudId.get(known);
      if (machine !== undefined && machine.goneAtMs === null)
        note('noLeak', `${id} is stored as ended (${endReason}), and ${machine.cloudId} is there`);
    }
  }

  function viewed(queue: Queue, name: QueueName): Queue['poll'] {
    return async (request, signal) => {
      const beganMs = now();
      const view = await queue.poll(request, signal);
      // An answer that was on its way to a daemon that has died since.
      if (beganMs < (newestViewMs.get(name) ?? 0)) return view;
      newestViewMs.set(name, beganMs);
      for (const { id, activity } of view.workers) {
        shown.add(id);
        const truth = site().queues.get(name)?.startd(id);
        // A job that its queue does not show yet is one of before the drain: the second look has to show it, or its end.
        if (activity !== 'drained' || truth == null || !truth.draining) {
          drained.delete(id);
          continue;
        }
        const before = drained.get(id);
        if (before === undefined) drained.set(id, { firstMs: beganMs, lastMs: beganMs, looks: 1 });
        else {
          before.lastMs = beganMs;
          before.looks += 1;
        }
      }
      return view;
    };
  }

  return {
    breaches,
    note,
    attach: (made) => {
      attached = made;
    },
    excuse: (intent) => {
      excused.add(intent);
    },
    watch: {
      created,
      stopped,
      gone: (machine) => {
        if (!excused.has(machine.intent)) count(machine, -1);
        drained.delete(workerIdOf(machine.instance));
        shown.delete(workerIdOf(machine.instance));
        ends.delete(machine.cloudId);
        byCloudId.delete(machine.cloudId);
      },
      committed,
    },
    overhearCloud: (cloud) => ({
      ...cloud,
      launch: (order, signal) => manners.overhear(order.intent, () => cloud.launch(order, signal)),
      terminate: (id, signal) => {
        const machine = byCloudId.get(id);
        const pool = machine === undefined ? undefined : poolOf(machine);
        if (pool !== undefined) ends.set(id, { viewMs: newestViewMs.get(pool.queue) ?? 0 });
        return cloud.terminate(id, signal);
      },
    }),
    overhearQueue: (queue, name) => ({ ...queue, poll: viewed(queue, name) }),
  };
}
