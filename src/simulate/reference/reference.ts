import type { Trace } from '../trace.ts';
import { type FarmJob, type FarmOptions, type FarmPolicy, type FarmRun, runFarm } from './farm.ts';
import { type LearnedSettings, learnedPolicy, usualSettings } from './learned.ts';
import { fixedPolicy, oraclePolicy, staticPolicy, thresholdPolicy } from './policies.ts';
import { type DemandProfile, demandProfile, gapsOf, machineSecondsOf, peakOf } from './profile.ts';

/**
 * What a trace would have cost under policies that are defined in docs/simulation.md, to compare with. Pure; a trace of a
 * million jobs takes seconds for each policy.
 */
export interface ReferenceOptions {
  /** From a machine's launch until jobs can start on it; billed. */
  readonly bootSeconds: number;
  readonly pricePerCoreHour: number;
  readonly machineCpus: number;
  /** Each job counts as as many jobs of one core. */
  readonly isSplit?: boolean;
}

export interface ReferenceResult {
  readonly cost: number;
  readonly waitMeanSeconds: number;
  readonly waitP95Seconds: number;
  /** J = cost + Σ(processors × wait) × core price. */
  readonly objective: number;
  readonly launches: number;
  readonly machinesMax: number;
}

/** One of a grid of settings, in seconds or machines: the one with the least objective. */
export interface BestResult extends ReferenceResult {
  readonly setting: number;
  readonly all: readonly { readonly setting: number; readonly result: ReferenceResult }[];
}

export interface References {
  /** Σ(processors × run time) × core price: less cannot be paid. */
  readonly busyCost: number;
  /** The same with whole machines, where every job starts at its submission: what packing alone costs. */
  readonly packedCost: number;
  readonly zeroWait: ReferenceResult;
  /** `setting`: for how long ahead it looks, in seconds. */
  readonly oracle: BestResult;
  /** `setting`: the idle time, in seconds. */
  readonly fixed: BestResult;
  readonly threshold: ReferenceResult;
  /** `setting`: machines. */
  readonly static: BestResult;
}

/** Times the boot time: what the oracle and the fixed idle time are tried with. */
export const keepGrid = [1, 2, 4, 10, 20] as const;

/** The sizes of the fixed farm between the largest job and the peak of N(t). */
const staticSizes = 8;

export function reference(trace: Trace, options: ReferenceOptions): References {
  const jobs = farmJobs(trace, options);
  const profile = demandProfile(jobs, options.machineCpus);
  return {
    busyCost: busyCost(trace, options),
    packedCost: machineSecondsOf(profile) * machinePrice(options),
    zeroWait: zeroWait(profile, options),
    oracle: oracle(jobs, profile, options),
    fixed: fixed(jobs, options),
    threshold: referenceThreshold(trace, options),
    static: staticFarm(jobs, profile, options),
  };
}

/** The oracle alone. */
export function referenceOracle(trace: Trace, options: ReferenceOptions): BestResult {
  const jobs = farmJobs(trace, options);
  return oracle(jobs, demandProfile(jobs, options.machineCpus), options);
}

export function referenceFixed(trace: Trace, options: ReferenceOptions): BestResult {
  return fixed(farmJobs(trace, options), options);
}

/** Spillway's own rule, with a pool's defaults but for what is given. */
export function referenceLearned(
  trace: Trace,
  options: ReferenceOptions,
  settings: Partial<LearnedSettings> = {},
): ReferenceResult {
  const { bootSeconds } = options;
  return run(
    farmJobs(trace, options),
    options,
    learnedPolicy({ ...usualSettings, bootSeconds, ...settings }),
  );
}

/** Always with split jobs: a job of several machines would be waited for while its first machines count as unused and end. */
export function referenceThreshold(trace: Trace, options: ReferenceOptions): ReferenceResult {
  const split = { ...options, isSplit: true };
  return run(farmJobs(trace, split), split, thresholdPolicy(options.machineCpus));
}

export function referenceStatic(trace: Trace, options: ReferenceOptions): BestResult {
  const jobs = farmJobs(trace, options);
  return staticFarm(jobs, demandProfile(jobs, options.machineCpus), options);
}

