import { z } from 'zod';
import { markets } from '../model/billing.ts';
import { hookMoments } from '../model/hook.ts';
import { modes } from '../model/mode.ts';
import { periods } from '../model/periods.ts';
import { accountingSchema } from './accounting.ts';
import { apiSchema, poolAccess } from './api-schema.ts';
import { moment } from './moment.ts';
import { durationBetween, money, price, sizeMiB } from './units.ts';

/**
 * The fields of the config file that are the same for every site; the rest of a queue's, a cloud's or an offer's
 * `boot` fields belong to its adapter or driver. docs/configuration.md describes each one; a test compares the two.
 */

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** It goes into tags, host names and tokens of every machine. */
const siteName = named(
  /^[a-z](?:[a-z0-9-]*[a-z0-9])?$/,
  20,
  'lower-case letters, digits and "-", beginning with a letter and not ending in "-"',
);

/** Of a queue, cloud, offer or pool. */
export const entryName = named(
  /^[A-Za-z0-9][A-Za-z0-9._-]*$/,
  40,
  'letters, digits, ".", "_" and "-", beginning with a letter or digit',
);

const filePath = z
  .string()
  .min(1)
  .max(1000)
  .refine((path) => !path.includes('\0') && !path.includes('\n'), 'not a path');

const machines = z.int().min(0).max(100_000);

const weights = z.record(z.string().min(1).max(200), z.number().gt(0).max(1_000_000));

export const fairShareSchema = z.strictObject({
  halfLife: durationBetween(hour, 3650 * day).prefault('7d'),
  levels: z.number().min(0).max(1000).default(20),
  users: weights.default({}),
  groups: weights.default({}),
});

export const capSchema = z
  .strictObject({
    user: z.string().min(1).max(200).optional(),
    group: z.string().min(1).max(200).optional(),
    cpus: z.int().min(0).max(10_000_000).optional(),
    machines: machines.optional(),
  })
  .superRefine(({ user, group, cpus, machines: count }, context) => {
    if ((user === undefined) === (group === undefined))
      context.addIssue({ code: 'custom', path: [], message: 'of a user or of a group, one of the two' });
    if (cpus === undefined && count === undefined)
      context.addIssue({ code: 'custom', path: [], message: 'says no number: cpus, machines or both' });
  });

export const policySchema = z.strictObject({
  reap: durationBetween(minute, day).prefault('10m'),
  setAsideFirst: durationBetween(second, day).prefault('1m'),
  setAsideMax: durationBetween(second, 7 * day).prefault('1h'),
  massShare: z.number().gt(0).max(1).default(0.5),
  alarmAfter: z.int().min(1).max(1000).default(3),
  drainAhead: durationBetween(0, 365 * day).prefault('1d'),
  retention: durationBetween(hour, 3650 * day).prefault('30d'),
  aging: durationBetween(minute, 30 * day).prefault('1h'),
  gangHold: durationBetween(0, day).prefault('30m'),
  makeRoom: z.union([z.literal('never'), durationBetween(0, 30 * day)]).prefault('10m'),
  fairShare: fairShareSchema.prefault({}),
  caps: z.array(capSchema).max(1000).default([]),
});

export const downtimeSchema = z
  .strictObject({
    cloud: z.string().optional(),
    pool: z.string().optional(),
    from: moment,
    to: moment,
    reason: z.string().min(1).max(200),
    force: z.boolean().default(false),
    drainAhead: durationBetween(0, 365 * day).optional(),
  })
  .superRefine(({ cloud, pool, from, to }, context) => {
    if (cloud !== undefined && pool !== undefined)
      context.addIssue({ code: 'custom', path: ['pool'], message: 'of a cloud or of a pool, not of both' });
    if (to <= from) context.addIssue({ code: 'custom', path: ['to'], message: 'is not after from' });
  });

export const budgetSchema = z
  .strictObject({
    pool: z.string().optional(),
    user: z.string().min(1).max(200).optional(),
    per: z.enum(periods),
    amount: money,
  })
  .superRefine(({ pool, user }, context) => {
    if (pool !== undefined && user !== undefined)
      context.addIssue({ code: 'custom', path: ['user'], message: 'of a pool or of a user, not of both' });
  });

/** An argument vector; run without a shell. */
const commandWords = z
  .array(z.string().min(1).max(4000))
  .min(1)
  .max(100)
  .refine((words) => words.every((text) => !text.includes('\0')), 'a NUL in it');

export const hookSchema = z.strictObject({
  on: z.array(z.enum(hookMoments)).min(1).max(hookMoments.length),
  pools: z.array(z.string()).min(1).max(1000).optional(),
  command: commandWords,
  deadline: durationBetween(100, hour).prefault('30s'),
});

