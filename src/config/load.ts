import { CloudName } from '../model/ids.ts';
import { loadAccess } from './access.ts';
import { checkBudgets } from './budgets.ts';
import { buildSite, type SiteParts } from './build.ts';
import { fieldOf, type LoadedEntry, loadEntry, nameOf, textOf } from './entries.ts';
import { checkExpectations } from './expectations.ts';
import { besideFile, type ConfigFiles, readText, secretReader } from './files.ts';
import { type CatalogReader, isGenerating } from './generated.ts';
import { check } from './issues.ts';
import { loadOffers } from './load-offers.ts';
import { checkMarkets } from './markets.ts';
import type { ConfigurableAdapter, ConfigurableDriver, Registry } from './parts.ts';
import { fitsPattern, isPattern } from './patterns.ts';
import { type Problem, sortProblems } from './problem.ts';
import { checkDowntimes, checkPolicy, checkReferences, type PoolEntry } from './references.ts';
import { createReport, type Locate, locateIn, type Report, wholeFile } from './report.ts';
import { type CloudFields, cloudSchema, poolSchema, queueSchema, siteSchema } from './schema.ts';
import { type SecretReader, secretsIn } from './secrets.ts';
import type { SiteConfig } from './site.ts';
import { loadTemplate } from './user-data.ts';
import { readYaml, type YamlSource } from './yaml-source.ts';

export const configBytesMax = 1024 * 1024;

/** The longest path of a unix socket: the system's own limit, less the byte that ends it. */
const socketBytesMax = 107;

/** All that the loader reads of the world; the registries come from the composition root. */
export interface LoadDeps {
  readonly adapters: Registry<ConfigurableAdapter>;
  readonly drivers: Registry<ConfigurableDriver>;
  readonly files: ConfigFiles;
  readonly env: (name: string) => string | undefined;
  /** For offers that are generated; absent: no cloud is asked, and there are none of them. */
  readonly catalogs?: SiteCatalogReader;
}

/** As a `CatalogReader`; the second is the site's `stateDir`. */
export type SiteCatalogReader = (
  cloud: Parameters<CatalogReader>[0],
  stateDir: string,
) => ReturnType<CatalogReader>;

export interface Loaded {
  /** Null if there is any error. */
  readonly config: SiteConfig | null;
  /** Errors and warnings, in the order in which they stand in the files. */
  readonly problems: readonly Problem[];
  /** Null if `config` is. */
  readonly written: WrittenEntries | null;
}

/**
 * The entries of a config's lists by name, as they are written: references to secrets, and no secret. By them a cloud that has
 * left the config is reached until its machines are gone.
 */
export interface WrittenEntries {
  /** Of the config: their relative paths are taken from its folder. */
  readonly path: string;
  readonly queues: Readonly<Record<string, unknown>>;
  readonly clouds: Readonly<Record<string, unknown>>;
  readonly pools: Readonly<Record<string, unknown>>;
}

/**
 * Reads a site's configuration whole, with its provider ads, boot templates and secrets, and says everything that is
 * wrong with it. Changes nothing, calls no cloud (but by `catalogs`) and no queue, and throws for no fault of the config.
 */
export async function loadSite(path: string, deps: LoadDeps): Promise<Loaded> {
  const report = createReport();
  const loaded = await load(path, deps, report);
  const problems = [...sortProblems(report.problems, path)];
  if (report.left > 0) {
    const severity = report.failed ? 'error' : 'warning';
    problems.push({ severity, ...wholeFile(path), message: `${report.left} more problems are not shown` });
  }
  if (report.failed || loaded === null) return { config: null, problems, written: null };
  return { ...loaded, problems };
}

