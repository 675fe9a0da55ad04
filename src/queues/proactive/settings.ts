import { z } from 'zod';
import { type Secret, secret } from '../../config/secrets.ts';
import { durationBetween } from '../../config/units.ts';
import { PoolName } from '../../model/ids.ts';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

const restUrl = z
  .url({
    protocol: /^https?$/,
    error: 'expected the URL of the REST interface, as in https://head.example.org:8443/rest',
  })
  .refine((url) => !/\/\/[^/]*@/.test(url), 'a URL holds no credentials here; use `username` and `password`')
  .transform((url) => url.replace(/\/+$/, ''));
const name = z.string().min(1).max(200);
const oneLine = z
  .string()
  .min(1)
  .max(1000)
  .regex(/^[^\0\r\n]*$/, 'expected one line');
const propertyName = z.string().regex(/^[A-Za-z][A-Za-z0-9_.-]{0,199}$/, 'not the name of a Java property');

const source = z.strictObject({
  /** The node source's name in ProActive; left out: the pool's. */
  name: name.optional(),
  pool: name,
  /** elastic: for every task that names no token. iaas: machines that a marked job has deployed for itself. */
  policy: z.enum(['elastic', 'iaas']).default('elastic'),
  /** use: as it is. create: made and deployed where it is missing. remove: and removed when nothing needs it. */
  manage: z.enum(['use', 'create', 'remove']).default('use'),
});

const nodes = z
  .strictObject({
    /** Where machines find the resource manager, as `proactive-node -r` takes it: pnp://…, pnps://…, pamr://…. */
    url: oneLine,
    /** What a machine logs in with: a file that `proactive-create-cred` has made. */
    credentials: secret,
    /** The user of these credentials: nodes of anybody else are none of ours. */
    owner: name,
    /** Machines' own tokens are derived from it. */
    tokenKey: secret,
    /** Nodes of one machine: so many tasks run there side by side. */
    perMachine: z.int().min(1).max(1000).default(1),
    protocol: z.enum(['pnp', 'pnps', 'pamr']).default('pnp'),
    /** The router of `pamr`. */
    router: z
      .string()
      .regex(/^[A-Za-z0-9.:[\]-]+:\d{1,5}$/, 'expected host:port')
      .optional(),
    /** Java properties of the node beside those. */
    properties: z.record(propertyName, oneLine).default({}),
  })
  .superRefine(({ protocol, router }, context) => {
    if ((protocol === 'pamr') !== (router !== undefined))
      context.addIssue({ code: 'custom', message: '`router` goes with `protocol: pamr`' });
  });

/** What stands under `queues[].…` for an `adapter: proactive`. */
export const configSchema = z
  .strictObject({
    url: restUrl,
    username: name,
    password: secret,
    /** The certificate of an authority of one's own, PEM. */
    ca: secret.optional(),
    /** A call that takes longer has failed. */
    callTimeout: durationBetween(second, 10 * minute).prefault('30s'),
    /** So often it is asked whether anything has changed, between two polls; left out: never. */
    watch: durationBetween(second, hour).optional(),
    /** Nodes are looked at so often at least, also where nothing has changed in the scheduler. */
    nodesPeriod: durationBetween(0, hour).prefault('20s'),
    /** The tasks of a job that seems unchanged are read again after so long. */
    rereadAfter: durationBetween(second, 24 * hour).prefault('30m'),
    /** After a restart of the resource manager its nodes are back after so long. */
    settle: durationBetween(0, hour).prefault('1m'),
    /** Rows asked for in one call. */
    pageSize: z.int().min(10).max(100_000).default(2000),
    /** Tasks are read of so many jobs in one poll; of what is left in the next ones. */
    jobsPerPoll: z.int().min(1).max(1_000_000).default(2000),
    nodes,
    sources: z.array(source).min(1).max(100),
  })
  .superRefine(({ sources }, context) => {
    for (const [what, values] of [
      ['node source', sources.map(({ name: own, pool }) => own ?? pool)],
      ['pool', sources.map(({ pool }) => pool)],
    ] as const) {
      const twice = values.find((value, at) => values.indexOf(value) !== at);
      if (twice !== undefined)
        context.addIssue({
          code: 'custom',
          path: ['sources'],
          message: `${what} ${twice} stands there twice`,
        });
    }
  })
  .transform(
    (raw): ProactiveSettings => ({
      url: raw.url,
      username: raw.username,
      password: raw.password,
      ca: raw.ca ?? null,
      callTimeoutMs: raw.callTimeout,
      watchMs: raw.watch ?? null,
      nodesPeriodMs: raw.nodesPeriod,
      rereadAfterMs: raw.rereadAfter,
      settleMs: raw.settle,
      pageSize: raw.pageSize,
      jobsPerPollMax: raw.jobsPerPoll,
      nodes: { ...raw.nodes, router: raw.nodes.router ?? null },
      sources: raw.sources.map(({ name: own, pool, policy, manage }) => ({
        name: own ?? pool,
        pool: PoolName(pool),
        policy,
        manage,
        providers: raw.nodes.owner === raw.username ? 'ME' : `users=${raw.nodes.owner}`,
      })),
    }),
  );

export interface ProactiveSettings {
  /** Without a slash at its end. */
  readonly url: string;
  readonly username: string;
  readonly password: Secret;
  readonly ca: Secret | null;
  readonly callTimeoutMs: number;
  readonly watchMs: number | null;
  readonly nodesPeriodMs: number;
  readonly rereadAfterMs: number;
  readonly settleMs: number;
  readonly pageSize: number;
  readonly jobsPerPollMax: number;
  readonly nodes: NodeSettings;
  readonly sources: readonly SourceSettings[];
}

export interface NodeSettings {
  readonly url: string;
  readonly credentials: Secret;
  readonly owner: string;
  readonly tokenKey: Secret;
  readonly perMachine: number;
  readonly protocol: 'pnp' | 'pnps' | 'pamr';
  /** `host:port` */
  readonly router: string | null;
  readonly properties: Readonly<Record<string, string>>;
}

export interface SourceSettings {
  readonly name: string;
  readonly pool: PoolName;
  readonly policy: 'elastic' | 'iaas';
  readonly manage: 'use' | 'create' | 'remove';
  /** Who may add nodes to it, in ProActive's words. */
  readonly providers: string;
}
