import { z } from 'zod';
import { downtimeStages } from '../../model/downtime.ts';
import type { DowntimeList, DowntimeReceipt, DowntimeView } from '../downtimes.ts';
import { count, list, ms, nameSchema, text } from './scalars.ts';

export const downtimeSchema = z.object({
  id: text,
  cloud: text.nullable(),
  pool: text.nullable(),
  reason: text,
  force: z.boolean(),
  configured: z.boolean(),
  stage: z.enum(downtimeStages),
  fromAtMs: ms,
  toAtMs: ms,
  fromWallMs: ms,
  toWallMs: ms,
  drainsAtMs: ms,
  machines: count,
  busy: count,
}) satisfies z.ZodType<DowntimeView>;

export const downtimeListSchema = z.object({
  nowMs: ms,
  downtimes: list(downtimeSchema),
}) satisfies z.ZodType<DowntimeList>;

export const downtimeReceiptSchema = z.object({
  nowMs: ms,
  downtime: downtimeSchema,
  next: text,
}) satisfies z.ZodType<DowntimeReceipt>;

export const downtimeParams = z.strictObject({ id: z.string().regex(/^[a-z0-9-]{1,40}$/, 'is no downtime') });

const wallMs = z.number().int().min(0).max(8_640_000_000_000_000);

/** At most one of `cloud` and `pool`; neither: the whole site. */
export const downtimeBody = z
  .strictObject({
    cloud: nameSchema.nullable().default(null),
    pool: nameSchema.nullable().default(null),
    fromWallMs: wallMs.nullable().default(null),
    toWallMs: wallMs,
    reason: z.string().min(1).max(200),
    force: z.boolean().default(false),
    drainAheadMs: z
      .number()
      .int()
      .min(0)
      .max(365 * 86_400_000)
      .nullable()
      .default(null),
  })
  .refine(({ cloud, pool }) => cloud === null || pool === null, 'of a cloud or of a pool, not of both');
