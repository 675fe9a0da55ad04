import type { DaemonControl, StatusView } from '../api/control.ts';
import type { CloudCapabilities } from '../clouds/port.ts';
import type { SiteConfig, SitePolicy } from '../config/site.ts';
import type { BoundaryName, CrashpointName } from '../daemon/boundaries.ts';
import { createDaemon, type Daemon } from '../daemon/daemon.ts';
import type { DaemonParts } from '../daemon/daemonParts.ts';
import { heldBy, withRetiring } from '../daemon/retiring.ts';
import { tick } from '../daemon/tick.ts';
import { turning } from '../daemon/turning.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Budget } from '../model/budget.ts';
import type { Downtime } from '../model/downtime.ts';
import type { CloudName, QueueName } from '../model/ids.ts';
import type { Instance } from '../model/instance.ts';
import type { Log } from '../model/log.ts';
import type { Offer, Pool } from '../model/offer.ts';
import type { Batch, Store } from '../store/port.ts';
import { openSqliteStore } from '../store/sqlite/store.ts';
import {
  crashpointFor,
  type Fates,
  killed,
  type Life,
  mortalClock,
  mortalCloud,
  mortalQueue,
} from './mortal.ts';
import type { Job, Startd } from './scheduler.ts';
import { createSimulatedCloud, type Machine, type SimulatedCloud } from './simulatedCloud.ts';
import { configOf, leaversOf } from './simulatedConfig.ts';
import { createSimulatedQueue, type SimulatedQueue, workerIdOf } from './simulatedQueue.ts';
import type { Tampering } from './tampering.ts';
import { createVirtualClock, type VirtualClock } from './virtualClock.ts';

export interface SiteOptions {
  /** In place of all that is said below of queues, clouds, offers, pools, policy and times. */
  readonly config?: SiteConfig;
  readonly queues?: readonly QueueName[];
  readonly offers: readonly Offer[];
  readonly pools: readonly Pool[];
  readonly clouds?: readonly {
    readonly name: CloudName;
    readonly max?: number | null;
    readonly launchesInFlightMax?: number;
    readonly callsPerMinute?: number;
    readonly capabilities?: Partial<CloudCapabilities>;
  }[];
  readonly downtimes?: readonly Downtime[];
  readonly budgets?: readonly Budget[];
  readonly policy?: Partial<SitePolicy>;
  readonly pollMs?: number;
  readonly deadlineMs?: number;
  /** A hurried look comes no sooner after the last; absent: a share of the period. */
  readonly hurryMs?: number;
  /** How far apart ticks are at least. */
  readonly tickGapMs?: number;
  /** A new, empty store; absent: SQLite in memory. */
  readonly openStore?: () => Store;
  /** Jobs that are done and machines that are gone are not kept. */
  readonly forgets?: boolean;
  /** Of all clouds, unless one says otherwise. */
  readonly capabilities?: Partial<CloudCapabilities>;
  /** What happens to machines, as it happens; the queue has been told before. */
  readonly watch?: SiteWatch;
  /** Takes what the daemon logs, beside `errors`. */
  readonly log?: (fields: object, message: string) => void;
  readonly tampering?: Tampering;
  /** What each daemon counts goes there, one after the other. */
  readonly metrics?: Metrics;
  readonly supervisor?: DaemonParts['supervisor'];
}

export interface SiteWatch {
  readonly created?: (machine: Machine) => void;
  readonly joined?: (machine: Machine) => void;
  readonly stopped?: (machine: Machine) => void;
  readonly gone?: (machine: Machine) => void;
  readonly begun?: (job: Job, on: readonly Startd[]) => void;
  readonly killed?: (job: Job) => void;
  readonly done?: (job: Job) => void;
  /** It is stored now, and nothing that it decides has been begun. */
  readonly committed?: (batch: Batch) => void;
}

/** Where a daemon is killed: just before a decision is on disk, or just after, before anything is done. */
export type CrashPoint = 'beforeCommit' | 'afterCommit';

