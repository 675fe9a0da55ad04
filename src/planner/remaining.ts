import type { Instance } from '../model/instance.ts';
import type { Pool } from '../model/offer.ts';

/**
 * How long a job that starts on this machine now could run before the machine is drained: what is left of its maximum
 * lifetime; infinite where it has none. A job that says that it may run longer is not put on it.
 */
export function remainingMs(
  instance: Pick<Instance, 'createdAtMs'>,
  pool: Pool | undefined,
  nowMs: number,
): number {
  const lifetimeMs = pool?.limits.lifetimeMs ?? null;
  return lifetimeMs === null ? Number.POSITIVE_INFINITY : instance.createdAtMs + lifetimeMs - nowMs;
}

/**
 * How long a job could run on a machine that is launched now. A life begins with the create call: what a machine may
 * take to boot and to join is not there for jobs.
 */
export function remainingOfNewMs({ limits }: Pool): number {
  const { lifetimeMs, bootMaxMs, joinMaxMs } = limits;
  return lifetimeMs === null ? Number.POSITIVE_INFINITY : lifetimeMs - bootMaxMs - joinMaxMs;
}

/** Jobs that do not say how long they may run are taken to fit. */
export function fitsLife(walltimeMs: number | null, leftMs: number): boolean {
  return walltimeMs === null || walltimeMs <= leftMs;
}
