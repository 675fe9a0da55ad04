import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runProgram } from '../../host/programs.ts';
import type { Clock } from '../../model/clock.ts';
import { CliError, exitCodes } from '../exit.ts';
import { type HoldDeps, type LeaseClient, patiently } from '../lease/hold.ts';
import type { TorqueSettings } from './settings.ts';
import type { TorqueState } from './state.ts';

/** What a hook works with. */
export interface HookHost {
  readonly settings: TorqueSettings;
  readonly state: TorqueState;
  readonly client: LeaseClient;
  readonly clock: Clock;
  /** This host's own, as the notes of leases have it. */
  readonly hostName: string;
  /** One line for people. A hook's goes to the job's own error file. */
  say(text: string): void;
  /** False: whoever started us is dead, and nobody waits for what we find. */
  hasParent(): boolean;
  /** Whether `spillway torque keep` runs. The first time that it does not, it is started, apart from us. */
  ensureKeeper(): Promise<boolean>;
}

export function holdDeps({ client, clock }: Pick<HookHost, 'client' | 'clock'>): HoldDeps {
  return {
    client,
    sleep: (ms, signal) => clock.sleep(ms, signal),
    monotonicNow: () => clock.monotonicNow(),
  };
}

/** A job's key pair, made by OpenSSH in a folder of root's alone. Throws CliError. */
export async function makeKeys(folder: string, note: string, signal: AbortSignal) {
  const privateKey = join(folder, 'key');
  const argv = ['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', note, '-f', privateKey];
  const { exitCode, stderr } = await runProgram(argv, { stdoutBytesMax: 4096 }, signal);
  if (exitCode !== 0) throw new CliError(exitCodes.failed, 'failed', `ssh-keygen: ${stderr.trim()}`);
  return { privateKey, publicKey: (await readFile(`${privateKey}.pub`, 'utf8')).trim() };
}

/** The account's numbers, by whatever source of accounts this host has. Throws CliError. */
export async function accountOf(user: string, signal: AbortSignal): Promise<{ uid: number; gid: number }> {
  const [uid, gid] = await Promise.all(
    ['-u', '-g'].map(async (option) => {
      const { exitCode, stdout } = await runProgram(
        ['id', option, '--', user],
        { stdoutBytesMax: 256 },
        signal,
      );
      return exitCode === 0 && /^\d+$/.test(stdout.trim()) ? Number(stdout.trim()) : null;
    }),
  );
  if (uid === null || uid === undefined || gid === null || gid === undefined)
    throw new CliError(exitCodes.failed, 'failed', `there is no account ${user} here`);
  return { uid, gid };
}

/** Gives leases back: asked again while no daemon answers, until the signal is aborted. One that is not known any more is back. */
export async function giveBack(
  host: Pick<HookHost, 'client' | 'clock'>,
  leases: Iterable<string>,
  signal: AbortSignal,
): Promise<void> {
  for (const id of new Set(leases)) {
    try {
      await patiently(() => host.client.returnLease(id), holdDeps(host), { signal });
    } catch (error) {
      if (!(error instanceof CliError) || error.exitCode !== exitCodes.notFound) throw error;
    }
  }
}

/** The open leases that bear the note, and the one that is written down. */
export async function leasesOf(
  host: Pick<HookHost, 'client' | 'clock'>,
  { note, lease }: { readonly note: string; readonly lease: string | null },
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { leases } = await patiently(() => host.client.leases(), holdDeps(host), { signal });
  const noted = leases.filter((view) => view.lease.note === note).map((view) => view.lease.id);
  return lease === null ? noted : [...new Set([lease, ...noted])];
}

/** Runs the work with a signal that is aborted after `ms`, or with another. */
export async function within<T>(
  clock: Clock,
  ms: number,
  work: (signal: AbortSignal) => Promise<T>,
  others: readonly AbortSignal[] = [],
): Promise<T> {
  const over = new AbortController();
  const timer = new AbortController();
  void clock.sleep(ms, timer.signal).then(
    () => over.abort(new CliError(exitCodes.failed, 'timeout', `not within ${ms / 1000} s`)),
    () => {}, // done before
  );
  try {
    return await work(AbortSignal.any([over.signal, ...others]));
  } catch (error) {
    over.signal.throwIfAborted();
    throw error;
  } finally {
    timer.abort();
  }
}
