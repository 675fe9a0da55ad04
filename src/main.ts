#!/usr/bin/env node
import { mkdir, readFile } from 'node:fs/promises';
import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import type { CliDeps, RunOptions, StoreMaintenance } from './cli/deps.ts';
import { exitCodes } from './cli/exit.ts';
import { runCli } from './cli/program.ts';
import { cloudDrivers } from './clouds/index.ts';
import type { ConfigFiles } from './config/files.ts';
import type { LoadDeps, Loaded, WrittenEntries } from './config/load.ts';
import { formatProblem } from './config/problem.ts';
import type { Leavers, LoadedLeavers } from './config/retiring.ts';
import type { SiteConfig } from './config/site.ts';
import type { Crashpoint } from './daemon/boundaries.ts';
import type { CatalogUse, LoadedWhole } from './daemon/catalogs.ts';
import { hostClock } from './daemon/clock.ts';
import type { CloudPart, DaemonParts, QueuePart } from './daemon/daemonParts.ts';
import type { LiveResult } from './daemon/liveCheck.ts';
import { hostRandom, hostSeed } from './daemon/random.ts';
import type { Candidate, Prepared } from './daemon/reloadable.ts';
import { createForeground } from './host/foreground.ts';
import { startApart } from './host/programs.ts';
import { createTerminal } from './host/terminal.ts';
import type { QueueName } from './model/ids.ts';
import { type Log, silentLog } from './model/log.ts';
import type { Memory } from './model/memory.ts';
import { queueAdapters } from './queues/index.ts';
import { type Store, StoreError } from './store/port.ts';

/**
 * The composition root: the one place that knows every part. It hands the real clocks, files and sockets to the
 * parts that ask for them, and turns what ends the program into an exit code. What only the daemon needs is loaded
 * when the daemon is run, so that a question to it is quick.
 */

/** Below the config's `stateDir`. */
const storeFile = 'spillway.db';

async function loadDeps(): Promise<LoadDeps> {
  const { hostEnvironment, hostFiles } = await import('./config/files.ts');
  return { adapters: queueAdapters, drivers: cloudDrivers, files: hostFiles, env: hostEnvironment };
}

async function load(path: string): Promise<Loaded> {
  const { loadSite } = await import('./config/load.ts');
  return loadSite(path, await loadDeps());
}

/** With the offers that are made of what clouds have. */
async function loadWhole(path: string, use: CatalogUse, files?: ConfigFiles): Promise<LoadedWhole> {
  const { askCatalog, loadWithCatalogs } = await import('./daemon/catalogs.ts');
  const { keepCatalog: keep, readKeptCatalog: read } = await import('./host/keptCatalogs.ts');
  const ask = askCatalog(cloudDrivers, hostClock);
  const parts = { ask, read, keep, clock: hostClock, signal: ended.signal };
  const deps = await loadDeps();
  return loadWithCatalogs(path, { use, deps: files === undefined ? deps : { ...deps, files }, parts });
}

const store: StoreMaintenance = {
  locate: async (path) => {
    const { problems, config: site } = await load(path);
    if (site === null) return { kind: 'badConfig', problems };
    return { kind: 'found', path: join(site.stateDir, storeFile), site: site.site };
  },
  check: async (path) => (await import('./store/sqlite/maintenance.ts')).checkStore(path),
  backup: async (options) => (await import('./store/sqlite/maintenance.ts')).backupStore(options),
  restore: async (options) => (await import('./store/sqlite/maintenance.ts')).restoreStore(options),
};

/** What SIGHUP asks for: a daemon that has just begun, or that stops, has no need of another config. */
let hungUp = () => {};

