import {
  type ChangeReceipt,
  type Control,
  ControlError,
  type InstanceFilter,
  type InstanceView,
  type JobExplanation,
  type LaunchRequest,
  type StatusView,
} from '../../src/api/control.ts';
import type { DowntimeView } from '../../src/api/downtimes.ts';
import type { JournalEntryView } from '../../src/api/journalEntry.ts';
import type { BudgetView } from '../../src/api/money.ts';
import type { HealthView } from '../../src/api/observing.ts';
import type { PlanView } from '../../src/api/plan.ts';
import type { ReloadReceipt } from '../../src/api/reload.ts';
import type { JournalQuery } from '../../src/store/port.ts';
import { createFixtureLeases } from './fixtureLeases.ts';

/** Daemon time in the fixture; the wall clock says the same. */
export const nowMs = Date.UTC(2026, 10, 22, 5, 0, 0);
const minute = 60_000;

export interface FixtureControl extends Control {
  /** Every write that came through, in order. */
  readonly writes: unknown[];
  /** What `explainJob` does instead, if set. */
  jobLookup: ((signal: AbortSignal) => Promise<JobExplanation | null>) | null;
  mode: StatusView['mode'];
  /** Why `health` and `readiness` are not well; null: they are. */
  trouble: string | null;
  /** A new entry in the journal, of which listeners are told. */
  addEntry(entry: Partial<JournalEntryView>): void;
}

function fixtureHealth(name: string, why: string | null): HealthView {
  return { ok: why === null, checks: [{ name, ok: why === null, why }] };
}

const fixtureDowntime: DowntimeView = {
  id: 'd1',
  cloud: 'ec2',
  pool: null,
  reason: 'power works',
  force: false,
  configured: false,
  stage: 'planned',
  fromAtMs: nowMs + 120 * minute,
  toAtMs: nowMs + 360 * minute,
  fromWallMs: nowMs + 120 * minute,
  toWallMs: nowMs + 360 * minute,
  drainsAtMs: nowMs + 60 * minute,
  machines: 3,
  busy: 1,
};

const fixtureUsage = {
  machines: 3,
  machineSeconds: 7200,
  coreSeconds: 28_800,
  memoryMiBSeconds: 58_982_400,
  busySeconds: 3600,
  busyCoreSeconds: 14_400,
  jobs: 12,
  costs: [{ currency: 'EUR', amount: 1.5 }],
};

