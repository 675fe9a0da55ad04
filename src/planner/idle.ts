import type { FleetEntry } from '../fleet/entry.ts';
import { paidLeftMs } from '../model/billing.ts';
import type { InstanceId, OfferName, PoolName } from '../model/ids.ts';
import type { Instance } from '../model/instance.ts';
import type { Pool } from '../model/offer.ts';
import { keepTimeMs } from './gaps.ts';
import type { PlanInput, PlannedLaunch } from './plan.ts';
import { firstUsage, nextSurplusMs, noteUsage, recentlyNeeded, type Usage } from './usage.ts';

/** How machines have been used: by pool and offer, and the head-room of each pool that grows with its use. */
export interface IdleState {
  readonly usages: ReadonlyMap<UsageKey, Usage>;
  readonly spares: ReadonlyMap<PoolName, Spare>;
}

export const noIdleState: IdleState = { usages: new Map(), spares: new Map() };

/** Machines of one offer in one pool are alike: any of them may be given up for another. */
export type UsageKey = `${PoolName}/${OfferName}`;
export const usageKey = (pool: PoolName, offer: OfferName): UsageKey => `${pool}/${offer}`;

/** Head-room that is a share of the machines in use. */
export interface Spare {
  /** To be had now. */
  readonly target: number;
  /** The greatest target lately: so many free machines are not drained. */
  readonly kept: number;
  readonly keptAtMs: number;
}

/** What a plan knows of idle times. */
export interface IdleOutlook {
  readonly state: IdleState;
  /** From a create call to a machine in service, as learned; null: nothing is known yet. */
  readonly bootMs: (offer: OfferName) => number | null;
}

/** What a boot is taken to last before one has been seen. */
const assumedBootMs = 180_000;
/** Where no job has wanted a machine for so many boot times, there is no head-room by share. */
const quietBoots = 10;
/** Gaps that are longer are taken to be without an end: in boot times. */
const longestBoots = 60;

export const bootTimeOf = (offer: OfferName, idle: IdleOutlook | undefined): number =>
  Math.max(1000, idle?.bootMs(offer) ?? assumedBootMs);

/** For how long a machine of the offer is kept when nothing needs it: as the pool says, or learned. */
export function keepMsOf(pool: Pool, offer: OfferName, idle: IdleOutlook | undefined): number {
  const { idleMs, idleMinMs, idleMaxMs, waitWeight } = pool.limits;
  if (idleMs !== null) return idleMs;
  const gaps = idle?.state.usages.get(usageKey(pool.name, offer))?.gaps;
  const bounds = { bootMs: bootTimeOf(offer, idle), minMs: idleMinMs, maxMs: idleMaxMs, waitWeight };
  return keepTimeMs(gaps ?? { counts: [], seen: 0 }, bounds);
}

/** Free machines to have beyond what waiting jobs need. */
export function headroomOf(pool: Pool, idle: IdleOutlook | undefined): number {
  return Math.max(pool.headroom, idle?.state.spares.get(pool.name)?.target ?? 0);
}

/** Free machines that are not drained, though fewer may be wanted by now: what use comes and goes is not followed at once. */
export function keptHeadroomOf(pool: Pool, idle: IdleOutlook | undefined): number {
  return Math.max(pool.headroom, idle?.state.spares.get(pool.name)?.kept ?? 0);
}

/**
 * What the newest views show of the use of machines; the same object where no view is new. Only a queue whose view is
 * whole and has just come in tells how many machines are needed.
 */
export function noteIdle(
  input: PlanInput,
  { needed, launches }: { needed: ReadonlySet<InstanceId>; launches: readonly PlannedLaunch[] },
): IdleState {
  const before = input.idle?.state ?? noIdleState;
  const told = input.pools.filter((pool) => viewedAtMs(pool, input) !== null);
  if (told.length === 0) return before;
  const names = new Set<PoolName>(told.map(({ name }) => name));
  const counts = countMachines(input, { needed, launches, names });
  const usages = new Map(before.usages);
  const spares = new Map(before.spares);
  for (const pool of told) {
    const atMs = viewedAtMs(pool, input) ?? input.nowMs;
    let inUse = 0;
    let wantedAtMs = Number.NEGATIVE_INFINITY;
    let bootMs = 0;
    for (const offer of pool.offers) {
      const key = usageKey(pool.name, offer);
      const was = usages.get(key);
      const { inUse: ofOffer, free } = counts.get(key) ?? { inUse: 0, free: 0 };
      if (was === undefined && ofOffer + free === 0) continue;
      const now = { needed: ofOffer, free, atMs };
      const longestMs = Math.max(pool.limits.idleMaxMs, longestBoots * bootTimeOf(offer, input.idle));
      const isFirst = was === undefined || was.needed < 0;
      const usage = isFirst ? firstUsage({ ...now, gaps: was?.gaps }) : noteUsage(was, now, longestMs);
      usages.set(key, usage);
      inUse += ofOffer;
      wantedAtMs = Math.max(wantedAtMs, usage.wantedAtMs ?? wantedAtMs);
      bootMs = Math.max(bootMs, bootTimeOf(offer, input.idle));
    }
    // Where one took very long to boot, all that is free is not kept for as many times that.
    const quietMs = Math.min(quietBoots * bootMs, pool.limits.idleMaxMs);
    const target = atMs - wantedAtMs <= quietMs ? Math.floor(pool.headroomShare * inUse) : 0;
    const spare = spares.get(pool.name);
    if (spare === undefined || target >= spare.kept || atMs > spare.keptAtMs + quietMs)
      spares.set(pool.name, { target, kept: target, keptAtMs: atMs });
    else spares.set(pool.name, { ...spare, target });
  }
  return { usages, spares };
}

