import { type ChildProcess, execFile, spawn } from 'node:child_process';
import {
  chmodSync,
  createWriteStream,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { InstanceList, StatusView } from '../../src/api/control.ts';

const main = resolve(import.meta.dirname, '../../src/main.ts');

/** A daemon as its users run it: a process of its own, a config file, the CLI. */
export interface RunningSite {
  readonly folder: string;
  readonly configPath: string;
  /** Runs `spillway ARGS --json` against it; rejects unless the exit code is among those allowed. */
  readonly ask: <T>(args: readonly string[], allowed?: readonly number[]) => Promise<T>;
  readonly status: () => Promise<StatusView>;
  /** Asks the API itself, which costs no process; null while nobody answers. */
  readonly get: <T>(path: string) => Promise<T | null>;
  readonly instances: (options?: { ended?: boolean }) => Promise<InstanceList['instances']>;
  /** Everything that the daemon has logged, a parsed line each. */
  readonly log: () => readonly Record<string, unknown>[];
  readonly start: (env?: Readonly<Record<string, string>>) => Promise<void>;
  /** Starts it and waits for nothing: it may be meant to end at once. */
  readonly begin: (env?: Readonly<Record<string, string>>) => ChildProcess;
  /** SIGKILL: it gets no chance to tidy up. */
  readonly kill: () => Promise<void>;
  /** SIGHUP: it is to read its config again. */
  readonly hangUp: () => void;
  /** SIGTERM, and waits for its end. */
  readonly stop: () => Promise<number | null>;
  /** Resolves when the process has ended. */
  readonly exited: () => Promise<number | null>;
  /** Stops it and removes its folder. */
  readonly dispose: () => Promise<void>;
}

export interface SiteFiles {
  /** YAML; `FOLDER` stands for the site's own folder. */
  readonly config: string;
  /** Further files in the folder, by name. */
  readonly files?: Readonly<Record<string, string | Buffer>>;
}

/** Writes the files; `start` runs it. */
export function createSite({ config, files = {} }: SiteFiles): RunningSite {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-site-'));
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, 'state'), { mode: 0o700 });
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(folder, name), content, { mode: 0o600 });
  }
  const configPath = join(folder, 'site.yaml');
  const socket = join(folder, 'api.sock');
  const logPath = join(folder, 'daemon.log');
  writeFileSync(configPath, config.replaceAll('FOLDER', folder));
  let child: ChildProcess | null = null;
  let ended: Promise<number | null> = Promise.resolve(null);

  async function must<T>(path: string): Promise<T> {
    const answer = await get<T>(path);
    if (answer === null) throw new Error(`the daemon does not answer ${path}`);
    return answer;
  }

  async function get<T>(path: string): Promise<T | null> {
    const answer = await overSocket(socket, path);
    return answer === null ? null : (JSON.parse(answer) as T);
  }

  async function ask<T>(args: readonly string[], allowed: readonly number[] = [0]): Promise<T> {
    const { code, stdout, stderr } = await spillway([...args, '--json', '--socket', socket]);
    if (!allowed.includes(code))
      throw new Error(`spillway ${args.join(' ')} ended with ${code}: ${stdout}${stderr}`);
    return JSON.parse(stdout === '' ? stderr : stdout) as T;
  }

  function begin(env: Readonly<Record<string, string>> = {}): ChildProcess {
    const started = spawn(
      process.execPath,
      [main, 'run', configPath, '--socket', socket, '--log-level', 'debug'],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, ...env },
      },
    );
    const log = createWriteStream(logPath, { flags: 'a' });
    started.stdout.pipe(log, { end: false });
    started.stderr.pipe(log, { end: false });
    ended = new Promise((done) => {
      started.on('exit', (code) => {
        log.end(() => done(code));
      });
    });
    child = started;
    return started;
  }

  async function stop(signal: NodeJS.Signals): Promise<number | null> {
    child?.kill(signal);
    const code = await ended;
    child = null;
    return code;
  }

  return {
    folder,
    configPath,
    ask,
    status: () => must<StatusView>('/v1/status'),
    get,
    instances: async ({ ended: all = false } = {}) => {
      const { instances } = await must<InstanceList>(`/v1/instances${all ? '?ended=true' : ''}`);
      return instances;
    },
    log: () =>
      readFileSync(logPath, 'utf8')
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    begin,
    start: async (env) => {
      const started = begin(env);
      await until('the daemon answers', async () => {
        if (started.exitCode !== null) throw new Error(`the daemon ended: ${readFileSync(logPath, 'utf8')}`);
        return (await get('/v1/status')) !== null;
      });
    },
    kill: async () => {
      await stop('SIGKILL');
    },
    hangUp: () => void child?.kill('SIGHUP'),
    stop: () => stop('SIGTERM'),
    exited: () => ended,
    dispose: async () => {
      await stop('SIGTERM');
      if (process.env.SPILLWAY_TESTBED_KEEP !== '1') rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The body of a 200; null where the daemon does not listen yet, or says that it is not ready. */
function overSocket(socketPath: string, path: string): Promise<string | null> {
  return new Promise((done) => {
    const asked = request({ socketPath, path }, (answer) => {
      let body = '';
      answer.setEncoding('utf8');
      answer.on('data', (part: string) => {
        body += part;
      });
      answer.on('end', () => done(answer.statusCode === 200 ? body : null));
      answer.on('error', () => done(null));
    });
    asked.on('error', () => done(null));
    asked.end();
  });
}

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the CLI to its end. */
export function spillway(args: readonly string[]): Promise<Ended> {
  return new Promise((done) => {
    execFile(process.execPath, [main, ...args], { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
      done({ code, stdout, stderr });
    });
  });
}

/** Waits for something to become true; it never sleeps to be right, and says what it waited for. */
export async function until(
  what: string,
  holds: () => Promise<boolean> | boolean,
  { withinMs = 60_000, everyMs = 100 }: { withinMs?: number; everyMs?: number } = {},
): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`);
    await delay(everyMs);
  }
}
