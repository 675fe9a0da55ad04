import { readdir, readFile } from 'node:fs/promises';
import { isMissing, readOrNull } from './files.ts';

/** A process for good: its number may be another's later, its number with its start time never is. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks from the host's boot to its start: field 22 of /proc/PID/stat. */
  readonly startTicks: string;
  readonly bootId: string;
}

/** As the start script writes it; null where it is not whole. */
export function parseIdentity(text: string): ProcessIdentity | null {
  const [, pid, startTicks, bootId] = /^(\d+) (\d+) ([0-9a-f-]{36})$/.exec(text.trim()) ?? [];
  if (pid === undefined || startTicks === undefined || bootId === undefined) return null;
  return { pid: Number(pid), startTicks, bootId };
}

/** An environment variable that every process of a machine or a lease inherits. */
export interface ProcessMark {
  readonly variable: string;
  readonly value: string;
}

/** What the kernel knows of the processes of this host, read once for a whole list. */
export interface HostProcesses {
  isAlive(identity: ProcessIdentity): boolean;
  /** Numbers of the processes whose environment has the variable with this value, or that are in the group of `leader`. */
  marked(mark: ProcessMark, leader: ProcessIdentity | null): readonly number[];
}

interface Row {
  readonly pid: number;
  readonly group: number;
  readonly startTicks: string;
  readonly zombie: boolean;
  readonly environment: readonly string[];
}

/** Reads /proc: about 30 µs for each process of the host. Marks of other users' processes cannot be read. */
export async function readHostProcesses(signal: AbortSignal): Promise<HostProcesses> {
  const bootId = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
  const rows: Row[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    signal.throwIfAborted();
    const row = await readRow(Number(name));
    if (row !== null && !row.zombie) rows.push(row);
  }
  const byPid = new Map(rows.map((row) => [row.pid, row]));
  const isAlive = (identity: ProcessIdentity) =>
    identity.bootId === bootId && byPid.get(identity.pid)?.startTicks === identity.startTicks;
  return {
    isAlive,
    marked: ({ variable, value }, leader) => {
      // Without its leader a group's number may have become another's: then only the mark counts.
      const group = leader !== null && isAlive(leader) ? leader.pid : null;
      return rows
        .filter((row) => row.environment.includes(`${variable}=${value}`) || row.group === group)
        .map(({ pid }) => pid);
    },
  };
}

async function readRow(pid: number): Promise<Row | null> {
  const stat = await readOrNull(`/proc/${pid}/stat`);
  if (stat === null) return null;
  // The second field, the program's name in parentheses, may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, , group] = fields;
  const startTicks = fields[19];
  if (state === undefined || group === undefined || startTicks === undefined) return null;
  return {
    pid,
    group: Number(group),
    startTicks,
    zombie: state === 'Z',
    environment: await readEnvironment(pid),
  };
}

/** The marks only: an environment may hold secrets. Empty for a process of another user. */
async function readEnvironment(pid: number): Promise<readonly string[]> {
  try {
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8');
    return environment.split('\0').filter((entry) => entry.startsWith('SPILLWAY_'));
  } catch (error) {
    if (isMissing(error) || isDenied(error)) return [];
    throw error;
  }
}

/** A process that has ended meanwhile is no error. */
export function killAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
}

function isDenied(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'EACCES' || error.code === 'EPERM');
}
