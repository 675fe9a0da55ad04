import type { UsageKeyName } from '../model/accounting.ts';

/** What has been used: see docs/accounting.md for what each amount is. */
export interface AccountingQuery {
  /** Days since 1970, UTC: from the one up to, and not with, the other. Null: from the first of this month; up to now. */
  readonly fromDay: number | null;
  readonly toDay: number | null;
  readonly by: readonly UsageKeyName[];
  /** Only of these pools; null: of all. */
  readonly pools: ReadonlySet<string> | null;
}

export interface AccountingView {
  readonly nowMs: number;
  /** `2026-11-01`. */
  readonly from: string;
  /** The first day that is not in it. */
  readonly to: string;
  readonly by: readonly UsageKeyName[];
  readonly rows: readonly UsageView[];
}

export interface UsageView {
  /** By the names in `by`: null is nobody. A day is `2026-11-22`, a month `2026-11`. */
  readonly keys: Readonly<Record<string, string | null>>;
  readonly machines: number;
  readonly machineSeconds: number;
  readonly coreSeconds: number;
  readonly memoryMiBSeconds: number;
  readonly busySeconds: number;
  readonly busyCoreSeconds: number;
  readonly jobs: number;
  readonly costs: readonly { readonly currency: string; readonly amount: number }[];
}

/** Usage records that have been put into a folder for an agent to send. */
export interface ReportReceipt {
  readonly folder: string;
  readonly messages: number;
  readonly records: number;
}
