import type { Cloud, CloudCapabilities, LaunchOrder } from '../clouds/port.ts';
import type { CloudInstance, CloudInstanceState } from '../model/cloud.ts';
import { CloudError, type CloudErrorCode } from '../model/errors.ts';
import {
  CloudId,
  type CloudName,
  type InstanceId,
  type IntentId,
  type OfferName,
  type PoolName,
} from '../model/ids.ts';
import { callServer, type Delay, type Fault } from './faults.ts';
import type { VirtualClock } from './virtualClock.ts';

/** A machine that was made, and all that became of it. Times are the virtual clock's; null: not (yet). */
export interface Machine {
  readonly cloud: CloudName;
  readonly cloudId: CloudId;
  /** Its place among all that the cloud ever made, from 0. */
  readonly number: number;
  readonly intent: IntentId;
  readonly seat: number;
  readonly instance: InstanceId;
  readonly pool: PoolName;
  readonly offer: OfferName;
  readonly userData: string | null;
  readonly createdAtMs: number;
  runningAtMs: number | null;
  joinedAtMs: number | null;
  /** The first call that asked for its end. */
  terminatedAtMs: number | null;
  goneAtMs: number | null;
  /** It ended without having been asked to. */
  vanished: boolean;
  fault: string | null;
}

/** How a machine fares: null where it never comes to that. */
export interface Fate {
  readonly bootMs: number | null;
  readonly joinMs: number | null;
  /** The cloud says `error` instead of `running`. */
  readonly failsToBoot?: boolean;
  /** The cloud takes it back when it has run for so long; see `untilLost`. */
  readonly lostAfterMs?: number;
}

export const cloudCalls = ['list', 'launch', 'resolve', 'terminate'] as const;
export type CloudCall = (typeof cloudCalls)[number];

/** What can be set while the simulation runs. */
export interface CloudLevers {
  fate: (machine: Machine) => Fate;
  /** From the first terminate to gone. */
  endMs: number;
  /** A machine is in no list and no look-up before it is so old. */
  lagMs: number;
  delay: (call: CloudCall) => Delay;
  /** Asked at each call. */
  fault: (call: CloudCall) => Fault | null;
  /** Turns a true list into what is answered. */
  lie: ((rows: readonly CloudInstance[]) => readonly CloudInstance[]) | null;
  /** Machines of an offer that the cloud has room for, and of all; null: no limit. */
  capacity: (offer: OfferName) => number | null;
  quota: number | null;
  /** It says how much of it is left when it is asked; set before the daemon starts. */
  tellsQuota: boolean;
  /** How long a machine that is gone stays in the list. */
  tombstoneMs: number;
}

export interface SimulatedCloud {
  readonly cloud: Cloud;
  readonly capabilities: CloudCapabilities;
  readonly levers: CloudLevers;
  /** Every machine ever made, in order; with `forgetGone` those that are there, or still in the list. */
  readonly machines: readonly Machine[];
  /** How many were ever made, and how many of them were asked to end. */
  readonly made: number;
  readonly terminations: number;
  readonly calls: Readonly<Record<CloudCall, number>>;
  /** Those that are not gone. */
  alive(): readonly Machine[];
  /** A machine ends by itself: a lost spot machine, somebody with the console. */
  vanish(machine: Machine): void;
  /** One that somebody else made, or that a lost store made: in no order of this daemon. */
  plant(order: Omit<LaunchOrder, 'settings' | 'userData' | 'market'>): readonly Machine[];
}

export interface SimulatedCloudOptions {
  readonly name: CloudName;
  readonly clock: VirtualClock;
  readonly capabilities?: Partial<CloudCapabilities>;
  readonly onCreated?: (machine: Machine) => void;
  readonly onJoined?: (machine: Machine) => void;
  /** It no longer runs: whatever ran on it is dead. */
  readonly onStopped?: (machine: Machine) => void;
  readonly onGone?: (machine: Machine) => void;
  /** Machines are forgotten when no list shows them any more, so that months need no more memory than a day. */
  readonly forgetGone?: boolean;
}

export const cloudRefuses = (code: CloudErrorCode): Fault => ({
  kind: 'refuse',
  error: new CloudError(code, `simulated: ${code}`),
});
const inDoubt = () => new CloudError('timeout', 'simulated: no answer', { inDoubt: true });
/** The call is carried out, and its answer is lost. */
export const cloudAnswerLost = (): Fault => ({ kind: 'lost', error: inDoubt() });
/** The call is lost, and nobody can tell. */
export const cloudRequestLost = (): Fault => ({ kind: 'cut', error: inDoubt() });

