import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { StatusView } from '../../src/api/control.ts';

const run = promisify(execFile);
export const spillway = resolve(import.meta.dirname, '../spillway');
const startMs = 30_000;
const stopMs = 10_000;

export interface Daemon {
  readonly logPath: string;
  /** Null while the daemon does not answer. */
  status(): Promise<StatusView | null>;
  stop(): Promise<void>;
}

/** A folder of the daemon's own, and its config, which has its socket at `api.sock` in there. */
export interface DaemonPlace {
  readonly folder: string;
  readonly configPath: string;
}

/** Starts the daemon as a user would, and waits until it answers. */
export async function startDaemon({ folder, configPath }: DaemonPlace): Promise<Daemon> {
  const logPath = join(folder, 'daemon.log');
  const socket = join(folder, 'api.sock');
  const log = openSync(logPath, 'a');
  const child = spawn(spillway, ['run', configPath], { stdio: ['ignore', log, log] });
  closeSync(log);

  const daemon: Daemon = {
    logPath,
    status: async () => {
      try {
        const { stdout } = await run(spillway, ['status', '--json', '--socket', socket]);
        return JSON.parse(stdout) as StatusView;
      } catch (error) {
        if (child.exitCode !== null) throw new Error(`the daemon ended: see ${logPath}`, { cause: error });
        return null;
      }
    },
    stop: () => stop(child),
  };
  const end = Date.now() + startMs;
  while ((await daemon.status()) === null) {
    if (Date.now() > end) {
      await daemon.stop();
      throw new Error(`the daemon does not answer: see ${logPath}`);
    }
    await delay(200);
  }
  return daemon;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((done) => {
    child.once('exit', () => done());
  });
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), stopMs);
  await ended;
  clearTimeout(timer);
}
