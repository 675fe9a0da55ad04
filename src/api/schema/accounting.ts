import { z } from 'zod';
import { usageKeys } from '../../model/accounting.ts';
import { dayOfText } from '../../model/periods.ts';
import type { AccountingView, ReportReceipt } from '../accounting.ts';
import { count, list, ms, text } from './scalars.ts';

const amount = z.number();

/** A day of UTC as a number: see `Window.index`. */
const dayNumber = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}$/, 'is not a day, as in 2026-11-22')
  .transform((text, context) => {
    const day = dayOfText(text);
    if (day !== null) return day;
    context.addIssue('is a day that no month has');
    return z.NEVER;
  });

/** `to` is the first day that is not in it; what is left out is from this month's first day, and up to now. */
export const accountingQuery = z.strictObject({
  from: dayNumber.optional(),
  to: dayNumber.optional(),
  /** Names, separated by commas. */
  by: z
    .string()
    .max(200)
    .transform((words) => (words === '' ? [] : words.split(',')))
    .pipe(z.array(z.enum(usageKeys)))
    .refine((names) => new Set(names).size === names.length, 'names something twice')
    .optional(),
});

export const accountingSchema = z.object({
  nowMs: ms,
  from: text,
  to: text,
  by: list(z.enum(usageKeys)),
  rows: list(
    z.object({
      keys: z.record(text, text.nullable()),
      machines: count,
      machineSeconds: amount,
      coreSeconds: amount,
      memoryMiBSeconds: amount,
      busySeconds: amount,
      busyCoreSeconds: amount,
      jobs: count,
      costs: list(z.object({ currency: text, amount })),
    }),
  ),
}) satisfies z.ZodType<AccountingView>;

export const reportBody = z
  .strictObject({
    folder: z.string().min(1).max(1000).startsWith('/', 'is not an absolute path').nullable().default(null),
  })
  .nullish();

export const reportReceiptSchema = z.object({
  folder: text,
  messages: count,
  records: count,
}) satisfies z.ZodType<ReportReceipt>;
