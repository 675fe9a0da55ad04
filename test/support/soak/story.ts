import { applicableBoundaries, type BoundaryName } from '../../../src/daemon/boundaries.ts';
import { CloudName, QueueName } from '../../../src/model/ids.ts';
import type { Offer, Pool } from '../../../src/model/offer.ts';
import { createDice, type Dice } from '../../../src/simulate/dice.ts';
import {
  type FaultKind,
  type FaultLevel,
  type FaultProfile,
  faultKinds,
  faultProfile,
} from '../../../src/simulate/faultProfile.ts';
import {
  type FaultWindow,
  faultWindows,
  isCloudFault,
  isQueueFault,
  windowAt,
} from '../../../src/simulate/faultWindows.ts';
import type { JobClass } from '../../../src/simulate/simulatedQueue.ts';
import type { SiteOptions } from '../../../src/simulate/simulatedSite.ts';
import { makeJobClass, makeOffer, makePool } from '../siteParts.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

/** Faults may come from here to there; then it is calm, and everything must come to rest. */
export const stormFromMs = 5 * minuteMs;
export const stormToMs = 5.5 * hourMs;

/** A site and what happens to it, all of it from one number. Times are the simulation's, in ms. */
export interface Story {
  readonly seed: number;
  readonly site: Required<
    Pick<SiteOptions, 'offers' | 'pools' | 'clouds' | 'queues' | 'policy' | 'pollMs' | 'deadlineMs'>
  >;
  /** What the daemon writes to: SQLite says no to what it does not know, and what it gives back has been text. */
  readonly store: 'sqlite' | 'memory';
  readonly classes: readonly StoryClass[];
  readonly profile: FaultProfile;
  readonly windows: readonly FaultWindow[];
  readonly submissions: readonly Submission[];
  /** Moments at which an owner takes back the so-manieth of the jobs that there are. */
  readonly removals: readonly { readonly atMs: number; readonly which: number }[];
  /** From then on the daemon dies when it comes by that boundary. */
  readonly deaths: readonly {
    readonly atMs: number;
    readonly boundary: BoundaryName;
    readonly downMs: number;
  }[];
  readonly kills: readonly { readonly atMs: number; readonly downMs: number }[];
  readonly stops: readonly { readonly atMs: number; readonly downMs: number }[];
  /** Machines with our mark that the store has never heard of. */
  readonly plants: readonly { readonly atMs: number; readonly offer: number; readonly pool: number }[];
  /** The share of drains upon which somebody submits a job at once that the machine could have taken. */
  readonly returning: number;
}

export interface StoryClass {
  readonly queue: QueueName;
  readonly jobClass: JobClass;
}

export interface Submission {
  readonly atMs: number;
  /** Index in `classes`. */
  readonly of: number;
  readonly count: number;
  readonly runMs: number;
}

const sizes = [
  { vmType: 'a', cpus: 1, memoryMiB: 2048 },
  { vmType: 'b', cpus: 4, memoryMiB: 8192 },
  { vmType: 'c', cpus: 2, memoryMiB: 4096 },
] as const;

export function makeStory(seed: number, level: FaultLevel = 'heavy'): Story {
  const dice = createDice(seed, 'story');
  const clouds = drawClouds(dice);
  const offers = drawOffers(
    dice,
    clouds.map(({ name }) => name),
  );
  const queues = [QueueName('batch'), QueueName('grid')] as const;
  const pools = queues.flatMap((queue) => drawPools(dice, queue, offers));
  const classes = queues.flatMap((queue) => drawClasses(dice, queue, { offers, pools }));
  const profile = faultProfile(level, seed);
  const windows = drawWindows(dice, { seed, profile, clouds: clouds.length, queues: queues.length });
  const heavy = level === 'heavy';
  return {
    seed,
    site: {
      offers,
      pools,
      clouds,
      queues,
      policy: { reapMs: 5 * minuteMs, setAsideFirstMs: 30_000, setAsideMaxMs: 10 * minuteMs },
      pollMs: dice.oneOf([30_000, 60_000, 90_000, 120_000, 120_000]),
      deadlineMs: 15_000,
    },
    store: seed % 10 === 0 ? 'sqlite' : 'memory',
    classes,
    profile,
    windows: windows.all,
    submissions: drawSubmissions(dice, classes.length),
    removals: several(dice, dice.whole(0, 3)).map((atMs) => ({ atMs, which: dice.whole(0, 30) })),
    deaths: level === 'none' ? [] : drawDeaths(dice, { seed, targetMs: windows.targetMs, heavy }),
    kills: several(dice, heavy ? dice.whole(1, 2) : 0).map((atMs) => ({ atMs, downMs: downtime(dice) })),
    stops: several(dice, heavy && dice.chance(0.4) ? 1 : 0).map((atMs) => ({ atMs, downMs: downtime(dice) })),
    plants: several(dice, heavy && dice.chance(0.3) ? 1 : 0).map((atMs) => ({
      atMs,
      offer: dice.whole(0, offers.length - 1),
      pool: dice.whole(0, pools.length - 1),
    })),
    returning: 0.3,
  };
}

