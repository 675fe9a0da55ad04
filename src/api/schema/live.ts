import { z } from 'zod';
import { accessRoles } from '../../model/access.ts';
import type { Caller } from '../door.ts';
import type { LiveFrame, LiveInstance } from '../live/frame.ts';
import { type HistoryView, historySteps } from '../live/history.ts';
import { instanceSchema } from './instances.ts';
import { planSchema } from './plan.ts';
import { count, list, ms, text } from './scalars.ts';
import { statusSchema } from './status.ts';

const liveInstanceSchema = instanceSchema
  .pick({
    id: true,
    pool: true,
    queue: true,
    offer: true,
    cloud: true,
    phase: true,
    state: true,
    phaseSinceMs: true,
    createdAtMs: true,
    runningJobs: true,
    claims: true,
    market: true,
    price: true,
    address: true,
  })
  .extend({ user: text.nullable() }) satisfies z.ZodType<LiveInstance>;

export const liveFrameSchema = z.object({
  version: count,
  status: statusSchema,
  instances: z.object({ whole: z.boolean(), put: list(liveInstanceSchema), gone: list(text) }),
  demand: z
    .object({
      atMs: ms,
      ready: z.boolean(),
      missing: list(text),
      launches: planSchema.shape.launches,
      groups: planSchema.shape.demand,
    })
    .nullable(),
}) satisfies z.ZodType<LiveFrame>;

const numbers = list(count);

export const historySchema = z.object({
  nowMs: ms,
  stepMs: ms,
  atMs: list(ms),
  pools: z.record(text, z.object({ Free: numbers, Busy: numbers, Unusable: numbers })),
  queues: z.record(text, z.object({ waiting: numbers, running: numbers })),
}) satisfies z.ZodType<HistoryView>;

export const historyQuery = z.strictObject({
  step: z.enum(historySteps).default('fine'),
  sinceMs: z
    .string()
    .regex(/^\d{1,15}$/, 'is not a whole number')
    .transform(Number)
    .default(0),
});

export const callerSchema = z.object({
  name: text.nullable(),
  role: z.enum(accessRoles),
  pools: list(text).nullable(),
}) satisfies z.ZodType<Caller>;
