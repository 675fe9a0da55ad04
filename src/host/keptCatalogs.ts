import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Catalog } from '../model/catalog.ts';

/** What a cloud last said that it has. */
export interface KeptCatalog {
  readonly catalog: Catalog;
  /** Epoch ms by the host's clock. */
  readonly askedAtWallMs: number;
  /** Since when, likewise, the cloud has said that it has much less; null: it has not. */
  readonly doubtedSinceWallMs: number | null;
}

const price = z.object({ perHour: z.number(), currency: z.string() });
const count = z.number().min(0);
const keptSchema = z.object({
  askedAtWallMs: z.number(),
  doubtedSinceWallMs: z.number().nullable(),
  catalog: z.object({
    flavors: z.array(
      z.object({
        name: z.string(),
        resources: z.object({ cpus: count, memoryMiB: count, diskMiB: count, gpus: count }),
        arch: z.string(),
        prices: z
          .array(z.object({ market: z.enum(['onDemand', 'spot']), zone: z.string().nullable(), price }))
          .exactOptional(),
      }),
    ),
    images: z.array(
      z.object({
        id: z.string(),
        name: z.string(),
        arch: z.string().exactOptional(),
        createdAt: z.string().exactOptional(),
      }),
    ),
    zones: z.array(z.string()),
  }),
}) satisfies z.ZodType<KeptCatalog>;

const pathOf = (stateDir: string, cloud: string) => join(stateDir, 'catalogs', `${cloud}.json`);

/** Null where nothing is kept that can be read: it is asked for anew. */
export async function readKeptCatalog(stateDir: string, cloud: string): Promise<KeptCatalog | null> {
  try {
    return keptSchema.parse(JSON.parse(await readFile(pathOf(stateDir, cloud), 'utf8')));
  } catch {
    return null;
  }
}

/** Whole or not at all. */
export async function keepCatalog(stateDir: string, cloud: string, kept: KeptCatalog): Promise<void> {
  const path = pathOf(stateDir, cloud);
  await mkdir(join(stateDir, 'catalogs'), { recursive: true, mode: 0o700 });
  await writeFile(`${path}.new`, JSON.stringify(kept), { mode: 0o600, flush: true });
  await rename(`${path}.new`, path);
}