/** A small site in memory: one queue, one cloud, two pools, four instances. It enforces a few rules of the real one. */
export function createFixtureControl(): FixtureControl {
  const writes: unknown[] = [];
  const listeners = new Set<() => void>();
  const added: JournalEntryView[] = [];
  const find = (id: string): InstanceView => {
    const found = fixtureInstances.find((instance) => instance.id === id);
    if (found === undefined) throw new ControlError('unknownInstance', `no instance ${id}`);
    if (found.phase === 'ended') {
      throw new ControlError('refused', `instance ${id} has ended`, { reason: 'ended' });
    }
    return found;
  };
  const change = (id: string, changed: Partial<InstanceView>, next: string): ChangeReceipt => ({
    nowMs,
    instance: { ...find(id), ...changed },
    changed: find(id).phase !== changed.phase,
    next,
  });
  const control: FixtureControl = {
    ...createFixtureLeases(['small', 'large']),
    writes,
    jobLookup: null,
    mode: 'running',
    trouble: null,
    metrics: async () => '# HELP spillway_mode what the daemon is doing\n',
    health: () => fixtureHealth('loop', control.trouble),
    readiness: () => fixtureHealth('queue main', control.trouble),
    onJournal: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    addEntry: (entry) => {
      const [model] = fixtureJournal;
      if (model === undefined) throw new Error('an empty fixture');
      const number = (added[0]?.number ?? model.number) + 1;
      added.unshift({ ...model, number, ...entry });
      for (const listener of listeners) listener();
    },
    status: () => ({ ...fixtureStatus, mode: control.mode }),
    plan: () => fixturePlan,
    instances: (filter) => {
      const kept = fixtureInstances.filter((instance) => passes(instance, filter));
      return { nowMs, total: kept.length, instances: kept.slice(0, filter.limit) };
    },
    explainJob: async (id, signal) => {
      if (control.jobLookup !== null) return control.jobLookup(signal);
      return id === fixtureJob.job ? fixtureJob : null;
    },
    explainInstance: (id) => {
      const instance = fixtureInstances.find((known) => known.id === id);
      if (instance === undefined) return null;
      return {
        nowMs,
        instance,
        bootedBecause: '3 jobs of demand g1 wait and no worker takes them',
        keptBecause: instance.phase === 'idle' ? 'It is kept for 90 s.' : null,
        endedBecause: instance.endReason === 'idle' ? 'no job needed it for 5m' : null,
        journal: fixtureJournal.filter((entry) => entry.instance === id).toReversed(),
      };
    },
    launch: async (order) => {
      writes.push({ launch: order });
      return launched(order);
    },
    drain: async (id) => {
      writes.push({ drain: id });
      return change(id, { phase: 'draining', state: 'Busy' }, 'it ends when its last job is done');
    },
    undrain: async (id) => {
      writes.push({ undrain: id });
      if (find(id).phase !== 'draining') {
        throw new ControlError('refused', `instance ${id} is not draining`, { reason: 'notDraining' });
      }
      return change(id, { phase: 'claimed', state: 'Busy' }, 'it takes jobs again');
    },
    terminate: async (id, { force }) => {
      writes.push({ terminate: id, force });
      return force
        ? change(id, { phase: 'terminating', state: 'Unusable', endReason: 'operator' }, 'it ends now')
        : change(id, { phase: 'draining', state: 'Busy', endReason: 'operator' }, 'it ends when it is idle');
    },
    adjustPool: async (order) => {
      const pool = fixtureStatus.pools.find(({ name }) => name === order.pool);
      if (pool === undefined) throw new ControlError('unknownPool', `no pool ${order.pool}`);
      const { min, max } = order.kind === 'scale' ? order : {};
      if ((min ?? pool.min) > (max ?? pool.max))
        throw new ControlError('refused', `min ${min} is above max`, { reason: 'bounds' });
      writes.push(order);
      const bounds = { min: min ?? pool.min, max: max ?? pool.max, scaled: order.kind === 'scale' };
      const paused = order.kind === 'pause';
      return { nowMs, pool: { ...pool, ...bounds, paused }, changed: true, next: 'it is as it was told' };
    },
    downtimes: () => ({ nowMs, downtimes: [fixtureDowntime] }),
    addDowntime: async (request) => {
      writes.push({ addDowntime: request });
      return { nowMs, downtime: fixtureDowntime, next: 'its machines drain ahead' };
    },
    endDowntime: async (id) => {
      writes.push({ endDowntime: id });
      if (id !== fixtureDowntime.id) throw new ControlError('unknownDowntime', `there is no downtime ${id}`);
      return { nowMs, downtime: fixtureDowntime, next: 'machines are launched again' };
    },
    reload: async () => {
      writes.push('reload');
      return fixtureReload;
    },
    configuration: () => ({
      path: '/etc/spillway/site.yaml',
      entries: [{ kind: 'pool', name: 'small', fields: { max: 9 } }],
    }),
    accounting: ({ by, pools }) => ({
      nowMs,
      from: '2026-11-01',
      to: '2026-11-23',
      by,
      rows: ['batch', 'gpu']
        .filter((pool) => pools === null || pools.has(pool))
        .map((pool) => ({ ...fixtureUsage, keys: Object.fromEntries(by.map((key) => [key, pool])) })),
    }),
    reportUsage: async (folder) => {
      writes.push({ reportUsage: folder });
      return { folder: folder ?? '/var/spool/apel/outgoing', messages: 1, records: 3 };
    },
    journal: (query) => {
      const newestFirst = [...added, ...fixtureJournal].filter((entry) => wanted(entry, query));
      return (query.oldestFirst === true ? newestFirst.toReversed() : newestFirst).slice(0, query.limit);
    },
  };
  return control;
}

export const fixtureReload: ReloadReceipt = {
  outcome: 'applied',
  path: '/etc/spillway/site.yaml',
  problems: [],
  changes: [{ change: 'changed', kind: 'pool', name: 'small', field: 'max', from: '9', to: '12' }],
  retiring: ['cloud ec2: 2 machines drain'],
  next: 'it holds now',
};