export function referenceZeroWait(trace: Trace, options: ReferenceOptions): ReferenceResult {
  return zeroWait(demandProfile(farmJobs(trace, options), options.machineCpus), options);
}

export const busyCost = (trace: Trace, options: ReferenceOptions): number =>
  trace.jobs.reduce((sum, job) => sum + job.processors * job.runSeconds, 0) * corePrice(options);

/** For a second of one core, and of a machine. */
const corePrice = (options: ReferenceOptions): number => options.pricePerCoreHour / 3600;
const machinePrice = (options: ReferenceOptions): number => corePrice(options) * options.machineCpus;

/** One core at a time where they are split and packed: on machines of one core the profile is the same either way. */
function farmJobs(trace: Trace, options: ReferenceOptions): readonly FarmJob[] {
  if (options.isSplit !== true || options.machineCpus === 1) return trace.jobs;
  return trace.jobs.flatMap((job) =>
    Array.from({ length: job.processors }, () => ({ ...job, processors: 1 })),
  );
}

function oracle(jobs: readonly FarmJob[], profile: DemandProfile, options: ReferenceOptions): BestResult {
  return best(
    keepGrid.map((times) => times * options.bootSeconds),
    (keepSeconds) => run(jobs, options, oraclePolicy(profile, keepSeconds)),
  );
}

function fixed(jobs: readonly FarmJob[], options: ReferenceOptions): BestResult {
  return best(
    keepGrid.map((times) => times * options.bootSeconds),
    (idleSeconds) => run(jobs, options, fixedPolicy(idleSeconds)),
  );
}

function staticFarm(jobs: readonly FarmJob[], profile: DemandProfile, options: ReferenceOptions): BestResult {
  const peak = peakOf(profile);
  const least = jobs.reduce(
    (most, job) => Math.max(most, Math.ceil(job.processors / options.machineCpus)),
    0,
  );
  const step = Math.max(0, peak - least) / staticSizes;
  const sizes = new Set(
    Array.from({ length: staticSizes + 1 }, (_, index) => Math.round(least + index * step)),
  );
  return best([...sizes], (machinesAtStart) => run(jobs, { ...options, machinesAtStart }, staticPolicy()));
}

function zeroWait(profile: DemandProfile, options: ReferenceOptions): ReferenceResult {
  let launches = peakOf(profile);
  let seconds = machineSecondsOf(profile);
  for (const gap of gapsOf(profile)) {
    if (gap.seconds > options.bootSeconds) launches += gap.levels;
    else seconds += gap.levels * gap.seconds;
  }
  const cost = (seconds + launches * options.bootSeconds) * machinePrice(options);
  const machinesMax = peakOf(profile);
  return { cost, waitMeanSeconds: 0, waitP95Seconds: 0, objective: cost, launches, machinesMax };
}

function run(
  jobs: readonly FarmJob[],
  options: ReferenceOptions & Pick<FarmOptions, 'machinesAtStart'>,
  policy: FarmPolicy,
): ReferenceResult {
  const result = runFarm(jobs, { ...options, isSplit: options.isSplit ?? false }, policy);
  return priced(result, options);
}

function priced(result: FarmRun, options: ReferenceOptions): ReferenceResult {
  const { waitMeanSeconds, waitP95Seconds, launches, machinesMax } = result;
  const cost = result.machineSeconds * machinePrice(options);
  const objective = cost + result.waitCoreSeconds * corePrice(options);
  return { cost, waitMeanSeconds, waitP95Seconds, objective, launches, machinesMax };
}

function best(settings: readonly number[], resultOf: (setting: number) => ReferenceResult): BestResult {
  const all = settings.map((setting) => ({ setting, result: resultOf(setting) }));
  const [first] = all;
  if (first === undefined) throw new RangeError('no setting to try');
  const least = all.reduce(
    (found, one) => (one.result.objective < found.result.objective ? one : found),
    first,
  );
  return { ...least.result, setting: least.setting, all };
}
