import type { StatusView } from '../../api/control.ts';
import type { LeaseAnswer } from '../../api/schema/leases.ts';
import type { DaemonClient } from '../client.ts';
import { CliError, exitCodes } from '../exit.ts';

/** A holder is heard of three times in a lease's time: two of them may be lost. */
const renewalsInTtl = 3;
/** A long poll; shorter than the client waits for an answer. */
const pollMs = 5_000;
const retryMs = 1_000;

/** What a holder asks of the daemon. */
export type LeaseClient = Pick<
  DaemonClient,
  'status' | 'askLease' | 'leases' | 'lease' | 'leaseAfter' | 'renewLease' | 'returnLease'
>;

export interface HoldDeps {
  readonly client: LeaseClient;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly monotonicNow: () => number;
}

/** What a daemon that is being restarted answers, or does not. */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof CliError)) return false;
  return error.exitCode === exitCodes.unreachable || error.exitCode === exitCodes.notReady;
}

/** How long is waited for a daemon that does not answer, or for a machine. */
export interface Patience {
  readonly signal: AbortSignal;
  /** By the monotonic clock, ms; absent: for ever. */
  readonly untilMs?: number | null;
}

const isOver = ({ untilMs }: Patience, { monotonicNow }: HoldDeps) => monotonicNow() > (untilMs ?? Infinity);

/**
 * Asks until the daemon answers: it may be restarting. Throws CliError for what is not passing and when time is up, and
 * the signal's reason.
 */
export async function patiently<T>(ask: () => Promise<T>, deps: HoldDeps, patience: Patience): Promise<T> {
  const { signal } = patience;
  for (;;) {
    signal.throwIfAborted();
    try {
      return await ask();
    } catch (error) {
      if (!isPassing(error)) throw error;
      const why = error instanceof Error ? error.message : '';
      if (isOver(patience, deps))
        throw new CliError(exitCodes.failed, 'timeout', `no machine in time: ${why}`);
    }
    await deps.sleep(retryMs, signal);
  }
}

/**
 * Asks for a machine. Where the answer is lost it is looked whether the wish was heard, by the key that no other wish has;
 * without a key nobody could tell. Throws CliError.
 */
export async function askOnce(
  wish: { readonly publicKey: string | null },
  deps: HoldDeps,
  patience: Patience,
): Promise<LeaseAnswer> {
  for (;;) {
    try {
      return await deps.client.askLease(wish);
    } catch (error) {
      const cut = error instanceof CliError && error.code === 'cut';
      if (!cut || wish.publicKey === null) throw error;
    }
    const { leases } = await patiently(() => deps.client.leases(), deps, patience);
    const heard = leases.find(({ lease }) => lease.publicKey === wish.publicKey);
    if (heard !== undefined) return heard;
  }
}

/** Waits until the lease is held; meanwhile it is renewed. Throws CliError where it ends without a machine, or time is up. */
export async function untilHeld(
  asked: LeaseAnswer,
  deps: HoldDeps,
  {
    patience,
    show,
  }: {
    patience: Patience;
    show: (lease: LeaseAnswer, pool: StatusView['pools'][number] | null, waitedMs: number) => void;
  },
): Promise<LeaseAnswer> {
  const { client, monotonicNow } = deps;
  const { id, pool: poolName } = asked.lease;
  const beganMs = monotonicNow();
  const patient = async <T>(ask: () => Promise<T>): Promise<T> => await patiently(ask, deps, patience);
  let view = asked;
  for (;;) {
    const { state, end } = view.lease;
    if (state === 'held' && view.access !== null) return view;
    if (state === 'cleaning' || state === 'ended')
      throw new CliError(exitCodes.failed, 'leaseOver', `lease ${id} has ended: ${end ?? state}`);
    if (isOver(patience, deps))
      throw new CliError(exitCodes.failed, 'timeout', `no machine of ${poolName} in time`);
    const status = await patient(() => client.status());
    show(view, status.pools.find(({ name }) => name === poolName) ?? null, monotonicNow() - beganMs);
    await patient(() => client.renewLease(id));
    const leftMs = Math.ceil((patience.untilMs ?? Infinity) - monotonicNow());
    const waitMs = Math.min(pollMs, Math.max(100, leftMs));
    const from = state;
    view = await patient(() => client.leaseAfter(id, { from, waitMs }));
    // Held in an earlier life of the daemon: it lets the holder in again.
    if (view.lease.state === 'held' && view.access === null) await deps.sleep(retryMs, patience.signal);
  }
}

/** Renews until the signal is aborted; returns why it cannot go on, if that is so. */
export async function keepAlive(
  { id, ttlMs }: LeaseAnswer['lease'],
  deps: HoldDeps,
  signal: AbortSignal,
): Promise<CliError | null> {
  while (!signal.aborted) {
    try {
      await deps.sleep(ttlMs / renewalsInTtl, signal);
      const { lease } = await patiently(() => deps.client.renewLease(id), deps, { signal });
      if (lease.state !== 'held' && lease.state !== 'preparing')
        return new CliError(
          exitCodes.failed,
          'leaseOver',
          `lease ${id} has ended: ${lease.end ?? lease.state}`,
        );
    } catch (error) {
      if (signal.aborted) return null;
      if (error instanceof CliError) return error;
      throw error;
    }
  }
  return null;
}