function launched({ pool, offer, count }: LaunchRequest) {
  if (pool !== 'small' && pool !== 'large') throw new ControlError('unknownPool', `no pool ${pool}`);
  if (offer !== null && offer !== 't-small') {
    throw new ControlError('unknownOffer', `pool ${pool} has no offer ${offer}`);
  }
  if (count > 5) {
    const text = `pool ${pool} has 4 of at most 9 instances: ${count} more are not possible`;
    throw new ControlError('refused', text, { reason: 'poolMax' });
  }
  const instances = Array.from({ length: count }, (_, seat) => ({ id: `i3-${seat}`, intent: 'i3' }));
  return { pool, offer: 't-small', cloud: 'ec2', instances };
}

function passes(instance: InstanceView, filter: InstanceFilter): boolean {
  return (
    (filter.ended || instance.phase !== 'ended') &&
    (filter.pool === undefined || filter.pool === instance.pool) &&
    (filter.cloud === undefined || filter.cloud === instance.cloud) &&
    (filter.offer === undefined || filter.offer === instance.offer) &&
    (filter.state === undefined || filter.state === instance.state) &&
    (filter.phase === undefined || filter.phase === instance.phase)
  );
}

function wanted(entry: JournalEntryView, query: JournalQuery): boolean {
  return (
    (query.kinds === undefined || query.kinds.includes(entry.kind)) &&
    (query.instance === undefined || query.instance === entry.instance) &&
    (query.pool === undefined || query.pool === entry.pool) &&
    (query.afterNumber === undefined || entry.number > query.afterNumber) &&
    (query.sinceMs === undefined || entry.atMs >= query.sinceMs)
  );
}

const blank: InstanceView = {
  id: 'i1-0',
  intent: 'i1',
  seat: 0,
  pool: 'small',
  queue: 'main',
  offer: 't-small',
  cloud: 'ec2',
  cause: { kind: 'demand', demand: 'g1', job: '7.0@schedd', user: 'ann' },
  phase: 'idle',
  state: 'Free',
  phaseSinceMs: nowMs - 90_000,
  deadlineMs: null,
  cloudId: 'i-0a1',
  address: '10.0.0.11',
  worker: 'i1-0',
  runningJobs: 0,
  createdAtMs: nowMs - 65 * minute,
  runningAtMs: nowMs - 64 * minute,
  joinedAtMs: nowMs - 63 * minute,
  idleSinceMs: nowMs - 90_000,
  claims: 3,
  endReason: null,
  endedAtMs: null,
  market: 'onDemand',
  price: { perHour: 0.12, currency: 'USD' },
  cost: 0.13,
};

const fixtureBudget: BudgetView = {
  kind: 'pool',
  name: 'small',
  per: 'day',
  currency: 'USD',
  cap: 2.4,
  spent: 2.5,
  committed: 0.01,
  overspent: 0.1,
  usedUp: true,
  reachedAtMs: nowMs - 20 * minute,
  windowStartMs: 1_795_305_600_000,
  windowEndMs: 1_795_392_000_000,
};

export const fixtureInstances: readonly InstanceView[] = [
  {
    ...blank,
    id: 'i0-0',
    intent: 'i0',
    cause: { kind: 'min', demand: null, job: null, user: null },
    phase: 'ended',
    state: null,
    worker: null,
    runningJobs: null,
    idleSinceMs: null,
    phaseSinceMs: nowMs - 30 * minute,
    endReason: 'idle',
    endedAtMs: nowMs - 30 * minute,
  },
  blank,
  {
    ...blank,
    id: 'i1-1',
    seat: 1,
    phase: 'draining',
    state: 'Busy',
    cloudId: 'i-0a2',
    address: '10.0.0.12',
    worker: 'i1-1',
    runningJobs: 2,
    phaseSinceMs: nowMs - 5_000,
    idleSinceMs: null,
    claims: 1,
    endReason: 'operator',
  },
  {
    ...blank,
    id: 'i2-0',
    intent: 'i2',
    pool: 'large',
    offer: 't-large',
    cause: { kind: 'headroom', demand: null, job: null, user: null },
    phase: 'building',
    state: 'Unusable',
    phaseSinceMs: nowMs - 700,
    deadlineMs: nowMs + 10 * minute,
    cloudId: null,
    address: null,
    worker: null,
    runningJobs: null,
    createdAtMs: nowMs - 3_000,
    runningAtMs: null,
    joinedAtMs: null,
    idleSinceMs: null,
    claims: 0,
  },
];

