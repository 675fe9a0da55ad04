import { z } from 'zod';
import { periods } from '../../model/periods.ts';
import { accountKinds, type BudgetView, type MoneyView } from '../money.ts';
import { count, list, ms, text } from './scalars.ts';

const amount = z.number();

export const budgetSchema = z.object({
  kind: z.enum(accountKinds),
  name: text.nullable(),
  per: z.enum(periods),
  currency: text,
  cap: amount,
  spent: amount,
  committed: amount,
  overspent: amount,
  usedUp: z.boolean(),
  reachedAtMs: ms.nullable(),
  windowStartMs: ms,
  windowEndMs: ms,
}) satisfies z.ZodType<BudgetView>;

export const moneySchema = z.object({
  spending: list(
    z.object({
      kind: z.enum(accountKinds),
      name: text.nullable(),
      currency: text,
      hour: amount,
      day: amount,
      month: amount,
    }),
  ),
  budgets: list(budgetSchema),
  unpriced: count,
  losses: list(
    z.object({
      offer: text,
      cloud: text,
      market: text,
      lostPerHour: amount,
      lost: amount,
      hours: amount,
    }),
  ),
}) satisfies z.ZodType<MoneyView>;
