import type { PoolName } from './ids.ts';
import type { Period } from './periods.ts';

/** Whose spending a budget holds. A user of null: each user by himself who has no budget of his own for the period. */
export type BudgetScope =
  | { readonly kind: 'site' }
  | { readonly kind: 'pool'; readonly pool: PoolName }
  | { readonly kind: 'user'; readonly user: string | null };

/** No more than that in each hour, day or month. */
export interface Budget {
  readonly scope: BudgetScope;
  readonly per: Period;
  readonly amount: number;
  /** ISO 4217. */
  readonly currency: string;
}

/** Whom an amount is booked to. */
export type Account = 'site' | `pool ${string}` | `user ${string}`;

export const accountOfPool = (pool: PoolName): Account => `pool ${pool}`;
export const accountOfUser = (user: string): Account => `user ${user}`;

/**
 * A budget that was found used up: from then until the window ends nothing is launched that counts in it, and what
 * counts in it drains.
 */
export interface ReachedBudget {
  readonly account: Account;
  readonly per: Period;
  readonly currency: string;
  readonly cap: number;
  /** Which hour, day or month: see `Window.index`. */
  readonly window: number;
  readonly atMs: number;
  /** As it was found then. */
  readonly spent: number;
  readonly committed: number;
  /** Machines that there were then, and those of them with a job. */
  readonly machines: number;
  readonly busy: number;
}

/** By `reachedKey`. */
export type ReachedBudgets = ReadonlyMap<string, ReachedBudget>;

export const reachedKey = ({ account, per, currency }: Pick<ReachedBudget, 'account' | 'per' | 'currency'>) =>
  `${account} per ${per} in ${currency}`;
