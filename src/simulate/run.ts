import type { SiteConfig } from '../config/site.ts';
import type { QueueName } from '../model/ids.ts';
import type { Offer } from '../model/offer.ts';
import type { FaultLevel } from './faultProfile.ts';
import type { Policy, Split } from './policy.ts';
import {
  type BestResult,
  type ReferenceOptions,
  type ReferenceResult,
  referenceFixed,
  referenceOracle,
  referenceStatic,
  referenceThreshold,
} from './reference/reference.ts';
import { type ReplayProgress, type ReplayResult, replay } from './replay.ts';
import type { Trace } from './trace.ts';
import { traceSite } from './traceSite.ts';
import { createWorkload } from './workload.ts';

export interface SimulationOptions {
  readonly trace: Trace;
  /** The farm of a site, with simulated clouds and queues; null: one kind of machine, as said below. */
  readonly site: { readonly config: SiteConfig; readonly queue: QueueName } | null;
  readonly policy: Policy;
  readonly seeds: readonly number[];
  readonly faults: FaultLevel;
  readonly bootSeconds: number;
  readonly machineCpus: number;
  readonly pricePerCoreHour: number;
  readonly max: number;
  /** Null: the policy's own. */
  readonly idleMs: number | null;
  /** Of `static`; null: the best of the reference's sizes. */
  readonly machines: number | null;
  readonly split: Split;
  readonly memory: boolean;
  readonly store: 'memory' | 'sqlite';
  readonly signal: AbortSignal;
  readonly onProgress: (progress: ReplayProgress & { readonly seed: number }) => void;
  /** The command line that replays a seed. */
  readonly command: (seed: number) => string;
}

/** One seed's figures, as `spillway simulate --json` prints them. */
export interface SeedReport {
  readonly seed: number;
  readonly policy: Policy;
  readonly jobs: number;
  readonly done: number;
  readonly waitMeanSeconds: number;
  readonly waitP95Seconds: number;
  readonly slowdownMean: number | null;
  readonly cost: number;
  readonly objective: number;
  /** Null where there is no oracle: machines of several sizes. */
  readonly oracleCost: number | null;
  readonly oracleWaitMeanSeconds: number | null;
  readonly oracleObjective: number | null;
  readonly launches: number;
  readonly terminations: number;
  readonly apiCalls: number;
  readonly thrash: number;
  readonly jobsKilled: number;
  readonly violations: readonly Violation[];
  /** Jobs that want more machines at once than any pool may have: they are not submitted. */
  readonly leftOut: number;
  /** What the work itself costs, had it no wait and no machine an idle second. */
  readonly busyCost: number;
  /** The best of the reference's fixed idle times. */
  readonly fixedObjective: number | null;
  readonly idleSeconds: number | null;
  readonly polls: number;
  readonly simulatedSeconds: number;
  readonly interrupted: boolean;
}

export interface Violation {
  readonly invariant: string;
  readonly atSeconds: number;
  readonly what: string;
  readonly command: string;
}

/** The references of a trace, each worked out when it is asked for. */
interface Yardsticks {
  readonly options: ReferenceOptions | null;
  readonly oracle: BestResult | null;
  readonly fixed: BestResult | null;
}

/** One report for each seed, as it is done. When the signal is aborted, the last is of what was done by then. */
export async function* simulate(options: SimulationOptions): AsyncGenerator<SeedReport> {
  const yardsticks = measure(options);
  if (options.policy === 'oracle' || options.policy === 'threshold') {
    yield referenceReport(options, yardsticks);
    return;
  }
  const farm = await farmOf(options, yardsticks);
  const all = createWorkload(options.trace, {
    split: options.split,
    machineCpus: Math.max(...farm.config.offers.map(({ resources }) => resources.cpus)),
    memory: options.memory,
  });
  const most = Math.max(...farm.config.pools.map(({ max }) => max));
  const workload = all.filter(({ parts }) => parts.every(({ jobClass }) => (jobClass.workers ?? 1) <= most));
  for (const seed of options.seeds) {
    if (options.signal.aborted) return;
    const { bootSeconds, faults, signal, store } = options;
    const result = await replay({
      workload,
      config: farm.config,
      queue: farm.queue,
      bootSeconds,
      faults,
      seed,
      signal,
      store,
      onProgress: (progress) => options.onProgress({ ...progress, seed }),
    });
    const leftOut = all.length - workload.length;
    yield report(result, { seed, options, yardsticks, idleMs: farm.idleMs, leftOut });
  }
}

function measure(options: SimulationOptions): Yardsticks {
  const { trace, bootSeconds, split } = options;
  const size = options.site === null ? options : sizeOf(options.site.config.offers);
  if (size === null || trace.jobs.length === 0) return { options: null, oracle: null, fixed: null };
  const { machineCpus, pricePerCoreHour } = size;
  const referenceOptions = { bootSeconds, machineCpus, pricePerCoreHour, isSplit: split === 'core' };
  return {
    options: referenceOptions,
    oracle: referenceOracle(trace, referenceOptions),
    fixed: referenceFixed(trace, referenceOptions),
  };
}

/** Null where machines are of several sizes or without a price: the references know one kind of machine. */
function sizeOf(
  offers: readonly Offer[],
): { readonly machineCpus: number; readonly pricePerCoreHour: number } | null {
  const [first] = offers;
  if (first?.price == null) return null;
  if (offers.some(({ resources }) => resources.cpus !== first.resources.cpus)) return null;
  const machineCpus = first.resources.cpus;
  const prices = offers.map(({ price }) => price?.perHour ?? Number.POSITIVE_INFINITY);
  return { machineCpus, pricePerCoreHour: Math.min(...prices) / machineCpus };
}

