import type { FleetEntry } from '../fleet/entry.ts';
import type { InstanceId, OfferName, PoolName } from '../model/ids.ts';

/**
 * How a machine deals with jobs, as far as views show it: for telling a *black hole*, a machine that never takes a job
 * though fitting ones wait, or that ends each within seconds. Bounded; seen anew after a restart.
 */
export interface Conduct {
  /** The jobs that it has, and when each was first seen there. */
  readonly running: ReadonlyMap<string, number>;
  /** The newest that it has ended. */
  readonly ended: readonly EndedJob[];
  /** It has been free, and waiting jobs were put on it (matched it, once it is doubted), in every view since; null: not so. */
  readonly waitedForSinceMs: number | null;
  /** It has begun a job since it joined. */
  readonly hasWorked: boolean;
  /** It has taken none for so long that another may be launched in its place, to compare it with. */
  readonly isDoubted: boolean;
}

export interface EndedJob {
  readonly family: string;
  readonly atMs: number;
  readonly ranMs: number;
}

export type Conducts = ReadonlyMap<InstanceId, Conduct>;

const endedMax = 24;
/** What ended longer ago says nothing of how it is now. */
const windowMs = 1_800_000;
/** A job that ran no longer may have failed at once. */
const shortMs = 60_000;
/** Fewer may be chance. */
const shortNeeded = 12;
/** Free, with jobs put on it in every view, for so long, in which others took jobs: then it takes none. */
export const ignoredMs = 1_200_000;
const othersNeeded = 3;

const unknown: Conduct = {
  running: new Map(),
  ended: [],
  waitedForSinceMs: null,
  hasWorked: false,
  isDoubted: false,
};

/** Jobs that were submitted together are alike: in HTCondor `schedd#cluster.proc#time` of one cluster. */
function familyOf(job: string): string {
  const end = job.lastIndexOf('.');
  return end <= 0 ? job : job.slice(0, end);
}

/** With what new views show of these machines. The same object where they show nothing new. Pure. */
export function noteConduct(
  before: Conducts,
  entries: Iterable<FleetEntry>,
  { waitedFor, atMs }: { waitedFor: ReadonlySet<InstanceId>; atMs: number },
): Conducts {
  const next = new Map<InstanceId, Conduct>();
  for (const entry of entries) {
    const { id, phase, joinedAtMs } = entry.instance;
    if (joinedAtMs === null || phase === 'terminating') continue;
    const was = before.get(id) ?? { ...unknown, hasWorked: entry.instance.claims > 0 };
    next.set(id, noteOne(was, entry, { jobsWait: waitedFor.has(id), atMs }));
  }
  return withDoubt(next, entries, atMs);
}

/** One of an offer in a pool is doubted at a time: where two take no job it is not the machines. */
function withDoubt(
  conducts: Map<InstanceId, Conduct>,
  entries: Iterable<FleetEntry>,
  atMs: number,
): Conducts {
  const ignored = [...entries].filter(({ instance }) => {
    const conduct = conducts.get(instance.id);
    return conduct !== undefined && takesNone(conduct, atMs);
  });
  for (const [first, ...more] of Map.groupBy(
    ignored,
    ({ instance }) => `${instance.pool}/${instance.offer}`,
  ).values()) {
    if (first === undefined) continue;
    for (const { instance } of [first, ...more]) {
      const conduct = conducts.get(instance.id);
      const isDoubted = more.length === 0;
      if (conduct !== undefined && conduct.isDoubted !== isDoubted)
        conducts.set(instance.id, { ...conduct, isDoubted });
    }
  }
  return conducts;
}

function takesNone({ hasWorked, waitedForSinceMs }: Conduct, atMs: number): boolean {
  return !hasWorked && waitedForSinceMs !== null && atMs - waitedForSinceMs >= ignoredMs;
}

/** Machines that are not counted on, as they take no job; nor are they drained while jobs wait for them. */
export function doubted(conducts: Conducts): ReadonlySet<InstanceId> {
  return new Set([...conducts].flatMap(([id, { isDoubted }]) => (isDoubted ? [id] : [])));
}

