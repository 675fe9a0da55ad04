import { z } from 'zod';
import type { PoolReceipt } from '../poolStatus.ts';
import { ms, nameSchema, text } from './scalars.ts';
import { poolStatusSchema } from './status.ts';

export const poolReceiptSchema = z.object({
  nowMs: ms,
  pool: poolStatusSchema,
  changed: z.boolean(),
  next: text,
}) satisfies z.ZodType<PoolReceipt>;

export const poolParams = z.strictObject({ name: nameSchema });

const bound = z.number().int().min(0).max(1_000_000).nullable().optional();

/** A number sets a bound, null gives it back to the config, and one that is absent stays as it is. */
export const scaleBody = z.strictObject({ min: bound, max: bound });
