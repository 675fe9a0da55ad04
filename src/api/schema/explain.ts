import { z } from 'zod';
import { jobStates } from '../../queues/port.ts';
import type { InstanceExplanation, JobExplanation } from '../control.ts';
import { instanceSchema } from './instances.ts';
import { journalEntrySchema } from './journal.ts';
import { figuresSchema, turnSchema } from './plan.ts';
import { count, list, ms, resourcesSchema, text } from './scalars.ts';
import { setAsideSchema } from './status.ts';

const offerVerdictSchema = z.object({
  pool: text,
  offer: text,
  cloud: text,
  matches: z.boolean(),
  side: z.enum(['job', 'offer', 'size']).nullable(),
  clause: text.nullable(),
  found: text.nullable(),
  setAside: setAsideSchema.nullable(),
});

export const jobExplanationSchema = z.object({
  nowMs: ms,
  job: text,
  queue: text,
  owner: text.nullable(),
  state: z.enum(jobStates),
  demand: text.nullable(),
  wants: resourcesSchema.nullable(),
  turn: turnSchema.nullable(),
  shortage: z.object({ code: text, why: text, figures: figuresSchema }).nullable(),
  verdict: text,
  next: text,
  offers: list(offerVerdictSchema),
  workers: z.object({ total: count, matching: count, free: count, coming: count }),
  pools: list(z.object({ pool: text, min: count, max: count, counted: count })),
  remarks: list(text),
}) satisfies z.ZodType<JobExplanation>;

export const instanceExplanationSchema = z.object({
  nowMs: ms,
  instance: instanceSchema,
  bootedBecause: text,
  endedBecause: text.nullable(),
  keptBecause: text.nullable(),
  journal: list(journalEntrySchema),
}) satisfies z.ZodType<InstanceExplanation>;
