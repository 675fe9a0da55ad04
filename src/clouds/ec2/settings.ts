import { z } from 'zod';
import { secret } from '../../config/secrets.ts';
import { sizeMiB } from '../../config/units.ts';
import { markPrefix } from './mark.ts';

/** An EC2 tag's limits; the driver itself sets six of the 50 that an instance may have. */
const tagKeyCharsMax = 128;
const tagValueCharsMax = 256;
const ownTagsMax = 44;

/** EC2 takes 300 overrides in a fleet; a site that names more has written something else than it means. */
const fleetPoolsMax = 100;

const name = (what: string) => z.string().min(1, `expected ${what}`).max(255);
const id = (prefix: string, what: string) =>
  z
    .string()
    .regex(new RegExp(`^${prefix}-[0-9a-z]{1,40}$`), `expected ${what}, as in ${prefix}-0123456789abcdef0`);

/** A cloud's own fields in the config. */
export const ec2Settings = z
  .strictObject({
    region: z.string().regex(/^[a-z0-9-]{1,64}$/, 'expected a region, as in eu-central-1'),
    /** Where the API is, if not at the region's own address: another cloud that speaks EC2, or a private endpoint. */
    endpoint: z
      .url({ protocol: /^https?$/, error: 'expected the URL of the API, as in https://ec2.example.org' })
      .refine((url) => !/\/\/[^/]*@/.test(url), 'a URL holds no credentials here; use `credentials`')
      .optional(),
    /** Left out: the SDK looks in its usual places (environment, profile, role of the machine) at the first call. */
    credentials: z
      .strictObject({ accessKeyId: secret, secretAccessKey: secret, sessionToken: secret.optional() })
      .optional(),
    /** Of the host's shared AWS files: keys, a role to assume, single sign-on or a program, as it says there. */
    profile: z
      .string()
      .regex(/^[\p{L}\p{N}_.@:/+-]{1,128}$/u, 'expected the name of a profile')
      .optional(),
    /** Whose images the catalog shows. */
    imageOwners: z
      .array(
        z
          .string()
          .regex(/^(self|amazon|aws-marketplace|\d{12})$/, 'expected self, amazon or an account number'),
      )
      .min(1)
      .max(20)
      .default(['self']),
  })
  .superRefine(({ credentials, profile }, context) => {
    if (credentials !== undefined && profile !== undefined)
      context.addIssue({ code: 'custom', path: ['profile'], message: 'credentials are given already' });
  });
export type Ec2Settings = z.output<typeof ec2Settings>;

const tags = z.record(z.string(), z.string().max(tagValueCharsMax)).superRefine((tags, context) => {
  const keys = Object.keys(tags);
  if (keys.length > ownTagsMax) context.addIssue(`at most ${ownTagsMax} tags`);
  for (const key of keys) {
    const message = wrongTagKey(key);
    if (message !== null) context.addIssue({ code: 'custom', path: [key], message });
  }
});

function wrongTagKey(key: string): string | null {
  if (key === '' || key.length > tagKeyCharsMax) return `a tag key has 1 to ${tagKeyCharsMax} characters`;
  if (key.toLowerCase().startsWith('aws:')) return 'tag keys that begin with aws: are reserved by EC2';
  return key.startsWith(markPrefix) ? `tag keys that begin with ${markPrefix} are this program's own` : null;
}

const instanceType = z
  .string()
  .regex(/^[a-z0-9-]+\.[a-z0-9-]+$/, 'expected an instance type, as in c5.large');
const zone = name('a zone');
const subnet = id('subnet', 'a subnet');

/** Strategies by which EC2 chooses among a fleet's types and places. */
export const spotStrategies = [
  'price-capacity-optimized',
  'capacity-optimized',
  'diversified',
  'lowest-price',
] as const;
export const onDemandStrategies = ['lowest-price', 'prioritized'] as const;

/** What else may be taken beside the offer's own type and place. */
const fleet = z.strictObject({
  types: z.array(instanceType).max(40).default([]),
  zones: z.array(zone).max(20).default([]),
  subnets: z.array(subnet).max(20).default([]),
  /** Left out: price-capacity-optimized for spot machines, lowest-price for others. */
  strategy: z.enum([...spotStrategies, 'prioritized']).optional(),
});