const tcpPort = z.int().min(1).max(65_535);

/** One of `tcp`, `ssh`, `command`, and how often. */
export const probeSchema = z
  .strictObject({
    tcp: tcpPort.optional(),
    ssh: z
      .strictObject({ user: z.string().min(1).max(64), identity: filePath, port: tcpPort.default(22) })
      .optional(),
    command: commandWords.optional(),
    every: durationBetween(second, hour).prefault('30s'),
    deadline: durationBetween(100, minute).prefault('5s'),
    failures: z.int().min(1).max(1000).default(3),
  })
  .superRefine(({ tcp, ssh, command }, context) => {
    if ([tcp, ssh, command].filter((check) => check !== undefined).length !== 1)
      context.addIssue('expected one of tcp, ssh and command');
  });

export const siteSchema = z.strictObject({
  site: siteName,
  stateDir: filePath.default('/var/lib/spillway'),
  socket: filePath.default('/run/spillway/spillway.sock'),
  api: apiSchema.prefault({}),
  queues: z.array(z.unknown()).min(1).max(100),
  clouds: z.array(z.unknown()).min(1).max(100),
  offers: z.array(z.unknown()).max(10_000).default([]),
  offerFiles: z.array(filePath).max(100).default([]),
  pools: z.array(z.unknown()).min(1).max(1000),
  mode: z.enum(modes).default('act'),
  downtimes: z.array(downtimeSchema).max(200).default([]),
  budgets: z.array(budgetSchema).max(1000).default([]),
  hooks: z.array(hookSchema).max(100).default([]),
  accounting: accountingSchema.prefault({}),
  policy: policySchema.prefault({}),
});

/** What every queue has; its adapter's fields stand beside these. */
export const queueSchema = z.strictObject({
  name: entryName,
  adapter: z.string(),
  poll: durationBetween(100, hour).prefault('5s'),
  deadline: durationBetween(100, hour).prefault('30s'),
  holdUnfitAfter: durationBetween(10 * minute, 365 * day)
    .nullable()
    .default(null),
});

/** What every cloud has; its driver's fields stand beside these. */
export const cloudSchema = z.strictObject({
  name: entryName,
  driver: z.string(),
  mode: z.enum(modes).default('act'),
  poll: durationBetween(100, hour).prefault('10s'),
  deadline: durationBetween(100, hour).prefault('30s'),
  max: machines.nullable().default(null),
  launchesInFlight: z.int().min(1).max(1000).default(4),
  callsPerMinute: z.int().min(1).max(100_000).default(240),
});

/** Plain values of a ClassAd attribute, or `expr` for one that is computed. */
const attributeValue = z.union(
  [
    z.string().max(4000),
    z.number(),
    z.boolean(),
    z.strictObject({ expr: z.string().min(1).max(4000) }),
    z.array(z.union([z.string().max(4000), z.number(), z.boolean()])).max(1000),
  ],
  {
    error: ({ input }) =>
      typeof input === 'object' && input !== null && !Array.isArray(input)
        ? 'expected a value or {expr: …}'
        : undefined,
  },
);
export type AttributeValue = z.infer<typeof attributeValue>;

/** `1h`: whole hours, one at least. Or the two apart. */
const billing = z.union(
  [
    durationBetween(second, 31 * day).transform((ms) => ({ minimumMs: ms, incrementMs: ms })),
    z
      .strictObject({
        minimum: durationBetween(0, 31 * day).prefault('0s'),
        increment: durationBetween(second, 31 * day).prefault('1s'),
      })
      .transform(({ minimum, increment }) => ({ minimumMs: minimum, incrementMs: increment })),
  ],
  {
    error: ({ input }) =>
      typeof input === 'object' ? undefined : 'expected a duration from 1s to 31d, or {minimum, increment}',
  },
);

export const offerSchema = z.strictObject({
  name: entryName,
  cloud: z.string(),
  cpus: z.int().min(1).max(4096),
  memory: sizeMiB,
  disk: sizeMiB,
  gpus: z.int().min(0).max(64).default(0),
  arch: z.string().min(1).max(40).default('X86_64'),
  opsys: z.string().min(1).max(40).default('LINUX'),
  market: z.enum(markets).default('onDemand'),
  price: price.optional(),
  billing: billing.prefault('1s'),
  max: machines.nullable().default(null),
  attributes: z.record(z.string(), attributeValue).default({}),
  requirements: z.string().min(1).max(10_000).default('true'),
  /** Checked by the driver, which says what is missing. */
  boot: z.unknown().optional(),
});

const patterns = z.array(z.string().min(1).max(200)).min(1).max(100);

