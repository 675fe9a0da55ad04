import {
  DescribeAvailabilityZonesCommand,
  DescribeImagesCommand,
  type DescribeImagesCommandInput,
  DescribeInstanceTypesCommand,
  type DescribeInstanceTypesCommandInput,
  type InstanceTypeInfo,
} from '@aws-sdk/client-ec2';
import type { Catalog, CatalogPrice } from '../../model/catalog.ts';
import { CloudError } from '../../model/errors.ts';
import type { Exchange } from './exchange.ts';
import { allPages } from './pages.ts';
import { spotPrices } from './prices.ts';

const typesPage = 100;
const imagesPage = 1000;
const pricedAtATime = 200;

const noPrices: ReadonlySet<string> = new Set(['auth', 'unsupported', 'invalid']);

export interface CatalogRequest {
  readonly imageOwners: readonly string[];
  /** Epoch ms: spot prices are those of now. */
  readonly wallMs: number;
}

/** About 20 calls with today's list of types; one after the other, for `check`, generated offers and people only. */
export async function readCatalog(
  exchange: Exchange,
  { imageOwners, wallMs }: CatalogRequest,
  signal: AbortSignal,
): Promise<Catalog> {
  const types = await flavors(exchange, signal);
  return {
    flavors: await priced(exchange, types, wallMs, signal),
    images: await images(exchange, imageOwners, signal),
    zones: await zones(exchange, signal),
  };
}

/** With what they cost on the spot market. It is a right of its own: without it, and on clouds that have no such market, nothing. */
async function priced(
  exchange: Exchange,
  types: Catalog['flavors'],
  wallMs: number,
  signal: AbortSignal,
): Promise<Catalog['flavors']> {
  const found = new Map<string, CatalogPrice[]>();
  try {
    for (let at = 0; at < types.length; at += pricedAtATime) {
      const names = types.slice(at, at + pricedAtATime).map(({ name }) => name);
      for (const { type, zone, perHour } of await spotPrices(exchange, { types: names, wallMs }, signal)) {
        const price = { market: 'spot', zone, price: { perHour, currency: 'USD' } } as const;
        found.set(type, [...(found.get(type) ?? []), price]);
      }
    }
  } catch (error) {
    if (!(error instanceof CloudError) || !noPrices.has(error.code)) throw error;
  }
  return types.map((type) => {
    const prices = found.get(type.name);
    return prices === undefined ? type : { ...type, prices };
  });
}

export async function flavors(exchange: Exchange, signal: AbortSignal): Promise<Catalog['flavors']> {
  const action = 'DescribeInstanceTypes';
  const rows = await allPages(action, async (token) => {
    const input: DescribeInstanceTypesCommandInput = { MaxResults: typesPage };
    if (token !== undefined) input.NextToken = token;
    const page = await exchange(new DescribeInstanceTypesCommand(input), { action, write: false, signal });
    return { rows: page.InstanceTypes ?? [], next: page.NextToken };
  });
  return rows.flatMap(flavor).toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** Nothing for a type whose size the cloud does not give: it cannot be offered. */
function flavor(row: InstanceTypeInfo): Catalog['flavors'] {
  const cpus = row.VCpuInfo?.DefaultVCpus;
  const memoryMiB = row.MemoryInfo?.SizeInMiB;
  if (row.InstanceType === undefined || cpus === undefined || memoryMiB === undefined) return [];
  const gpus = (row.GpuInfo?.Gpus ?? []).reduce((sum, gpu) => sum + (gpu.Count ?? 0), 0);
  // What comes with the type; a root volume has the size that the offer gives it.
  const diskMiB = Math.floor(((row.InstanceStorageInfo?.TotalSizeInGB ?? 0) * 1e9) / 2 ** 20);
  const arch = archOf(row.ProcessorInfo?.SupportedArchitectures ?? []);
  return [{ name: row.InstanceType, resources: { cpus, memoryMiB, diskMiB, gpus }, arch }];
}

/** In the words of `uname -m`. */
export function archOf(supported: readonly string[]): string {
  if (supported.some((word) => word.startsWith('x86_64'))) return 'x86_64';
  if (supported.some((word) => word.startsWith('arm64'))) return 'aarch64';
  return supported[0] ?? 'unknown';
}

async function images(
  exchange: Exchange,
  owners: readonly string[],
  signal: AbortSignal,
): Promise<Catalog['images']> {
  const action = 'DescribeImages';
  const rows = await allPages(action, async (token) => {
    const input: DescribeImagesCommandInput = { Owners: [...owners], MaxResults: imagesPage };
    if (token !== undefined) input.NextToken = token;
    const page = await exchange(new DescribeImagesCommand(input), { action, write: false, signal });
    return { rows: page.Images ?? [], next: page.NextToken };
  });
  return rows.flatMap((row) =>
    row.ImageId === undefined
      ? []
      : [
          {
            id: row.ImageId,
            name: row.Name ?? '',
            ...(row.Architecture === undefined ? {} : { arch: archOf([row.Architecture]) }),
            ...(row.CreationDate === undefined ? {} : { createdAt: row.CreationDate }),
          },
        ],
  );
}

export async function zones(exchange: Exchange, signal: AbortSignal): Promise<Catalog['zones']> {
  const action = 'DescribeAvailabilityZones';
  const answer = await exchange(new DescribeAvailabilityZonesCommand({}), { action, write: false, signal });
  return (answer.AvailabilityZones ?? []).flatMap((row) =>
    row.ZoneName !== undefined && row.State === 'available' ? [row.ZoneName] : [],
  );
}
