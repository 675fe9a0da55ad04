import { isComing } from '../fleet/entry.ts';
import { type Downtime, type DowntimeOrder, describeScope } from '../model/downtime.ts';
import type { CloudName, PoolName } from '../model/ids.ts';
import type { Instance } from '../model/instance.ts';
import { busyForMs, type LongestJobs } from './longestJobs.ts';
import type { PlanInput, PlannedDrain } from './plan.ts';

/** A downtime that is not over, in daemon time. */
export interface Window {
  readonly downtime: Downtime;
  readonly fromMs: number;
  readonly toMs: number;
}

/** What a plan knows of downtimes. */
export interface DowntimeOutlook {
  readonly windows: readonly Window[];
  readonly longestJobs: LongestJobs;
  /** How far ahead to drain where walltimes do not say. */
  readonly drainAheadMs: number;
}

/** People declare downtimes by the wall clock; all else is by daemon time. Those that are over are left out. */
export function windowsOf(
  downtimes: Iterable<Downtime>,
  { nowMs, wallMs }: { nowMs: number; wallMs: number },
): Window[] {
  const aheadMs = nowMs - wallMs;
  return [...downtimes]
    .filter(({ toWallMs }) => toWallMs > wallMs)
    .map((downtime) => ({
      downtime,
      fromMs: downtime.fromWallMs + aheadMs,
      toMs: downtime.toWallMs + aheadMs,
    }))
    .toSorted((a, b) => a.fromMs - b.fromMs || (a.downtime.id < b.downtime.id ? -1 : 1));
}

/** Downtimes as declared by operators, and the number of the last one: ids are never used again. */
export interface Declared {
  readonly downtimes: ReadonlyMap<string, Downtime>;
  readonly count: number;
}

export const nothingDeclared: Declared = { downtimes: new Map(), count: 0 };

/** More are refused: whoever takes the order sees to it. */
export const declaredMax = 200;

/** With an order carried out, and without those that are over; the same object where nothing changes. Pure. */
export function declare(before: Declared, orders: readonly DowntimeOrder[], wallMs: number): Declared {
  const downtimes = new Map(before.downtimes);
  let { count } = before;
  for (const order of orders)
    if (order.kind === 'end') downtimes.delete(order.id);
    else {
      count += 1;
      downtimes.set(`d${count}`, { ...order.downtime, id: `d${count}` });
    }
  for (const [id, { toWallMs }] of downtimes) if (toWallMs <= wallMs) downtimes.delete(id);
  return count === before.count && downtimes.size === before.downtimes.size ? before : { downtimes, count };
}

/** Who is asked about: the machines of a pool at a cloud. */
export interface Place {
  readonly pool: PoolName;
  readonly cloud: CloudName;
}

export function concerns({ scope }: Downtime, { pool, cloud }: Place): boolean {
  switch (scope.kind) {
    case 'site':
      return true;
    case 'cloud':
      return scope.cloud === cloud;
    case 'pool':
      return scope.pool === pool;
  }
}

/** When machines of the pool begin to drain for this window, by what is known of its jobs now. */
export function drainsFromMs(
  { downtime, fromMs }: Window,
  { pool, nowMs, outlook }: { pool: PoolName; nowMs: number; outlook: DowntimeOutlook },
): number {
  const { longestJobs, drainAheadMs } = outlook;
  const learned = () => busyForMs(longestJobs.get(pool), { nowMs, otherwiseMs: drainAheadMs });
  return fromMs - (downtime.drainAheadMs ?? learned());
}

/** The window for which machines there take no new work at that moment; null: none. */
export function closedBy(place: Place, atMs: number, outlook: DowntimeOutlook | undefined): Window | null {
  if (outlook === undefined) return null;
  return (
    outlook.windows.find(
      (window) =>
        concerns(window.downtime, place) &&
        atMs < window.toMs &&
        atMs >= drainsFromMs(window, { pool: place.pool, nowMs: atMs, outlook }),
    ) ?? null
  );
}

/** When the next downtime of a machine there begins: what cannot end before is not put on it. Null: none is declared. */
export function nextDowntimeMs(place: Place, outlook: DowntimeOutlook | undefined): number | null {
  return outlook?.windows.find(({ downtime }) => concerns(downtime, place))?.fromMs ?? null;
}

/**
 * Machines that are to be empty when a downtime begins. What still works then is left to finish, unless the downtime
 * says that it is ended. Time alone decides: a queue that is silent stops no drain.
 */
export function drainsForDowntimes(input: PlanInput): PlannedDrain[] {
  const { downtimes, nowMs, fleet } = input;
  if (downtimes === undefined || downtimes.windows.length === 0) return [];
  const drains: PlannedDrain[] = [];
  for (const { instance } of fleet.entries.values()) {
    const window = closedBy(instance, nowMs, downtimes);
    if (window === null) continue;
    const { downtime, fromMs } = window;
    const base = { instance: instance.id, reason: 'downtime', why: describeWindow(window, nowMs) } as const;
    if (downtime.force && nowMs >= fromMs && mayBeForced(instance)) drains.push({ ...base, force: true });
    else if (mayDrain(instance, nowMs)) drains.push(base);
  }
  return drains;
}

function mayDrain(instance: Instance, nowMs: number): boolean {
  const { phase, endReason } = instance;
  if (endReason !== null) return false;
  return (
    isComing(instance, nowMs) ||
    phase === 'idle' ||
    phase === 'claimed' ||
    phase === 'leased' ||
    phase === 'draining'
  );
}

function mayBeForced({ phase, cloudId }: Instance): boolean {
  return cloudId !== null && phase !== 'terminating' && phase !== 'ended';
}

/** `downtime d1 of cloud east (network works): begins in 2 h, over in 6 h`. */
export function describeWindow({ downtime, fromMs, toMs }: Window, nowMs: number): string {
  const { id, scope, reason } = downtime;
  const begins = nowMs < fromMs ? `begins in ${span(fromMs - nowMs)}, ` : '';
  return `downtime ${id} of ${describeScope(scope)} (${reason}): ${begins}over in ${span(toMs - nowMs)}`;
}

function span(ms: number): string {
  const minutes = Math.ceil(ms / 60_000);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 72 ? `${hours} h` : `${Math.round(hours / 24)} d`;
}