function noteOne(was: Conduct, entry: FleetEntry, now: { jobsWait: boolean; atMs: number }): Conduct {
  const { instance, sighting } = entry;
  const { jobsWait, atMs } = now;
  const isFree = instance.phase === 'idle' && sighting.activity === 'idle' && sighting.unseen === 0;
  const isWaitedFor = isFree && jobsWait;
  const waitedForSinceMs = isWaitedFor ? (was.waitedForSinceMs ?? atMs) : null;
  const hasWorked = was.hasWorked || instance.claims > 0;
  const isDoubted = was.isDoubted && isWaitedFor && !hasWorked;
  const { jobIds } = sighting;
  const isSame = jobIds.length === was.running.size && jobIds.every((job) => was.running.has(job));
  if (isSame)
    return waitedForSinceMs === was.waitedForSinceMs &&
      hasWorked === was.hasWorked &&
      isDoubted === was.isDoubted
      ? was
      : { ...was, waitedForSinceMs, hasWorked, isDoubted };
  const running = new Map(jobIds.map((job) => [job, was.running.get(job) ?? atMs]));
  const over = [...was.running]
    .filter(([job]) => !running.has(job))
    .map(([job, sinceMs]) => ({ family: familyOf(job), atMs, ranMs: atMs - sinceMs }));
  const ended = [...was.ended, ...over].filter((job) => atMs - job.atMs <= windowMs).slice(-endedMax);
  return { running, ended, waitedForSinceMs, hasWorked, isDoubted };
}

export interface BlackHole {
  readonly instance: InstanceId;
  readonly pool: PoolName;
  readonly offer: OfferName;
  /** `suspect`: there is nothing to compare it with; somebody should look. */
  readonly kind: 'takesNone' | 'endsAll' | 'suspect';
  readonly why: string;
  /** Other machines of the same offer work: then it is this machine, and not the offer. */
  readonly offerWorks: boolean;
}

/**
 * The machines that are black holes, each by comparison with others of its pool, so that jobs that are short by
 * nature, or that the scheduler leaves waiting for reasons of its own, condemn none:
 *
 * takesNone: it has never begun a job, though waiting jobs were put on it in every view for 20 minutes, and meanwhile
 * at least 3 jobs were begun on other machines of the same offer in the pool. Where there are more such machines than a
 * quarter of those that began one, it is the jobs: something else keeps them waiting.
 *
 * endsAll: of its jobs that ended in the last half hour at least 12 ran for no longer than a minute and none for longer;
 * and jobs of the same family (submitted together) ran ten times as long, and for more than a minute, on at least 2
 * other machines, or are still running there.
 */
export function blackHoles(entries: Iterable<FleetEntry>, conducts: Conducts, atMs: number): BlackHole[] {
  const suspects = [...entries].filter(({ instance }) => {
    const conduct = conducts.get(instance.id);
    return instance.endReason === null && conduct !== undefined && isSuspect(conduct, atMs);
  });
  if (suspects.length === 0) return [];
  const pools = new Set(suspects.map(({ instance }) => instance.pool));
  const peers = Map.groupBy(
    [...entries].filter(({ instance }) => pools.has(instance.pool)),
    ({ instance }) => instance.pool,
  );
  return suspects.flatMap((suspect) => {
    const others = (peers.get(suspect.instance.pool) ?? []).filter((entry) => entry !== suspect);
    return judge(suspect, others, { conducts, atMs }) ?? [];
  });
}

function isSuspect(conduct: Conduct, atMs: number): boolean {
  const { ended } = conduct;
  if (takesNone(conduct, atMs)) return true;
  return ended.length >= shortNeeded && ended.every(({ ranMs }) => ranMs <= shortMs);
}