/** What a core costs in J: that of the cheapest machine. */
function corePrice({ site, pricePerCoreHour }: SimulationOptions): number {
  if (site === null) return pricePerCoreHour;
  const prices = site.config.offers.flatMap(({ price, resources }) =>
    price === null ? [] : [price.perHour / resources.cpus],
  );
  return prices.length === 0 ? 0 : Math.min(...prices);
}

interface Farm {
  readonly config: SiteConfig;
  readonly queue: QueueName;
  readonly idleMs: number | null;
}

async function farmOf(options: SimulationOptions, yardsticks: Yardsticks): Promise<Farm> {
  const { site, policy, machineCpus, pricePerCoreHour, max } = options;
  const best = yardsticks.fixed === null ? null : yardsticks.fixed.setting * 1000;
  const idleMs = options.idleMs ?? (policy === 'fixed' ? best : null);
  const machines = policy === 'static' ? sizeOfStatic(options, yardsticks) : null;
  if (site !== null) {
    const pools = site.config.pools.map((pool) => ({
      ...pool,
      ...(machines === null ? {} : { min: machines, max: machines }),
      limits: idleMs === null ? pool.limits : { ...pool.limits, idleMs },
    }));
    return { config: { ...site.config, pools }, queue: site.queue, idleMs };
  }
  const config = await traceSite({
    machineCpus,
    machineMemoryMiB: null,
    pricePerCoreHour,
    min: machines ?? 0,
    max: machines ?? max,
    idleMs,
    isQuiet: options.faults === 'none',
  });
  const queue = config.queues[0]?.name;
  if (queue === undefined) throw new Error('a farm without a queue');
  return { config, queue, idleMs };
}

function sizeOfStatic({ machines, trace }: SimulationOptions, { options }: Yardsticks): number {
  if (machines !== null) return machines;
  return options === null ? 1 : referenceStatic(trace, options).setting;
}

function report(
  result: ReplayResult,
  {
    seed,
    options,
    yardsticks,
    idleMs,
    leftOut,
  }: {
    seed: number;
    options: SimulationOptions;
    yardsticks: Yardsticks;
    idleMs: number | null;
    leftOut: number;
  },
): SeedReport {
  const price = corePrice(options);
  const { oracle, fixed } = yardsticks;
  return {
    seed,
    policy: options.policy,
    jobs: options.trace.jobs.length,
    done: result.done,
    waitMeanSeconds: result.waitMeanSeconds,
    waitP95Seconds: result.waitP95Seconds,
    slowdownMean: result.slowdownMean,
    cost: result.cost,
    objective: result.cost + result.waitCoreHours * price,
    oracleCost: oracle?.cost ?? null,
    oracleWaitMeanSeconds: oracle?.waitMeanSeconds ?? null,
    oracleObjective: oracle?.objective ?? null,
    launches: result.launches,
    terminations: result.terminations,
    apiCalls: result.apiCalls,
    thrash: result.thrash,
    jobsKilled: result.jobsKilled,
    violations: result.breaches.map(({ invariant, atMs, what }) => ({
      invariant,
      atSeconds: atMs / 1000,
      what,
      command: options.command(seed),
    })),
    leftOut,
    busyCost: result.busyCoreHours * price,
    fixedObjective: fixed?.objective ?? null,
    idleSeconds: idleMs === null ? null : idleMs / 1000,
    polls: result.polls,
    simulatedSeconds: result.simulatedMs / 1000,
    interrupted: result.interrupted,
  };
}

/** A reference in the same form; it calls nobody and breaks nothing. */
function referenceReport(options: SimulationOptions, yardsticks: Yardsticks): SeedReport {
  const { trace, policy } = options;
  const { options: referenceOptions, oracle, fixed } = yardsticks;
  if (referenceOptions === null || oracle === null)
    throw new RangeError(`${policy}: machines of several sizes, or no jobs`);
  const own: ReferenceResult = policy === 'oracle' ? oracle : referenceThreshold(trace, referenceOptions);
  const last = trace.jobs.at(-1);
  return {
    seed: options.seeds[0] ?? 1,
    policy,
    jobs: trace.jobs.length,
    done: trace.jobs.length,
    waitMeanSeconds: own.waitMeanSeconds,
    waitP95Seconds: own.waitP95Seconds,
    slowdownMean: null,
    cost: own.cost,
    objective: own.objective,
    oracleCost: oracle.cost,
    oracleWaitMeanSeconds: oracle.waitMeanSeconds,
    oracleObjective: oracle.objective,
    launches: own.launches,
    terminations: own.launches,
    apiCalls: 0,
    thrash: 0,
    jobsKilled: 0,
    violations: [],
    leftOut: 0,
    busyCost:
      (trace.jobs.reduce((sum, { processors, runSeconds }) => sum + processors * runSeconds, 0) / 3600) *
      corePrice(options),
    fixedObjective: fixed?.objective ?? null,
    idleSeconds: policy === 'oracle' ? oracle.setting : null,
    polls: 0,
    simulatedSeconds: last === undefined ? 0 : last.submitSeconds,
    interrupted: false,
  };
}
