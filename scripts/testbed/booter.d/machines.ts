import { spawn } from 'node:child_process';
import {
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  childrenOf,
  isAlive,
  type ProcessRecord,
  processesOfNamespaceBelow,
  recordOf,
  signal,
} from './processes.ts';

/**
 * The machines of a booter: a folder each, which outlives the booter, so that one that is started again finds them.
 *
 *   FOLDER/machines/ID/{process.json, address, boot, console.log, upper/}    a machine, alive or dead
 *   FOLDER/logs/ID/                                                          what is kept of one that was ended
 */
export interface Machines {
  /** Machines that have a folder, whether they are alive or have died. */
  known(): ReadonlySet<string>;
  /** Starts a machine with what its first boot runs. It runs on when this process ends. */
  boot(id: string, bootProgram: string | null): { readonly address: string };
  /** A machine that failed before it ran anything: known, and dead. */
  fail(id: string, message: string): void;
  /** Sudden death or silence: the folder stays, so it is not booted again. */
  kill(id: string): void;
  freeze(id: string): void;
  /** Presses the power button, ends what is left after a moment, and removes its folder, keeping its logs. */
  end(id: string): Promise<void>;
}

/** A worker without a job says good-bye in that time; one with a job is cut off, as on a cloud that waits no longer. */
const powerOffMs = 1500;
const killedMs = 5000;

/** `block`: addresses begin at 127.0.BLOCK.1, so that booters side by side give none twice. */
export function machinesIn(folder: string, root: string, block: number): Machines {
  const machinesFolder = join(folder, 'machines');
  mkdirSync(machinesFolder, { recursive: true });
  const of = (id: string, ...rest: readonly string[]): string => join(machinesFolder, safe(id), ...rest);

  const processOf = (id: string): ProcessRecord | null => {
    const path = of(id, 'process.json');
    return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as ProcessRecord) : null;
  };

  const kill = (id: string): void => {
    const record = processOf(id);
    if (record === null || !isAlive(record)) return;
    const inside = processesOfNamespaceBelow(record.pid);
    for (const pid of inside) signal(pid, 'SIGKILL');
    signal(record.pid, 'SIGKILL');
  };

  return {
    known: () => new Set(readdirSync(machinesFolder)),

    boot(id, bootProgram) {
      const address = freeAddress(machinesFolder, block);
      mkdirSync(of(id), { recursive: true });
      writeFileSync(of(id, 'address'), `${address}\n`);
      if (bootProgram !== null) writeFileSync(of(id, 'boot'), bootProgram, { mode: 0o700 });
      const console = openSync(of(id, 'console.log'), 'a');
      const namespaces = ['--mount', '--uts', '--ipc', '--pid', '--fork', '--kill-child', '--propagation'];
      const init = [join(import.meta.dirname, 'machine.sh'), root, of(id), id, address];
      const child = spawn('unshare', [...namespaces, 'private', '--', '/bin/bash', ...init], {
        detached: true,
        stdio: ['ignore', console, console],
        cwd: '/',
      });
      closeSync(console);
      child.unref();
      const record = child.pid === undefined ? null : recordOf(child.pid);
      if (record !== null) writeFileSync(of(id, 'process.json'), `${JSON.stringify(record)}\n`);
      return { address };
    },

    fail(id, message) {
      mkdirSync(of(id), { recursive: true });
      writeFileSync(of(id, 'console.log'), `${message}\n`, { flag: 'a' });
    },

    kill,

    freeze(id) {
      const record = processOf(id);
      if (record === null) return;
      for (const pid of processesOfNamespaceBelow(record.pid)) signal(pid, 'SIGSTOP');
    },

    async end(id) {
      const record = processOf(id);
      const inside = record === null ? [] : processesOfNamespaceBelow(record.pid).map(recordOf);
      if (record !== null && isAlive(record)) {
        for (const init of childrenOf(record.pid)) signal(init, 'SIGTERM');
        await ended(record, powerOffMs);
      }
      kill(id);
      for (const one of [record, ...inside]) {
        if (one !== null) await ended(one, killedMs);
      }
      keepLogs(of(id), join(folder, 'logs', safe(id)));
      rmSync(of(id), { recursive: true, force: true });
    },
  };
}

async function ended(process: ProcessRecord, withinMs: number): Promise<void> {
  for (let waitedMs = 0; waitedMs < withinMs && isAlive(process); waitedMs += 20) await delay(20);
}

/** Ids become folder names. */
function safe(id: string): string {
  if (!/^[A-Za-z0-9][\w.-]*$/.test(id)) throw new Error(`not a machine's id: ${id}`);
  return id;
}

/** 127.0.BLOCK.1 and on; the loopback interface answers for all of them without set-up. */
function freeAddress(machinesFolder: string, block: number): string {
  const used = new Set<string>();
  for (const id of readdirSync(machinesFolder)) {
    const path = join(machinesFolder, id, 'address');
    if (existsSync(path)) used.add(readFileSync(path, 'utf8').trim());
  }
  for (let n = 0; n < 250 * (250 - block); n += 1) {
    const address = `127.0.${block + Math.floor(n / 250)}.${1 + (n % 250)}`;
    if (!used.has(address)) return address;
  }
  throw new Error('no address is left');
}

function keepLogs(machine: string, target: string): void {
  mkdirSync(target, { recursive: true });
  const condor = join(machine, 'upper/var/log/condor');
  const boot = join(machine, 'upper/var/log/spillway-boot.log');
  if (existsSync(join(machine, 'console.log'))) {
    cpSync(join(machine, 'console.log'), join(target, 'console.log'));
  }
  if (existsSync(boot)) cpSync(boot, join(target, 'spillway-boot.log'));
  if (existsSync(condor)) cpSync(condor, join(target, 'condor'), { recursive: true });
}
