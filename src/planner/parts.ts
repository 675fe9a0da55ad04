import { countsTowardMax, type FleetEntry } from '../fleet/entry.ts';
import type { CloudName, OfferName, PoolName } from '../model/ids.ts';
import type { Pool } from '../model/offer.ts';
import type { PlanInput, PlannedDrain } from './plan.ts';
import type { Work } from './work.ts';

/** What a bound counts: the machines of a cloud, or those of one offer of it. */
export interface Scope {
  readonly cloud: CloudName;
  /** Null: all offers. */
  readonly offer: OfferName | null;
}

/** Machines for which jobs have waited for long, and which a shared bound stops. */
export interface Pressure {
  readonly scope: Scope;
  readonly pool: Pool;
  readonly machines: number;
}

/** How a bound is divided. */
export interface Division {
  readonly scope: Scope;
  /** The most machines that each pool may have; one that is not named may have all. */
  readonly parts: ReadonlyMap<PoolName, number>;
  /** How many machines of each pool are to make room. */
  readonly yields: ReadonlyMap<PoolName, number>;
  /** Those for whom room is made. */
  readonly pressed: readonly PoolName[];
}

export const isWithin = (scope: Scope, { cloud, offer }: { cloud: CloudName; offer: OfferName }): boolean =>
  scope.cloud === cloud && (scope.offer === null || scope.offer === offer);

/** One pool's side of it. */
interface Claim {
  readonly pool: Pool;
  /** Machines that it has, without those that are about to go. */
  readonly has: number;
  /** Those, without the ones that nothing needs, and what it is pressed for. */
  readonly wants: number;
  readonly isPressed: boolean;
}

/**
 * A bound that several pools share, a cloud's or an offer's max or an account's quota, is divided between them for as
 * long as jobs wait for it: what a pool of greater priority can use, it has; pools of the same priority have equal parts,
 * first by queue, then by pool, and what one of them cannot use the others have. Without it the pool that was there
 * first would keep every place for as long as its jobs keep coming.
 *
 * Pure. Only bounds of which somebody who is pressed lacks some of his part.
 */
export function divide(work: Work): readonly Division[] {
  const scopes = Map.groupBy(work.pressures, ({ scope }) => `${scope.cloud}/${scope.offer ?? ''}`);
  return [...scopes.values()].flatMap((pressures) => {
    const scope = pressures[0]?.scope;
    return scope === undefined ? [] : (divideScope(scope, pressures, work) ?? []);
  });
}

function divideScope(scope: Scope, pressures: readonly Pressure[], work: Work): Division | null {
  const { input, supply } = work;
  const launches = work.launches.filter((launch) => isWithin(scope, launch));
  const inScope = [...input.fleet.entries.values()].filter(
    ({ instance }) => countsTowardMax(instance) && isWithin(scope, instance),
  );
  const byPool = Map.groupBy(inScope, ({ instance }) => instance.pool);
  const claims = input.pools.flatMap((pool): Claim[] => {
    const own = (byPool.get(pool.name) ?? []).filter((entry) => !isLeaving(entry));
    const unused = own.filter((entry) => isFree(entry) && !supply.needed.has(entry.instance.id)).length;
    const pressed = sum(pressures.filter((one) => one.pool.name === pool.name).map((one) => one.machines));
    const planned = sum(launches.filter((one) => one.pool === pool.name).map(({ count }) => count));
    const kept = Math.max(own.length - unused, Math.min(pool.min, own.length));
    const wants = kept + planned + pressed;
    return own.length + wants === 0 ? [] : [{ pool, has: own.length, wants, isPressed: pressed > 0 }];
  });
  // What a bound that stops somebody allows: the machines that are there, and those that are about to come.
  const places = inScope.length + sum(launches.map(({ count }) => count));
  const parts = partsOf(claims, places);
  const lacks = sum(
    claims
      .filter(({ isPressed }) => isPressed)
      .map(({ pool, has }) => Math.max(0, Math.floor(parts.get(pool.name) ?? 0) - has)),
  );
  if (lacks === 0) return null;
  const limits = new Map([...parts].map(([name, part]) => [name, Math.ceil(part)]));
  // What is about to go makes room anyway.
  let missing = lacks - inScope.filter(isLeaving).length;
  const yields = new Map<PoolName, number>();
  const over = ({ pool, has }: Claim) => has - Math.max(pool.min, limits.get(pool.name) ?? has);
  for (const claim of claims.toSorted((a, b) => over(b) - over(a))) {
    const count = Math.min(missing, over(claim));
    if (count <= 0) break;
    yields.set(claim.pool.name, count);
    missing -= count;
  }
  const pressed = claims.filter(({ isPressed }) => isPressed).map(({ pool }) => pool.name);
  return { scope, parts: limits, yields, pressed };
}

