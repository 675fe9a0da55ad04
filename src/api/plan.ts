import type { DemandPlan } from './demandPlan.ts';
import type { BudgetView } from './money.ts';
import type { ObserveView } from './observe.ts';

export interface PlanView {
  readonly nowMs: number;
  /** False: something is missing, and the plan is what can be said without it. */
  readonly ready: boolean;
  /** What is missing, a clause each, e.g. `queue main has not been polled yet`. */
  readonly missing: readonly string[];
  readonly launches: readonly PlannedLaunch[];
  readonly drains: readonly PlannedChange[];
  readonly undrains: readonly PlannedChange[];
  readonly terminations: readonly PlannedChange[];
  readonly demand: readonly DemandPlan[];
  readonly budgets: readonly BudgetView[];
  /** What is only observed: what would be done now, beyond the machines that would be there; null: nothing is. */
  readonly observe: ObservePlan | null;
}

export interface PlannedLaunch {
  readonly pool: string;
  readonly offer: string;
  readonly cloud: string;
  readonly count: number;
  readonly why: string;
  /** The demand group that it is for; null for min and head-room. */
  readonly demand: string | null;
}

export interface PlannedChange {
  readonly instance: string;
  readonly pool: string;
  readonly why: string;
}

export interface ObservePlan extends ObserveView {
  readonly launches: readonly PlannedLaunch[];
  readonly drains: readonly PlannedChange[];
}
