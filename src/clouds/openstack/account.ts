import type { Catalog, CatalogImage } from '../../model/catalog.ts';
import type { Quota } from '../port.ts';
import type { OpenStack } from './client/client.ts';
import type { Image } from './client/image.ts';
import { cloudErrorOf } from './errors.ts';
import { archWord, catalogFlavors } from './flavors.ts';

/** What the project may still have: Nova counts everybody's servers in it, those that fail or are being deleted too. */
export async function readQuota(cloud: OpenStack, signal: AbortSignal): Promise<Quota> {
  try {
    const limits = await cloud.compute.limits(signal);
    return {
      instances: left(limits.maxTotalInstances, limits.totalInstancesUsed),
      cpus: left(limits.maxTotalCores, limits.totalCoresUsed),
      memoryMiB: left(limits.maxTotalRAMSize, limits.totalRAMUsed),
    };
  } catch (thrown) {
    throw cloudErrorOf(thrown, { write: false });
  }
}

/** A quota that was made smaller than what is in use leaves nothing. */
function left(limit: number, used: number): number | null {
  return limit < 0 ? null : Math.max(0, Math.floor(limit - used));
}

export async function readCatalog(
  cloud: OpenStack,
  usualArch: string,
  signal: AbortSignal,
): Promise<Catalog> {
  try {
    const flavors = await cloud.compute.flavors(signal);
    const images = await cloud.image.images({}, signal);
    const zones = await cloud.compute.zones(signal);
    return {
      flavors: catalogFlavors(flavors, usualArch),
      images: images.map(catalogImage),
      zones,
    };
  } catch (thrown) {
    throw cloudErrorOf(thrown, { write: false });
  }
}

/** The property `architecture` is the image's own word; it is often not set. */
function catalogImage({ id, name, architecture, created_at: createdAt }: Image): CatalogImage {
  const arch = typeof architecture === 'string' ? archWord(architecture) : null;
  return {
    id,
    name: name ?? '',
    ...(arch === null ? {} : { arch }),
    ...(createdAt === '' ? {} : { createdAt }),
  };
}
