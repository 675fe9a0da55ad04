/**
 * The main job on a bare machine: 24 commands ask for machines at once, the daemon starts machines for them (process groups on
 * this host), lends them one after the other, and takes them down. The last line is for programs; its numbers come from the
 * commands' exit codes, the host's folders and processes and, for reuse, the daemon's status.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { renderTemplate } from '../../../src/config/template.ts';
import { spillway, startDaemon } from '../daemon.ts';
import { conclude, draw, screen } from '../view.ts';
import { watchMachines } from './machines.ts';

const commands = 24;
const commandSeconds = 3;
const patienceSeconds = 100;
const pictureMs = 500;
const launchesMax = 8;

interface Ended {
  done: number;
  failed: number;
}

/** Each must run in a lease's folder of a machine: anything else is a failure. */
const script = `case $PWD in "$SPILLWAY_DEMO_MACHINES"/*/leases/"$SPILLWAY_LEASE"/home) sleep ${commandSeconds} ;; *) exit 1 ;; esac`;

function borrow(folder: string, ended: Ended): void {
  const argv = ['lease', '--pool', 'desks', '--quiet', '--', 'sh', '-c', script];
  const child = spawn(spillway, argv, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      ...process.env,
      SPILLWAY_SOCKET: join(folder, 'api.sock'),
      SPILLWAY_DEMO_MACHINES: join(folder, 'machines'),
    },
  });
  child.once('error', () => {
    ended.failed += 1;
  });
  child.once('exit', (code) => {
    if (code === 0) ended.done += 1;
    else ended.failed += 1;
  });
}

async function main(folder: string): Promise<number> {
  mkdirSync(folder, { recursive: true });
  const configPath = join(folder, 'site.yaml');
  const template = readFileSync(join(import.meta.dirname, 'site.yaml'), 'utf8');
  writeFileSync(configPath, renderTemplate(template, { folder }));
  const beganMs = Date.now();
  const daemon = await startDaemon({ folder, configPath });
  const machines = watchMachines(join(folder, 'machines'));
  const show = screen(process.stdout);
  const ended: Ended = { done: 0, failed: 0 };
  let reused = 0;
  let seconds = 0;
  try {
    for (let n = 0; n < commands; n += 1) borrow(folder, ended);
    for (;;) {
      const status = await daemon.status();
      machines.look();
      seconds = (Date.now() - beganMs) / 1000;
      if (status !== null) {
        reused = status.totals.sinceStart.reused;
        show(draw({ seconds, jobs: commands, ...ended, status }));
      }
      const over = ended.done + ended.failed === commands && machines.counts().left === 0;
      if (over || seconds > patienceSeconds) break;
      await delay(pictureMs);
    }
  } finally {
    await daemon.stop();
  }
  return conclude({
    jobs: commands,
    ...ended,
    ...machines.counts(),
    reused,
    seconds,
    launchesMax,
    logPath: daemon.logPath,
  });
}

process.exitCode = await main(process.argv[2] ?? '');
