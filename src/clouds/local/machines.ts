import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing, readOrNull, writtenAtMs } from '../../host/files.ts';
import {
  type HostProcesses,
  killAll,
  type ProcessIdentity,
  type ProcessMark,
  parseIdentity,
  readHostProcesses,
} from '../../host/processes.ts';
import type { CloudInstance, CloudInstanceState } from '../../model/cloud.ts';
import { CloudId, IntentId, OfferName, PoolName } from '../../model/ids.ts';
import { asideSuffix, fileNames, type MachineRecord, readRecord } from './machine-folder.ts';

/** A start script that has not said its number after so long never will. */
const startMsMax = 30_000;

/** A machine as its folder and the kernel show it. */
export interface LocalMachine {
  readonly id: CloudId;
  readonly folder: string;
  readonly record: MachineRecord;
  readonly state: CloudInstanceState;
  readonly leader: ProcessIdentity | null;
  /** Its processes; some may live on after the one that it was started as. */
  readonly processes: readonly number[];
  /** Epoch ms; null: not asked for. */
  readonly endingSinceMs: number | null;
  readonly startedAtMs: number;
}

/** Every process of a machine inherits it: its owner mark. */
export const markOf = (site: string, id: string): ProcessMark => ({
  variable: 'SPILLWAY_INSTANCE',
  value: `${site}/${id}`,
});

/** What a machine's folder says. */
interface MachineNotes {
  readonly id: CloudId;
  readonly folder: string;
  readonly record: MachineRecord;
  readonly leader: ProcessIdentity | null;
  readonly endingSinceMs: number | null;
  readonly startedAtMs: number;
}

/** Null: no such machine, or one whose create call ended before it was started. */
async function readNotes(folder: string, id: CloudId): Promise<MachineNotes | null> {
  const record = await readRecord(folder);
  const startedAtMs = await writtenAtMs(join(folder, fileNames.started));
  if (record === null || startedAtMs === null) return null;
  const process = await readOrNull(join(folder, fileNames.process));
  const leader = process === null ? null : parseIdentity(process);
  const ending = await readOrNull(join(folder, fileNames.ending));
  return { id, folder, record, leader, endingSinceMs: ending === null ? null : Number(ending), startedAtMs };
}

function machineOf(notes: MachineNotes, host: HostProcesses, wallNowMs: number): LocalMachine {
  const { id, record, leader, endingSinceMs, startedAtMs } = notes;
  const processes = host.marked(markOf(record.site, id), leader);
  const starting = leader === null && wallNowMs - startedAtMs < startMsMax;
  return { ...notes, processes, state: stateNow() };

  function stateNow(): CloudInstanceState {
    if (endingSinceMs !== null) return processes.length > 0 || starting ? 'ending' : 'gone';
    if (leader !== null && host.isAlive(leader)) return 'running';
    return starting ? 'pending' : 'gone';
  }
}

/** Null: no such machine. */
export async function readMachine(
  folder: string,
  id: CloudId,
  { wallNowMs, signal }: { wallNowMs: number; signal: AbortSignal },
): Promise<LocalMachine | null> {
  const notes = await readNotes(folder, id);
  return notes === null ? null : machineOf(notes, await readHostProcesses(signal), wallNowMs);
}

export function instanceOf({ id, record, state, folder }: LocalMachine): CloudInstance {
  return {
    cloudId: id,
    intent: IntentId(record.intent),
    seat: record.seat,
    pool: PoolName(record.pool),
    offer: OfferName(record.offer),
    state,
    address: folder,
    fault: null,
  };
}

/**
 * Every machine of a site, in the order of their names. The folders are read first, then the processes: one that a folder
 * names and that is not there then has ended, and was not born in between.
 */
export async function readMachines(
  siteFolder: string,
  { wallNowMs, signal }: { wallNowMs: number; signal: AbortSignal },
): Promise<LocalMachine[]> {
  const notes: MachineNotes[] = [];
  for (const name of await namesIn(siteFolder)) {
    if (name.includes(asideSuffix)) continue;
    signal.throwIfAborted();
    const found = await readNotes(join(siteFolder, name), CloudId(name));
    if (found !== null) notes.push(found);
  }
  const host = await readHostProcesses(signal);
  return notes.map((machine) => machineOf(machine, host, wallNowMs));
}

/** Removes what is left of machines that were ended, and of those that ended by themselves so long ago, last processes too. */
export async function sweep(
  machines: readonly LocalMachine[],
  { keepMs, wallNowMs }: { keepMs: number; wallNowMs: number },
): Promise<void> {
  for (const { state, processes, folder, startedAtMs, endingSinceMs } of machines) {
    if (state !== 'gone') continue;
    killAll(processes, 'SIGKILL');
    const endedAtMs = (await writtenAtMs(join(folder, fileNames.log))) ?? startedAtMs;
    const over = endingSinceMs !== null || wallNowMs - endedAtMs > keepMs;
    if (processes.length === 0 && over) await rm(folder, { recursive: true, force: true });
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).toSorted();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