export const generateSchema = z.strictObject({
  flavors: patterns,
  images: patterns,
  newest: z.boolean().default(false),
  zones: patterns.optional(),
  pricePerCpu: price.optional(),
  memoryShare: z.number().gt(0).max(1).default(0.95),
  diskShare: z.number().gt(0).max(1).default(0.8),
  max: z.int().min(1).max(5000).default(200),
});

/** An entry of `offers` that stands for what a cloud's catalog has: the catalog says the rest. */
export const generatedOfferSchema = offerSchema
  .omit({ cpus: true, memory: true, gpus: true, arch: true })
  .extend({ name: entryName.optional(), disk: sizeMiB.optional(), generate: generateSchema });

/** A maximum lifetime, or `none`. */
const lifetime = z
  .string({ error: ({ input }) => (typeof input === 'number' ? undefined : 'expected a duration or "none"') })
  .or(z.number())
  .transform((text, context): number | null => {
    if (text === 'none') return null;
    const parsed = durationBetween(10 * minute, 3650 * day).safeParse(text);
    if (parsed.success) return parsed.data;
    for (const { message } of parsed.error.issues) context.addIssue(`${message}; or "none"`);
    return z.NEVER;
  });

/** A time without a job, or `learned`: null. */
const idleTime = z
  .string({
    error: ({ input }) => (typeof input === 'number' ? undefined : 'expected a duration or "learned"'),
  })
  .or(z.number())
  .transform((text, context): number | null => {
    if (text === 'learned') return null;
    const parsed = durationBetween(second, 30 * day).safeParse(text);
    if (parsed.success) return parsed.data;
    for (const { message } of parsed.error.issues) context.addIssue(`${message}; or "learned"`);
    return z.NEVER;
  });

export const limitsSchema = z.strictObject({
  idle: idleTime.prefault('learned'),
  idleMin: durationBetween(second, 30 * day).prefault('30s'),
  idleMax: durationBetween(second, 30 * day).prefault('2h'),
  waitWeight: z.number().min(0).max(1000).default(1),
  idleConfirm: durationBetween(second, hour).prefault('30s'),
  bootMax: durationBetween(10 * second, day).prefault('15m'),
  joinMax: durationBetween(10 * second, day).prefault('15m'),
  silent: durationBetween(10 * second, day).prefault('15m'),
  drainMax: durationBetween(second, 365 * day).prefault('1d'),
  lifetime: lifetime.prefault('14d'),
  lifetimeGrace: durationBetween(second, 365 * day).prefault('2d'),
});

/** A number of machines, or a share of those in use. */
const headroom = z
  .union([machines, z.string()], { error: () => 'expected a whole number or a share, as in 1%' })
  .transform((value, context): { readonly machines: number; readonly share: number } => {
    if (typeof value === 'number') return { machines: value, share: 0 };
    const [, percent] = /^(\d{1,3}(?:\.\d+)?)\s*%$/.exec(value.trim()) ?? [];
    if (percent !== undefined && Number(percent) <= 100) return { machines: 0, share: Number(percent) / 100 };
    context.addIssue('expected a whole number or a share of up to 100%, as in 1%');
    return z.NEVER;
  });

export const poolSchema = z.strictObject({
  name: entryName,
  queue: z.string(),
  mode: z.enum(modes).default('act'),
  offers: z.array(z.string()).min(1).max(10_000),
  min: machines.default(0),
  max: machines.min(1),
  headroom: headroom.prefault('1%'),
  launchesPerHour: machines.min(1).nullable().default(null),
  priority: z.int().min(-1000).max(1000).default(0),
  spread: z.enum(['cheapest', 'weighted']).default('cheapest'),
  weights: z.record(z.string(), z.number().min(0).max(1000)).default({}),
  fallbackAfter: durationBetween(0, day).prefault('0s'),
  access: poolAccess,
  userData: filePath.nullable().default(null),
  probe: probeSchema.nullable().default(null),
  limits: limitsSchema.prefault({}),
});

function named(pattern: RegExp, lettersMax: number, rule: string) {
  return z.string().superRefine((name, context) => {
    if (name === '') context.addIssue('must not be empty');
    else if (name.length > lettersMax) context.addIssue(`longer than ${lettersMax} letters`);
    else if (!pattern.test(name)) context.addIssue(`${JSON.stringify(name)}: only ${rule}`);
  });
}

export type SiteFields = z.output<typeof siteSchema>;
export type BudgetFields = z.output<typeof budgetSchema>;
export type PolicyFields = z.output<typeof policySchema>;
export type CapFields = z.output<typeof capSchema>;
export type QueueFields = z.output<typeof queueSchema>;
export type CloudFields = z.output<typeof cloudSchema>;
export type GeneratedOfferFields = z.output<typeof generatedOfferSchema>;
export type OfferFields = z.output<typeof offerSchema>;
export type PoolFields = z.output<typeof poolSchema>;