function judge(
  { instance }: FleetEntry,
  others: readonly FleetEntry[],
  { conducts, atMs }: { conducts: Conducts; atMs: number },
): BlackHole | null {
  const conduct = conducts.get(instance.id) ?? unknown;
  const { id, pool, offer } = instance;
  const about = { instance: id, pool, offer };
  const conductsOf = (of: readonly FleetEntry[]) =>
    of.flatMap((entry) => conducts.get(entry.instance.id) ?? []);
  const alike = conductsOf(others.filter((entry) => entry.instance.offer === offer));
  const offerWorks = alike.some((other) => works(other, atMs));
  const { waitedForSinceMs } = conduct;
  if (waitedForSinceMs !== null && takesNone(conduct, atMs)) {
    const begun = alike.reduce((sum, other) => sum + begunSince(other, waitedForSinceMs), 0);
    const working = alike.filter((other) => begunSince(other, waitedForSinceMs) > 0).length;
    const ignored = alike.filter((other) => takesNone(other, atMs)).length + 1;
    if (begun < othersNeeded || ignored > Math.max(1, working / 4)) {
      const why = `instance ${id} has taken no job for ${minutes(atMs - waitedForSinceMs)} min though fitting jobs wait`;
      return { ...about, kind: 'suspect', why, offerWorks };
    }
    const why = `it has taken no job for ${minutes(atMs - waitedForSinceMs)} min though fitting jobs waited, and others of its offer began ${begun}`;
    return { ...about, kind: 'takesNone', why, offerWorks };
  }
  const families = new Map<string, number>();
  for (const { family, ranMs } of conduct.ended)
    families.set(family, Math.max(ranMs, families.get(family) ?? 0));
  const longer = conductsOf(others).filter((other) => ranLonger(other, families, atMs)).length;
  if (longer < 2) {
    // The scheduler may well have given it all the short ones.
    const busy = alike.filter((other) => works(other, atMs)).length;
    if (conduct.ended.length < endedMax || busy < 3 || alike.some(({ ended }) => endedSoon(ended)))
      return null;
    const why = `instance ${id} ended its last ${endedMax} jobs within a minute each, and no other of its offer does`;
    return { ...about, kind: 'suspect', why, offerWorks };
  }
  const why = `its last ${conduct.ended.length} jobs ended within a minute each, and jobs that were submitted with them run longer on ${longer} other machines`;
  return { ...about, kind: 'endsAll', why, offerWorks };
}

function endedSoon(ended: readonly EndedJob[]): boolean {
  const short = ended.filter(({ ranMs }) => ranMs <= shortMs).length;
  return short > 2 && short * 2 > ended.length;
}

function begunSince({ running, ended }: Conduct, sinceMs: number): number {
  const now = [...running.values()].filter((atMs) => atMs > sinceMs).length;
  return now + ended.filter(({ atMs, ranMs }) => atMs - ranMs > sinceMs).length;
}

/** It has a job that lasts, or had one lately. */
function works({ running, ended }: Conduct, atMs: number): boolean {
  return (
    [...running.values()].some((sinceMs) => atMs - sinceMs > shortMs) ||
    ended.some(({ ranMs }) => ranMs > shortMs)
  );
}

function ranLonger(
  { running, ended }: Conduct,
  families: ReadonlyMap<string, number>,
  atMs: number,
): boolean {
  const isLonger = (family: string, ranMs: number) => {
    const shortest = families.get(family);
    return shortest !== undefined && ranMs > Math.max(shortMs, 10 * shortest);
  };
  return (
    ended.some(({ family, ranMs }) => isLonger(family, ranMs)) ||
    [...running].some(([job, sinceMs]) => isLonger(familyOf(job), atMs - sinceMs))
  );
}

/** Offers of which a machine works now that was launched since then. */
export function offersThatWork(
  entries: Iterable<FleetEntry>,
  conducts: Conducts,
  { atMs, since }: { atMs: number; since: (offer: OfferName) => number | null },
): ReadonlySet<OfferName> {
  const working = new Set<OfferName>();
  for (const { instance } of entries) {
    const sinceMs = since(instance.offer);
    if (sinceMs === null || instance.createdAtMs < sinceMs || working.has(instance.offer)) continue;
    const conduct = conducts.get(instance.id);
    if (conduct !== undefined && works(conduct, atMs)) working.add(instance.offer);
  }
  return working;
}

function minutes(ms: number): number {
  return Math.round(ms / 60_000);
}