/** A site in memory on a virtual clock: the real daemon, simulated clouds and a simulated queue, a real store. */
export interface SimulatedSite {
  readonly config: SiteConfig;
  readonly clock: VirtualClock;
  readonly queues: ReadonlyMap<QueueName, SimulatedQueue>;
  /** The first queue. */
  readonly queue: SimulatedQueue;
  readonly clouds: ReadonlyMap<CloudName, SimulatedCloud>;
  /** The first cloud. */
  readonly cloud: SimulatedCloud;
  readonly store: Store;
  readonly control: DaemonControl;
  /** Errors that the daemon has logged, anomalies of the life cycle among them. */
  readonly errors: readonly string[];
  /** Why the daemon ended by itself; null while it runs or when it was stopped or killed. */
  readonly ended: unknown;
  readonly running: boolean;
  start(): void;
  /** As SIGKILL: it does nothing more and hears nothing more; what it has sent is on its way. */
  kill(): void;
  /** The daemon is killed at its next commit that has instances in it; null: not, after all. */
  killAtCommit(point: CrashPoint | null): void;
  /** The daemon is killed when it comes by that boundary next; `told` is called then. Null: not, after all. */
  dieAt(boundary: BoundaryName | CrashpointName | null, told?: () => void): void;
  stop(): Promise<void>;
  /**
   * Another daemon takes over with that config, as on a reload; what is in the site's own config and not in it retires while it
   * has machines. Clouds and queues beyond the site's own there are none.
   */
  reload(config: SiteConfig): Promise<void>;
  /** The store is lost; a new daemon begins with an empty one. */
  loseStore(): void;
  /** Every commit fails like that from now on. */
  failCommits(error: Error): void;
  run(ms: number): Promise<void>;
  /** Runs until it holds, looking each second; fails when it does not come true in time. */
  runUntil(condition: () => boolean, options: { withinMs: number; what: string }): Promise<void>;
  status(): StatusView;
  /** All that have not ended, as the store has them. */
  instances(): readonly Instance[];
  alive(): readonly Machine[];
  /** All machines ever made, over all clouds. */
  made(): readonly Machine[];
}

