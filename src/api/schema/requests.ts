import { z } from 'zod';
import { phases, publicStates } from '../../model/instance.ts';
import { journalKinds } from '../../model/journal.ts';
import { instanceIdSchema, jobIdSchema, nameSchema } from './scalars.ts';

/** What may come in: anything else is refused, unknown fields too. */

const instancesMax = 10_000;
const journalMax = 1_000;
const launchMax = 1_000;
const noteMax = 200;

const wholeNumber = (max: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/, 'is not a whole number')
    .transform(Number)
    .refine((value) => value >= 1 && value <= max, `is not between 1 and ${max}`);

const position = z
  .string()
  .regex(/^\d{1,15}$/, 'is not a whole number')
  .transform(Number);

export const instanceParams = z.strictObject({ id: instanceIdSchema });
export const jobParams = z.strictObject({ id: jobIdSchema });

export const instancesQuery = z.strictObject({
  pool: nameSchema.optional(),
  cloud: nameSchema.optional(),
  offer: nameSchema.optional(),
  state: z.enum(publicStates).optional(),
  phase: z.enum(phases).optional(),
  ended: z
    .enum(['true', 'false'])
    .transform((word) => word === 'true')
    .default(false),
  limit: wholeNumber(instancesMax).default(instancesMax),
});

export const journalQuery = z.strictObject({
  /** Kinds, separated by commas. */
  kinds: z
    .string()
    .max(500)
    .transform((words) => words.split(','))
    .pipe(z.array(z.enum(journalKinds)))
    .optional(),
  pool: nameSchema.optional(),
  cloud: nameSchema.optional(),
  offer: nameSchema.optional(),
  intent: instanceIdSchema.optional(),
  instance: instanceIdSchema.optional(),
  afterNumber: position.optional(),
  beforeNumber: position.optional(),
  sinceMs: position.optional(),
  limit: wholeNumber(journalMax).default(100),
});

const { limit: _limit, beforeNumber: _beforeNumber, sinceMs: _sinceMs, ...followed } = journalQuery.shape;

/** The same of entries that are yet to come; the header `Last-Event-ID` goes before `afterNumber`. */
export const eventsQuery = z.strictObject(followed);

export const launchBody = z.strictObject({
  pool: nameSchema,
  offer: nameSchema.nullable().default(null),
  count: z.number().int().min(1).max(launchMax).default(1),
  note: z.string().max(noteMax).nullable().default(null),
});

/** `POST …/terminate` may come without a body. */
export const terminateBody = z.strictObject({ force: z.boolean().default(false) }).nullish();
