import { z } from 'zod';
import type { SiteConfig } from '../config/site.ts';
import type { FleetChange } from '../fleet/fleet.ts';
import type { FoldInput } from '../fleet/fold.ts';
import { deadlinesOf, type Learned } from '../fleet/learned.ts';
import { type LearnedLosses, learnLosses, lostPerHour, noLosses } from '../fleet/losses.ts';
import {
  type Account,
  accountOfPool,
  accountOfUser,
  type Budget,
  type ReachedBudget,
  type ReachedBudgets,
  reachedKey,
} from '../model/budget.ts';
import { type InstanceId, OfferName, type PoolName } from '../model/ids.ts';
import type { Instance } from '../model/instance.ts';
import { momentText, periods, windowAt, windowNumbered } from '../model/periods.ts';
import { amountKey, book, type Ledger, slotKey, spentIn, windowsKept } from '../planner/ledger.ts';
import { type BudgetReport, describeBudget, type MoneyOutlook } from '../planner/purse.ts';
import type { Fact } from '../store/port.ts';
import type { CoreSite } from './tick.ts';

/** What is remembered of money: what ended machines have cost, the budgets that are used up, how often offers' machines are lost. */
export interface Spending {
  readonly ledger: Ledger;
  readonly reached: ReachedBudgets;
  readonly losses: LearnedLosses;
}

export const nothingSpent: Spending = { ledger: new Map(), reached: new Map(), losses: new Map() };

/** Books the machines that have ended in this change, once each: `booked` are those that were booked before. */
export function bookEnded(spending: Spending, change: FleetChange, booked: Set<InstanceId>): Spending {
  const ended: Instance[] = [];
  for (const instance of change.changedInstances.values()) {
    if (instance.phase !== 'ended' || booked.has(instance.id)) continue;
    booked.add(instance.id);
    ended.push(instance);
  }
  if (ended.length === 0) return spending;
  const { ledger, losses } = spending;
  return { ...spending, ledger: book(ledger, ended), losses: learnLosses(losses, ended) };
}

export function moneyOutlook(
  { ledger, reached, losses }: Spending,
  site: CoreSite,
  learned: Learned,
): MoneyOutlook {
  return {
    budgets: site.budgets,
    ledger,
    reached,
    comingMs: (offer, pool) => {
      const limits = site.pools.get(pool)?.limits;
      if (limits === undefined) return 0;
      const { bootMs, joinMs } = deadlinesOf(learned, offer, { limits, lookMs: site.lookMs });
      return bootMs + joinMs;
    },
    windDownMs: site.windDownMs,
    lostPerHour: ({ name, market }) => lostPerHour(losses.get(name) ?? noLosses, market),
  };
}

/**
 * Ending a machine without a job takes a drain, the looks that show it idle, a call to the cloud, and the looks that
 * show it gone; each look comes a period late at most.
 */
export function windDownOf({ queues, clouds, pools }: SiteConfig): CoreSite['windDownMs'] {
  return (poolName, cloudName) => {
    const pool = pools.find(({ name }) => name === poolName);
    const queue = queues.find(({ name }) => name === pool?.queue);
    const cloud = clouds.find(({ name }) => name === cloudName);
    const queueMs = queue === undefined ? 0 : 3 * queue.pollMs + queue.deadlineMs;
    const cloudMs = cloud === undefined ? 0 : 2 * cloud.pollMs + cloud.deadlineMs;
    return (pool?.limits.idleConfirmMs ?? 0) + queueMs + cloudMs;
  };
}

/** Notes the budgets that were found used up, and what became of those whose hour, day or month is over. */
export function foldBudgets(
  change: FleetChange,
  before: Spending,
  reports: readonly BudgetReport[],
): Spending {
  const { nowMs } = change.context;
  const reached = new Map(before.reached);
  let changed = false;
  for (const [key, was] of before.reached) {
    const window = windowNumbered(was.per, was.window);
    const now = reports.find(({ reached: is }) => is !== null && reachedKey(is) === key);
    if (now?.reached === was) continue;
    reached.delete(key);
    changed = true;
    const live = [...change.entries.values()].map(({ instance }) => instance);
    const amounts = spentIn(before.ledger, live, { window, nowMs });
    change.note(closing(was, amounts.get(amountKey(was.account, was.currency)) ?? 0, nowMs));
  }
  for (const report of reports) {
    const { reached: is } = report;
    if (is === null || reached.get(reachedKey(is)) === is) continue;
    reached.set(reachedKey(is), is);
    changed = true;
    change.note(opening(report, is, nowMs));
  }
  return changed ? { ...before, reached } : before;
}

/** How long no daemon ran before this tick; 0 in the midst of a run. */
export function awayOf({ outcomes }: Pick<FoldInput, 'outcomes'>): number {
  return outcomes.reduce((sum, outcome) => sum + (outcome.kind === 'resumed' ? outcome.awayMs : 0), 0);
}

/**
 * A budget whose hour, day or month was passed and over while no daemon looked: told when there is one again, once. What
 * ran then went on; nothing was launched.
 */
