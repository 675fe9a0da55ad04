import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readOrNull } from '../../host/files.ts';
import { type ProcessIdentity, parseIdentity, readHostProcesses } from '../../host/processes.ts';
import { CliError, exitCodes } from '../exit.ts';
import { giveBack, type HookHost, leasesOf, within } from './host.ts';
import { readBootId } from './prologue.ts';
import type { JobRecord } from './state.ts';

/** One look at all jobs takes no longer for each. */
const callMsMax = 10_000;
const everyMsMax = 15_000;
/** A keeper without jobs ends after so long; the next prologue starts another. */
const idleMs = 60_000;
/** A script that is gone for so many looks in a row is that of a job that is gone. */
const looksMax = 2;

/**
 * Renews the leases of all running jobs of this node, in one process. When the node dies nobody renews, and the machines are given
 * back. It gives back itself what no epilogue will: leases from before a reboot, leases of jobs that mom has dropped without one
 * (`qdel -p`), and those that an epilogue could not give back.
 */
export async function keep(host: HookHost, stay: boolean, signal: AbortSignal): Promise<void> {
  const everyMs = Math.min(everyMsMax, host.settings.ttlMs / 4);
  const gone = new Map<string, number>();
  const over = new Set<string>();
  let busyAtMs = host.clock.monotonicNow();
  while (!signal.aborted) {
    const jobs = await host.state.jobs();
    for (const job of jobs) {
      if (signal.aborted) return;
      await look(job, host, { gone, over });
    }
    for (const job of gone.keys()) if (!jobs.includes(job)) gone.delete(job);
    const nowMs = host.clock.monotonicNow();
    if (jobs.length > 0) busyAtMs = nowMs;
    else if (!stay && nowMs - busyAtMs > idleMs) return;
    await host.clock.sleep(everyMs, signal).catch(() => {}); // told to end
  }
}

interface Sightings {
  /** How often in a row a job's script was not there. */
  readonly gone: Map<string, number>;
  /** Leases that have ended without us: nothing is left to renew. */
  readonly over: Set<string>;
}

async function look(job: string, host: HookHost, { gone, over }: Sightings): Promise<void> {
  const record = await host.state.readRecord(job);
  if (record === null) return;
  const { script, lease } = record;
  const missing = script !== null && (await readOrNull(script)) === null;
  gone.set(job, missing ? (gone.get(job) ?? 0) + 1 : 0);
  const isOver =
    record.stage === 'over' ||
    record.bootId !== (await readBootId()) ||
    (missing && (gone.get(job) ?? 0) >= looksMax);
  try {
    if (isOver) await end(job, record, host);
    else if (record.stage === 'ready' && lease !== null && !over.has(lease))
      await host.client.renewLease(lease);
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    host.say(`job ${job}: ${error.message}`);
    const lost = error.code === 'leaseOver' || error.exitCode === exitCodes.notFound;
    if (lost && lease !== null) over.add(lease);
  }
}

async function end(job: string, record: JobRecord, host: HookHost): Promise<void> {
  await host.state.unpublish(job);
  await within(host.clock, callMsMax, async (signal) => {
    await giveBack(host, await leasesOf(host, record, signal), signal);
  });
  await host.state.forget(job);
  host.say(`job ${job} is gone: its machine is given back`);
}

/** Null: another keeper lives. Else this process is the keeper, until `release`. */
export async function becomeKeeper(
  stateDir: string,
  signal: AbortSignal,
): Promise<{ release(): Promise<void> } | null> {
  const path = join(stateDir, 'keeper');
  const own = `${path}.${process.pid}`;
  await writeFile(own, await ownIdentity(), { mode: 0o600 });
  try {
    for (let attempt = 0; attempt < 2; attempt += 1) {
      try {
        await link(own, path);
        return { release: () => rm(path, { force: true }) };
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
      }
      if (await keeperLives(stateDir, signal)) return null;
      await rm(path, { force: true });
    }
    return null;
  } finally {
    await rm(own, { force: true });
  }
}

export async function keeperLives(stateDir: string, signal: AbortSignal): Promise<boolean> {
  const text = await readOrNull(join(stateDir, 'keeper'));
  const identity: ProcessIdentity | null = text === null ? null : parseIdentity(text);
  return identity !== null && (await readHostProcesses(signal)).isAlive(identity);
}

async function ownIdentity(): Promise<string> {
  const text = await readFile('/proc/self/stat', 'utf8');
  const startTicks = text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  return `${process.pid} ${startTicks} ${await readBootId()}\n`;
}