/** In machines, and fractions of them; together no more than there are. */
function partsOf(claims: readonly Claim[], machines: number): ReadonlyMap<PoolName, number> {
  const parts = new Map<PoolName, number>();
  const least = ({ pool, has }: Claim) => Math.min(pool.min, has);
  let left = machines - sum(claims.map(least));
  const byPriority = Map.groupBy(claims, ({ pool }) => pool.priority);
  for (const [, tier] of [...byPriority].toSorted(([a], [b]) => b - a)) {
    const more = (claim: Claim) => claim.wants - least(claim);
    const queues = [...Map.groupBy(tier, ({ pool }) => pool.queue).values()];
    const ofQueues = fill(
      left,
      queues.map((own) => sum(own.map(more))),
    );
    queues.forEach((own, at) => {
      const ofPools = fill(ofQueues[at] ?? 0, own.map(more));
      own.forEach((claim, n) => {
        parts.set(claim.pool.name, least(claim) + (ofPools[n] ?? 0));
      });
    });
    left = Math.max(0, left - sum(ofQueues));
  }
  return parts;
}

/** Equal parts of `total`, none more than it wants, and what one does not want for the others (max-min fairness). */
export function fill(total: number, wants: readonly number[]): number[] {
  const parts = wants.map(() => 0);
  let left = total;
  const inOrder = wants.map((want, at) => ({ want, at })).toSorted((a, b) => a.want - b.want);
  inOrder.forEach(({ want, at }, n) => {
    const part = Math.max(0, Math.min(want, left / (wants.length - n)));
    parts[at] = part;
    left -= part;
  });
  return parts;
}

/** Free machines first, then those with the fewest jobs, then the oldest: each ends the jobs that it has. */
export function drainsForOthers(divisions: readonly Division[], { fleet }: PlanInput): PlannedDrain[] {
  return divisions.flatMap(({ scope, yields, pressed }) =>
    [...yields].flatMap(([pool, count]) =>
      [...fleet.entries.values()]
        .filter((entry) => isInUse(entry) && entry.instance.pool === pool && isWithin(scope, entry.instance))
        .toSorted(
          (a, b) =>
            Number(isFree(b)) - Number(isFree(a)) ||
            a.sighting.jobIds.length - b.sighting.jobIds.length ||
            a.instance.createdAtMs - b.instance.createdAtMs,
        )
        .slice(0, count)
        .map(({ instance }) => ({
          instance: instance.id,
          reason: 'yielded' as const,
          why: `pool ${pool} has more than its part of ${nameOf(scope)}, and jobs of ${pressed.filter((name) => name !== pool).join(', ')} wait for it`,
        })),
    ),
  );
}

export const nameOf = ({ cloud, offer }: Scope): string =>
  offer === null ? `cloud ${cloud}` : `offer ${offer}`;

const isFree = ({ instance, sighting }: FleetEntry): boolean =>
  instance.phase === 'idle' && sighting.activity === 'idle';

const isInUse = ({ instance: { phase, endReason } }: FleetEntry): boolean =>
  endReason === null && (phase === 'idle' || phase === 'claimed');

function isLeaving({ instance: { phase, endReason } }: FleetEntry): boolean {
  return endReason !== null || phase === 'terminating' || phase === 'failed';
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
