import { z } from 'zod';
import type { PlanView } from '../plan.ts';
import { budgetSchema } from './money.ts';
import { observeSchema } from './observe.ts';
import { count, list, ms, text } from './scalars.ts';

export const figuresSchema = z.record(text, z.number());

export const turnSchema = z.object({
  place: count,
  of: count,
  level: z.number(),
  priority: z.number(),
  aging: z.number(),
  share: z.number(),
  pool: z.number(),
});

const changeSchema = z.object({ instance: text, pool: text, why: text });

const demandPlanSchema = z.object({
  demand: text,
  queue: text,
  sampleJobs: list(text),
  user: text.nullable(),
  group: text.nullable(),
  workers: count,
  walltimeMs: ms.nullable(),
  turn: turnSchema,
  jobs: count,
  servedByWorkers: count,
  servedComing: count,
  toLaunch: count,
  unmet: count,
  unmetCode: text.nullable(),
  unmetWhy: text.nullable(),
  unmetFigures: figuresSchema,
  refusedOffers: list(z.object({ offer: text, code: text, clause: text.nullable() })),
});

const launchSchema = z.object({
  pool: text,
  offer: text,
  cloud: text,
  count,
  why: text,
  demand: text.nullable(),
});

export const planSchema = z.object({
  nowMs: ms,
  ready: z.boolean(),
  missing: list(text),
  launches: list(launchSchema),
  drains: list(changeSchema),
  undrains: list(changeSchema),
  terminations: list(changeSchema),
  demand: list(demandPlanSchema),
  budgets: list(budgetSchema),
  observe: observeSchema.extend({ launches: list(launchSchema), drains: list(changeSchema) }).nullable(),
}) satisfies z.ZodType<PlanView>;
