/** What can go wrong with a cloud for a while; in brackets whether its answers are then untrue. */
export const cloudFaults = [
  'slow', // answers late, some after the deadline
  'dead', // refuses every call, or never answers
  'answerLost', // does what a write asks for, and the answer is lost
  'requestLost', // does not, and nobody can tell
  'capacity', // has no room for some offers
  'quota', // gives the account no more machines
  'rateLimited', // refuses, and says when to come again
  'neverJoins', // machines run and their workers never come
  'bootFails', // machines come to nothing
  'spotLoss', // takes machines back
  'listLag', // lists machines late, as late as it may
  'duplicates', // lists each machine twice
  'emptyList', // lists none (untrue)
  'partialList', // lists some (untrue)
  'staleList', // lists what there was when it began (untrue)
] as const;
export type CloudFault = (typeof cloudFaults)[number];

export const queueFaults = [
  'queueSlow', // polls take long, some longer than the deadline
  'queueSilent', // polls fail or are never answered
  'queueRestart', // the view is incomplete, and says so
  'emptyView', // every other view has neither jobs nor workers, and is said to be complete (untrue)
  'partialView', // some of the workers and groups, and says so
  'staleView', // every other view is the one before, said to be new (untrue)
  'laggingAds', // a worker's ad is late, and stays after the worker
  'commandsFail', // drain, un-drain and remove are refused or never answered
] as const;
export type QueueFault = (typeof queueFaults)[number];

export const hostFaults = [
  'clockForward', // the wall clock is stepped on
  'clockBack', // and back
] as const;
export type HostFault = (typeof hostFaults)[number];

export type FaultKind = CloudFault | QueueFault | HostFault;
export const faultKinds: readonly FaultKind[] = [...cloudFaults, ...queueFaults, ...hostFaults];

/** How often a fault comes to each cloud or queue, and how long it stays. */
export interface FaultHabit {
  readonly perDay: number;
  readonly minMs: number;
  readonly maxMs: number;
}

/** How the machines of a site fare, and what befalls it. All of it is data: `weather.ts` makes it happen. */
export interface FaultProfile {
  readonly name: FaultLevel;
  readonly seed: number;
  /** From the create call to running, and from there to the worker. */
  readonly boot: { readonly medianMs: number; readonly sigma: number; readonly mostMs: number };
  readonly join: { readonly medianMs: number; readonly sigma: number; readonly mostMs: number };
  /** Of all machines, whatever else goes on. */
  readonly bootFailsShare: number;
  readonly neverJoinsShare: number;
  /** A machine is in no list before it is so old. */
  readonly listLagMs: number;
  /** While `spotLoss` goes on, so many machines are taken back in an hour. */
  readonly lossesPerHour: number;
  readonly habits: Readonly<Record<FaultKind, FaultHabit>>;
  /** Deaths of the daemon. */
  readonly crashesPerDay: number;
}

export const faultLevels = ['none', 'light', 'heavy'] as const;
export type FaultLevel = (typeof faultLevels)[number];

const minuteMs = 60_000;

const heavy: Readonly<Record<FaultKind, FaultHabit>> = {
  slow: { perDay: 4, minMs: 5 * minuteMs, maxMs: 40 * minuteMs },
  dead: { perDay: 4, minMs: 2 * minuteMs, maxMs: 30 * minuteMs },
  answerLost: { perDay: 4, minMs: 5 * minuteMs, maxMs: 30 * minuteMs },
  requestLost: { perDay: 3, minMs: 5 * minuteMs, maxMs: 30 * minuteMs },
  capacity: { perDay: 4, minMs: 10 * minuteMs, maxMs: 60 * minuteMs },
  quota: { perDay: 3, minMs: 10 * minuteMs, maxMs: 60 * minuteMs },
  rateLimited: { perDay: 4, minMs: 5 * minuteMs, maxMs: 30 * minuteMs },
  neverJoins: { perDay: 3, minMs: 10 * minuteMs, maxMs: 40 * minuteMs },
  bootFails: { perDay: 3, minMs: 10 * minuteMs, maxMs: 40 * minuteMs },
  spotLoss: { perDay: 4, minMs: 10 * minuteMs, maxMs: 60 * minuteMs },
  listLag: { perDay: 4, minMs: 10 * minuteMs, maxMs: 90 * minuteMs },
  duplicates: { perDay: 3, minMs: 5 * minuteMs, maxMs: 30 * minuteMs },
  emptyList: { perDay: 3, minMs: 2 * minuteMs, maxMs: 20 * minuteMs },
  partialList: { perDay: 3, minMs: 2 * minuteMs, maxMs: 20 * minuteMs },
  staleList: { perDay: 3, minMs: 2 * minuteMs, maxMs: 20 * minuteMs },
  queueSlow: { perDay: 4, minMs: 5 * minuteMs, maxMs: 40 * minuteMs },
  queueSilent: { perDay: 4, minMs: 2 * minuteMs, maxMs: 30 * minuteMs },
  queueRestart: { perDay: 4, minMs: 2 * minuteMs, maxMs: 15 * minuteMs },
  emptyView: { perDay: 3, minMs: 2 * minuteMs, maxMs: 20 * minuteMs },
  partialView: { perDay: 3, minMs: 5 * minuteMs, maxMs: 30 * minuteMs },
  staleView: { perDay: 3, minMs: 2 * minuteMs, maxMs: 20 * minuteMs },
  laggingAds: { perDay: 4, minMs: 10 * minuteMs, maxMs: 90 * minuteMs },
  commandsFail: { perDay: 4, minMs: 5 * minuteMs, maxMs: 40 * minuteMs },
  clockForward: { perDay: 4, minMs: 10 * minuteMs, maxMs: 60 * minuteMs },
  clockBack: { perDay: 4, minMs: 10 * minuteMs, maxMs: 60 * minuteMs },
};

const scaled = (share: number): Readonly<Record<FaultKind, FaultHabit>> => ({
  ...heavy,
  ...Object.fromEntries(
    faultKinds.map((kind) => [kind, { ...heavy[kind], perDay: heavy[kind].perDay * share }]),
  ),
});

/**
 * none: machines boot in their time and nothing else happens. light: what a well-run site sees in a week, in a day or
 * two. heavy: more in a day than a site sees in a year.
 */
export function faultProfile(name: FaultLevel, seed: number): FaultProfile {
  const boot = { medianMs: 40_000, sigma: 0.4, mostMs: 240_000 };
  const join = { medianMs: 20_000, sigma: 0.4, mostMs: 120_000 };
  const base = { name, seed, boot, join };
  switch (name) {
    case 'none':
      return {
        ...base,
        bootFailsShare: 0,
        neverJoinsShare: 0,
        listLagMs: 0,
        lossesPerHour: 0,
        habits: scaled(0),
        crashesPerDay: 0,
      };
    case 'light':
      return {
        ...base,
        bootFailsShare: 0.005,
        neverJoinsShare: 0.005,
        listLagMs: 1000,
        lossesPerHour: 2,
        habits: scaled(0.1),
        crashesPerDay: 0.2,
      };
    case 'heavy':
      return {
        ...base,
        bootFailsShare: 0.05,
        neverJoinsShare: 0.05,
        listLagMs: 3000,
        lossesPerHour: 12,
        habits: heavy,
        crashesPerDay: 12,
      };
  }
}