async function load(
  path: string,
  deps: LoadDeps,
  report: Report,
): Promise<{ readonly config: SiteConfig; readonly written: WrittenEntries } | null> {
  const source = await readSource(path, deps, report);
  if (source === null) return null;
  const locate = locateIn(source);
  const checked = check(siteSchema, source.data);
  if (!checked.ok) report.findings(locate, checked.findings);
  const lists = checked.ok ? checked.value : listsOf(source.data);
  const reader = secretReader(deps.files, deps.env, path);
  const stateDir = besideFile(path, checked.ok ? checked.value.stateDir : '.');
  const { catalogs } = deps;
  const asking: CatalogReader | undefined =
    catalogs === undefined || !checked.ok ? undefined : (cloud) => catalogs(cloud, stateDir);
  const parts = await loadLists(lists, source, { ...deps, reader, asking }, report);
  await readAllSecrets(parts, reader, report);
  const userData = await loadTemplates(parts, path, deps.files, report);
  if (!checked.ok) return null;

  checkPolicy(checked.value.policy, locateIn(source, ['policy']), report);
  const locateBudget = (index: number) => locateIn(source, ['budgets', index]);
  checkBudgets(checked.value.budgets, parts, locateBudget, report);
  const names = {
    clouds: parts.clouds.flatMap(({ name }) => name ?? []),
    pools: parts.pools.flatMap(({ name }) => name ?? []),
  };
  checkDowntimes(checked.value.downtimes, names, locate, report);
  const socket = besideFile(path, checked.value.socket);
  if (Buffer.byteLength(socket) > socketBytesMax) {
    report.add('error', locate(['socket']), `the path is longer than ${socketBytesMax} bytes`);
  }
  const accessDeps = { path, files: deps.files, reader, locate };
  const api = await loadAccess(checked.value.api, parts.pools, accessDeps, report);
  const built = buildSite({ fields: checked.value, stateDir, socket, api, parts, userData });
  const asked = lists.offers.filter(isGenerating).flatMap((entry) => textOf(entry, 'cloud') ?? []);
  const generating = [...new Set(asked)].map((name) => CloudName(name));
  const config = generating.length === 0 ? built : { ...built, generating };
  return { config, written: writtenEntries(path, lists) };
}

function writtenEntries(path: string, { queues, clouds, pools }: Lists): WrittenEntries {
  const byName = (entries: readonly unknown[]) =>
    Object.fromEntries(entries.map((entry) => [nameOf(entry) ?? '', entry]));
  return { path, queues: byName(queues), clouds: byName(clouds), pools: byName(pools) };
}

async function readSource(path: string, deps: LoadDeps, report: Report): Promise<YamlSource | null> {
  const read = await readText(deps.files, path, configBytesMax);
  if ('wrong' in read) {
    report.add('error', wholeFile(path), `the file ${read.wrong}`);
    return null;
  }
  const { source, problems } = readYaml(path, read.text);
  report.take(problems);
  if (source?.data !== null) return source;
  report.add('error', wholeFile(path), 'the file is empty');
  return null;
}

type Lists = Readonly<Record<'queues' | 'clouds' | 'offers' | 'pools', readonly unknown[]>> & {
  readonly offerFiles: readonly string[];
};

interface ListDeps extends Omit<LoadDeps, 'catalogs'> {
  readonly reader: SecretReader;
  readonly asking: CatalogReader | undefined;
}

/** Every entry by itself, then all of them together. */
async function loadLists(
  lists: Lists,
  source: YamlSource,
  deps: ListDeps,
  report: Report,
): Promise<SiteParts> {
  const { reader } = deps;
  const at = (list: string, index: number) => locateIn(source, [list, index]);
  const queues = await Promise.all(
    lists.queues.map((entry, index) => loadEntry(entry, queueKind(deps), at('queues', index), report)),
  );
  const clouds = await Promise.all(
    lists.clouds.map((entry, index) => loadEntry(entry, cloudKind(deps), at('clouds', index), report)),
  );
  const { offers: entries, offerFiles: files } = lists;
  /** What is wrong with the secrets is said when all are read. */
  const canAsk = async (cloud: (typeof clouds)[number]) => {
    for (const { secret } of secretsIn(cloud.settings)) {
      if ((await secret.read(reader))?.severity === 'error') return false;
    }
    return true;
  };
  const sources = { entries, files, path: source.file, at, locate: locateIn(source), clouds, canAsk };
  const {
    entries: offerEntries,
    complete,
    offers,
  } = await loadOffers(sources, { files: deps.files, catalogs: deps.asking }, report);
  const offerNames = offerEntries.flatMap(({ name }) => name ?? []);
  const pools = lists.pools
    .map((entry, index) => loadPool(entry, at('pools', index), report))
    .map((pool) => withOffers(pool, offerNames));
  checkReferences({ queues, clouds, offers: offerEntries, offersComplete: complete, pools }, report);
  checkMarkets({ clouds, offers, pools }, report);
  const known = {
    clouds: clouds.flatMap(({ name }) => name ?? []),
    pools: pools.flatMap(({ name }) => name ?? []),
    offers: offers.map(({ offer }) => offer),
    complete,
  };
  checkExpectations(queues, known, report);
  for (const cloud of clouds) warnOfMark(cloud, report);
  return { queues, clouds, offers, pools };
}

