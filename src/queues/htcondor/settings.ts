import { z } from 'zod';
import { type Secret, secret } from '../../config/secrets.ts';
import { durationBetween, durationMs } from '../../config/units.ts';
import type { WalltimeWord } from './accounting.ts';
import { cloudSchedulerSchema, type VmSettings } from './vm-settings.ts';

const second = 1000;
const hour = 3600 * second;
const day = 24 * hour;

/** `<instance>` stands for the instance's id. */
export const instancePlaceholder = '<instance>';

const name = z
  .string()
  .min(1)
  .regex(/^[^\s'"\\-][^\s'"\\]*$/, 'not a name: no spaces, quotes or backslashes, and no "-" first');
const attributeName = z.string().regex(/^[A-Za-z_]\w{0,99}$/, 'not the name of an attribute');
const units = { s: second, m: 60 * second, h: hour } as const;
const path = z.string().startsWith('/', 'expected an absolute path');

const join = z.strictObject({
  /** The collector's address as the machines use it: `host` or `host:port`. */
  collector: name,
  trustDomain: name,
  /** The key that machines' tokens are signed with: the very file that lies in SEC_PASSWORD_DIRECTORY. */
  signingKey: secret,
  /** Its name there. */
  signingKeyId: name.default('spillway'),
  identity: name
    .includes(instancePlaceholder, {
      error: `expected ${instancePlaceholder} in it: each machine has its own`,
    })
    .includes('@', { error: 'expected user@domain' })
    .optional(),
  /** Machines that the schedds cannot reach by their addresses are reached through the collector (CCB). */
  ccb: z.boolean().default(false),
  /** Machines and daemons of one name reach each other by their addresses all the same. */
  privateNetwork: name.optional(),
  /** How much longer than its machine a token lives. */
  margin: durationMs.default(day),
  /** How long a token lives where the pool's machines have no maximum lifetime. */
  lifetime: durationBetween(hour, 3650 * day).default(30 * day),
});

/** What stands under `queues[].…` for an `adapter: htcondor`. */
export const configSchema = z
  .strictObject({
    /** Names of the schedds to watch; none: the one of this host. */
    schedds: z.array(name).max(100).default([]),
    /** The collector as this host reaches it; absent: as HTCondor's own configuration says. */
    pool: name.optional(),
    /** Folder of HTCondor's programs; absent: the PATH. */
    bin: path.optional(),
    /** CONDOR_CONFIG of the programs. */
    condorConfig: path.optional(),
    /** One call of a program may take so long. */
    commandTimeout: durationBetween(second, hour).default(25 * second),
    /** UPDATE_INTERVAL of the machines: after the collector has restarted its view is incomplete for two of them. */
    updateInterval: durationBetween(second, day).default(300 * second),
    /** A drain is refused on a machine that would evict its jobs sooner (its MAXJOBRETIREMENTTIME). */
    retirementMin: durationMs.default(day),
    /** With so many waiting jobs or more, an unchanged queue is read anew only now and then: see `rereadAfter`. */
    bigQueueJobs: z.int().min(1).default(5000),
    rereadAfter: durationMs.default(60 * second),
    /** The schedd's job_queue.log, where this user may read it: its growth wakes the daemon. */
    jobQueueLog: path.optional(),
    /** `log`: the jobs are read from jobQueueLog, and by condor_q only where that does not do. */
    jobsFrom: z.enum(['condor_q', 'log']).default('condor_q'),
    /** Why jobs wait is written into their ads, as SpillwayReason. */
    tellJobs: z.boolean().default(false),
    /** Of a job: how long it may run, beside AllowedJobDuration and AllowedExecuteDuration. */
    walltimeAttribute: attributeName.optional(),
    walltimeUnit: z.enum(['s', 'm', 'h']).default('m'),
    /** Of waiting and running jobs: a proxy that ends within that is told of; 0: none is. */
    proxyWarning: durationBetween(0, 30 * day).default(2 * hour),
    /** How Cloud Scheduler's words in jobs are understood. */
    cloudScheduler: cloudSchedulerSchema.prefault({}),
    join: join.optional(),
  })
  .refine(({ jobsFrom, jobQueueLog }) => jobsFrom !== 'log' || jobQueueLog !== undefined, {
    path: ['jobsFrom'],
    error: '`log` needs a jobQueueLog',
  })
  .refine(({ jobsFrom, schedds }) => jobsFrom !== 'log' || schedds.length <= 1, {
    path: ['jobsFrom'],
    error: "`log` is for one schedd: a log is one schedd's",
  })
  .transform(
    (raw): HtcondorSettings => ({
      schedds: raw.schedds,
      pool: raw.pool ?? null,
      bin: raw.bin ?? null,
      condorConfig: raw.condorConfig ?? null,
      commandTimeoutMs: raw.commandTimeout,
      updateIntervalMs: raw.updateInterval,
      retirementMinMs: raw.retirementMin,
      bigQueueJobs: raw.bigQueueJobs,
      rereadAfterMs: raw.rereadAfter,
      jobQueueLog: raw.jobQueueLog ?? null,
      jobsFrom: raw.jobsFrom,
      tellJobs: raw.tellJobs,
      walltime:
        raw.walltimeAttribute === undefined
          ? null
          : { attribute: raw.walltimeAttribute, unitMs: units[raw.walltimeUnit] },
      proxyWarningMs: raw.proxyWarning,
      vmSettings: raw.cloudScheduler,
      join: raw.join === undefined ? null : joinSettings(raw.join),
    }),
  );

export interface HtcondorSettings {
  readonly schedds: readonly string[];
  readonly pool: string | null;
  readonly bin: string | null;
  readonly condorConfig: string | null;
  readonly commandTimeoutMs: number;
  readonly updateIntervalMs: number;
  readonly retirementMinMs: number;
  readonly bigQueueJobs: number;
  readonly rereadAfterMs: number;
  readonly jobQueueLog: string | null;
  readonly jobsFrom: 'condor_q' | 'log';
  readonly tellJobs: boolean;
  /** Null: the site has no word of its own for it. */
  readonly walltime: WalltimeWord | null;
  /** 0: proxies are not looked at. */
  readonly proxyWarningMs: number;
  /** Cloud Scheduler's words. */
  readonly vmSettings: VmSettings;
  /** Null: machines join by other means; none is then known as an instance of ours by its identity. */
  readonly join: JoinSettings | null;
}

export interface JoinSettings {
  readonly collector: string;
  readonly trustDomain: string;
  readonly signingKey: Secret;
  readonly signingKeyId: string;
  /** With `<instance>` in it. */
  readonly identity: string;
  readonly ccb: boolean;
  readonly privateNetwork: string | null;
  readonly marginMs: number;
  readonly lifetimeMs: number;
}

function joinSettings(raw: z.output<typeof join>): JoinSettings {
  return {
    collector: raw.collector,
    trustDomain: raw.trustDomain,
    signingKey: raw.signingKey,
    signingKeyId: raw.signingKeyId,
    identity: raw.identity ?? `spillway-${instancePlaceholder}@${raw.trustDomain}`,
    ccb: raw.ccb,
    privateNetwork: raw.privateNetwork ?? null,
    marginMs: raw.margin,
    lifetimeMs: raw.lifetime,
  };
}
