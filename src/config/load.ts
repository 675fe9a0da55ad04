import { CloudName, OfferName, PoolName, QueueName, SiteId } from '../model/ids.ts';
import type { Pool } from '../model/offer.ts';
import { fieldOf, type LoadedEntry, loadEntry, nameOf, textOf } from './entries.ts';
import { besideFile, type ConfigFiles, readText, secretReader } from './files.ts';
import { check } from './issues.ts';
import { loadOffers } from './load-offers.ts';
import type { ConfigurableAdapter, ConfigurableDriver, Registry } from './parts.ts';
import { type Problem, sortProblems } from './problem.ts';
import { checkPolicy, checkReferences, type PoolEntry } from './references.ts';
import { createReport, type Locate, locateIn, type Report, wholeFile } from './report.ts';
import {
  type CloudFields,
  cloudSchema,
  type PoolFields,
  poolSchema,
  type QueueFields,
  queueSchema,
  siteSchema,
} from './schema.ts';
import { type SecretReader, secretsIn } from './secrets.ts';
import type { SiteConfig } from './site.ts';
import { loadTemplate } from './user-data.ts';
import { readYaml } from './yaml-source.ts';

export const configBytesMax = 1024 * 1024;

/** The longest path of a unix socket: the system's own limit, less the byte that ends it. */
const socketBytesMax = 107;

/** All that the loader reads of the world; the registries come from the composition root. */
export interface LoadDeps {
  readonly adapters: Registry<ConfigurableAdapter>;
  readonly drivers: Registry<ConfigurableDriver>;
  readonly files: ConfigFiles;
  readonly env: (name: string) => string | undefined;
}

export interface Loaded {
  /** Null if there is any error. */
  readonly config: SiteConfig | null;
  /** Errors and warnings, in the order in which they stand in the files. */
  readonly problems: readonly Problem[];
}

/**
 * Reads a site's configuration whole, with its provider ads, boot templates and secrets, and says everything that is
 * wrong with it. Changes nothing, calls no cloud and no queue, and throws for no fault of the config.
 */
export async function loadSite(path: string, deps: LoadDeps): Promise<Loaded> {
  const report = createReport();
  const config = await load(path, deps, report);
  return { config: report.failed ? null : config, problems: sortProblems(report.problems, path) };
}

async function load(path: string, deps: LoadDeps, report: Report): Promise<SiteConfig | null> {
  const read = await readText(deps.files, path, configBytesMax);
  if ('wrong' in read) {
    report.add('error', wholeFile(path), `the file ${read.wrong}`);
    return null;
  }
  const { source, problems } = readYaml(path, read.text);
  report.take(problems);
  if (source === null) return null;
  if (source.data === null) {
    report.add('error', wholeFile(path), 'the file is empty');
    return null;
  }

  const locate = locateIn(source);
  const checked = check(siteSchema, source.data);
  if (!checked.ok) report.findings(locate, checked.findings);
  const data = checked.ok ? checked.value : listsOf(source.data);
  const at = (list: string, index: number) => locateIn(source, [list, index]);

  const queues = await Promise.all(
    data.queues.map((entry, index) => loadEntry(entry, queueKind(deps), at('queues', index), report)),
  );
  const clouds = await Promise.all(
    data.clouds.map((entry, index) => loadEntry(entry, cloudKind(deps), at('clouds', index), report)),
  );
  const offers = await loadOffers(
    { entries: data.offers, files: data.offerFiles, path, at, locate, clouds },
    deps,
    report,
  );
  const pools = data.pools.map((entry, index) => loadPool(entry, at('pools', index), report));
  checkReferences({ queues, clouds, offers: offers.entries, offersComplete: offers.complete, pools }, report);
  if (checked.ok) checkPolicy(checked.value.policy, locateIn(source, ['policy']), report);
  for (const cloud of clouds) warnOfMark(cloud, report);

  const secrets = secretReader(deps.files, deps.env, path);
  for (const { settings, locate: place } of [...queues, ...clouds])
    await readSecrets(settings, place, secrets, report);
  for (const { offer, draft } of offers.offers) {
    await readSecrets(
      offer.settings,
      (below, what) => draft.locate(['boot', ...below], what),
      secrets,
      report,
    );
  }

  const built: Pool[] = [];
  for (const { fields, locate: place } of pools) {
    if (fields === null) continue;
    const userData = await loadTemplate(
      fields,
      place,
      { path, queues, clouds, offers: offers.offers },
      deps.files,
      report,
    );
    built.push(poolOf(fields, userData));
  }
  if (!checked.ok) return null;
  const { site, policy } = checked.value;
  const stateDir = besideFile(path, checked.value.stateDir);
  const socket = besideFile(path, checked.value.socket);
  if (Buffer.byteLength(socket) > socketBytesMax) {
    report.add('error', locate(['socket']), `the path is longer than ${socketBytesMax} bytes`);
  }
  return {
    site: SiteId(site),
    stateDir,
    socket,
    queues: queues.flatMap(({ fields, settings }) => (fields === null ? [] : queueOf(fields, settings))),
    clouds: clouds.flatMap(({ fields, settings }) => (fields === null ? [] : cloudOf(fields, settings))),
    offers: offers.offers.map(({ offer }) => offer),
    pools: built,
    policy: {
      reapMs: policy.reap,
      setAsideFirstMs: policy.setAsideFirst,
      setAsideMaxMs: policy.setAsideMax,
      massShare: policy.massShare,
      retentionMs: policy.retention,
    },
  };
}