export function createSimulatedSite(options: SiteOptions): SimulatedSite {
  const clock = createVirtualClock();
  const config = options.config ?? configOf(options);
  const { offers, pools } = config;
  const { watch = {}, forgets = false } = options;

  const queues = new Map(
    config.queues.map(({ name }) => [
      name,
      createSimulatedQueue({
        name,
        clock,
        onBegun: (job, on) => watch.begun?.(job, on),
        onKilled: (job) => watch.killed?.(job),
        onDone: (job) => watch.done?.(job),
        forgetDone: forgets,
      }),
    ]),
  );
  const queueOf = ({ pool: ofMachine }: Machine) => {
    const pool = pools.find(({ name }) => name === ofMachine);
    return pool === undefined ? undefined : queues.get(pool.queue);
  };
  const onCreated = (machine: Machine) => watch.created?.(machine);
  const onJoined = (machine: Machine) => {
    const { instance, offer } = machine;
    const found = offers.find(({ name }) => name === offer);
    if (found !== undefined)
      queueOf(machine)?.join({ id: workerIdOf(instance), instance, ad: found.ad, total: found.resources });
    watch.joined?.(machine);
  };
  const onStopped = (machine: Machine) => {
    queueOf(machine)?.lose(workerIdOf(machine.instance));
    watch.stopped?.(machine);
  };
  const onGone = (machine: Machine) => watch.gone?.(machine);
  const clouds = new Map(
    config.clouds.map(({ name }) => {
      const own = options.clouds?.find((cloud) => cloud.name === name)?.capabilities;
      const capabilities = { ...options.capabilities, ...own };
      const events = { onCreated, onJoined, onStopped, onGone };
      return [name, createSimulatedCloud({ name, clock, capabilities, forgetGone: forgets, ...events })];
    }),
  );
  const errors: string[] = [];
  const openStore = options.openStore ?? (() => openSqliteStore({ path: ':memory:', site: config.site }));
  let store = openStore();
  let seeds = 0;
  let crashPoint: CrashPoint | null = null;
  const fates: Fates = { doom: null };
  const { cloud: tamperCloud, queue: tamperQueue, core: tamperCore } = options.tampering ?? {};
  let commitFailure: Error | null = null;
  let current: Incarnation | null = null;

  function put(batch: Batch): void {
    store.commit(batch);
    watch.committed?.(batch);
  }

  function commit(life: Life, batch: Batch): void {
    if (life.dead) throw killed();
    if (commitFailure !== null) throw commitFailure;
    const point = batch.instances.length > 0 ? crashPoint : null;
    if (point === null) {
      put(batch);
      return;
    }
    crashPoint = null;
    if (point === 'afterCommit') put(batch);
    life.dead = true;
    throw killed();
  }

  let running: SiteConfig = config;

  function start(notes: DaemonParts['notes'] | null = null): void {
    if (current?.life.dead === false) throw new Error('it runs already');
    const whole = withRetiring(running, leaversOf(config, running), heldBy(store.load()));
    const life: Life = { dead: false };
    const daemon = createDaemon({
      version: '0.0.0-simulated',
      config: whole,
      ...(notes === null ? {} : { notes }),
      store: { ...store, commit: (batch) => commit(life, batch) },
      clouds: whole.clouds.flatMap((part) => {
        const simulated = clouds.get(part.name);
        if (simulated === undefined) return [];
        const { cloud, capabilities } = simulated;
        const tampered = tamperCloud === undefined ? cloud : tamperCloud(cloud, part.name);
        return [{ config: part, cloud: mortalCloud(tampered, { life, fates }), capabilities }];
      }),
      queues: whole.queues.flatMap((part) => {
        const queue = queues.get(part.name)?.queue;
        if (queue === undefined) return [];
        const tampered = tamperQueue === undefined ? queue : tamperQueue(queue, part.name);
        return [{ config: part, queue: mortalQueue(tampered, { life, fates }) }];
      }),
      clock: mortalClock(clock, life),
      random: { next: () => 0.5 },
      log: errorLog(errors, options.log),
      newSeed: () => `seed-${seeds++}`,
      crashpoint: crashpointFor(life, fates),
      ...(options.metrics === undefined ? {} : { metrics: options.metrics }),
      ...(options.supervisor === undefined ? {} : { supervisor: options.supervisor }),
      ...(options.hurryMs === undefined ? {} : { hurryMs: options.hurryMs }),
      ...(options.tickGapMs === undefined ? {} : { tickGapMs: options.tickGapMs }),
      ...(tamperCore === undefined ? {} : { core: tamperCore(tick) }),
    });
    const abort = new AbortController();
    const incarnation: Incarnation = {
      daemon,
      life,
      abort,
      done: Promise.resolve(),
      ended: null,
      over: false,
    };
    // It may die in its first tick, which comes before `run` returns.
    current = incarnation;
    incarnation.done = daemon.run(abort.signal).then(
      () => {
        incarnation.over = true;
      },
      (error: unknown) => {
        incarnation.over = true;
        if (!life.dead) incarnation.ended = error;
      },
    );
  }

  const incarnationNow = (): Incarnation => {
    if (current === null) throw new Error('no daemon runs');
    return current;
  };

  async function halt(why: Error): Promise<void> {
    const incarnation = incarnationNow();
    incarnation.abort.abort(why);
    for (let second = 0; second < 60 && !incarnation.over; second++) await clock.advance(1000);
    await incarnation.done;
    current = null;
  }

  const simulated: SimulatedSite = {
    config,
    clock,
    queues,
    get queue() {
      const [first] = queues.values();
      if (first === undefined) throw new Error('a site without a queue');
      return first;
    },
    clouds,
    get cloud() {
      const [first] = clouds.values();
      if (first === undefined) throw new Error('a site without a cloud');
      return first;
    },
    get store() {
      return store;
    },
    get control() {
      return incarnationNow().daemon.control;
    },
    errors,
    get ended() {
      return current?.ended ?? null;
    },
    get running() {
      return current !== null && !current.life.dead && !current.over;
    },
    start: () => start(),
    kill: () => {
      incarnationNow().life.dead = true;
      current = null;
    },
    killAtCommit: (point) => {
      crashPoint = point;
    },
    dieAt: (name, told = () => {}) => {
      fates.doom = name === null ? null : { name, told };
    },
    stop: () => halt(new Error('stopped')),
    reload: async (next) => {
      if (simulated.running) {
        await halt(turning);
        running = next;
        start([{ kind: 'reload', why: 'the configuration was reloaded' }]);
      } else running = next;
    },
    loseStore: () => {
      store = openStore();
    },
    failCommits: (error) => {
      commitFailure = error;
    },
    run: async (ms) => {
      await clock.advance(ms);
      if (current?.life.dead === true) current = null;
    },
    runUntil: async (condition, { withinMs, what }) => {
      for (let ms = 0; ms <= withinMs; ms += 1000) {
        if (condition()) return;
        await simulated.run(1000);
      }
      throw new Error(`not within ${withinMs} ms: ${what}`);
    },
    status: () => incarnationNow().daemon.control.status(),
    instances: () => store.load().instances,
    alive: () => [...clouds.values()].flatMap((cloud) => cloud.alive()),
    made: () => [...clouds.values()].flatMap(({ machines }) => machines),
  };
  return simulated;
}

interface Incarnation {
  readonly daemon: Daemon;
  readonly life: Life;
  readonly abort: AbortController;
  done: Promise<void>;
  ended: unknown;
  over: boolean;
}

function errorLog(errors: string[], tell: SiteOptions['log'] = () => {}): Log {
  const log: Log = {
    debug: tell,
    info: tell,
    warn: tell,
    error: (fields, message) => {
      tell(fields, message);
      // An alarm is about what the daemon sees, and no fault of it.
      if (message !== 'alarm') errors.push(`${message} ${JSON.stringify(fields)}`);
    },
    child: () => log,
  };
  return log;
}
