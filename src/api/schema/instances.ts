import { z } from 'zod';
import { markets } from '../../model/billing.ts';
import { endReasons, type LaunchCause, phases, publicStates } from '../../model/instance.ts';
import type { ChangeReceipt, InstanceList, InstanceView, LaunchReceipt } from '../control.ts';
import { count, list, ms, text } from './scalars.ts';

const causeKinds = [
  'demand',
  'min',
  'headroom',
  'operator',
  'adopted',
] as const satisfies readonly LaunchCause['kind'][];

export const instanceSchema = z.object({
  id: text,
  intent: text,
  seat: count,
  pool: text,
  queue: text,
  offer: text,
  cloud: text,
  cause: z.object({
    kind: z.enum(causeKinds),
    demand: text.nullable(),
    job: text.nullable(),
    user: text.nullable(),
  }),
  phase: z.enum(phases),
  state: z.enum(publicStates).nullable(),
  phaseSinceMs: ms,
  deadlineMs: ms.nullable(),
  cloudId: text.nullable(),
  address: text.nullable(),
  worker: text.nullable(),
  runningJobs: count.nullable(),
  createdAtMs: ms,
  runningAtMs: ms.nullable(),
  joinedAtMs: ms.nullable(),
  idleSinceMs: ms.nullable(),
  claims: count,
  endReason: z.enum(endReasons).nullable(),
  endedAtMs: ms.nullable(),
  market: z.enum(markets),
  price: z.object({ perHour: z.number(), currency: text }).nullable(),
  cost: z.number().nullable(),
}) satisfies z.ZodType<InstanceView>;

export const instanceListSchema = z.object({
  nowMs: ms,
  total: count,
  instances: list(instanceSchema),
}) satisfies z.ZodType<InstanceList>;

export const launchReceiptSchema = z.object({
  pool: text,
  offer: text,
  cloud: text,
  instances: list(z.object({ id: text, intent: text })),
}) satisfies z.ZodType<LaunchReceipt>;

export const changeReceiptSchema = z.object({
  nowMs: ms,
  instance: instanceSchema,
  changed: z.boolean(),
  next: text,
}) satisfies z.ZodType<ChangeReceipt>;
