import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing, readOrNull, writtenAtMs } from '../../host/files.ts';
import {
  type HostProcesses,
  killAll,
  type ProcessIdentity,
  type ProcessMark,
  parseIdentity,
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

/** Null: no such machine, or one whose create call ended before it was started. */
export async function readMachine(
  folder: string,
  id: CloudId,
  { host, wallNowMs }: { host: HostProcesses; wallNowMs: number },
): Promise<LocalMachine | null> {
  const record = await readRecord(folder);
  const startedAtMs = await writtenAtMs(join(folder, fileNames.started));
  if (record === null || startedAtMs === null) return null;
  const process = await readOrNull(join(folder, fileNames.process));
  const leader = process === null ? null : parseIdentity(process);
  const processes = host.marked(markOf(record.site, id), leader);
  const ending = await readOrNull(join(folder, fileNames.ending));
  const endingSinceMs = ending === null ? null : Number(ending);
  const state = stateOf(endingSinceMs !== null);
  return { id, folder, record, state, leader, processes, endingSinceMs, startedAtMs };

  function stateOf(isEnding: boolean): CloudInstanceState {
    const starting = leader === null && wallNowMs - (startedAtMs ?? 0) < startMsMax;
    if (isEnding) return processes.length > 0 || starting ? 'ending' : 'gone';
    if (leader !== null && host.isAlive(leader)) return 'running';
    if (starting) return 'pending';
    return 'gone';
  }
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

/** Every machine of a site, in the order of their names. */
export async function readMachines(
  siteFolder: string,
  context: { host: HostProcesses; wallNowMs: number },
  signal: AbortSignal,
): Promise<LocalMachine[]> {
  const machines: LocalMachine[] = [];
  for (const name of await namesIn(siteFolder)) {
    if (name.includes(asideSuffix)) continue;
    signal.throwIfAborted();
    const machine = await readMachine(join(siteFolder, name), CloudId(name), context);
    if (machine !== null) machines.push(machine);
  }
  return machines;
}

/** Removes what is left of machines that ended by themselves so long ago, their last processes with it. */
export async function sweep(
  machines: readonly LocalMachine[],
  { keepMs, wallNowMs }: { keepMs: number; wallNowMs: number },
): Promise<void> {
  for (const { state, processes, folder, startedAtMs } of machines) {
    if (state !== 'gone') continue;
    killAll(processes, 'SIGKILL');
    const endedAtMs = (await writtenAtMs(join(folder, fileNames.log))) ?? startedAtMs;
    if (processes.length === 0 && wallNowMs - endedAtMs > keepMs)
      await rm(folder, { recursive: true, force: true });
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
