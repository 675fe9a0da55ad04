import { z } from 'zod';
import { type ConfigurationView, type ReloadReceipt, reloadOutcomes } from '../reload.ts';
import { count, list, text } from './scalars.ts';

const problemSchema = z.object({
  severity: z.enum(['error', 'warning']),
  file: text,
  line: count,
  column: count,
  path: text,
  message: text,
});

const changeSchema = z.object({
  change: z.enum(['added', 'removed', 'changed']),
  kind: text,
  name: text,
  field: text.nullable(),
  from: text.nullable(),
  to: text.nullable(),
});

export const reloadReceiptSchema = z.object({
  outcome: z.enum(reloadOutcomes),
  path: text,
  problems: list(problemSchema),
  changes: list(changeSchema),
  retiring: list(text),
  next: text,
}) satisfies z.ZodType<ReloadReceipt>;

export const configurationSchema = z.object({
  path: text,
  entries: list(z.object({ kind: text, name: text, fields: z.record(z.string(), z.unknown()) })),
}) satisfies z.ZodType<ConfigurationView>;
