import type { CloudDriver } from '../clouds/port.ts';
import type { ConfigFiles } from '../config/files.ts';
import type { CatalogAnswer } from '../config/generated.ts';
import { type LoadDeps, type Loaded, loadSite, type SiteCatalogReader } from '../config/load.ts';
import type { Registry } from '../config/parts.ts';
import { recordFiles } from '../config/recordedFiles.ts';
import type { CloudConfig } from '../config/site.ts';
import { formatDuration } from '../config/units.ts';
import type { Catalog } from '../model/catalog.ts';
import type { Clock } from '../model/clock.ts';
import { SiteId } from '../model/ids.ts';
import { silentLog } from '../model/log.ts';
import { withDeadline } from './deadline.ts';

/**
 * What a config's generated offers are made of. A cloud's catalog is asked for when a config is read, and what it last said is
 * kept: a restart makes the same offers whether or not the cloud answers, and silence takes none away.
 */

export interface Kept {
  readonly catalog: Catalog;
  readonly askedAtWallMs: number;
  readonly doubtedSinceWallMs: number | null;
}

export interface CatalogParts {
  /** Throws CloudErrors. */
  ask(cloud: CloudConfig, signal: AbortSignal): Promise<Catalog>;
  read(stateDir: string, cloud: string): Promise<Kept | null>;
  /** May throw: then it is asked for anew at the next start. */
  keep(stateDir: string, cloud: string, kept: Kept): Promise<void>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * start: what is kept, and the cloud where nothing is. renew: the cloud, and what is kept where it does not answer. refresh: as
 * renew, and nobody waits. look: as renew, and compare: as start, but nothing is kept. kept: what is kept, and no cloud.
 */
export type CatalogUse = 'start' | 'renew' | 'refresh' | 'look' | 'compare' | 'kept';

/** They ask the cloud whatever is kept. */
const asking: ReadonlySet<CatalogUse> = new Set(['renew', 'refresh', 'look']);

/** What has lost more than so much is believed when it is said twice, so far apart. */
const lostShareMax = 0.5;
const doubtMs = 10 * 60_000;

/** A reload is answered within 25 seconds, or its command gives up. */
const waitedForMs = 15_000;

/** A catalog is many calls. Where nobody waits for what it is needed for, it has the time of four. */
export const catalogDeadlineMs = ({ deadlineMs }: CloudConfig): number => 4 * deadlineMs;

/** One for each reading of a config: each cloud is asked once. `unknown` is called with each cloud of which nothing is known. */
export function catalogReader(
  use: CatalogUse,
  parts: CatalogParts,
  unknown: (cloud: CloudConfig) => void = () => {},
): SiteCatalogReader {
  const asked = new Map<string, Promise<CatalogAnswer>>();
  return (cloud, stateDir) => {
    const before = asked.get(cloud.name);
    if (before !== undefined) return before;
    const answer = read(use, parts, cloud, stateDir).then((known) => {
      if (known.kind === 'unknown') unknown(cloud);
      return known;
    });
    asked.set(cloud.name, answer);
    return answer;
  };
}

/** Asks a cloud by a driver that is made for it. Throws CloudErrors. */
export function askCatalog(drivers: Registry<CloudDriver>, clock: Clock): CatalogParts['ask'] {
  return async ({ name, driver: word, settings }, signal) => {
    const driver = await drivers.load(word);
    // It has no machines to do with: whose they are does not matter.
    const deps = { site: SiteId('catalog'), cloud: name, clock, log: silentLog };
    const cloud = driver.create(settings, deps);
    try {
      return await cloud.catalog(signal);
    } finally {
      await cloud.close();
    }
  };
}

/** A config with the offers that are made of what clouds have. */
export interface LoadedWhole extends Loaded {
  /** Its files as they were read. */
  readonly again: ConfigFiles;
  /** No cloud's catalog is missing. */
  readonly allKnown: boolean;
}

export async function loadWithCatalogs(
  path: string,
  { use, deps, parts }: { readonly use: CatalogUse; readonly deps: LoadDeps; readonly parts: CatalogParts },
): Promise<LoadedWhole> {
  const { files, again } = recordFiles(deps.files);
  let allKnown = true;
  const catalogs = catalogReader(use, parts, () => {
    allKnown = false;
  });
  const loaded = await loadSite(path, { ...deps, files, catalogs });
  return { ...loaded, again, allKnown };
}

async function read(
  use: CatalogUse,
  parts: CatalogParts,
  cloud: CloudConfig,
  stateDir: string,
): Promise<CatalogAnswer> {
  const { clock, signal } = parts;
  const kept = await parts.read(stateDir, cloud.name);
  if (kept !== null && !asking.has(use)) return known(kept.catalog);
  if (use === 'kept') return { kind: 'unknown', why: 'nothing is kept of it, and no cloud is asked' };
  const now = clock.wallNow();
  try {
    const isWaitedFor = use === 'start' || use === 'renew';
    const ms = isWaitedFor ? Math.min(waitedForMs, cloud.deadlineMs) : catalogDeadlineMs(cloud);
    const bounds = { clock, signal, ms };
    const catalog = await withDeadline((inner) => parts.ask(cloud, inner), bounds);
    if (use === 'look' || use === 'compare') return known(catalog);
    return await keep(parts, { cloud, stateDir, kept, catalog, now });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    if (kept === null) return { kind: 'unknown', why };
    const age = formatDuration(Math.max(0, Math.round((now - kept.askedAtWallMs) / 1000) * 1000), 2);
    return known(kept.catalog, `the catalog of ${cloud.name} is that of ${age} ago: ${why}`);
  }
}

const known = (catalog: Catalog, note: string | null = null): CatalogAnswer => ({
  kind: 'known',
  catalog,
  note,
});

interface Fresh {
  readonly cloud: CloudConfig;
  readonly stateDir: string;
  readonly kept: Kept | null;
  readonly catalog: Catalog;
  readonly now: number;
}

async function keep(
  parts: CatalogParts,
  { cloud, stateDir, kept, catalog, now }: Fresh,
): Promise<CatalogAnswer> {
  const save = (what: Kept) => parts.keep(stateDir, cloud.name, what).catch(() => {});
  if (kept !== null && hasLostMuch(kept.catalog, catalog)) {
    const since = kept.doubtedSinceWallMs ?? now;
    if (now - since < doubtMs) {
      await save({ ...kept, doubtedSinceWallMs: since });
      const message = `${cloud.name} says that most of what it had is gone: it is believed when it says so again`;
      return known(kept.catalog, message);
    }
  }
  await save({ catalog, askedAtWallMs: now, doubtedSinceWallMs: null });
  return known(catalog);
}

function hasLostMuch(before: Catalog, after: Catalog): boolean {
  const lost = (had: readonly { readonly name: string }[], has: readonly { readonly name: string }[]) => {
    const names = new Set(has.map(({ name }) => name));
    const gone = had.filter(({ name }) => !names.has(name)).length;
    return gone > had.length * lostShareMax;
  };
  return lost(before.flavors, after.flavors) || lost(before.images, after.images);
}