function viewedAtMs(pool: Pool, { queues }: PlanInput): number | null {
  const queue = queues.get(pool.queue);
  if (queue?.view == null || queue.trouble !== null || !queue.isNew) return null;
  const { demandComplete, workersComplete, takenAtMs } = queue.view;
  return demandComplete && workersComplete ? takenAtMs : null;
}

function countMachines(
  { fleet }: PlanInput,
  {
    needed,
    launches,
    names,
  }: {
    needed: ReadonlySet<InstanceId>;
    launches: readonly PlannedLaunch[];
    names: ReadonlySet<PoolName>;
  },
): ReadonlyMap<UsageKey, { readonly inUse: number; readonly free: number }> {
  const counts = new Map<UsageKey, { inUse: number; free: number }>();
  const of = (pool: PoolName, offer: OfferName) => {
    const key = usageKey(pool, offer);
    const known = counts.get(key);
    if (known !== undefined) return known;
    const made = { inUse: 0, free: 0 };
    counts.set(key, made);
    return made;
  };
  for (const { instance } of fleet.entries.values()) {
    const { id, pool, offer, phase } = instance;
    if (!names.has(pool)) continue;
    if (phase === 'claimed' || phase === 'leased' || needed.has(id)) of(pool, offer).inUse += 1;
    else if (phase === 'idle') of(pool, offer).free += 1;
  }
  for (const { pool, offer, count, cause } of launches)
    if (cause.kind === 'demand' && names.has(pool)) of(pool, offer).inUse += count;
  return counts;
}

/** Machines that nothing needs and that are not kept for what comes: the longest free first. */
export interface Surplus {
  readonly entry: FleetEntry;
  readonly why: string;
}

/**
 * Which of a pool's free machines are surplus at that moment, by the usage that includes the newest view. One whose
 * paid interval is not nearly over costs nothing more and stays, and so does one that its jobs wanted kept so long.
 */
export function surplusOf(
  pool: Pool,
  free: readonly FleetEntry[],
  { atMs, idle }: { atMs: number; idle: IdleOutlook },
): Surplus[] {
  return [...Map.groupBy(free, ({ instance }) => instance.offer)].flatMap(([offer, entries]) => {
    const keepMs = keepMsOf(pool, offer, idle);
    const why = `no waiting job needs it, nor did one for ${seconds(keepMs)}`;
    const dueBy = (entry: FleetEntry) =>
      isPaidIntervalOver(entry.instance, pool, atMs) && atMs >= keptUntilMs(entry);
    if (pool.limits.idleMs !== null)
      return entries
        .filter((entry) => atMs >= idleSince(entry) + keepMs && dueBy(entry))
        .map((entry) => ({ entry, why }));
    const usage = idle.state.usages.get(usageKey(pool.name, offer));
    if (usage === undefined) return [];
    const surplus = entries.length - recentlyNeeded(usage, atMs, keepMs);
    return entries
      .filter(dueBy)
      .toSorted((a, b) => idleSince(a) - idleSince(b))
      .slice(0, Math.max(0, surplus))
      .map((entry) => ({ entry, why }));
  });
}

/** Draining, two looks and a termination take so long beyond `idleConfirmMs`. */
const windingUpMs = 60_000;

function isPaidIntervalOver({ terms, createdAtMs }: Instance, pool: Pool, atMs: number): boolean {
  const endsMs = paidLeftMs({ billing: terms.billing, sinceMs: createdAtMs }, atMs);
  return endsMs <= pool.limits.idleConfirmMs + windingUpMs;
}

/** The next moment from which a view may say that a machine of the pool is surplus; null: none that is known. */
export function nextReleaseMs(
  pool: Pool,
  free: readonly FleetEntry[],
  { atMs, idle }: { atMs: number; idle: IdleOutlook },
): number | null {
  let next = Number.POSITIVE_INFINITY;
  for (const [offer, entries] of Map.groupBy(free, ({ instance }) => instance.offer)) {
    const keepMs = keepMsOf(pool, offer, idle);
    const usage = idle.state.usages.get(usageKey(pool.name, offer));
    const levelMs =
      pool.limits.idleMs === null
        ? usage === undefined
          ? null
          : nextSurplusMs(usage, atMs, keepMs)
        : Math.min(...entries.map((entry) => idleSince(entry) + keepMs).filter((ms) => ms > atMs));
    if (levelMs !== null) next = Math.min(next, levelMs);
    for (const { instance } of entries) {
      const leftMs = paidLeftMs({ billing: instance.terms.billing, sinceMs: instance.createdAtMs }, atMs);
      const lookMs = leftMs - pool.limits.idleConfirmMs - windingUpMs;
      if (lookMs > 0) next = Math.min(next, atMs + lookMs);
    }
    for (const keptMs of entries.map(keptUntilMs)) if (keptMs > atMs) next = Math.min(next, keptMs);
  }
  return Number.isFinite(next) ? next : null;
}

/** Until then the jobs that it was booted for want it kept; 0 where they said nothing. */
function keptUntilMs(entry: FleetEntry): number {
  const { cause } = entry.instance;
  const keepAliveMs = cause.kind === 'demand' ? (cause.keepAliveMs ?? 0) : 0;
  return keepAliveMs === 0 ? 0 : idleSince(entry) + keepAliveMs;
}

export function idleSince({ instance }: FleetEntry): number {
  return instance.idleSinceMs ?? Number.POSITIVE_INFINITY;
}

function seconds(ms: number): string {
  return ms < 120_000 ? `${Math.round(ms / 1000)} s` : `${Math.round(ms / 60_000)} min`;
}
