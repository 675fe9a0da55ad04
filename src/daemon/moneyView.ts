import type { AccountKind, BudgetView, LossView, MoneyView, SpendingView } from '../api/money.ts';
import { livedHours, lostPerHour, noLosses } from '../fleet/losses.ts';
import { billOf, costUntil } from '../model/billing.ts';
import type { Account } from '../model/budget.ts';
import type { Instance } from '../model/instance.ts';
import { type Period, periods, windowAt } from '../model/periods.ts';
import { spentIn } from '../planner/ledger.ts';
import { type BudgetReport, createPurse } from '../planner/purse.ts';
import type { DaemonView } from './control.ts';
import { moneyOutlook } from './spending.ts';

/** What is spent and what may be, as the API shows it. */
export function moneyView(view: DaemonView): MoneyView {
  const { fleet } = view.state();
  const live = [...fleet.entries.values()].map(({ instance }) => instance);
  return {
    spending: spendingViews(view, live),
    budgets: budgetViews(budgetReports(view)),
    unpriced: live.filter(({ terms }) => terms.price === null).length,
    losses: lossViews(view, live),
  };
}

export function budgetReports(view: DaemonView): readonly BudgetReport[] {
  const { fleet, spending, learned } = view.state();
  const money = moneyOutlook(spending, view.site, learned);
  return createPurse({ nowMs: view.now(), fleet, offers: view.site.offers, money }).reports;
}

export function budgetViews(reports: readonly BudgetReport[]): BudgetView[] {
  return reports.map(({ budget, account, window, spent, committed, reached }) => ({
    ...partsOf(account),
    per: budget.per,
    currency: budget.currency,
    cap: budget.amount,
    spent,
    committed,
    overspent: Math.max(0, spent - budget.amount),
    usedUp: reached !== null,
    reachedAtMs: reached?.atMs ?? null,
    windowStartMs: window.startMs,
    windowEndMs: window.endMs,
  }));
}

/** What a machine has cost so far, or in all; null where its price is not known. */
export function costOf(instance: Instance, nowMs: number): number | null {
  if (instance.terms.price === null) return null;
  const bill = billOf(instance);
  return bill === null ? 0 : costUntil(bill, nowMs);
}

const kindOrder: readonly AccountKind[] = ['site', 'pool', 'user'];

function spendingViews(view: DaemonView, live: readonly Instance[]): SpendingView[] {
  const nowMs = view.now();
  const { ledger } = view.state().spending;
  const rows = new Map<string, Record<Period, number>>();
  for (const period of periods)
    for (const [key, amount] of spentIn(ledger, live, { window: windowAt(period, nowMs), nowMs })) {
      const row = rows.get(key) ?? { hour: 0, day: 0, month: 0 };
      row[period] = amount;
      rows.set(key, row);
    }
  return [...rows]
    .map(([key, sums]) => {
      const [currency = '', ...account] = key.split(' ');
      return { ...partsOf(account.join(' ') as Account), currency, ...sums };
    })
    .toSorted(
      (a, b) =>
        kindOrder.indexOf(a.kind) - kindOrder.indexOf(b.kind) ||
        compareTexts(a.name ?? '', b.name ?? '') ||
        compareTexts(a.currency, b.currency),
    );
}

const compareTexts = (a: string, b: string): number => (a < b ? -1 : a === b ? 0 : 1);

function partsOf(account: Account): { readonly kind: AccountKind; readonly name: string | null } {
  if (account === 'site') return { kind: 'site', name: null };
  const at = account.indexOf(' ');
  return { kind: account.startsWith('pool ') ? 'pool' : 'user', name: account.slice(at + 1) };
}

/** On-demand offers only where one has been lost all the same. */
function lossViews(view: DaemonView, live: readonly Instance[]): LossView[] {
  const { losses } = view.state().spending;
  return view.parts.config.offers.flatMap(({ name, cloud, market }) => {
    const learned = losses.get(name) ?? noLosses;
    if (market === 'onDemand' && learned.lost === 0) return [];
    const hours = livedHours(live, name, view.now());
    return [
      {
        offer: name,
        cloud,
        market,
        lostPerHour: lostPerHour(learned, market, hours),
        lost: learned.lost,
        hours: learned.hours + hours,
      },
    ];
  });
}