/** The lists of a config that is wrong elsewhere: their entries are checked all the same. */
function listsOf(data: unknown): Record<'queues' | 'clouds' | 'offers' | 'pools', readonly unknown[]> & {
  readonly offerFiles: readonly string[];
} {
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

async function readSecrets(
  settings: unknown,
  locate: Locate,
  reader: SecretReader,
  report: Report,
): Promise<void> {
  for (const { secret, path } of secretsIn(settings)) {
    const finding = await secret.read(reader);
    if (finding !== null) report.add(finding.severity, locate(path), finding.message);
  }
}

function warnOfMark({ part, locate }: LoadedEntry<CloudFields, ConfigurableDriver>, report: Report): void {
  if (part?.capabilities.mark !== 'name') return;
  const message = 'this cloud marks machines by their names only: an account of its own is safer';
  report.add('warning', locate(['driver']), message);
}

function queueKind(deps: LoadDeps) {
  return {
    partField: 'adapter',
    schema: queueSchema,
    registry: deps.adapters,
    settingsSchema: (part: ConfigurableAdapter) => part.configSchema,
  };
}

function cloudKind(deps: LoadDeps) {
  return {
    partField: 'driver',
    schema: cloudSchema,
    registry: deps.drivers,
    settingsSchema: (part: ConfigurableDriver) => part.configSchema,
  };
}

function queueOf(fields: QueueFields, settings: unknown): SiteConfig['queues'][number] {
  const { name, adapter, poll, deadline } = fields;
  return { name: QueueName(name), adapter, pollMs: poll, deadlineMs: deadline, settings };
}

function cloudOf(fields: CloudFields, settings: unknown): SiteConfig['clouds'][number] {
  const { name, driver, poll, deadline, max, launchesInFlight } = fields;
  return {
    name: CloudName(name),
    driver,
    pollMs: poll,
    deadlineMs: deadline,
    max,
    launchesInFlightMax: launchesInFlight,
    settings,
  };
}

function poolOf(fields: PoolFields, userData: string | null): Pool {
  const { limits } = fields;
  return {
    name: PoolName(fields.name),
    queue: QueueName(fields.queue),
    offers: fields.offers.map((name) => OfferName(name)),
    min: fields.min,
    max: fields.max,
    headroom: fields.headroom,
    limits: {
      idleMs: limits.idle,
      idleConfirmMs: limits.idleConfirm,
      bootMaxMs: limits.bootMax,
      joinMaxMs: limits.joinMax,
      silentMs: limits.silent,
      drainMaxMs: limits.drainMax,
      lifetimeMs: limits.lifetime,
      lifetimeGraceMs: limits.lifetimeGrace,
    },
    userData,
  };
}
