import { z } from 'zod';
import { secret } from '../../config/secrets.ts';
import { durationBetween } from '../../config/units.ts';

const second = 1000;
const text = (what: string) => z.string().min(1, `expected ${what}`).max(255);
const path = (what: string) =>
  z
    .string()
    .min(1)
    .max(1000)
    .refine((value) => value.startsWith('/') && !value.includes('\0'), `expected ${what}: an absolute path`);

const ways = ['server', 'kubeconfig', 'inCluster'] as const;

/** A cloud's own fields in the config. */
export const kubernetesSettings = z
  .strictObject({
    server: z
      .url({
        protocol: /^https?$/,
        error: 'expected the URL of the API server, as in https://cluster.example.org:6443',
      })
      .refine((url) => !/\/\/[^/]*@/.test(url), 'a URL holds no credentials here; use `token`')
      .optional(),
    /** With `server`. */
    token: secret.optional(),
    /** With `server`; read again every minute. */
    tokenFile: path('a file with a token').optional(),
    /** With `server`: a PEM file of authorities that are trusted in place of the host's. */
    caFile: path('a PEM file').optional(),
    /** With `server`. */
    verify: z.boolean().default(true),
    kubeconfig: z
      .strictObject({
        /** The file's own text is kept as a secret: it may hold a token or a key. */
        file: secret,
        context: text('the name of a context').optional(),
      })
      .optional(),
    /** As the service account of the pod that the daemon runs in. */
    inCluster: z.literal(true).optional(),
    namespace: z
      .string()
      .regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, 'expected the name of a namespace')
      .optional(),
    /** A pod that no node has had room for so long has failed. */
    schedulingTimeout: durationBetween(10 * second, 24 * 3600 * second).prefault('2m'),
    pageSize: z.int().min(10).max(5000).default(500),
  })
  .superRefine((value, context) => {
    const said = ways.filter((way) => value[way] !== undefined);
    if (said.length !== 1) context.addIssue('say one of `server`, `kubeconfig` and `inCluster`');
    const ofServer = (['token', 'tokenFile', 'caFile'] as const).filter(
      (field) => value[field] !== undefined,
    );
    if (value.server === undefined) {
      for (const field of ofServer) {
        context.addIssue({ code: 'custom', path: [field], message: `\`${field}\` goes with \`server\`` });
      }
    } else if ((value.token === undefined) === (value.tokenFile === undefined)) {
      context.addIssue('with `server`, say `token` or `tokenFile`');
    }
  });
export type KubernetesSettings = z.output<typeof kubernetesSettings>;
