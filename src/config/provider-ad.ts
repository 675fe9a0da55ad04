import {
  type AttributeRecord,
  adFromValues,
  type ClassAd,
  exprOfPlain,
  withAttributes,
} from '../classad/ad.ts';
import type { Expr } from '../classad/expr.ts';
import { unparse } from '../classad/unparse.ts';
import type { Market } from '../model/billing.ts';
import type { Price } from '../model/offer.ts';
import type { Resources } from '../model/resources.ts';

/** What an offer's ad is made of. */
export interface ProviderAdParts {
  readonly offer: string;
  readonly cloud: string;
  readonly resources: Resources;
  readonly arch: string;
  readonly opsys: string;
  readonly market: Market;
  readonly price: Price | null;
  /** The site's own, and what of the usual ones it says otherwise. */
  readonly attributes: AttributeRecord;
  readonly requirements: Expr;
}

/** Said of a machine until it says so itself; condor_submit asks for the submit side's version or later. */
export const defaultCondorVersion = '$CondorVersion: 25.14.1 2026-01-01 BuildID: Spillway $';

/** Abilities of any startd that jobs' Requirements, as condor_submit writes them, may name. */
const abilities = {
  HasFileTransfer: true,
  HasIOProxy: true,
  HasJICLocalConfig: true,
  HasJICLocalStdin: true,
  HasJobDeferral: true,
  HasPerFileEncryption: true,
  HasReconnect: true,
  HasSelfCheckpointTransfers: true,
  HasTDP: true,
  HasTransferInputRemaps: true,
  HasMPI: true,
  HasVM: false,
} as const;

/** Attributes that have a field of their own in an offer. */
export const fieldOfAttribute: ReadonlyMap<string, string> = new Map([
  ['cpus', 'cpus'],
  ['memory', 'memory'],
  ['disk', 'disk'],
  ['gpus', 'gpus'],
  ['arch', 'arch'],
  ['opsys', 'opsys'],
  ['priceperhour', 'price'],
  ['pricecurrency', 'price'],
  ['market', 'market'],
  ['requirements', 'requirements'],
]);

/** Attributes that say what the ad is, in lower case: not for a site to change. */
export const ownAttributes: ReadonlySet<string> = new Set([
  'mytype',
  'targettype',
  'name',
  'machine',
  'state',
  'activity',
  'start',
  'slottype',
  'slotid',
  'partitionableslot',
  'totalcpus',
  'totalmemory',
  'totaldisk',
  'totalgpus',
  'totalslotcpus',
  'totalslotmemory',
  'totalslotdisk',
  'totalslotgpus',
  'detectedcpus',
  'detectedmemory',
  'spillwayoffer',
  'spillwaycloud',
]);

/** Names whose value would be a credential, in an ad that every user of the queue can read. */
export const secretName =
  /pass(?:word|wd|phrase)|secret|(?:^|_)token$|credential|(?:access|private|api)_?key/i;

/**
 * The ad that jobs are matched against: what the machine's own partitionable slot will publish when it is empty, and
 * the site's attributes. Memory is in MB and Disk in KiB, as HTCondor counts.
 */
export function providerAd(parts: ProviderAdParts): ClassAd {
  const { cpus, memoryMiB, diskMiB, gpus } = parts.resources;
  const host = `${parts.offer}.spillway`;
  const base: AttributeRecord = {
    MyType: 'Machine',
    TargetType: 'Job',
    Name: `slot1@${host}`,
    Machine: host,
    SpillwayOffer: parts.offer,
    SpillwayCloud: parts.cloud,
    Arch: parts.arch,
    OpSys: parts.opsys,
    CondorVersion: defaultCondorVersion,
    // A machine of the cloud shares no files and no users with the submit host, unless the site says so.
    FileSystemDomain: host,
    UidDomain: host,
    ...abilities,
    State: 'Unclaimed',
    Activity: 'Idle',
    Start: true,
    SlotType: 'Partitionable',
    SlotID: 1,
    PartitionableSlot: true,
    Cpus: cpus,
    DetectedCpus: cpus,
    TotalCpus: cpus,
    TotalSlotCpus: cpus,
    Memory: memoryMiB,
    DetectedMemory: memoryMiB,
    TotalMemory: memoryMiB,
    TotalSlotMemory: memoryMiB,
    Disk: diskMiB * 1024,
    TotalDisk: diskMiB * 1024,
    TotalSlotDisk: diskMiB * 1024,
    ...(gpus > 0 ? gpuAttributes(gpus) : {}),
    ...offerTerms(parts),
  };
  return withAttributes(adFromValues(base), { ...parts.attributes, Requirements: parts.requirements });
}

/** What a machine costs and whether it may be taken back: no machine knows it by itself, so it is told. */
export function offerTerms({ market, price }: Pick<ProviderAdParts, 'market' | 'price'>): AttributeRecord {
  const Market = market;
  return price === null ? { Market } : { Market, PricePerHour: price.perHour, PriceCurrency: price.currency };
}

/** What a job's `require_gpus` asks of (Capability and the like) is for the site to say, by AvailableGPUs. */
function gpuAttributes(gpus: number): AttributeRecord {
  const AvailableGPUs = Array.from({ length: gpus }, (_, index) => ({ Id: `GPU-${index}` }));
  return { GPUs: gpus, TotalGPUs: gpus, TotalSlotGPUs: gpus, AvailableGPUs };
}

/** What a startd publishes whatever it is told. */
const machineNames: ReadonlySet<string> = new Set([
  ...Object.keys(abilities).map((name) => name.toLowerCase()),
  'condorversion',
  'condorplatform',
  'filesystemdomain',
  'uiddomain',
  'opsysandver',
  'opsysname',
  'opsysver',
  'opsysmajorver',
  'hasfiletransferpluginmethods',
  'availablegpus',
]);

/**
 * Of a site's attributes those that no machine has by itself, as old-syntax text: the worker is told to publish
 * them, so that it is what was promised.
 */
export function publishedAttributes(attributes: AttributeRecord): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(attributes)
      .filter(([name]) => !machineNames.has(name.toLowerCase()))
      .map(([name, value]) => [name, unparse(exprOfPlain(value), 'old')]),
  );
}