/** Runs until the first signal to end. What is wrong with the host or the store is said in one line. */
async function runDaemon(path: string, options: RunOptions): Promise<number> {
  process.on('SIGHUP', () => hungUp());
  const { problems, config: site, written, again } = await loadWhole(path, 'start');
  for (const problem of problems) process.stderr.write(`${formatProblem(problem)}\n`);
  if (site === null || written === null) return exitCodes.config;
  const { pino } = await import('pino');
  const { isJournal, journaldLine } = await import('./host/logLines.ts');
  const { openSqliteStore } = await import('./store/sqlite/store.ts');
  const stdout = pino.destination({ fd: 1, sync: true });
  const journal =
    options.logFormat === 'journald' ||
    (options.logFormat === 'auto' && isJournal(process.env.JOURNAL_STREAM, 1));
  const lines = journal ? { write: (line: string) => void stdout.write(journaldLine(line)) } : stdout;
  const log = pino({ level: options.logLevel, base: { site: site.site } }, lines);
  try {
    await mkdir(site.stateDir, { recursive: true, mode: 0o700 });
    const memory = openSqliteStore({ path: join(site.stateDir, storeFile), site: site.site, log });
    try {
      await serve({ path, first: { config: site, written, again }, memory, log, socket: options.socket });
    } finally {
      memory.close();
    }
  } catch (error) {
    if (!(await isOfHost(error))) throw error;
    process.stderr.write(`spillway: ${error instanceof Error ? error.message : String(error)}\n`);
    return exitCodes.failed;
  }
  return exitCodes.ok;
}

/** A fault of the host, the disk or the store, rather than of ours. */
async function isOfHost(error: unknown): Promise<boolean> {
  const { SocketError } = await import('./api/socket.ts');
  if (error instanceof StoreError || error instanceof SocketError) return true;
  return error instanceof Error && 'syscall' in error;
}

/** A config that nothing is wrong with. */
interface GoodConfig {
  readonly config: SiteConfig;
  readonly written: WrittenEntries;
  readonly again: ConfigFiles;
}

interface Service {
  readonly path: string;
  readonly first: GoodConfig;
  readonly memory: Store;
  readonly log: Log;
  /** Instead of the config's; null: the config's. */
  readonly socket: string | null;
}

async function serve({ path, first, memory, log, socket: otherSocket }: Service): Promise<void> {
  const { crashpointOf, crashpointVariable } = await import('./daemon/boundaries.ts');
  const { createReloadable } = await import('./daemon/reloadable.ts');
  const { startApi } = await import('./api/server.ts');
  const { groupNumber } = await import('./host/groups.ts');
  const { createMetrics } = await import('./metrics/metrics.ts');
  const { createSystemd } = await import('./host/systemd.ts');
  const crashpoint = crashpointOf(process.env[crashpointVariable], () =>
    process.kill(process.pid, 'SIGKILL'),
  );
  const systemd = createSystemd({
    environment: process.env,
    pid: process.pid,
    clock: hostClock,
    log,
  });
  if (crashpoint !== null) log.warn({ at: process.env[crashpointVariable] }, 'this daemon is to kill itself');
  const metrics = createMetrics(hostClock.wallNow());
  /** What holds: a refresh reads it as it is, whatever stands in its files by now. */
  const holds = { again: first.again, generates: first.config.generating !== undefined, allKnown: false };
  const common: Common = {
    memory,
    log,
    crashpoint,
    metrics,
    supervisor: systemd,
    onBegun: ({ config: begun, again }) =>
      void Object.assign(holds, { again, generates: begun.generating !== undefined }),
  };
  const read = async (use: CatalogUse, files?: ConfigFiles) => {
    const loaded = await loadWhole(path, use, files);
    holds.allKnown = loaded.allKnown;
    return loaded;
  };
  const daemon = await createReloadable({
    path,
    first: await candidateOf(first, common),
    prepare: async () => prepare(await read('renew'), common),
    refresh: async () => prepare(await read('refresh', holds.again), common),
    onApplied: ({ api: access }) => api.change(access),
    log,
  });
  const { config } = first;
  const socket = otherSocket ?? config.socket;
  const api = await startApi({
    socket,
    ...config.api,
    groupNumber,
    control: daemon.control,
    clock: hostClock,
    log,
    metrics,
  });
  log.info({ version, socket, stateDir: config.stateDir }, 'spillway runs');
  ended.signal.addEventListener('abort', () => systemd.stopping(), { once: true });
  hungUp = () =>
    void daemon.control.reload().catch((error: unknown) => log.error({ err: error }, 'no reload'));
  const { generationNotes, keepRefreshing } = await import('./daemon/refreshing.ts');
  const over = new AbortController();
  const refresh = async () => generationNotes(await daemon.refresh());
  const refreshing = keepRefreshing({ holds, refresh, clock: hostClock, log }, over.signal);
  try {
    await daemon.run(ended.signal);
  } finally {
    over.abort();
    await refreshing;
    await api.close();
    await systemd.flush();
  }
  log.info({}, 'spillway stopped; every instance lives on');
}

