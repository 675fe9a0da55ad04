import type { CloudName } from '../model/ids.ts';
import type { Instance } from '../model/instance.ts';
import type { Pool } from '../model/offer.ts';
import { closedBy, type DowntimeOutlook, nextDowntimeMs } from './downtimes.ts';

interface Outlook {
  readonly nowMs: number;
  readonly downtimes?: DowntimeOutlook;
}

/**
 * How long a job that starts on this machine now could run before the machine is drained or a downtime begins: infinite
 * where it has neither a maximum lifetime nor a downtime to come. A job that says that it may run longer is not put on it.
 */
export function remainingMs(
  instance: Pick<Instance, 'createdAtMs' | 'pool' | 'cloud'>,
  pool: Pool | undefined,
  { nowMs, downtimes }: Outlook,
): number {
  const lifetimeMs = pool?.limits.lifetimeMs ?? null;
  const endMs = lifetimeMs === null ? Number.POSITIVE_INFINITY : instance.createdAtMs + lifetimeMs;
  const downMs = nextDowntimeMs(instance, downtimes) ?? Number.POSITIVE_INFINITY;
  return Math.min(endMs, downMs) - nowMs;
}

/**
 * How long a job could run on a machine that is launched now. A life begins with the create call: what a machine may
 * take to boot and to join is not there for jobs.
 */
export function remainingOfNewMs(
  { name, limits }: Pool,
  cloud: CloudName,
  { nowMs, downtimes }: Outlook,
): number {
  const { lifetimeMs, bootMaxMs, joinMaxMs } = limits;
  const place = { pool: name, cloud };
  // One that keeps new machines away altogether is for room.ts to tell of.
  const comes = closedBy(place, nowMs, downtimes) === null ? nextDowntimeMs(place, downtimes) : null;
  const downMs = comes ?? Number.POSITIVE_INFINITY;
  return Math.min(lifetimeMs ?? Number.POSITIVE_INFINITY, downMs - nowMs) - bootMaxMs - joinMaxMs;
}

/** Jobs that do not say how long they may run are taken to fit. */
export function fitsLife(walltimeMs: number | null, leftMs: number): boolean {
  return walltimeMs === null || walltimeMs <= leftMs;
}
