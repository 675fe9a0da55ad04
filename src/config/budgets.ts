import type { Budget, BudgetScope } from '../model/budget.ts';
import { PoolName } from '../model/ids.ts';
import type { LoadedOffer } from './load-offers.ts';
import { checkName, type PoolEntry } from './references.ts';
import type { Locate, Report } from './report.ts';
import type { BudgetFields } from './schema.ts';

/** A user of the config: each user who has no budget of his own for the period. */
const eachUser = '*';

export function budgetOf({ pool, user, per, amount }: BudgetFields): Budget {
  return { scope: scopeOf(pool, user), per, ...amount };
}

function scopeOf(pool: string | undefined, user: string | undefined): BudgetScope {
  if (pool !== undefined) return { kind: 'pool', pool: PoolName(pool) };
  if (user !== undefined) return { kind: 'user', user: user === eachUser ? null : user };
  return { kind: 'site' };
}

/** A budget can hold only what can be counted: every offer that it is asked about must have a price in its currency. */
export function checkBudgets(
  budgets: readonly BudgetFields[],
  { pools, offers }: { readonly pools: readonly PoolEntry[]; readonly offers: readonly LoadedOffer[] },
  locateBudget: (index: number) => Locate,
  report: Report,
): void {
  const names = pools.flatMap(({ name }) => name ?? []);
  const first = new Map<string, number>();
  for (const [index, budget] of budgets.entries()) {
    const locate = locateBudget(index);
    const { pool, user, per, amount } = budget;
    if (pool !== undefined && !checkName('pool', pool, names, locate(['pool']), report)) continue;
    const key = JSON.stringify([pool ?? null, user ?? null, per]);
    const earlier = first.get(key);
    if (earlier === undefined) first.set(key, index);
    else
      report.add(
        'error',
        locate(['per']),
        `there is a budget of the same for each ${per} already (budgets[${earlier}])`,
      );
    const counted = pools.filter(({ name }) => pool === undefined || name === pool);
    const used = new Set(counted.flatMap(({ offers: own }) => own));
    for (const { offer } of offers) {
      if (!used.has(offer.name)) continue;
      if (offer.price === null)
        report.add(
          'error',
          locate(['amount']),
          `offer ${offer.name} has no price, and this budget counts it`,
        );
      else if (offer.price.currency !== amount.currency) {
        const text = `the price of offer ${offer.name} is in ${offer.price.currency}: it cannot be compared with ${amount.currency}`;
        report.add('error', locate(['amount']), text);
      }
    }
  }
}
