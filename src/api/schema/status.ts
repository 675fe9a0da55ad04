import { z } from 'zod';
import { modes } from '../../model/mode.ts';
import { daemonModes, type StatusView } from '../control.ts';
import { downtimeSchema } from './downtimes.ts';
import { moneySchema } from './money.ts';
import { observeSchema } from './observe.ts';
import { count, list, ms, text } from './scalars.ts';

export const stateCountsSchema = z.object({ Free: count, Busy: count, Unusable: count });

export const phaseCountsSchema = z.object({
  requested: count,
  unknown: count,
  building: count,
  joining: count,
  idle: count,
  claimed: count,
  leased: count,
  draining: count,
  unreachable: count,
  failed: count,
  terminating: count,
});

const troubleSchema = z.object({ code: text, message: text, sinceMs: ms });

export const setAsideSchema = z.object({
  offer: text,
  cloud: text,
  code: text,
  why: text,
  failures: count,
  untilMs: ms,
});

const queueStatusSchema = z.object({
  name: text,
  adapter: text,
  jobs: z.object({ waiting: count, running: count, held: count }),
  demandGroups: count,
  workers: z.object({ ours: count, others: count }),
  complete: z.boolean(),
  pollAgeMs: ms.nullable(),
  trouble: troubleSchema.nullable(),
});

const cloudStatusSchema = z.object({
  name: text,
  driver: text,
  instances: stateCountsSchema,
  max: count.nullable(),
  launchesInFlight: count,
  launchesInFlightMax: count,
  listAgeMs: ms.nullable(),
  trouble: troubleSchema.nullable(),
  setAside: list(setAsideSchema),
  quota: z
    .object({
      instances: z.number().nullable(),
      cpus: z.number().nullable(),
      memoryMiB: z.number().nullable(),
    })
    .nullable(),
  mode: z.enum(modes),
  retiring: z.boolean(),
});

export const poolStatusSchema = z.object({
  name: text,
  queue: text,
  min: count,
  max: count,
  headroom: count,
  paused: z.boolean(),
  mode: z.enum(modes),
  retiring: z.boolean(),
  scaled: z.boolean(),
  states: stateCountsSchema,
  phases: phaseCountsSchema,
  onlyHereJobs: count.nullable(),
  unmet: list(z.object({ demand: text, jobs: count, code: text, why: text })),
});

const totalsSchema = z.object({ launched: count, ended: count, reused: count, refused: count });

export const statusSchema = z.object({
  site: text,
  version: text,
  mode: z.enum(daemonModes),
  nowMs: ms,
  wallMs: ms,
  uptimeMs: ms,
  queues: list(queueStatusSchema),
  clouds: list(cloudStatusSchema),
  pools: list(poolStatusSchema),
  totals: z.object({ sinceStart: totalsSchema, sinceStore: totalsSchema }),
  money: moneySchema,
  observe: observeSchema.nullable(),
  alarms: list(z.object({ key: text, kind: text, why: text, sinceMs: ms })),
  downtimes: list(downtimeSchema),
}) satisfies z.ZodType<StatusView>;