/** A cloud in memory on a virtual clock: it does what a cloud does, and has levers for what clouds do wrong. */
export function createSimulatedCloud(options: SimulatedCloudOptions): SimulatedCloud {
  const { name, clock } = options;
  const fleet = createFleet();
  let terminations = 0;
  const calls: Record<CloudCall, number> = { list: 0, launch: 0, resolve: 0, terminate: 0 };
  const capabilities: CloudCapabilities = {
    replaySafe: true,
    mark: 'create',
    batchMax: 10,
    listLagMs: 10_000,
    userDataBytesMax: 16_384,
    spot: true,
    ...options.capabilities,
  };
  const levers: CloudLevers = {
    fate: () => ({ bootMs: 20_000, joinMs: 10_000 }),
    endMs: 5_000,
    lagMs: 0,
    delay: () => ({ requestMs: 50, answerMs: 50 }),
    fault: () => null,
    lie: null,
    capacity: () => null,
    quota: null,
    tellsQuota: false,
    tombstoneMs: 60_000,
  };

  const now = () => clock.monotonicNow();
  const runs = (machine: Machine) =>
    machine.runningAtMs !== null && machine.terminatedAtMs === null && isAlive(machine);

  function call<T>(method: CloudCall, signal: AbortSignal, work: () => T): Promise<T> {
    calls[method] += 1;
    return callServer(clock, { delay: levers.delay(method), fault: levers.fault(method), signal }, work);
  }

  function create(
    order: Omit<LaunchOrder, 'settings' | 'userData' | 'market'>,
    userData: string | null,
  ): readonly Machine[] {
    const before = fleet.ofIntent(order.intent);
    if (before.length > 0 && capabilities.replaySafe) return before;
    const capacity = levers.capacity(order.offer);
    const left = Math.min(
      capacity === null ? order.instances.length : capacity - fleet.aliveOf(order.offer),
      order.instances.length,
    );
    if (levers.quota !== null && fleet.alive.size + order.instances.length > levers.quota)
      throw new CloudError('quota', 'simulated: the account has its limit');
    if (left <= 0) throw new CloudError('capacity', 'simulated: no room for this offer');
    return order.instances.slice(0, left).map((instance, seat) => boot(order, { instance, seat, userData }));
  }

  function boot(
    { intent, pool, offer }: Omit<LaunchOrder, 'settings' | 'userData' | 'market'>,
    { instance, seat, userData }: { instance: InstanceId; seat: number; userData: string | null },
  ): Machine {
    const machine: Machine = {
      cloud: name,
      cloudId: CloudId(`${name}-${fleet.made}`),
      number: fleet.made,
      intent,
      seat,
      instance,
      pool,
      offer,
      userData,
      createdAtMs: now(),
      runningAtMs: null,
      joinedAtMs: null,
      terminatedAtMs: null,
      goneAtMs: null,
      vanished: false,
      fault: null,
    };
    fleet.add(machine);
    options.onCreated?.(machine);
    const { bootMs, joinMs, failsToBoot, lostAfterMs } = levers.fate(machine);
    if (bootMs === null) return machine;
    clock.at(now() + bootMs, () => {
      if (machine.terminatedAtMs !== null || !isAlive(machine)) return;
      if (failsToBoot === true) {
        machine.fault = 'simulated: it does not boot';
        return;
      }
      machine.runningAtMs = now();
      if (joinMs !== null) clock.at(now() + joinMs, () => join(machine));
      if (lostAfterMs !== undefined)
        clock.at(now() + lostAfterMs, () => {
          if (runs(machine)) vanish(machine);
        });
    });
    return machine;
  }

  function vanish(machine: Machine): void {
    machine.vanished = true;
    stop(machine);
    leave(machine);
  }

  function join(machine: Machine): void {
    if (!runs(machine)) return;
    machine.joinedAtMs = now();
    options.onJoined?.(machine);
  }

  function stop(machine: Machine): void {
    if (machine.terminatedAtMs !== null || !isAlive(machine)) return;
    machine.terminatedAtMs = now();
    options.onStopped?.(machine);
  }

  function leave(machine: Machine): void {
    if (!isAlive(machine)) return;
    machine.goneAtMs = now();
    fleet.leave(machine);
    options.onGone?.(machine);
  }

  const isListed = ({ createdAtMs, goneAtMs }: Machine): boolean =>
    now() >= createdAtMs + levers.lagMs && (goneAtMs === null || now() < goneAtMs + levers.tombstoneMs);

  const wasMade = (id: CloudId): boolean =>
    id.startsWith(`${name}-`) && Number(id.slice(name.length + 1)) < fleet.made;

  /** Those that are there and the tombstones; what no list shows any more is dropped on the way. */
  function listed(): Machine[] {
    for (const machine of fleet.tombstones) {
      if (isListed(machine) || now() < machine.createdAtMs + levers.lagMs) continue;
      fleet.tombstones.delete(machine);
      if (options.forgetGone === true) fleet.forget(machine);
    }
    return [...fleet.alive, ...fleet.tombstones].filter(isListed);
  }

  const row = (machine: Machine): CloudInstance => ({
    cloudId: machine.cloudId,
    intent: machine.intent,
    seat: machine.seat,
    pool: machine.pool,
    offer: machine.offer,
    state: stateOf(machine),
    address: machine.runningAtMs === null ? null : `10.0.${machine.number}`,
    fault: machine.fault,
  });

  return {
    cloud: {
      list: (signal) =>
        call('list', signal, () => {
          const rows = listed().map(row);
          return levers.lie === null ? rows : levers.lie(rows);
        }),
      launch: (order, signal) =>
        call('launch', signal, () => ({ instances: create(order, order.userData).map(row) })),
      resolve: (intent, signal) =>
        call('resolve', signal, () => fleet.ofIntent(intent).filter(isListed).map(row)),
      terminate: (id, signal) =>
        call('terminate', signal, () => {
          const machine = fleet.byCloudId(id);
          if (machine === undefined) return wasMade(id) ? 'gone' : 'ending';
          if (isAlive(machine) && machine.terminatedAtMs === null) {
            terminations += 1;
            stop(machine);
            if (levers.endMs === 0) leave(machine);
            else clock.at(now() + levers.endMs, () => leave(machine));
          }
          return isAlive(machine) ? 'ending' : 'gone';
        }),
      quota: async () => {
        if (!levers.tellsQuota) return null;
        const instances = levers.quota === null ? null : Math.max(0, levers.quota - fleet.alive.size);
        return { instances, cpus: null, memoryMiB: null };
      },
      catalog: async () => ({ flavors: [], images: [], zones: [] }),
      close: async () => {},
    },
    capabilities,
    levers,
    machines: fleet.machines,
    get made() {
      return fleet.made;
    },
    get terminations() {
      return terminations;
    },
    calls,
    alive: () => [...fleet.alive],
    vanish,
    plant: (order) => create(order, null),
  };
}

