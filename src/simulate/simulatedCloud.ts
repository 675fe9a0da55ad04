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
  /** How long a machine that is gone stays in the list. */
  tombstoneMs: number;
}

export interface SimulatedCloud {
  readonly cloud: Cloud;
  readonly capabilities: CloudCapabilities;
  readonly levers: CloudLevers;
  /** Every machine ever made, in order. */
  readonly machines: readonly Machine[];
  readonly calls: Readonly<Record<CloudCall, number>>;
  /** Those that are not gone. */
  alive(): readonly Machine[];
  /** A machine ends by itself: a lost spot machine, somebody with the console. */
  vanish(machine: Machine): void;
  /** One that somebody else made, or that a lost store made: in no order of this daemon. */
  plant(order: Omit<LaunchOrder, 'settings' | 'userData'>): readonly Machine[];
}

export interface SimulatedCloudOptions {
  readonly name: CloudName;
  readonly clock: VirtualClock;
  readonly capabilities?: Partial<CloudCapabilities>;
  readonly onCreated?: (machine: Machine) => void;
  readonly onJoined?: (machine: Machine) => void;
  /** It no longer runs: whatever ran on it is dead. */
  readonly onStopped?: (machine: Machine) => void;
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
  const machines: Machine[] = [];
  const calls: Record<CloudCall, number> = { list: 0, launch: 0, resolve: 0, terminate: 0 };
  const capabilities: CloudCapabilities = {
    replaySafe: true,
    mark: 'create',
    batchMax: 10,
    listLagMs: 10_000,
    userDataBytesMax: 16_384,
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
    tombstoneMs: 60_000,
  };

  const now = () => clock.monotonicNow();
  const isAlive = ({ goneAtMs }: Machine) => goneAtMs === null;
  const runs = (machine: Machine) =>
    machine.runningAtMs !== null && machine.terminatedAtMs === null && isAlive(machine);

  function call<T>(method: CloudCall, signal: AbortSignal, work: () => T): Promise<T> {
    calls[method] += 1;
    return callServer(clock, { delay: levers.delay(method), fault: levers.fault(method), signal }, work);
  }

  function create(
    order: Omit<LaunchOrder, 'settings' | 'userData'>,
    userData: string | null,
  ): readonly Machine[] {
    const before = machines.filter(({ intent }) => intent === order.intent);
    if (before.length > 0 && capabilities.replaySafe) return before;
    const alive = machines.filter(isAlive);
    const left = Math.min(
      (levers.capacity(order.offer) ?? Number.POSITIVE_INFINITY) -
        alive.filter(({ offer }) => offer === order.offer).length,
      order.instances.length,
    );
    if (levers.quota !== null && alive.length + order.instances.length > levers.quota)
      throw new CloudError('quota', 'simulated: the account has its limit');
    if (left <= 0) throw new CloudError('capacity', 'simulated: no room for this offer');
    return order.instances.slice(0, left).map((instance, seat) => boot(order, { instance, seat, userData }));
  }

  function boot(
    { intent, pool, offer }: Omit<LaunchOrder, 'settings' | 'userData'>,
    { instance, seat, userData }: { instance: InstanceId; seat: number; userData: string | null },
  ): Machine {
    const machine: Machine = {
      cloud: name,
      cloudId: CloudId(`${name}-${machines.length}`),
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
    machines.push(machine);
    options.onCreated?.(machine);
    const { bootMs, joinMs, failsToBoot } = levers.fate(machine);
    if (bootMs === null) return machine;
    clock.at(now() + bootMs, () => {
      if (machine.terminatedAtMs !== null || !isAlive(machine)) return;
      if (failsToBoot === true) {
        machine.fault = 'simulated: it does not boot';
        return;
      }
      machine.runningAtMs = now();
      if (joinMs !== null) clock.at(now() + joinMs, () => join(machine));
    });
    return machine;
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

  const isListed = ({ createdAtMs, goneAtMs }: Machine): boolean =>
    now() >= createdAtMs + levers.lagMs && (goneAtMs === null || now() < goneAtMs + levers.tombstoneMs);

  const row = (machine: Machine): CloudInstance => ({
    cloudId: machine.cloudId,
    intent: machine.intent,
    seat: machine.seat,
    pool: machine.pool,
    offer: machine.offer,
    state: stateOf(machine),
    address: machine.runningAtMs === null ? null : `10.0.${machines.indexOf(machine)}`,
    fault: machine.fault,
  });

  return {
    cloud: {
      list: (signal) =>
        call('list', signal, () => {
          const rows = machines.filter(isListed).map(row);
          return levers.lie === null ? rows : levers.lie(rows);
        }),
      launch: (order, signal) =>
        call('launch', signal, () => ({ instances: create(order, order.userData).map(row) })),
      resolve: (intent, signal) =>
        call('resolve', signal, () =>
          machines.filter((machine) => machine.intent === intent && isListed(machine)).map(row),
        ),
      terminate: (id, signal) =>
        call('terminate', signal, () => {
          const machine = machines.find(({ cloudId }) => cloudId === id);
          if (machine === undefined) return 'ending';
          if (isAlive(machine) && machine.terminatedAtMs === null) {
            stop(machine);
            clock.at(now() + levers.endMs, () => {
              machine.goneAtMs = now();
            });
          }
          return isAlive(machine) ? 'ending' : 'gone';
        }),
      quota: async () => null,
      catalog: async () => ({ flavors: [], images: [], zones: [] }),
      close: async () => {},
    },
    capabilities,
    levers,
    machines,
    calls,
    alive: () => machines.filter(isAlive),
    vanish: (machine) => {
      stop(machine);
      machine.vanished = true;
      machine.goneAtMs = now();
    },
    plant: (order) => create(order, null),
  };
}

function stateOf(machine: Machine): CloudInstanceState {
  if (machine.goneAtMs !== null) return 'gone';
  if (machine.terminatedAtMs !== null) return 'ending';
  if (machine.fault !== null) return 'error';
  return machine.runningAtMs === null ? 'pending' : 'running';
}
