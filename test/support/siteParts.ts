import { parseLongAd } from '../../src/classad/long.ts';
import { type Billing, type Market, perSecond } from '../../src/model/billing.ts';
import { CloudName, OfferName, PoolName } from '../../src/model/ids.ts';
import type { Offer, Pool, PoolLimits } from '../../src/model/offer.ts';
import type { Resources } from '../../src/model/resources.ts';
import { batchQueue, east } from '../../src/simulate/simulatedConfig.ts';
import type { JobClass } from '../../src/simulate/simulatedQueue.ts';

export { batchQueue, east };

/** The second cloud of the small site that the tests of the core use. */
export const west = CloudName('west');

export interface OfferParts {
  readonly name: string;
  readonly cloud?: CloudName;
  /** What jobs ask for by name. */
  readonly vmType?: string;
  readonly cpus?: number;
  readonly memoryMiB?: number;
  readonly diskMiB?: number;
  readonly perHour?: number | null;
  readonly market?: Market;
  readonly billing?: Billing;
  readonly max?: number | null;
  /** Old-syntax ClassAd lines that come after the usual ones. */
  readonly more?: string;
}

export function makeOffer(parts: OfferParts): Offer {
  const { name, cloud = east, vmType = 'a', cpus = 1, memoryMiB = 2048, diskMiB = 20_480 } = parts;
  const { perHour = null, max = null, more = '', market = 'onDemand', billing = perSecond } = parts;
  return {
    name: OfferName(name),
    cloud,
    ad: parseLongAd(
      [
        'Arch = "X86_64"',
        'OpSys = "LINUX"',
        `Cpus = ${cpus}`,
        `Memory = ${memoryMiB}`,
        `Disk = ${diskMiB * 1024}`,
        `VMType = "${vmType}"`,
        `Market = "${market}"`,
        'Requirements = true',
        more,
      ].join('\n'),
    ),
    published: { VMType: `"${vmType}"` },
    resources: { cpus, memoryMiB, diskMiB, gpus: 0 },
    market,
    price: perHour === null ? null : { perHour, currency: 'USD' },
    billing,
    max,
    settings: {},
  };
}

/** Short, so that an hour holds many lives; in the proportions of the defaults. */
export const quickLimits: PoolLimits = {
  idleMs: 60_000,
  idleMinMs: 10_000,
  idleMaxMs: 3_600_000,
  waitWeight: 1,
  idleConfirmMs: 10_000,
  bootMaxMs: 120_000,
  joinMaxMs: 120_000,
  silentMs: 300_000,
  drainMaxMs: 3_600_000,
  lifetimeMs: null,
  lifetimeGraceMs: 0,
};

export function makePool(
  parts: Partial<Omit<Pool, 'name' | 'offers' | 'limits'>> & {
    readonly name?: string;
    readonly offers: readonly string[];
    readonly limits?: Partial<PoolLimits>;
  },
): Pool {
  const { name = 'pool', offers, limits, ...rest } = parts;
  return {
    queue: batchQueue,
    min: 0,
    max: 5,
    headroom: 0,
    headroomShare: 0,
    launchesPerHour: null,
    priority: 0,
    spread: { kind: 'cheapest' },
    fallbackAfterMs: 0,
    userData: null,
    probe: null,
    ...rest,
    name: PoolName(name),
    offers: offers.map((offer) => OfferName(offer)),
    limits: { ...quickLimits, ...limits },
  };
}

export interface JobClassParts {
  readonly name?: string;
  readonly vmType?: string;
  readonly cpus?: number;
  readonly memoryMiB?: number;
  readonly diskMiB?: number;
  /** In place of the Requirements that ask for the type. */
  readonly requirements?: string;
  readonly rank?: string;
  readonly user?: string;
  readonly group?: string;
  readonly priority?: number;
  readonly workers?: number;
  readonly walltimeMs?: number;
  /** Old-syntax ClassAd lines that come after the usual ones. */
  readonly more?: string;
}

export function makeJobClass(parts: JobClassParts = {}): JobClass {
  const {
    vmType = 'a',
    cpus = 1,
    memoryMiB = 1024,
    diskMiB = 1024,
    rank,
    requirements,
    more,
    ...rest
  } = parts;
  const { name = vmType, ...fields } = rest;
  const request: Resources = { cpus, memoryMiB, diskMiB, gpus: 0 };
  const lines = [
    `Requirements = ${requirements ?? `TARGET.VMType == "${vmType}"`}`,
    `RequestCpus = ${cpus}`,
    `RequestMemory = ${memoryMiB}`,
    `RequestDisk = ${diskMiB * 1024}`,
    ...(rank === undefined ? [] : [`Rank = ${rank}`]),
    ...(more === undefined ? [] : [more]),
  ];
  return { ...fields, name, ad: parseLongAd(lines.join('\n')), request };
}
