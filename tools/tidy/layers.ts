/**
 * Who may import whom in src/: the layers as data. biome.layers.json says the same to the editor and the linter (written by
 * biome-layers.ts); the tidy test holds the two together and reads every import statement by this table.
 */
export interface Layer {
  /** Folders of src/, or single files of them, that this one may import besides its own. */
  readonly imports: readonly string[];
  /** All that a pure layer may import from outside src/; absent where it may import any dependency. */
  readonly packages?: readonly string[];
}

/** What an adapter or a driver reads its settings with. */
const settings = ['config/secrets.ts', 'config/units.ts'];

export const layers: Readonly<Record<string, Layer>> = {
  classad: { imports: [], packages: [] },
  model: { imports: ['classad'], packages: ['node:crypto'] },
  fleet: { imports: ['model'], packages: [] },
  matchmaker: { imports: ['model', 'classad'], packages: [] },
  planner: { imports: ['matchmaker', 'fleet', 'model'], packages: [] },
  // Use of machines: what ticks add to the accounts, sums, usage records.
  accounting: { imports: ['model'], packages: [] },
  config: { imports: ['model', 'classad'] },
  metrics: { imports: ['model'], packages: ['prom-client', 'node:fs'] },
  // Files, processes and programs of the host that the daemon runs on.
  host: { imports: ['model'] },
  queues: { imports: ['host', 'model', 'classad', ...settings] },
  clouds: { imports: ['host', 'model', 'classad', ...settings] },
  store: { imports: ['model', 'classad'] },
  daemon: {
    imports: [
      'planner',
      'accounting',
      'matchmaker',
      'fleet',
      'model',
      'classad',
      'config',
      'metrics',
      'queues/port.ts',
      'clouds/port.ts',
      'store/port.ts',
      // The port of the API: the daemon does what it says.
      'api/control.ts',
      'api/poolStatus.ts',
      'api/demandPlan.ts',
      'api/downtimes.ts',
      'api/accounting.ts',
      'api/alarms.ts',
      'api/leases.ts',
      'api/money.ts',
      'api/observing.ts',
      'api/observe.ts',
      'api/plan.ts',
      'api/reload.ts',
    ],
  },
  api: { imports: ['daemon', 'metrics', 'model', 'queues/port.ts', 'store/port.ts'] },
  cli: { imports: ['api', 'classad', 'daemon', 'config', 'host', 'model', 'simulate', 'store'] },
  simulate: {
    imports: [
      'daemon',
      'planner',
      'matchmaker',
      'fleet',
      'config',
      'metrics',
      'model',
      'classad',
      'queues/port.ts',
      'clouds/port.ts',
      'store',
      // A simulated site is asked as a real one is.
      'api/control.ts',
    ],
  },
};

/** The composition root: it alone may import every part. */
export const compositionRoot = 'main.ts';

/** Each folder in these is one adapter or driver; none imports another. */
export const plugInLayers = ['queues', 'clouds'] as const;

/** The files that wrap the host's clocks and its randomness. */
export const hostFiles = [
  'src/daemon/clock.ts',
  'src/daemon/random.ts',
  'src/simulate/virtualClock.ts',
  'src/web/time.js', // the browser's
];

const viaClock = 'Time is an argument: src/model/clock.ts.';
const viaRandom = 'Randomness is an argument: src/model/clock.ts.';

export const forbiddenGlobals: Readonly<Record<string, string>> = {
  Date: viaClock,
  setTimeout: viaClock,
  setInterval: viaClock,
  setImmediate: viaClock,
  performance: viaClock,
};

export interface ForbiddenProperty {
  readonly object: string;
  /** Absent: any. */
  readonly property?: string;
  readonly message: string;
}

export const forbiddenProperties: readonly ForbiddenProperty[] = [
  { object: 'Math', property: 'random', message: viaRandom },
  { object: 'crypto', property: 'randomUUID', message: viaRandom },
  { object: 'crypto', property: 'getRandomValues', message: viaRandom },
  { object: 'AbortSignal', property: 'timeout', message: viaClock },
  { object: 'process', property: 'hrtime', message: viaClock },
  { object: 'process', property: 'uptime', message: viaClock },
  { object: 'globalThis', message: 'A global is used by its own name, so that a rule can see it.' },
];

/** Modules whose import is the same as the use of a forbidden global. */
export const forbiddenModules: Readonly<Record<string, string>> = {
  'node:timers': viaClock,
  'node:timers/promises': viaClock,
  'node:perf_hooks': viaClock,
};

/** Of node:crypto, only what gives the same answer each time. */
export const forbiddenCryptoNames = ['randomUUID', 'randomBytes', 'randomInt'];
export const cryptoMessage = viaRandom;