export async function readAllSecrets(
  parts: Pick<SiteParts, 'queues' | 'clouds' | 'offers'>,
  reader: SecretReader,
  report: Report,
): Promise<void> {
  const read = async (settings: unknown, locate: Locate) => {
    for (const { secret, path } of secretsIn(settings)) {
      const finding = await secret.read(reader);
      if (finding !== null) report.add(finding.severity, locate(path), finding.message);
    }
  };
  for (const { settings, locate } of [...parts.queues, ...parts.clouds]) await read(settings, locate);
  for (const { offer, draft } of parts.offers) {
    await read(offer.settings, (path, at) => draft.locate(['boot', ...path], at));
  }
}

/** The text of each pool's boot template, in the order of the pools. */
async function loadTemplates(
  parts: SiteParts,
  path: string,
  files: ConfigFiles,
  report: Report,
): Promise<readonly (string | null)[]> {
  const texts: (string | null)[] = [];
  for (const { fields, locate } of parts.pools) {
    texts.push(
      fields === null ? null : await loadTemplate(fields, locate, { path, ...parts }, files, report),
    );
  }
  return texts;
}

/** The lists of a config that is wrong elsewhere: their entries are checked all the same. */
function listsOf(data: unknown): Lists {
  const list = (key: string): readonly unknown[] => {
    const value = fieldOf(data, key);
    return Array.isArray(value) ? value : [];
  };
  return {
    queues: list('queues'),
    clouds: list('clouds'),
    offers: list('offers'),
    pools: list('pools'),
    offerFiles: list('offerFiles').filter((path) => typeof path === 'string'),
  };
}

function loadPool(entry: unknown, locate: Locate, report: Report): PoolEntry {
  const checked = check(poolSchema, entry);
  if (!checked.ok) report.findings(locate, checked.findings);
  const offers = fieldOf(entry, 'offers');
  return {
    name: nameOf(entry),
    queue: textOf(entry, 'queue'),
    offers: Array.isArray(offers) ? offers : [],
    fields: checked.ok ? checked.value : null,
    locate,
  };
}

/** Patterns as the names that fit them, each offer once, in the order of the offers. */
function withOffers(pool: PoolEntry, names: readonly string[]): PoolEntry {
  const { fields } = pool;
  if (fields === null || !fields.offers.some(isPattern)) return pool;
  const offers = fields.offers.flatMap((wanted) =>
    isPattern(wanted) ? names.filter((name) => fitsPattern(name, wanted)) : [wanted],
  );
  return { ...pool, fields: { ...fields, offers: [...new Set(offers)] } };
}

function warnOfMark({ part, locate }: LoadedEntry<CloudFields, ConfigurableDriver>, report: Report): void {
  if (part?.capabilities.mark !== 'name') return;
  const message = 'this cloud marks machines by their names only: an account of its own is safer';
  report.add('warning', locate(['driver']), message);
}

export function queueKind(deps: Pick<LoadDeps, 'adapters'>) {
  return {
    partField: 'adapter',
    schema: queueSchema,
    registry: deps.adapters,
    settingsSchema: (part: ConfigurableAdapter) => part.configSchema,
  };
}

export function cloudKind(deps: Pick<LoadDeps, 'drivers'>) {
  return {
    partField: 'driver',
    schema: cloudSchema,
    registry: deps.drivers,
    settingsSchema: (part: ConfigurableDriver) => part.configSchema,
  };
}
