import { z } from 'zod';
import { type LeaseView, leaseEnds, leaseStates } from '../../model/lease.ts';
import { count, list, ms, nameSchema, resourcesSchema, text } from './scalars.ts';

const environment = z.record(z.string(), z.string());

const accessSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('local'), folder: text, environment }),
  z.object({ kind: z.literal('ssh'), host: text, port: z.number(), user: text, knownHosts: text }),
]);

export const leaseSchema = z.object({
  lease: z.object({
    id: text,
    pool: text,
    requirements: text,
    request: resourcesSchema,
    user: text,
    holder: text.nullable(),
    priority: z.number(),
    note: text,
    publicKey: text.nullable(),
    ttlMs: ms,
    state: z.enum(leaseStates),
    instance: text.nullable(),
    askedAtWallMs: ms,
    grantedAtWallMs: ms.nullable(),
    endedAtWallMs: ms.nullable(),
    end: z.enum(leaseEnds).nullable(),
  }),
  access: accessSchema.nullable(),
  ahead: count.nullable(),
});
export type LeaseAnswer = z.output<typeof leaseSchema>;
/** A view is an answer as it is: ids are texts. */
export const leaseAnswer = (view: LeaseView): LeaseAnswer => view;

export const leaseListSchema = z.object({ leases: list(leaseSchema) });

const leaseId = z.string().regex(/^[a-z0-9]{1,20}-\d{1,15}$/, 'is not the id of a lease');
export const leaseParams = z.strictObject({ id: leaseId });

const waitMsMax = 60_000;

export const leaseQuery = z.strictObject({
  /** Answer when the lease is in this state no more, or after `waitMs`. */
  from: z.enum(leaseStates).optional(),
  waitMs: z
    .string()
    .regex(/^\d{1,5}$/, 'is not a whole number')
    .transform(Number)
    .refine((value) => value <= waitMsMax, `is more than ${waitMsMax}`)
    .default(30_000),
});

const oneLine = /^[^\p{Cc}\p{Zl}\p{Zp}]*$/u;
const line = (lettersMax: number) =>
  z
    .string()
    .max(lettersMax)
    .refine((text) => oneLine.test(text), 'has control characters or line ends');
const amount = (most: number) => z.number().int().min(0).max(most).default(0);

/** Which of those that have not ended. */
export const leasesQuery = z.strictObject({
  pool: nameSchema.optional(),
  state: z.enum(leaseStates).optional(),
  user: line(128).optional(),
});

export const leaseBody = z.strictObject({
  pool: nameSchema,
  requirements: z.string().min(1).max(10_000).default('true'),
  cpus: z.number().int().min(1).max(100_000).default(1),
  memoryMiB: amount(2 ** 40),
  diskMiB: amount(2 ** 40),
  gpus: amount(1000),
  user: line(128).min(1),
  priority: z.number().int().min(-1_000_000).max(1_000_000).default(0),
  note: line(200).default(''),
  publicKey: line(4000).nullable().default(null),
  ttlMs: z.number().int().min(1).max(86_400_000).default(60_000),
});