const several = (dice: Dice, count: number): number[] =>
  Array.from({ length: count }, () => dice.whole(stormFromMs, stormToMs));

/** Mostly as long as a service manager takes; now and then somebody has to come and look. */
const downtime = (dice: Dice): number =>
  dice.chance(0.85) ? dice.whole(0, 60_000) : dice.whole(minuteMs, 25 * minuteMs);

function drawClouds(dice: Dice): Story['site']['clouds'] {
  const names = dice.chance(0.7) ? ['east', 'west'] : ['east', 'west', 'north'];
  return names.map((name) => ({
    name: CloudName(name),
    max: dice.chance(0.4) ? null : dice.whole(4, 9),
    launchesInFlightMax: dice.oneOf([1, 2, 5, 20]),
    capabilities: {
      replaySafe: dice.chance(0.6),
      batchMax: dice.oneOf([1, 3, 10]),
      listLagMs: 10_000,
    },
  }));
}

function drawOffers(dice: Dice, clouds: readonly CloudName[]): Offer[] {
  return clouds.flatMap((cloud, at) =>
    sizes.flatMap(({ vmType, cpus, memoryMiB }) => {
      // The first two clouds have every size, so that each job has more than one place to go.
      if (at > 1 && dice.chance(0.4)) return [];
      return makeOffer({
        name: `${vmType}-${cloud}`,
        cloud,
        vmType,
        cpus,
        memoryMiB,
        perHour: cpus * dice.oneOf([0.05, 0.07, 0.1]),
        max: dice.chance(0.3) ? dice.whole(2, 4) : null,
      });
    }),
  );
}

function drawPools(dice: Dice, queue: QueueName, offers: readonly Offer[]): Pool[] {
  const typesOf = (types: readonly string[]) =>
    offers.filter(({ name }) => types.some((type) => name.startsWith(`${type}-`))).map(({ name }) => name);
  const split = dice.oneOf([[['a', 'b', 'c']], [['a'], ['b', 'c']], [['a', 'c'], ['b']]]);
  return split.map((types, at) => {
    // A pool that its min fills with machines of one size has no room for jobs that want another.
    const max = dice.whole(3, 7);
    const mortal = dice.chance(0.15);
    return makePool({
      name: `${queue}-${at}`,
      queue,
      offers: typesOf(types),
      min: Math.min(max - 2, dice.oneOf([0, 0, 0, 1, 2])),
      max,
      headroom: dice.chance(0.2) ? 1 : 0,
      headroomShare: 0.2,
      userData: dice.chance(0.5) ? 'join {{token}}' : null,
      limits: {
        // Null: learned from gaps.
        idleMs: dice.oneOf([2 * minuteMs, 5 * minuteMs, 10 * minuteMs, null, null]),
        idleMinMs: 30_000,
        idleMaxMs: 10 * minuteMs,
        idleConfirmMs: 20_000,
        bootMaxMs: 6 * minuteMs,
        joinMaxMs: 5 * minuteMs,
        silentMs: 8 * minuteMs,
        drainMaxMs: hourMs,
        lifetimeMs: mortal ? dice.whole(90, 150) * minuteMs : null,
        lifetimeGraceMs: mortal ? 40 * minuteMs : 0,
      },
    });
  });
}

