import type { FarmPolicy, FarmView } from './farm.ts';
import { type DemandProfile, windowPeaks } from './profile.ts';

/** Machines for the jobs that wait, as far as none is empty or on its way for them. */
const missing = (farm: FarmView): number => Math.max(0, farm.wanted - farm.empty - farm.booting);

/** Empty machines that no waiting job is to have. */
const surplus = (farm: FarmView): number => Math.max(0, farm.empty - farm.wanted);

const never = Number.POSITIVE_INFINITY;

/**
 * Launches for waiting jobs alone. At each event it keeps as many machines as N(t) needs at some moment from now to
 * `keepSeconds` from now, and ends what is empty beyond that.
 */
export function oraclePolicy(profile: DemandProfile, keepSeconds: number): FarmPolicy {
  const peak = windowPeaks(profile);
  return (farm) => {
    const needed = peak(farm.nowSeconds, farm.nowSeconds + keepSeconds);
    return {
      launch: missing(farm),
      end: Math.min(surplus(farm), Math.max(0, farm.empty + farm.inUse - needed)),
      againAtSeconds: never,
    };
  };
}

/**
 * Launches for waiting jobs alone, and ends a machine after `idleSeconds` without a job. Jobs go to the machine that became
 * empty last, so that of k empty machines the one idle longest has been idle since fewer than k were empty.
 */
export function fixedPolicy(idleSeconds: number): FarmPolicy {
  /** Empty machines, those idle longest at the bottom; `first` is where the bottom is. */
  const idle: { machines: number; readonly sinceSeconds: number }[] = [];
  let first = 0;
  let counted = 0;
  return (farm) => {
    const free = surplus(farm);
    if (free > counted) idle.push({ machines: free - counted, sinceSeconds: farm.nowSeconds });
    for (let taken = counted - free; taken > 0; ) {
      const last = idle.at(-1);
      if (last === undefined) break;
      const machines = Math.min(taken, last.machines);
      taken -= machines;
      last.machines -= machines;
      if (last.machines === 0) idle.pop();
    }
    let end = 0;
    for (; idle.length > first; first++) {
      const longest = idle[first];
      if (longest === undefined || longest.sinceSeconds + idleSeconds > farm.nowSeconds) break;
      end += longest.machines;
    }
    if (first > 1024 || first === idle.length) {
      idle.splice(0, first);
      first = 0;
    }
    counted = free - end;
    return { launch: missing(farm), end, againAtSeconds: (idle[first]?.sinceSeconds ?? never) + idleSeconds };
  };
}

/** Never launches and never ends: a farm that is bought. */
export function staticPolicy(): FarmPolicy {
  return () => ({ launch: 0, end: 0, againAtSeconds: never });
}

export interface ThresholdSettings {
  /** Below this utilisation the demand falls. */
  readonly lowUtilisation: number;
  /** Above this allocation it rises. */
  readonly highAllocation: number;
  /** Cores in a second. */
  readonly rate: number;
  /** The least demand, in cores. */
  readonly minimum: number;
  /** Machines are launched and ended this often. */
  readonly intervalSeconds: number;
}

/**
 * COBalD's `LinearController`, `Limiter` and `FactoryPool` with the settings of TARDIS's documentation. What waits is not
 * looked at: the demand, in cores, rises by `rate` while more than `highAllocation` of what is up is allocated and falls while
 * less than `lowUtilisation` is used; both count as 1 while nothing is up. Every `intervalSeconds` machines are launched up to
 * the demand, or released down to it: empty ones end at once, booting ones when they come up, busy ones are kept.
 */
export const tardisSettings: ThresholdSettings = {
  lowUtilisation: 0.9,
  highAllocation: 0.9,
  rate: 1,
  minimum: 1,
  intervalSeconds: 30,
};

export function thresholdPolicy(
  machineCpus: number,
  settings: ThresholdSettings = tardisSettings,
): FarmPolicy {
  let demand = settings.minimum;
  let slope = 0;
  let sinceSeconds: number | null = null;
  let adjustAtSeconds = 0;
  /** Machines that are released, and still booting. */
  let released = 0;
  return (farm) => {
    const now = farm.nowSeconds;
    if (sinceSeconds === null) adjustAtSeconds = now;
    demand = Math.max(settings.minimum, demand + slope * (now - (sinceSeconds ?? now)));
    sinceSeconds = now;
    // A share of the cores, the same for both, as jobs here ask for nothing else.
    if (farm.utilisation < settings.lowUtilisation) slope = -settings.rate;
    else slope = farm.utilisation > settings.highAllocation ? settings.rate : 0;

    let launch = 0;
    if (now >= adjustAtSeconds) {
      adjustAtSeconds = now + settings.intervalSeconds;
      const held = farm.empty + farm.inUse + farm.booting - released;
      const machines = demand / machineCpus;
      if ((farm.empty + farm.inUse) * machineCpus > demand)
        released += Math.max(0, Math.min(Math.floor(held - machines), farm.empty + farm.booting - released));
      else launch = Math.max(0, Math.ceil(machines - held));
    }
    const end = Math.min(farm.empty, released);
    released -= end;
    return { launch, end, againAtSeconds: adjustAtSeconds };
  };
}