const offerFields = z.strictObject({
  image: id('ami', 'an image'),
  type: instanceType,
  zone: zone.optional(),
  subnet: subnet.optional(),
  securityGroups: z.array(id('sg', 'a security group')).min(1).max(16).optional(),
  /** Left out: as the subnet says. */
  publicAddress: z.boolean().optional(),
  keyName: name('the name of a key pair').optional(),
  /** Name or ARN. */
  instanceProfile: name('an instance profile').optional(),
  tags: tags.default({}),
  rootVolume: z
    .strictObject({
      size: sizeMiB,
      type: z.enum(['gp2', 'gp3', 'io1', 'io2', 'st1', 'sc1', 'standard']).optional(),
      encrypted: z.literal(true).optional(),
    })
    .optional(),
  /** The machine's own metadata service, from which it reads its user data. */
  metadata: z
    .strictObject({
      /** required: version 2 alone, with a session token. optional: version 1 too, which any request forgery can read. */
      tokens: z.enum(['required', 'optional']).default('required'),
      /** How far a token travels: 2 where containers on the machine ask. Left out: as the account says. */
      hops: z.int().min(1).max(64).optional(),
    })
    .prefault({}),
  /** What the machine is beside what is said here. Of a numbered version: a name for the newest could change a call that is sent again. */
  launchTemplate: z.strictObject({ id: id('lt', 'a launch template'), version: z.int().min(1) }).optional(),
  /** Of spot machines: no more than so much an hour, in USD. Left out: the on-demand price at most. */
  spotPriceMax: z.number().min(0.001).max(1000).optional(),
  fleet: fleet.optional(),
});

/** The fields under an offer's `boot:`. */
export const ec2Offer = offerFields.superRefine((offer, context) => {
  if (offer.fleet === undefined) return;
  const wrong = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message });
  const { zones, subnets, strategy } = offer.fleet;
  if (offer.launchTemplate === undefined) wrong(['fleet'], 'a fleet needs a launchTemplate');
  if (offer.securityGroups !== undefined)
    wrong(['securityGroups'], 'a fleet takes them from its launch template');
  if (offer.publicAddress !== undefined)
    wrong(['publicAddress'], 'a fleet takes this from its launch template');
  if (offer.rootVolume?.encrypted !== undefined)
    wrong(['rootVolume', 'encrypted'], 'a fleet takes this from the image');
  const byZone = zones.length > 0 || offer.zone !== undefined;
  const bySubnet = subnets.length > 0 || offer.subnet !== undefined;
  if (byZone && bySubnet) wrong(['fleet'], 'either zones or subnets: a subnet is in one zone');
  if (poolsOf(offer).length < 2) wrong(['fleet'], 'names nothing beside the offer’s own type and place');
  if (poolsOf(offer).length > fleetPoolsMax) wrong(['fleet'], `at most ${fleetPoolsMax} types × places`);
  if (strategy === 'prioritized' && offer.spotPriceMax !== undefined)
    wrong(['fleet', 'strategy'], 'prioritized is for on-demand machines');
});
export type Ec2Offer = z.output<typeof offerFields>;

/** A type in a place: what EC2 has capacity of, or has not. */
export interface CapacityPool {
  readonly type: string;
  readonly zone: string | null;
  readonly subnet: string | null;
}

/** Every type × place of an offer, its own first; one where it is no fleet. */
export function poolsOf({ type, zone, subnet, fleet }: Ec2Offer): readonly CapacityPool[] {
  const types = new Set([type, ...(fleet?.types ?? [])]);
  const zones = [...new Set([...(zone === undefined ? [] : [zone]), ...(fleet?.zones ?? [])])];
  const subnets = [...new Set([...(subnet === undefined ? [] : [subnet]), ...(fleet?.subnets ?? [])])];
  const places: readonly Omit<CapacityPool, 'type'>[] =
    subnets.length > 0
      ? subnets.map((one) => ({ zone: fleet === undefined ? (zone ?? null) : null, subnet: one }))
      : zones.length > 0
        ? zones.map((one) => ({ zone: one, subnet: null }))
        : [{ zone: null, subnet: null }];
  return [...types].flatMap((one) => places.map((place) => ({ type: one, ...place })));
}