export function noteMissed(
  change: FleetChange,
  { ledger, reached }: Spending,
  { budgets, awayMs }: { readonly budgets: readonly Budget[]; readonly awayMs: number },
): void {
  if (awayMs <= 0 || budgets.length === 0) return;
  const { nowMs } = change.context;
  const live = [...change.entries.values()].map(({ instance }) => instance);
  for (const period of periods) {
    const held = budgets.filter(({ per }) => per === period);
    const last = windowAt(period, nowMs).index;
    const first = Math.max(windowAt(period, nowMs - awayMs).index, last - windowsKept[period] + 1);
    for (let window = first; held.length > 0 && window < last; window++) {
      const amounts = spentIn(ledger, live, { window: windowNumbered(period, window), nowMs });
      for (const [key, spent] of amounts)
        for (const { currency, amount: cap } of held.filter((budget) => isHeld(budget, key, held))) {
          const account = key.slice(currency.length + 1) as Account;
          const known = reached.get(reachedKey({ account, per: period, currency }));
          if (spent > cap && known?.window !== window)
            change.note(closing({ account, per: period, currency, cap, window }, spent, nowMs));
        }
    }
  }
}

/** Whether an amount of the ledger is what the budget holds; `all` may have a budget of the user's own. */
function isHeld({ scope, currency }: Budget, key: string, all: readonly Budget[]): boolean {
  switch (scope.kind) {
    case 'site':
      return key === amountKey('site', currency);
    case 'pool':
      return key === amountKey(accountOfPool(scope.pool), currency);
    case 'user': {
      if (scope.user !== null) return key === amountKey(accountOfUser(scope.user), currency);
      const hasOwn = all.some(
        (other) => other.scope.kind === 'user' && other.scope.user !== null && isHeld(other, key, []),
      );
      return key.startsWith(amountKey(accountOfUser(''), currency)) && !hasOwn;
    }
  }
}

function opening(report: BudgetReport, is: ReachedBudget, atMs: number) {
  const { account, per, currency, cap, spent, committed, machines, busy } = is;
  return {
    kind: 'budget' as const,
    atMs,
    ...poolOf(account),
    why: `${describeBudget(report)}; ${machines} machines drain, ${busy} of them have jobs`,
    data: { account, per, currency, cap, spent, committed, machines, busy, over: false },
  };
}

type Passed = Pick<ReachedBudget, 'account' | 'per' | 'currency' | 'cap' | 'window'>;

function closing({ account, per, currency, cap, window }: Passed, spent: number, atMs: number) {
  const overspent = Math.max(0, spent - cap);
  const { startMs } = windowNumbered(per, window);
  const name = account === 'site' ? 'the site' : account;
  return {
    kind: 'budget' as const,
    atMs,
    ...poolOf(account),
    why: `the budget of ${name} for the ${per} from ${momentText(startMs)} is no longer used up: ${spent.toFixed(2)} ${currency} were spent, ${overspent.toFixed(2)} above its ${cap} by what ran when it was reached`,
    data: { account, per, currency, cap, spent, overspent, windowStartMs: startMs, over: true },
  };
}

function poolOf(account: Account): { readonly pool?: PoolName } {
  return account.startsWith('pool ') ? { pool: account.slice('pool '.length) as PoolName } : {};
}

const slotSchema = z.object({
  period: z.enum(periods),
  index: z.number(),
  amounts: z.record(z.string(), z.number()),
});

const reachedSchema = z.array(
  z.object({
    account: z.string().transform((text) => text as Account),
    per: z.enum(periods),
    currency: z.string(),
    cap: z.number(),
    window: z.number(),
    atMs: z.number(),
    spent: z.number(),
    committed: z.number(),
    machines: z.number(),
    busy: z.number(),
  }),
);

const lossesSchema = z.object({ lost: z.number(), hours: z.number() });

const lossesKey = (offer: string) => `losses/${offer}`;
const ledgerKey = (slot: string) => `ledger/${slot}`;

/** Only the slots that have changed are written. */
export function spendingFacts(before: Spending, after: Spending): Fact[] {
  const facts: Fact[] = [];
  if (before.ledger !== after.ledger)
    for (const [key, { period, index, amounts }] of after.ledger)
      if (before.ledger.get(key)?.amounts !== amounts)
        facts.push({ key: ledgerKey(key), value: { period, index, amounts: Object.fromEntries(amounts) } });
  if (before.losses !== after.losses)
    for (const [offer, value] of after.losses)
      if (before.losses.get(offer) !== value) facts.push({ key: lossesKey(offer), value });
  if (before.reached !== after.reached)
    facts.push({ key: 'budgetsReached', value: [...after.reached.values()] });
  return facts;
}

export function rememberSpending(facts: readonly Fact[]): Spending {
  const slots = facts
    .filter(({ key }) => key.startsWith(ledgerKey('')))
    .map(({ value }) => slotSchema.parse(value))
    .map((slot) => ({ ...slot, amounts: new Map(Object.entries(slot.amounts)) }));
  const reached = reachedSchema.parse(facts.find(({ key }) => key === 'budgetsReached')?.value ?? []);
  const losses = facts
    .filter(({ key }) => key.startsWith(lossesKey('')))
    .map(
      ({ key, value }) => [OfferName(key.slice(lossesKey('').length)), lossesSchema.parse(value)] as const,
    );
  return {
    losses: new Map(losses),
    ledger: new Map(slots.map((slot) => [slotKey(slot.period, slot.index), slot])),
    reached: new Map(reached.map((each) => [reachedKey(each), each])),
  };
}
