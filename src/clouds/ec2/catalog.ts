import {
  DescribeAvailabilityZonesCommand,
  DescribeImagesCommand,
  type DescribeImagesCommandInput,
  DescribeInstanceTypesCommand,
  type DescribeInstanceTypesCommandInput,
  type InstanceTypeInfo,
} from '@aws-sdk/client-ec2';
import type { Catalog } from '../../model/catalog.ts';
import type { Exchange } from './exchange.ts';
import { allPages } from './pages.ts';

const typesPage = 100;
const imagesPage = 1000;

/** About 10 calls with today's list of types; one after the other, for `check` and people only. */
export async function readCatalog(
  exchange: Exchange,
  imageOwners: readonly string[],
  signal: AbortSignal,
): Promise<Catalog> {
  return {
    flavors: await flavors(exchange, signal),
    images: await images(exchange, imageOwners, signal),
    zones: await zones(exchange, signal),
  };
}

async function flavors(exchange: Exchange, signal: AbortSignal): Promise<Catalog['flavors']> {
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
function archOf(supported: readonly string[]): string {
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
    row.ImageId === undefined ? [] : [{ id: row.ImageId, name: row.Name ?? '' }],
  );
}

async function zones(exchange: Exchange, signal: AbortSignal): Promise<Catalog['zones']> {
  const action = 'DescribeAvailabilityZones';
  const answer = await exchange(new DescribeAvailabilityZonesCommand({}), { action, write: false, signal });
  return (answer.AvailabilityZones ?? []).flatMap((row) =>
    row.ZoneName !== undefined && row.State === 'available' ? [row.ZoneName] : [],
  );
}
