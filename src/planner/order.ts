import type { Demand } from '../model/demand.ts';
import type { FairnessPolicy } from '../model/fairness.ts';
import { type Shares, shareFactors } from './share.ts';

/** In which order waiting jobs are served. */
export type OrderPolicy = Pick<FairnessPolicy, 'agingMs' | 'share'>;

/** Job priorities beyond this are no more urgent: what one user writes must not outweigh what all others wait. */
export const priorityMax = 20;

/** Why a group stands where it stands: the greater level goes first, then the older, then by id. */
export interface Turn {
  /** From 1, over all queues. */
  readonly place: number;
  /** priority + aging + share. */
  readonly level: number;
  readonly priority: number;
  readonly aging: number;
  readonly share: number;
  /** The greatest priority of a pool that could serve it: goes before the level. */
  readonly pool: number;
}

/**
 * Aging ends where it outweighs all else together: a job that has waited so long goes before every job that has just come,
 * whoever's it is and whatever it says.
 */
export const agingMax = ({ share }: OrderPolicy): number => 2 * priorityMax + share.levels + 1;

export interface OrderInput {
  /** As in `PlanInput`. */
  readonly wallMs: number;
  readonly policy: OrderPolicy;
  readonly shares: Pick<Shares, 'usage'>;
  /** The greatest priority of a pool that could serve these jobs. */
  readonly poolPriority: (demand: Demand) => number;
}

/** How long the oldest of its jobs has waited; 0 where the scheduler does not say. */
export const waitedMsOf = ({ oldestSubmittedAtMs }: Demand, wallMs: number): number =>
  Math.max(0, wallMs - (oldestSubmittedAtMs ?? wallMs));

/** Pure; the same groups in whatever order give the same order. */
export function inOrder(
  groups: readonly Demand[],
  { wallMs, policy, shares, poolPriority }: OrderInput,
): readonly { readonly demand: Demand; readonly turn: Turn }[] {
  if (groups.length === 0) return [];
  const factor = shareFactors(shares, groups, policy.share);
  const most = agingMax(policy);
  const rated = groups.map((demand) => {
    const priority = Math.max(-priorityMax, Math.min(priorityMax, demand.priority));
    const aging = Math.min(most, waitedMsOf(demand, wallMs) / policy.agingMs);
    const share = policy.share.levels * factor(demand);
    return { demand, level: priority + aging + share, priority, aging, share, pool: poolPriority(demand) };
  });
  return rated
    .toSorted((a, b) => b.pool - a.pool || b.level - a.level || byAge(a.demand, b.demand))
    .map(({ demand, ...turn }, at) => ({ demand, turn: { place: at + 1, ...turn } }));
}

function byAge(a: Demand, b: Demand): number {
  const age = (demand: Demand) => demand.oldestSubmittedAtMs ?? Number.POSITIVE_INFINITY;
  const difference = age(a) - age(b);
  if (!Number.isNaN(difference) && difference !== 0) return difference;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}