/** When a machine is taken back, where so many are lost in an hour of their lives; `uniform` is from [0, 1). */
export function untilLost(lostPerHour: number, uniform: number): number {
  return Math.round((-Math.log(1 - uniform) / lostPerHour) * 3_600_000);
}

const isAlive = ({ goneAtMs }: Machine): boolean => goneAtMs === null;

interface MachineIndex {
  readonly alive: ReadonlySet<Machine>;
  /** Gone, and perhaps in the list still. */
  readonly tombstones: Set<Machine>;
  readonly made: number;
  readonly machines: readonly Machine[];
  byCloudId(id: CloudId): Machine | undefined;
  ofIntent(intent: IntentId): readonly Machine[];
  aliveOf(offer: OfferName): number;
  add(machine: Machine): void;
  leave(machine: Machine): void;
  forget(machine: Machine): void;
}

/** What the cloud knows, found without a walk over all that ever was. */
function createFleet(): MachineIndex {
  const known = new Map<CloudId, Machine>();
  const alive = new Set<Machine>();
  const tombstones = new Set<Machine>();
  const byIntent = new Map<IntentId, Machine[]>();
  const byOffer = new Map<OfferName, number>();
  const machines: Machine[] = [];
  let made = 0;
  return {
    machines,
    alive,
    tombstones,
    get made() {
      return made;
    },
    byCloudId: (id) => known.get(id),
    ofIntent: (intent) => byIntent.get(intent) ?? [],
    aliveOf: (offer) => byOffer.get(offer) ?? 0,
    add: (machine) => {
      made += 1;
      machines.push(machine);
      known.set(machine.cloudId, machine);
      alive.add(machine);
      byOffer.set(machine.offer, (byOffer.get(machine.offer) ?? 0) + 1);
      const seats = byIntent.get(machine.intent);
      if (seats === undefined) byIntent.set(machine.intent, [machine]);
      else seats.push(machine);
    },
    leave: (machine) => {
      alive.delete(machine);
      tombstones.add(machine);
      byOffer.set(machine.offer, (byOffer.get(machine.offer) ?? 0) - 1);
    },
    forget: (machine) => {
      // The oldest is forgotten first, or nearly so.
      machines.splice(machines.indexOf(machine), 1);
      known.delete(machine.cloudId);
      const seats = byIntent.get(machine.intent)?.filter((seat) => seat !== machine) ?? [];
      if (seats.length === 0) byIntent.delete(machine.intent);
      else byIntent.set(machine.intent, seats);
    },
  };
}

function stateOf(machine: Machine): CloudInstanceState {
  if (machine.goneAtMs !== null) return 'gone';
  if (machine.terminatedAtMs !== null) return 'ending';
  if (machine.fault !== null) return 'error';
  return machine.runningAtMs === null ? 'pending' : 'running';
}
