import { z } from 'zod';
import { sizeMiB } from '../../config/units.ts';
import { markPrefix, metadataCharsMax } from './mark.ts';

/** Nova's limits: 50 tags and, as a rule, 128 items of metadata; the driver sets two and six itself. */
const ownTagsMax = 48;
const ownMetadataMax = 120;

const text = (what: string) => z.string().min(1, `expected ${what}`).max(255);
/** A UUID is an id, anything else a name. */
const nameOrId = (what: string) => text(`the name or the id of ${what}`);

const properties = z
  .record(z.string().regex(/^[A-Za-z0-9_:.-]{1,255}$/, 'not the name of an image property'), z.string())
  .refine((all) => Object.keys(all).length > 0, 'name at least one property');

const image = z.union([
  nameOrId('an image'),
  z
    .strictObject({
      id: text('an id').optional(),
      name: text('a name').optional(),
      properties: properties.optional(),
      /** Of several that fit the newest; else there may be only one. */
      newest: z.boolean().default(false),
    })
    .refine(
      (value) => (value.id === undefined) !== (value.name === undefined && value.properties === undefined),
      'say an `id`, or a `name`, `properties` or both',
    ),
]);

const flavor = z.union([
  nameOrId('a flavor'),
  z.strictObject({ id: text('an id') }),
  z.strictObject({ name: text('a name') }),
  /** The smallest that has at least so much. */
  z.strictObject({
    fit: z.strictObject({
      cpus: z.int().min(1).max(4096),
      memory: sizeMiB,
      disk: sizeMiB.optional(),
      gpus: z.int().min(0).max(64).default(0),
      /** Only flavors whose name begins so. */
      prefix: text('the beginning of a name').optional(),
    }),
  }),
]);

const metadata = z.record(z.string(), z.string().max(metadataCharsMax)).superRefine((all, context) => {
  const keys = Object.keys(all);
  if (keys.length > ownMetadataMax) context.addIssue(`at most ${ownMetadataMax} items`);
  for (const key of keys) {
    if (!/^[A-Za-z0-9_:. -]{1,255}$/.test(key)) {
      const message = 'a key has 1 to 255 letters, digits, blanks and any of -_:.';
      context.addIssue({ code: 'custom', path: [key], message });
    } else if (key.toLowerCase().startsWith(`${markPrefix}_`)) {
      const message = `keys that begin with ${markPrefix}_ are this program's own`;
      context.addIssue({ code: 'custom', path: [key], message });
    }
  }
});

const tag = z
  .string()
  .regex(/^[^,/]{1,60}$/, 'a tag has 1 to 60 characters without , and /')
  .refine((value) => !value.toLowerCase().startsWith(`${markPrefix}.`), {
    error: `tags that begin with ${markPrefix}. are this program's own`,
  });

/** The fields under an offer's `boot:`. */
export const openstackOffer = z.strictObject({
  image,
  flavor,
  /** Left out: the only one that there is, or none needed (`auto`). */
  networks: z
    .union([z.literal(['auto', 'none']), z.array(nameOrId('a network')).min(1).max(16)])
    .default('auto'),
  securityGroups: z.array(nameOrId('a security group')).min(1).max(16).optional(),
  keyName: text('the name of a key pair').optional(),
  zone: text('an availability zone').optional(),
  serverGroup: nameOrId('a server group').optional(),
  configDrive: z.boolean().optional(),
  /** The root disk is a volume made of the image, and removed with the machine. */
  bootVolume: z.strictObject({ size: sizeMiB, type: text('a volume type').optional() }).optional(),
  /** The external network that each machine gets a floating address of. */
  floatingNetwork: nameOrId('a network').optional(),
  metadata: metadata.default({}),
  tags: z.array(tag).max(ownTagsMax).default([]),
});
export type OpenstackOffer = z.output<typeof openstackOffer>;
export type ImageChoice = OpenstackOffer['image'];
export type FlavorChoice = OpenstackOffer['flavor'];
