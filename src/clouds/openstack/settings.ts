import { z } from 'zod';
import { secret } from '../../config/secrets.ts';

const text = (what: string) => z.string().min(1, `expected ${what}`).max(255);
const address = (what: string) =>
  z
    .url({
      protocol: /^https?$/,
      error: `expected the URL of ${what}, as in https://cloud.example.org:5000/v3`,
    })
    .refine((url) => !/\/\/[^/]*@/.test(url), 'a URL holds no credentials here; use `password`');

/** By id, or by name in a domain. */
const exactlyOne = (fields: readonly string[]) => (value: Readonly<Record<string, unknown>>) =>
  fields.filter((field) => value[field] !== undefined).length === 1;

const userFields = {
  userId: text('the id of a user').optional(),
  user: text('the name of a user').optional(),
  /** Name of the domain that the user's name is in. */
  userDomain: text('the name of a domain').default('Default'),
};

const password = z
  .strictObject({
    ...userFields,
    password: secret,
    projectId: text('the id of a project').optional(),
    project: text('the name of a project').optional(),
    projectDomain: text('the name of a domain').default('Default'),
  })
  .refine(exactlyOne(['user', 'userId']), 'say either `user` or `userId`')
  .refine(exactlyOne(['project', 'projectId']), 'say either `project` or `projectId`');

const applicationCredential = z
  .strictObject({
    id: text('the id of an application credential').optional(),
    /** A name is the user's own, so it needs the user. */
    name: text('the name of an application credential').optional(),
    ...userFields,
    secret,
  })
  .refine(exactlyOne(['id', 'name']), 'say either `id` or `name`')
  .refine(
    (value) => value.name === undefined || exactlyOne(['user', 'userId'])(value),
    'with a `name`, say `user` or `userId`',
  );

const cloudsYaml = z.strictObject({
  /** The file's own text is kept as a secret: it may hold a password. */
  file: secret,
  secureFile: secret.optional(),
  cloud: text('the name of a cloud in the file'),
});

/** A cloud's own fields in the config. */
export const openstackSettings = z
  .strictObject({
    authUrl: address('Keystone').optional(),
    region: text('a region').optional(),
    interface: z.enum(['public', 'internal', 'admin']).optional(),
    password: password.optional(),
    applicationCredential: applicationCredential.optional(),
    cloudsYaml: cloudsYaml.optional(),
    /** Where a service is, if not where the catalog says. */
    endpoints: z
      .strictObject({
        compute: address('Nova').optional(),
        network: address('Neutron').optional(),
        image: address('Glance').optional(),
      })
      .default({}),
    /** Certificates that are trusted besides: a PEM file. */
    caFile: text('the path of a PEM file').optional(),
    verify: z.boolean().optional(),
    /** Shown to servers that want one; a proxy's file has its key in it. Read for each connection. */
    clientCertificate: text('the path of a PEM file').optional(),
    clientKey: text('the path of a PEM file').optional(),
    /** Of machines whose flavor and image do not say. */
    arch: z
      .string()
      .regex(/^[a-z0-9_]{1,32}$/, 'expected an architecture in the words of `uname -m`, as in x86_64')
      .default('x86_64'),
  })
  .refine(
    exactlyOne(['password', 'applicationCredential', 'cloudsYaml']),
    'say one of `password`, `applicationCredential` and `cloudsYaml`',
  )
  .refine((value) => value.clientKey === undefined || value.clientCertificate !== undefined, {
    path: ['clientKey'],
    message: 'a key needs its `clientCertificate`',
  })
  .refine((value) => (value.authUrl === undefined) === (value.cloudsYaml !== undefined), {
    path: ['authUrl'],
    message: 'the URL of Keystone is needed, and with `cloudsYaml` it is in that file',
  });
export type OpenstackSettings = z.output<typeof openstackSettings>;
