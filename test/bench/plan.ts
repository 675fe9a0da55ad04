import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { remember } from '../../src/daemon/facts.ts';
import { type CoreSite, type CoreState, type TickInput, tick } from '../../src/daemon/tick.ts';
import { usualFairness } from '../../src/model/fairness.ts';
import { SiteId } from '../../src/model/ids.ts';
import { type PlanInput, plan } from '../../src/planner/plan.ts';
import { cpuTimed, heapMiB, quantile, round } from './figures.ts';
import { karpenter } from './karpenter.ts';
import { machinesOf, nowMs, type PlanSize, planInputOf } from './planInput.ts';

/**
 * Plans of many sizes. `cold` parses and compiles every ad and matches each class with each offer and each kind of slot;
 * `warm` is a later plan from the same view; `quiet` is a whole tick in which nothing is new.
 *
 * npm run bench -- plan [sizes | million | classes | karpenter | peak]: all, or one of the parts.
 */
const warmRuns = 20;
const usual: PlanSize = { jobs: 100_000, classes: 500, offers: 1_000, instances: 10_000 };

const parts = {
  sizes: () => sizes.map((size) => measure(size)),
  million: () => measure({ ...usual, jobs: 1_000_000 }),
  classes: () => [250, 500, 1_000, 2_000].map((classes) => measure({ ...usual, classes })),
  karpenter,
  peak: () => peak(),
} as const satisfies Record<string, () => unknown>;

const sizes: readonly PlanSize[] = [
  ...[1_000, 10_000, 100_000].flatMap((jobs) =>
    [10, 1_000].map((offers) => ({ jobs, offers, classes: Math.min(500, jobs / 200), instances: 0 })),
  ),
  usual,
];

export async function run(args: readonly string[]) {
  const [part] = args;
  const known = Object.keys(parts) as (keyof typeof parts)[];
  const chosen = known.filter((name) => (part === undefined ? true : name === part));
  if (part === 'alone') return alone();
  if (chosen.length === 0) throw new Error(`no part "${part ?? ''}"; there are ${known.join(', ')}`);
  return Object.fromEntries(chosen.map((name) => [name, parts[name]()]));
}

function measure(size: PlanSize) {
  const machines = machinesOf(size);
  const before = heapMiB();
  let input: PlanInput | null = null;
  const cold = cpuTimed(() => {
    input = planInputOf(size, machines);
    plan(input);
  });
  const ready = input as PlanInput | null;
  if (ready === null) throw new Error('no input');
  const warm = Array.from({ length: warmRuns }, () => cpuTimed(() => plan(ready)));
  const usedMiB = heapMiB() - before;
  const quiet = quietTicks(ready);
  const { launches, demand } = plan(ready);
  return {
    ...size,
    coldMs: round(cold.ms),
    coldCpuMs: round(cold.cpuMs),
    ...spreadOf('warm', warm),
    ...spreadOf('quietTick', quiet),
    heapMiB: round(usedMiB),
    machinesPlanned: launches.reduce((sum, { count }) => sum + count, 0),
    jobsServed: demand.reduce(
      (sum, { onWorkers, onComing, onLaunches }) => sum + onWorkers + onComing + onLaunches,
      0,
    ),
  };
}

function spreadOf(name: string, runs: readonly ReturnType<typeof cpuTimed>[]) {
  const ms = runs.map((run) => run.ms);
  const cpuMs = runs.map((run) => run.cpuMs);
  return {
    [`${name}P50Ms`]: round(quantile(ms, 0.5), 2),
    [`${name}MaxMs`]: round(quantile(ms, 1), 2),
    [`${name}P50CpuMs`]: round(quantile(cpuMs, 0.5), 2),
  };
}

/** Create calls are all under way: nothing may be launched, and each tick comes to the same. */
function quietTicks(ready: PlanInput): readonly ReturnType<typeof cpuTimed>[] {
  const { clouds, queues, pools, offers, matchmaker } = ready;
  const views = new Map(
    [...queues].flatMap(([name, { view }]) => (view === null ? [] : [[name, view] as const])),
  );
  const site: CoreSite = {
    site: SiteId('bench'),
    pools: new Map(pools.map((pool) => [pool.name, pool])),
    offers,
    downtimes: [],
    policy: {
      reapMs: 60_000,
      setAsideFirstMs: 60_000,
      setAsideMaxMs: 3_600_000,
      massShare: 0.5,
      drainAheadMs: 0,
      alarmAfter: 5,
      fairness: usualFairness,
    },
    budgets: [],
    windDownMs: () => 0,
    matchmaker,
    listLagMs: () => 10_000,
    lookMs: 10_000,
    replaySafe: () => true,
    seatsPerCall: () => 1,
  };
  const stored = {
    site: site.site,
    nowMs: null,
    sequence: 0,
    instances: [],
    intents: [],
    facts: [],
    machineUses: [],
  };
  let state: CoreState = {
    ...remember(stored, () => 'seed'),
    sequence: 0,
    fleet: ready.fleet,
    unmet: new Map(),
    planned: null,
  };
  const input: TickInput = {
    outcomes: [],
    orders: [],
    lists: [],
    views: [],
    latestViews: views,
    nowMs,
    wallMs: nowMs,
    queues: new Map([...queues].map(([name, outlook]) => [name, { ...outlook, isNew: false }])),
    clouds: new Map([...clouds].map(([name, outlook]) => [name, { ...outlook, launchesLeft: 0 }])),
    launches: [],
    poolOrders: [],
    downtimeOrders: [],
    notes: [],
  };
  return Array.from({ length: warmRuns + 1 }, () =>
    cpuTimed(() => {
      state = tick(state, input, site).state;
    }),
  ).slice(1);
}

/** The largest resident set of a process that makes one cold plan of the usual size and ten warm ones: heap and all else. */
function peak(): unknown {
  const main = fileURLToPath(new URL('./main.ts', import.meta.url));
  const [line = ''] = execFileSync(process.execPath, [main, 'plan', 'alone'], { encoding: 'utf8' }).split(
    '\n',
  );
  return (JSON.parse(line) as { figures: unknown }).figures;
}

function alone() {
  const idleMiB = process.resourceUsage().maxRSS / 1024;
  const input = planInputOf(usual);
  for (let n = 0; n < 10; n++) plan(input);
  return {
    ...usual,
    residentBeforeMiB: round(idleMiB),
    residentMaxMiB: round(process.resourceUsage().maxRSS / 1024),
  };
}