export const fixtureJournal: readonly JournalEntryView[] = [
  {
    number: 42,
    kind: 'ended',
    atMs: nowMs - 30 * minute,
    wallMs: nowMs - 30 * minute,
    pool: 'small',
    instance: 'i0-0',
    why: 'no job needed it for 5m',
    data: { reason: 'idle', claims: 3 },
  },
  {
    number: 17,
    kind: 'cloudTrouble',
    atMs: nowMs - 40 * minute,
    wallMs: nowMs - 40 * minute,
    cloud: 'ec2',
    why: 'unavailable: the service answered 503',
  },
  {
    number: 9,
    kind: 'launch',
    atMs: nowMs - 65 * minute,
    wallMs: nowMs - 65 * minute,
    pool: 'small',
    intent: 'i1',
    instance: 'i1-0',
    why: '3 jobs of demand g1 wait',
  },
];

const noPhases = {
  requested: 0,
  unknown: 0,
  building: 0,
  joining: 0,
  idle: 0,
  claimed: 0,
  leased: 0,
  draining: 0,
  unreachable: 0,
  failed: 0,
  terminating: 0,
};

export const fixtureStatus: StatusView = {
  site: 'farm-1',
  version: '0.1.0',
  mode: 'running',
  nowMs,
  wallMs: nowMs,
  uptimeMs: 125 * minute,
  queues: [
    {
      name: 'main',
      adapter: 'htcondor',
      jobs: { waiting: 12, running: 4, held: 1 },
      demandGroups: 3,
      workers: { ours: 2, others: 1 },
      complete: true,
      pollAgeMs: 3_200,
      trouble: null,
    },
  ],
  clouds: [
    {
      name: 'ec2',
      driver: 'ec2',
      instances: { Free: 1, Busy: 1, Unusable: 1 },
      max: 20,
      launchesInFlight: 1,
      launchesInFlightMax: 4,
      listAgeMs: 61_000,
      trouble: { code: 'unavailable', message: 'the service answered 503', sinceMs: nowMs - 75_000 },
      setAside: [
        {
          offer: 't-gpu',
          cloud: 'ec2',
          code: 'capacity',
          why: 'the cloud has no room for it',
          failures: 3,
          untilMs: nowMs + 4 * minute,
        },
      ],
      quota: { instances: 17, cpus: 64, memoryMiB: 131_072 },
      mode: 'act',
      retiring: false,
    },
  ],
  pools: [
    {
      name: 'small',
      queue: 'main',
      min: 0,
      max: 9,
      headroom: 1,
      paused: false,
      mode: 'act',
      retiring: false,
      scaled: false,
      states: { Free: 1, Busy: 1, Unusable: 0 },
      phases: { ...noPhases, idle: 1, draining: 1 },
      onlyHereJobs: 3,
      unmet: [],
    },
    {
      name: 'large',
      queue: 'main',
      min: 1,
      max: 2,
      headroom: 0,
      paused: false,
      mode: 'act',
      retiring: false,
      scaled: false,
      states: { Free: 0, Busy: 0, Unusable: 1 },
      phases: { ...noPhases, building: 1 },
      onlyHereJobs: null,
      unmet: [{ demand: 'g2', jobs: 4, code: 'poolMax', why: 'pool large has 2 of 2' }],
    },
  ],
  totals: {
    sinceStart: { launched: 3, ended: 1, reused: 2, refused: 0 },
    sinceStore: { launched: 310, ended: 307, reused: 1204, refused: 6 },
  },
  alarms: [
    {
      key: 'offer:t-large',
      kind: 'offerFails',
      why: 'offer:t-large has failed 3 times in a row: bootFailed: i9-0 did not become usable',
      sinceMs: nowMs - 20 * minute,
    },
  ],
  downtimes: [fixtureDowntime],
  observe: null,
  money: {
    spending: [
      { kind: 'site', name: null, currency: 'USD', hour: 0.42, day: 7.5, month: 120 },
      { kind: 'pool', name: 'small', currency: 'USD', hour: 0.024, day: 2.5, month: 20 },
      { kind: 'user', name: 'ann', currency: 'USD', hour: 0.42, day: 7.5, month: 100 },
    ],
    budgets: [fixtureBudget],
    unpriced: 1,
    losses: [{ offer: 't-spot', cloud: 'ec2', market: 'spot', lostPerHour: 0.05, lost: 2, hours: 40 }],
  },
};