/** What every daemon of this process shares. */
interface Common extends Pick<DaemonParts, 'supervisor' | 'metrics'> {
  readonly memory: Store;
  readonly log: Log;
  readonly crashpoint: Crashpoint | null;
  /** A daemon has begun with it. */
  readonly onBegun: (config: GoodConfig) => void;
}

/** What could be run with a config: its clouds and queues are made when the daemon before it has stopped. */
async function candidateOf(
  good: GoodConfig,
  { memory, log, crashpoint, onBegun, ...common }: Common,
  leavers?: Leavers,
): Promise<Candidate> {
  const { createDaemon } = await import('./daemon/daemon.ts');
  const { mortalMemory } = await import('./daemon/boundaries.ts');
  const { heldBy, withRetiring } = await import('./daemon/retiring.ts');
  const { askMachine, runHook } = await import('./host/ask-machine.ts');
  const { placeMessages } = await import('./host/message-queue.ts');
  const { config, written } = good;
  const left = leavers ?? (await leaversOf(config, memory));
  return {
    config,
    begin: async (notes, onRetired) => {
      const whole = withRetiring(config, left, heldBy(memory.load()));
      const daemon = createDaemon({
        ...common,
        version,
        config: whole,
        written,
        store: memory,
        clouds: await makeClouds(whole, log),
        queues: await makeQueues(whole, (queue) => mortalMemory(memory.memory(queue), crashpoint), log),
        clock: hostClock,
        random: hostRandom,
        log,
        newSeed: hostSeed,
        crashpoint,
        askMachine,
        placeMessages,
        runHook,
        ...(notes === null ? {} : { notes }),
        onRetired,
      });
      onBegun(good);
      return daemon;
    },
  };
}

/** What was in the config before, by the store's word, and is not in this one. */
async function leaversOf(config: SiteConfig, memory: Store): Promise<LoadedLeavers> {
  const { rememberWritten } = await import('./daemon/retiring.ts');
  const { loadLeavers } = await import('./config/retiring.ts');
  const earlier = rememberWritten(memory.load());
  if (earlier === null) return { queues: [], clouds: [], pools: [], problems: [] };
  return loadLeavers(config, earlier, await loadDeps());
}

/** Everything that can be known beforehand is tried out: what could fail later would leave the site without a daemon. */
async function prepare({ config, written, problems, again }: LoadedWhole, common: Common): Promise<Prepared> {
  if (config === null || written === null) return { candidate: null, problems };
  const { heldBy, lostWith } = await import('./daemon/retiring.ts');
  const leavers = await leaversOf(config, common.memory);
  const lost = lostWith(config, leavers, heldBy(common.memory.load()));
  if (lost.length > 0) {
    const why = lost.map((message) => ({ ...problemOfFile(written.path), message }));
    return { candidate: null, problems: [...problems, ...why, ...leavers.problems] };
  }
  try {
    const clouds = await makeClouds(config, common.log);
    await Promise.allSettled(clouds.map(({ cloud }) => cloud.close()));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { candidate: null, problems: [...problems, { ...problemOfFile(written.path), message }] };
  }
  return { candidate: await candidateOf({ config, written, again }, common, leavers), problems };
}

const problemOfFile = (file: string) => ({ severity: 'error', file, line: 0, column: 0, path: '' }) as const;

function makeClouds(config: SiteConfig, log: Log): Promise<CloudPart[]> {
  return Promise.all(
    config.clouds.map(async (cloud) => {
      const driver = await cloudDrivers.load(cloud.driver);
      const deps = {
        site: config.site,
        cloud: cloud.name,
        clock: hostClock,
        log: log.child({ cloud: cloud.name }),
      };
      return { config: cloud, cloud: driver.create(cloud.settings, deps), capabilities: driver.capabilities };
    }),
  );
}

