import { z } from 'zod';
import { secret } from '../../config/secrets.ts';
import { sizeMiB } from '../../config/units.ts';
import { markPrefix } from './mark.ts';

/** An EC2 tag's limits; the driver itself sets five of the 50 that an instance may have. */
const tagKeyCharsMax = 128;
const tagValueCharsMax = 256;
const ownTagsMax = 45;

const name = (what: string) => z.string().min(1, `expected ${what}`).max(255);
const id = (prefix: string, what: string) =>
  z
    .string()
    .regex(new RegExp(`^${prefix}-[0-9a-z]{1,40}$`), `expected ${what}, as in ${prefix}-0123456789abcdef0`);

/** A cloud's own fields in the config. */
export const ec2Settings = z.strictObject({
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

/** The fields under an offer's `boot:`. */
export const ec2Offer = z.strictObject({
  image: id('ami', 'an image'),
  type: z.string().regex(/^[a-z0-9-]+\.[a-z0-9-]+$/, 'expected an instance type, as in c5.large'),
  zone: name('a zone').optional(),
  subnet: id('subnet', 'a subnet').optional(),
  securityGroups: z.array(id('sg', 'a security group')).min(1).max(16).optional(),
  keyName: name('the name of a key pair').optional(),
  /** Name or ARN. */
  instanceProfile: name('an instance profile').optional(),
  tags: tags.default({}),
  rootVolume: z
    .strictObject({
      size: sizeMiB,
      type: z.enum(['gp2', 'gp3', 'io1', 'io2', 'st1', 'sc1', 'standard']).optional(),
    })
    .optional(),
});
export type Ec2Offer = z.output<typeof ec2Offer>;
