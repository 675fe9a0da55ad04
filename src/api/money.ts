import type { Period } from '../model/periods.ts';

/** What is spent, and what may be; amounts are in units of their currency. Exactly how: docs/money.md. */
export interface MoneyView {
  /** One for each account that has had a machine in this hour, day or month: the site first, then pools, then users. */
  readonly spending: readonly SpendingView[];
  readonly budgets: readonly BudgetView[];
  /** Machines that there are and whose price is not known: what they cost is in no sum. */
  readonly unpriced: number;
  /** What has been learned of the offers whose machines the cloud may take back, or has. */
  readonly losses: readonly LossView[];
}

export const accountKinds = ['site', 'pool', 'user'] as const;
export type AccountKind = (typeof accountKinds)[number];

export interface SpendingView {
  readonly kind: AccountKind;
  /** Of the pool or user; null for the site. */
  readonly name: string | null;
  readonly currency: string;
  /** In this hour, this day and this month so far. */
  readonly hour: number;
  readonly day: number;
  readonly month: number;
}

export interface BudgetView {
  readonly kind: AccountKind;
  readonly name: string | null;
  readonly per: Period;
  readonly currency: string;
  readonly cap: number;
  readonly spent: number;
  /** What the machines that there are will yet cost in this window although they are ended as soon as can be. */
  readonly committed: number;
  /** Above the cap, by what ran when it was reached; 0 while it is not passed. */
  readonly overspent: number;
  /** Nothing is launched until the window ends, and what counts in it drains. */
  readonly usedUp: boolean;
  readonly reachedAtMs: number | null;
  /** The hour, day or month of which it is, in epoch ms. */
  readonly windowStartMs: number;
  readonly windowEndMs: number;
}

export interface LossView {
  readonly offer: string;
  readonly cloud: string;
  readonly market: string;
  /** Expected losses in an hour of one machine's life. */
  readonly lostPerHour: number;
  /** What it is learned from, the older the less. */
  readonly lost: number;
  readonly hours: number;
}
