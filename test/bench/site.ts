import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ec2Driver } from '../../src/clouds/ec2/driver.ts';
import { usualAccounting } from '../../src/config/accounting.ts';
import { hostClock } from '../../src/daemon/clock.ts';
import { createDaemon } from '../../src/daemon/daemon.ts';
import type { Demand, QueueSnapshot, Worker } from '../../src/model/demand.ts';
import { usualFairness } from '../../src/model/fairness.ts';
import { DemandId, JobId, SiteId, WorkerId } from '../../src/model/ids.ts';
import type { Log } from '../../src/model/log.ts';
import type { PoolLimits } from '../../src/model/offer.ts';
import { noResources } from '../../src/model/resources.ts';
import type { Queue } from '../../src/queues/port.ts';
import { openSqliteStore } from '../../src/store/sqlite/store.ts';
import { type LoopbackEc2, startLoopbackEc2 } from '../support/loopback-ec2/server.ts';
import { batchQueue, east, makeOffer, makePool, quickLimits, west } from '../support/siteParts.ts';

/** The real daemon on the host's clock and disk, the EC2 driver on a loopback server, a queue that says what it is told. */
export interface BenchSite {
  readonly ec2: LoopbackEc2;
  /** From the next poll on, which is asked for at once, so many jobs wait. */
  showJobs(count: number): void;
  /** When a poll first answered that so many jobs wait, by the monotonic clock. */
  visibleAt(count: number): number;
  /** When the nth create call reached the server, by the monotonic clock. */
  created(calls: number): Promise<number>;
  /** The workers that are shown from now on: one for each running machine, idle, if `joined`. */
  join(joined: boolean): void;
  stop(): Promise<void>;
}

export const silentLog: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLog,
};

