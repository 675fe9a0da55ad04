import { z } from 'zod';
import { secret } from '../../config/secrets.ts';
import { sizeMiB } from '../../config/units.ts';
import { markPrefix } from './mark.ts';

const tagsMax = 20;

const nameOrId = (what: string) => z.string().min(1, `expected ${what}`).max(255);
/** In a list that is sent as one text, a comma would part it. */
const listed = (what: string) => nameOrId(what).refine((text) => !text.includes(','), 'a comma in a name');
const someOf = (what: string) => z.array(listed(what)).min(1).max(16);

/** A cloud's own fields in the config. */
export const cloudstackSettings = z
  .strictObject({
    endpoint: z
      .url({
        protocol: /^https?$/,
        error: 'expected the URL of the API, as in https://cloud.example.org/client/api',
      })
      .refine((url) => !/\/\/[^/]*@/.test(url), 'a URL holds no credentials here; use `credentials`'),
    credentials: z.strictObject({ apiKey: secret, secretKey: secret }),
    /** Id of the project that the machines belong to; left out: the account of the key. */
    project: nameOrId('the id of a project').optional(),
    /** Another account of the domain that the key may act for. */
    account: nameOrId('the name of an account').optional(),
    domain: nameOrId('the id of a domain').optional(),
    /** Machines go at once when they are ended; without the right to that, false: then they go when the server clears up. */
    expunge: z.boolean().default(true),
    /** Rows asked for in one call; at most the server's `default.page.size`. */
    pageSize: z.int().min(1).max(10_000).default(500),
    /** What the catalog says of all flavors, as CloudStack does not: the hosts' architecture, in the words of `uname -m`. */
    arch: z
      .string()
      .regex(/^[a-z0-9_]{1,20}$/, 'expected an architecture, as in x86_64')
      .default('x86_64'),
  })
  .superRefine(({ project, account, domain }, context) => {
    if ((account === undefined) !== (domain === undefined)) {
      context.addIssue({ code: 'custom', message: '`account` and `domain` go together' });
    }
    if (project !== undefined && account !== undefined) {
      context.addIssue({ code: 'custom', message: 'a `project` has no `account`' });
    }
  });
export type CloudstackSettings = z.output<typeof cloudstackSettings>;

const details = z.record(z.string(), z.string().max(255)).superRefine((fields, context) => {
  for (const key of Object.keys(fields)) {
    const message = wrongDetail(key);
    if (message !== null) context.addIssue({ code: 'custom', path: [key], message });
  }
});

function wrongDetail(key: string): string | null {
  if (!/^[A-Za-z0-9_.:-]{1,100}$/.test(key)) return 'a detail has letters, digits and _.:- in its name';
  return key.startsWith(markPrefix) ? `details that begin with ${markPrefix} are this program's own` : null;
}

const tags = z
  .record(z.string().min(1).max(255), z.string().min(1).max(255))
  .superRefine((fields, context) => {
    const keys = Object.keys(fields);
    if (keys.length > tagsMax) context.addIssue(`at most ${tagsMax} tags`);
    for (const key of keys.filter((one) => one.startsWith(markPrefix))) {
      const message = `tag keys that begin with ${markPrefix} are this program's own`;
      context.addIssue({ code: 'custom', path: [key], message });
    }
  });

/** The fields under an offer's `boot:`. Where a name will do, an id will, too, and saves a call. */
export const cloudstackOffer = z.strictObject({
  zone: nameOrId('a zone'),
  serviceOffering: nameOrId('a service offering'),
  /** Of several templates with the name the newest that is ready. */
  template: nameOrId('a template'),
  /** The first is the default network; left out: what the zone or the account has. */
  networks: someOf('a network').optional(),
  securityGroups: someOf('the name of a security group').optional(),
  affinityGroups: someOf('the name of an affinity group').optional(),
  keyPair: nameOrId('the name of a key pair').optional(),
  /** Shown beside the machine in the web page; made by the server if there is none of the name. */
  group: nameOrId('the name of an instance group').optional(),
  /** Of a service offering that leaves its size open. */
  custom: z
    .strictObject({
      cpus: z.int().min(1).max(10_000).optional(),
      cpuSpeedMHz: z.int().min(1).max(100_000).optional(),
      memory: sizeMiB.optional(),
    })
    .optional(),
  /** In place of the template's own size; rounded up to whole GiB. */
  rootDisk: sizeMiB.optional(),
  /** A second disk, which goes with the machine. `size` where the offering leaves it open; rounded up to whole GiB. */
  dataDisk: z.strictObject({ offering: nameOrId('a disk offering'), size: sizeMiB.optional() }).optional(),
  /** More of CloudStack's own custom parameters. */
  details: details.default({}),
  /** The site's own, set by a call of their own once the machine is there. */
  tags: tags.default({}),
});
export type CloudstackOffer = z.output<typeof cloudstackOffer>;