export const fixturePlan: PlanView = {
  observe: null,
  budgets: [fixtureBudget],
  nowMs,
  ready: true,
  missing: [],
  launches: [
    {
      pool: 'small',
      offer: 't-small',
      cloud: 'ec2',
      count: 2,
      why: '3 jobs wait, 1 is served',
      demand: 'g1',
    },
    { pool: 'large', offer: 't-large', cloud: 'ec2', count: 1, why: 'min is 1', demand: null },
  ],
  drains: [{ instance: 'i1-0', pool: 'small', why: 'idle for 5m, no job needs it' }],
  undrains: [],
  terminations: [],
  demand: [
    {
      demand: 'g1',
      queue: 'main',
      sampleJobs: ['7.0@schedd', '7.1@schedd'],
      user: 'alice',
      group: null,
      workers: 1,
      walltimeMs: null,
      turn: { place: 1, of: 2, level: 20, priority: 0, aging: 0, share: 20, pool: 0 },
      jobs: 3,
      servedByWorkers: 1,
      servedComing: 0,
      toLaunch: 2,
      unmet: 0,
      unmetCode: null,
      unmetWhy: null,
      unmetFigures: {},
      refusedOffers: [],
    },
    {
      demand: 'g2',
      queue: 'main',
      sampleJobs: ['8.0@schedd'],
      user: 'alice',
      group: null,
      workers: 1,
      walltimeMs: null,
      turn: { place: 2, of: 2, level: 20, priority: 0, aging: 0, share: 20, pool: 0 },
      jobs: 9,
      servedByWorkers: 0,
      servedComing: 1,
      toLaunch: 4,
      unmet: 4,
      unmetCode: 'poolMax',
      unmetWhy: 'pool large has 2 of 2',
      unmetFigures: {},
      refusedOffers: [{ offer: 't-small', code: 'job', clause: 'TARGET.VMType == "large"' }],
    },
  ],
};

export const fixtureJob: JobExplanation = {
  nowMs,
  job: '9.0@schedd',
  queue: 'main',
  owner: 'alice',
  state: 'waiting',
  demand: 'g3',
  wants: { cpus: 1, memoryMiB: 2048, diskMiB: 10_240, gpus: 1 },
  turn: { place: 2, of: 3, level: 21.5, priority: 0, aging: 1.5, share: 20, pool: 0 },
  shortage: { code: 'noOffer', why: 'no offer of a pool of this queue matches', figures: {} },
  verdict: 'it waits because no offer fits it',
  next: 'nothing, until an offer fits it',
  offers: [
    {
      pool: 'small',
      offer: 't-small',
      cloud: 'ec2',
      matches: false,
      side: 'job',
      clause: 'TARGET.VMType == "gpu"',
      found: 'false ("small" == "gpu")',
      setAside: null,
    },
    {
      pool: 'large',
      offer: 't-gpu',
      cloud: 'ec2',
      matches: true,
      side: null,
      clause: null,
      found: null,
      setAside: {
        offer: 't-gpu',
        cloud: 'ec2',
        code: 'capacity',
        why: 'the cloud has no room for it',
        failures: 3,
        untilMs: nowMs + 4 * minute,
      },
    },
  ],
  workers: { total: 3, matching: 1, free: 0, coming: 1 },
  pools: [
    { pool: 'small', min: 0, max: 9, counted: 2 },
    { pool: 'large', min: 1, max: 2, counted: 2 },
  ],
  remarks: ['VMTyp is no word that is known here'],
};