export async function startBenchSite(options: {
  readonly max: number;
  readonly limits?: Partial<PoolLimits>;
  readonly pollMs?: number;
  /** The endpoint of a second cloud, on which the site wants machines of its own. */
  readonly neighbour?: string;
}): Promise<BenchSite> {
  // The loopback server checks no signature; the SDK will not send a call without one.
  process.env.AWS_ACCESS_KEY_ID ??= 'bench';
  process.env.AWS_SECRET_ACCESS_KEY ??= 'bench';
  const ec2 = await startLoopbackEc2({ now: () => performance.now() });
  const folder = mkdtempSync(join(tmpdir(), 'spillway-bench-'));
  const site = SiteId('bench');
  const store = openSqliteStore({ path: join(folder, 'spillway.db'), site, log: silentLog });
  const settings = ec2Driver.configSchema.parse({
    region: ec2.region,
    endpoint: ec2.endpoint,
    credentials: undefined,
  });
  const boot = ec2Driver.offerSchema.parse({ image: 'ami-0123456789abcdef0', type: 't3.micro' });
  const offer = { ...makeOffer({ name: 'small', cloud: east }), settings: boot };
  const pool = makePool({
    offers: ['small'],
    max: options.max,
    limits: { ...quickLimits, ...options.limits },
  });
  const pollMs = options.pollMs ?? 1_000;
  const demand = {
    count: 0,
    shownAt: new Map<number, number>(),
    hint: () => {},
    joined: false,
    drained: new Set<string>(),
  };

  const queue: Queue = {
    poll: async ({ nowMs }): Promise<QueueSnapshot> => {
      if (!demand.shownAt.has(demand.count)) demand.shownAt.set(demand.count, performance.now());
      return {
        queue: batchQueue,
        takenAtMs: nowMs,
        workersComplete: true,
        demandComplete: true,
        demand: demand.count === 0 ? [] : [jobs(demand.count)],
        workers: demand.joined ? workersOf(ec2, demand.drained) : [],
        jobs: { waiting: demand.count, running: 0, held: 0 },
      };
    },
    hint: (changed) => {
      demand.hint = changed;
    },
    admit: async () => ({ variables: {}, perMachine: false }),
    drain: async (worker) => void demand.drained.add(worker),
    undrain: async (worker) => void demand.drained.delete(worker),
    remove: async () => {},
    job: async () => null,
    close: async () => {},
  };
  const theirs = {
    ...makeOffer({ name: 'next', cloud: west, more: 'Requirements = false' }),
    settings: boot,
  };
  const cloudAt = (name: typeof east, endpoint: string) => {
    const own = { ...settings, endpoint };
    const config = {
      name,
      driver: 'ec2',
      pollMs,
      deadlineMs: 10_000,
      max: null,
      launchesInFlightMax: 8,
      settings: own,
    };
    const cloud = ec2Driver.create(own, { site, cloud: name, clock: hostClock, log: silentLog });
    return { config, cloud, capabilities: ec2Driver.capabilities };
  };
  const clouds = [
    cloudAt(east, ec2.endpoint),
    ...(options.neighbour === undefined ? [] : [cloudAt(west, options.neighbour)]),
  ];
  const daemon = createDaemon({
    version: 'bench',
    config: {
      site,
      stateDir: folder,
      api: { listen: [], tokens: [], visitors: null, userSocket: null },
      socket: join(folder, 'api.sock'),
      queues: [{ name: batchQueue, adapter: 'bench', pollMs, deadlineMs: 10_000, settings: {} }],
      clouds: clouds.map(({ config }) => config),
      offers: [offer, ...(options.neighbour === undefined ? [] : [theirs])],
      pools: [
        pool,
        ...(options.neighbour === undefined ? [] : [makePool({ name: 'next', offers: ['next'], min: 5 })]),
      ],
      downtimes: [],
      accounting: usualAccounting,
      budgets: [],
      hooks: [],
      policy: {
        reapMs: 60_000,
        setAsideFirstMs: 1_000,
        setAsideMaxMs: 60_000,
        massShare: 0.5,
        alarmAfter: 3,
        drainAheadMs: 86_400_000,
        retentionMs: 86_400_000,
        fairness: usualFairness,
      },
    },
    store,
    clouds,
    queues: [
      { config: { name: batchQueue, adapter: 'bench', pollMs, deadlineMs: 10_000, settings: {} }, queue },
    ],
    clock: hostClock,
    random: { next: () => 0.5 },
    log: silentLog,
    newSeed: () => 'bench',
  });
  const stopping = new AbortController();
  const ended = daemon.run(stopping.signal);
  await reach(() => ec2.calls('DescribeInstances') > 0);

  return {
    ec2,
    showJobs: (count) => {
      demand.count = count;
      demand.hint();
    },
    visibleAt: (count) => demand.shownAt.get(count) ?? Number.NaN,
    created: async (calls) => {
      await reach(() => ec2.calls('RunInstances') >= calls);
      return ec2.requests.filter(({ action }) => action === 'RunInstances')[calls - 1]?.atMs ?? Number.NaN;
    },
    join: (joined) => {
      demand.joined = joined;
      demand.hint();
    },
    stop: async () => {
      stopping.abort(new Error('the benchmark is over'));
      await ended;
      store.close();
      await ec2.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Yields to everything else until it holds: the figures come from time stamps, not from how often this looks. */
export async function reach(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((next) => setImmediate(next));
}

function jobs(count: number): Demand {
  return {
    id: DemandId('jobs'),
    queue: batchQueue,
    kind: 'counted',
    count,
    ad: makeOffer({ name: 'job' }).ad,
    sampleJobs: [JobId('schedd#1.0')],
    oldestSubmittedAtMs: 0,
    user: null,
    group: null,
    priority: 0,
    workers: 1,
    walltimeMs: null,
  };
}

function workersOf(ec2: LoopbackEc2, drained: ReadonlySet<string>): Worker[] {
  return ec2.living().map((machine) => {
    const id = WorkerId(machine.id);
    return {
      id,
      queue: batchQueue,
      instance: null,
      address: machine.privateAddress,
      activity: drained.has(id) ? 'drained' : 'idle',
      runningJobs: 0,
      total: noResources,
      slots: [],
    };
  });
}
