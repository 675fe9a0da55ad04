import { link, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { isMissing } from '../../host/files.ts';

/**
 * Who uses a host: one file each, which bears the owner mark. It is written whole under another name and then linked to the
 * host's name, which fails where one is there: so a host has one user, and its mark is never there in part.
 */
const claimSchema = z.object({
  host: z.string(),
  address: z.string(),
  site: z.string(),
  intent: z.string(),
  instance: z.string(),
  seat: z.number(),
  pool: z.string(),
  offer: z.string(),
  /** Digest of what the create call asked for. */
  order: z.string(),
});
export type Claim = z.output<typeof claimSchema>;

export const claimSuffix = '.claim';

/** Files that are open at a time for one look at all. */
const readsMax = 64;

export interface Claims {
  /** Of all sites. */
  all(): Promise<readonly Claim[]>;
  takenHosts(): Promise<ReadonlySet<string>>;
  /** Null: nobody has the host. */
  of(host: string): Promise<Claim | null>;
  /** False: somebody has it. */
  take(claim: Claim): Promise<boolean>;
  /** Only this very claim. */
  release(claim: Claim): Promise<void>;
  /** The host has been seen on, in this claim. */
  noteOn(claim: Claim): Promise<void>;
  wasOn(claim: Claim): Promise<boolean>;
}

export function openClaims(folder: string): Claims {
  const fileOf = (host: string) => join(folder, `${host}${claimSuffix}`);
  const onFileOf = ({ host, instance }: Claim) => join(folder, `${host}.${instance}.on`);

  async function read(path: string): Promise<Claim | null> {
    try {
      return claimSchema.parse(JSON.parse(await readFile(path, 'utf8')));
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }

  async function fileNames(): Promise<readonly string[]> {
    await mkdir(folder, { recursive: true, mode: 0o750 });
    return (await readdir(folder)).filter((name) => name.endsWith(claimSuffix)).toSorted();
  }

  return {
    all: async () => {
      const names = await fileNames();
      const claims: Claim[] = [];
      for (let at = 0; at < names.length; at += readsMax) {
        const some = names.slice(at, at + readsMax).map((name) => read(join(folder, name)));
        claims.push(...(await Promise.all(some)).filter((claim) => claim !== null));
      }
      return claims;
    },
    takenHosts: async () => new Set((await fileNames()).map((name) => name.slice(0, -claimSuffix.length))),
    of: (host) => read(fileOf(host)),
    take: async (claim) => {
      const aside = await mkdtemp(join(folder, '.new-'));
      try {
        await writeFile(join(aside, 'claim'), `${JSON.stringify(claim)}\n`, { mode: 0o640, flush: true });
        await link(join(aside, 'claim'), fileOf(claim.host));
        return true;
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
        throw error;
      } finally {
        await rm(aside, { recursive: true, force: true });
      }
    },
    release: async (claim) => {
      const now = await read(fileOf(claim.host));
      if (now?.instance === claim.instance) await rm(fileOf(claim.host), { force: true });
      await rm(onFileOf(claim), { force: true });
    },
    noteOn: (claim) => writeFile(onFileOf(claim), '', { mode: 0o640 }),
    wasOn: async (claim) => {
      try {
        await readFile(onFileOf(claim));
        return true;
      } catch (error) {
        if (isMissing(error)) return false;
        throw error;
      }
    },
  };
}