function drawClasses(
  dice: Dice,
  queue: QueueName,
  { offers, pools }: { offers: readonly Offer[]; pools: readonly Pool[] },
): StoryClass[] {
  const served = new Set(pools.filter((pool) => pool.queue === queue).flatMap((pool) => pool.offers));
  const types = sizes.filter(({ vmType }) =>
    offers.some(({ name }) => served.has(name) && name.startsWith(`${vmType}-`)),
  );
  const plain = types.map(({ vmType, cpus }) =>
    makeJobClass({
      name: vmType,
      vmType,
      cpus: dice.whole(1, cpus),
      memoryMiB: 1024,
      user: dice.oneOf(['ada', 'bob', 'eve']),
      priority: dice.oneOf([0, 0, 10]),
    }),
  );
  const anywhere = makeJobClass({ name: 'any', requirements: 'true', user: 'eve' });
  const gangs = types
    .slice(0, dice.chance(0.4) ? 1 : 0)
    .map(({ vmType }) => makeJobClass({ name: 'gang', vmType, workers: 2, user: 'bob' }));
  return [...plain, anywhere, ...gangs].map((jobClass) => ({ queue, jobClass }));
}

/** At least fifty jobs: bursts, and single ones between, a last burst as the storm ends. */
function drawSubmissions(dice: Dice, classes: number): Submission[] {
  const submissions: Submission[] = [];
  let jobs = 0;
  while (jobs < 50 || submissions.length < 12) {
    const count = dice.chance(0.3) ? dice.whole(3, 8) : dice.whole(1, 3);
    const atMs = dice.whole(minuteMs, stormToMs);
    const runMs = Math.floor(Math.min(25 * minuteMs, Math.max(20_000, dice.around(5 * minuteMs, 0.8))));
    submissions.push({ atMs, of: dice.whole(0, classes - 1), count, runMs });
    jobs += count;
  }
  return submissions.toSorted((a, b) => a.atMs - b.atMs);
}

/** The seed's number says which boundary it dies at, and in which weather: so 625 seeds in a row come by every pair. */
export const targetOf = (seed: number): { readonly boundary: BoundaryName; readonly fault: FaultKind } => {
  const boundary = applicableBoundaries[seed % applicableBoundaries.length];
  const fault = faultKinds[Math.floor(seed / applicableBoundaries.length) % faultKinds.length];
  if (boundary === undefined || fault === undefined) throw new Error('no boundaries, or no faults');
  return { boundary: boundary.name, fault };
};

function drawWindows(
  dice: Dice,
  { seed, profile, clouds, queues }: { seed: number; profile: FaultProfile; clouds: number; queues: number },
): { readonly all: readonly FaultWindow[]; readonly targetMs: number } {
  const horizon = { fromMs: stormFromMs, toMs: stormToMs, clouds, queues };
  const targetMs = dice.whole(20 * minuteMs, 3.5 * hourMs);
  const drawn = faultWindows(profile, horizon);
  if (profile.name !== 'heavy') return { all: drawn, targetMs };
  const kind = targetOf(seed).fault;
  const targets = isCloudFault(kind) ? clouds : isQueueFault(kind) ? queues : 1;
  const window = windowAt(profile, {
    kind,
    target: dice.whole(0, targets - 1),
    atMs: targetMs,
    horizon,
    dice,
  });
  const longest = { ...window, toMs: Math.min(stormToMs, targetMs + 75 * minuteMs) };
  return { all: [...drawn, longest].toSorted((a, b) => a.fromMs - b.fromMs), targetMs };
}

function drawDeaths(
  dice: Dice,
  { seed, targetMs, heavy }: { seed: number; targetMs: number; heavy: boolean },
): Story['deaths'] {
  const target = { atMs: targetMs, boundary: targetOf(seed).boundary, downMs: downtime(dice) };
  if (!heavy) return [target];
  const others = several(dice, dice.whole(1, 2)).map((atMs) => ({
    atMs,
    boundary: applicableBoundaries[dice.whole(0, applicableBoundaries.length - 1)]?.name ?? target.boundary,
    downMs: downtime(dice),
  }));
  return [target, ...others].toSorted((a, b) => a.atMs - b.atMs);
}