function makeQueues(
  config: SiteConfig,
  memoryOf: (queue: QueueName) => Memory,
  log: Log,
): Promise<QueuePart[]> {
  return Promise.all(
    config.queues.map(async (queue) => {
      const adapter = await queueAdapters.load(queue.adapter);
      const deps = {
        site: config.site,
        queue: queue.name,
        clock: hostClock,
        log: log.child({ queue: queue.name }),
        memory: memoryOf(queue.name),
      };
      return { config: queue, queue: adapter.create(queue.settings, deps) };
    }),
  );
}

/** Asks clouds and queues what would fail. Queues get a memory that ends with it: nothing of the daemon's is touched. */
async function lookLive(
  config: SiteConfig,
  isWanted: (source: { readonly name: string }) => boolean,
): Promise<readonly LiveResult[]> {
  const { lookAtSite } = await import('./daemon/liveCheck.ts');
  const { forgetfulMemory } = await import('./model/memory.ts');
  const { clouds, queues } = config;
  const wanted = { ...config, clouds: clouds.filter(isWanted), queues: queues.filter(isWanted) };
  const site = {
    config,
    clouds: await makeClouds(wanted, silentLog),
    queues: await makeQueues(wanted, forgetfulMemory, silentLog),
  };
  return await lookAtSite(site, { clock: hostClock, signal: ended.signal });
}

const always = new AbortController().signal;

/** Aborted by the first signal to end; a second one ends the process as it stands. */
const ended = new AbortController();
const foreground = createForeground(5000, (ms, callback) => void hostClock.sleep(ms, always).then(callback));
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    if (foreground.isBusy) return;
    if (ended.signal.aborted) process.exit(exitCodes.interrupted);
    ended.abort(new Error(`ended by ${signal}`));
  });

async function readVersion(): Promise<string> {
  const manifest: unknown = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'));
  const named = typeof manifest === 'object' && manifest !== null && 'version' in manifest;
  return named ? String(manifest.version) : 'unknown';
}

function sink(stream: NodeJS.WriteStream): CliDeps['stdout'] {
  return { write: (text) => void stream.write(text), isTTY: stream.isTTY };
}

const parent = process.ppid;
const version = await readVersion();
// A reader that leaves early, as `head` does, is no fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
process.exitCode = await runCli(process.argv.slice(2), {
  version,
  stdout: sink(process.stdout),
  stderr: sink(process.stderr),
  env: process.env,
  cwd: process.cwd(),
  files: {
    read: async (path, bytesMax) => (await import('./config/files.ts')).hostFiles.read(path, bytesMax),
  },
  clock: hostClock,
  signal: ended.signal,
  runDaemon,
  loadSite: (path, use) => (use === undefined ? load(path) : loadWhole(path, use)),
  readCatalog: async (cloud, signal) =>
    (await import('./daemon/catalogs.ts')).askCatalog(cloudDrivers, hostClock)(cloud, signal),
  lookLive,
  checkSite: async (path) => (await import('./config/check.ts')).checkSite(path, await loadDeps()),
  store,
  terminal: createTerminal(process.stdin, process.stdout),
  lease: {
    user: userInfo().username,
    isTerminal: process.stdin.isTTY && process.stdout.isTTY,
    makeKeys: async () => (await import('./host/ssh-keys.ts')).makeKeyPair(always),
    run: (command, lost) => foreground.run(command, lost),
  },
  torque: {
    hostName: hostname(),
    hasParent: () => process.ppid === parent,
    startApart: (args) => startApart([process.execPath, ...process.execArgv, process.argv[1] ?? '', ...args]),
  },
  classad: {
    input: process.stdin,
    output: process.stdout,
    errors: process.stderr,
    nowSeconds: () => Math.floor(hostClock.wallNow() / 1000),
    monotonicSeconds: () => hostClock.monotonicNow() / 1000,
    random: () => hostRandom.next(),
  },
});
