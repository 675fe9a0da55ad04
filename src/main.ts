#!/usr/bin/env node
import { mkdir, readFile } from 'node:fs/promises';
import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import type { CliDeps, RunOptions, StoreMaintenance } from './cli/deps.ts';
import { exitCodes } from './cli/exit.ts';
import { runCli } from './cli/program.ts';
import { cloudDrivers } from './clouds/index.ts';
import type { LoadDeps, Loaded } from './config/load.ts';
import { formatProblem } from './config/problem.ts';
import type { SiteConfig } from './config/site.ts';
import { hostClock } from './daemon/clock.ts';
import type { CloudPart, QueuePart } from './daemon/daemonParts.ts';
import { hostRandom, hostSeed } from './daemon/random.ts';
import { createForeground } from './host/foreground.ts';
import { startApart } from './host/programs.ts';
import type { QueueName } from './model/ids.ts';
import type { Log } from './model/log.ts';
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

/** Runs until the first signal to end. What is wrong with the host or the store is said in one line. */
async function runDaemon(path: string, options: RunOptions): Promise<number> {
  const { problems, config: site } = await load(path);
  for (const problem of problems) process.stderr.write(`${formatProblem(problem)}\n`);
  if (site === null) return exitCodes.config;
  const { pino } = await import('pino');
  const { openSqliteStore } = await import('./store/sqlite/store.ts');
  const log = pino({ level: options.logLevel, base: { site: site.site } });
  try {
    await mkdir(site.stateDir, { recursive: true, mode: 0o700 });
    const memory = openSqliteStore({ path: join(site.stateDir, storeFile), site: site.site, log });
    try {
      await serve({ config: site, memory, log, socket: options.socket ?? site.socket });
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

interface Service {
  readonly config: SiteConfig;
  readonly memory: Store;
  readonly log: Log;
  readonly socket: string;
}

async function serve({ config, memory, log, socket }: Service): Promise<void> {
  const { createDaemon } = await import('./daemon/daemon.ts');
  const { crashpointOf, crashpointVariable, mortalMemory } = await import('./daemon/boundaries.ts');
  const { askMachine, runHook } = await import('./host/ask-machine.ts');
  const { startApi } = await import('./api/server.ts');
  const { createServiceManager } = await import('./host/serviceManager.ts');
  const crashpoint = crashpointOf(process.env[crashpointVariable], () =>
    process.kill(process.pid, 'SIGKILL'),
  );
  const serviceManager = createServiceManager({
    environment: process.env,
    pid: process.pid,
    clock: hostClock,
    log,
  });
  if (crashpoint !== null) log.warn({ at: process.env[crashpointVariable] }, 'this daemon is to kill itself');
  const daemon = createDaemon({
    version,
    config,
    store: memory,
    clouds: await makeClouds(config, log),
    queues: await makeQueues(config, (queue) => mortalMemory(memory.memory(queue), crashpoint), log),
    clock: hostClock,
    random: hostRandom,
    log,
    newSeed: hostSeed,
    crashpoint,
    askMachine,
    runHook,
    supervisor: serviceManager,
  });
  const api = await startApi({
    socket,
    ...config.api,
    control: daemon.control,
    clock: hostClock,
    log,
  });
  log.info({ version, socket, stateDir: config.stateDir }, 'spillway runs');
  ended.signal.addEventListener('abort', serviceManager.stopping, { once: true });
  try {
    await daemon.run(ended.signal);
  } finally {
    await api.close();
    await serviceManager.flush();
  }
  log.info({}, 'spillway stopped; every instance lives on');
}

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
  loadSite: load,
  checkSite: async (path) => (await import('./config/check.ts')).checkSite(path, await loadDeps()),
  store,
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
