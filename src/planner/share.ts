import type { QueueSnapshot, Worker } from '../model/demand.ts';
import type { SharePolicy } from '../model/fairness.ts';
import type { QueueName } from '../model/ids.ts';

/**
 * Fair share. What each user's jobs have used of our machines is added up in core-seconds, and half of it is forgotten
 * in each half-life. Pure: the clock and the views are arguments.
 */
export interface Usage {
  readonly user: string | null;
  readonly group: string | null;
  readonly coreSeconds: number;
}

export interface Shares {
  /** By user and group; decayed to `atMs`. */
  readonly usage: ReadonlyMap<string, Usage>;
  readonly atMs: number;
  /** When the view of each queue that was counted last was begun. Not kept over a restart. */
  readonly countedMs: ReadonlyMap<QueueName, number>;
  /** When the usage was last stored. */
  readonly storedAtMs: number;
}

export const noShares: Shares = { usage: new Map(), atMs: 0, countedMs: new Map(), storedAtMs: 0 };

/** A gap between two views counts for no more than that: nobody knows what ran while nobody looked. */
const gapMaxMs = 300_000;
/** What has decayed below this is forgotten. */
const leastCoreSeconds = 1;
/** Users and groups that are remembered, those who used most. */
const rememberedMax = 10_000;
/** Usage is stored so often at most: what a crash forgets is less than that. */
export const storeEveryMs = 300_000;

export const usageKey = ({ user, group }: Sharer): string => `${group ?? ''}\n${user ?? ''}`;

/** The usage with what new views show; the same object where there is no news. */
export function learnShares(
  before: Shares,
  views: readonly QueueSnapshot[],
  { nowMs, halfLifeMs, isOurs }: { nowMs: number; halfLifeMs: number; isOurs: (worker: Worker) => boolean },
): Shares {
  if (views.length === 0) return before;
  const factor = decay(nowMs - before.atMs, halfLifeMs);
  const usage = new Map<string, Usage>();
  for (const [key, used] of before.usage) usage.set(key, { ...used, coreSeconds: used.coreSeconds * factor });
  const countedMs = new Map(before.countedMs);
  for (const { queue, takenAtMs, workers } of views) {
    const sinceMs = countedMs.get(queue);
    countedMs.set(queue, Math.max(takenAtMs, sinceMs ?? takenAtMs));
    const seconds = sinceMs === undefined ? 0 : Math.min(gapMaxMs, Math.max(0, takenAtMs - sinceMs)) / 1000;
    if (seconds === 0) continue;
    for (const worker of workers) {
      if (worker.usage === undefined || worker.usage.length === 0 || !isOurs(worker)) continue;
      for (const { user, group, cpus } of worker.usage) {
        const key = usageKey({ user, group });
        usage.set(key, { user, group, coreSeconds: (usage.get(key)?.coreSeconds ?? 0) + cpus * seconds });
      }
    }
  }
  for (const [key, { coreSeconds }] of usage) if (coreSeconds < leastCoreSeconds) usage.delete(key);
  const storedAtMs = nowMs - before.storedAtMs >= storeEveryMs ? nowMs : before.storedAtMs;
  return { usage: withinLimit(usage), atMs: nowMs, countedMs, storedAtMs };
}

function decay(elapsedMs: number, halfLifeMs: number): number {
  return 2 ** (-Math.max(0, elapsedMs) / halfLifeMs);
}

function withinLimit(usage: ReadonlyMap<string, Usage>): ReadonlyMap<string, Usage> {
  if (usage.size <= rememberedMax) return usage;
  const most = [...usage].toSorted(([, a], [, b]) => b.coreSeconds - a.coreSeconds);
  return new Map(most.slice(0, rememberedMax));
}

/** Who is asked about; their jobs count as active, so that they have a part of the whole. */
export interface Sharer {
  readonly user: string | null;
  readonly group: string | null;
}

/**
 * For each user and group the factor F = 2^−(g + u), from 1 (has used nothing) down to 0. g is the group's part of all
 * usage over its part of all weights; u is the user's part of its group's usage over its part of the weights in that
 * group. Only groups and users with usage or with waiting jobs have a part.
 */
export function shareFactors(
  { usage }: Pick<Shares, 'usage'>,
  waiting: Iterable<Sharer>,
  policy: Pick<SharePolicy, 'users' | 'groups'>,
): (sharer: Sharer) => number {
  const groups = new Map<string | null, Map<string | null, number>>();
  const use = (group: string | null, user: string | null, coreSeconds: number) => {
    const members = groups.get(group) ?? new Map<string | null, number>();
    groups.set(group, members.set(user, (members.get(user) ?? 0) + coreSeconds));
  };
  for (const { user, group, coreSeconds } of usage.values()) use(group, user, coreSeconds);
  for (const { user, group } of waiting) use(group, user, 0);
  const weightOf = (weights: ReadonlyMap<string, number>, name: string | null) =>
    name === null ? 1 : (weights.get(name) ?? 1);

  const used = (members: ReadonlyMap<string | null, number>) => sum(members.values());
  const allUsed = sum([...groups.values()].map(used));
  const allWeights = sum([...groups.keys()].map((name) => weightOf(policy.groups, name)));
  const totals = new Map(
    [...groups].map(([group, members]) => {
      const weights = sum([...members.keys()].map((name) => weightOf(policy.users, name)));
      return [group, { used: used(members), weights }] as const;
    }),
  );
  return ({ user, group }) => {
    const own = totals.get(group);
    if (own === undefined) return 1;
    const g = over(own.used, allUsed, weightOf(policy.groups, group), allWeights);
    const u = over(groups.get(group)?.get(user) ?? 0, own.used, weightOf(policy.users, user), own.weights);
    return 2 ** -(g + u);
  };
}

/** A part of the usage over its part of the weights: 1 where a sharer has used what is due to it. */
function over(used: number, allUsed: number, weight: number, allWeights: number): number {
  if (allUsed <= 0 || used <= 0) return 0;
  if (weight <= 0) return Number.POSITIVE_INFINITY;
  return used / allUsed / (weight / allWeights);
}

function sum(numbers: Iterable<number>): number {
  let all = 0;
  for (const number of numbers) all += number;
  return all;
}
