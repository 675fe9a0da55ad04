import { parse } from 'yaml';
import { z } from 'zod';
import { OpenStackFailure } from './failure.ts';
import type { Credentials, Domain, Named } from './identity.ts';
import type { Place } from './serviceCatalog.ts';

/** What a clouds.yaml says of a cloud. */
export interface CloudsYamlEntry {
  readonly authUrl: string;
  readonly credentials: Credentials;
  readonly place: Place;
  /** A path, as it stands there; null: the host's own. */
  readonly caFile: string | null;
  readonly verify: boolean;
}

const text = z.union([z.string(), z.number()]).transform(String);
const authShape = z.looseObject({
  auth_url: z.string(),
  username: text.optional(),
  user_id: text.optional(),
  password: text.optional(),
  user_domain_name: text.optional(),
  user_domain_id: text.optional(),
  domain_name: text.optional(),
  domain_id: text.optional(),
  default_domain: text.optional(),
  project_name: text.optional(),
  project_id: text.optional(),
  tenant_name: text.optional(),
  project_domain_name: text.optional(),
  project_domain_id: text.optional(),
  application_credential_id: text.optional(),
  application_credential_name: text.optional(),
  application_credential_secret: text.optional(),
});
type Auth = z.output<typeof authShape>;

const entryShape = z.looseObject({
  auth: authShape,
  auth_type: z.string().default('password'),
  region_name: z.string().optional(),
  regions: z.array(z.union([z.string(), z.looseObject({ name: z.string() })])).optional(),
  interface: z.string().optional(),
  endpoint_type: z.string().optional(),
  cacert: z.string().optional(),
  verify: z.boolean().default(true),
});

const fileShape = z.looseObject({ clouds: z.record(z.string(), z.looseObject({})) });

/**
 * One cloud of a clouds.yaml, with the secrets that a secure.yaml holds for it, if there is one. Profiles of vendors are not
 * known: a file that names one must say `auth_url` itself. No message quotes the file.
 */
export function readCloudsYaml(
  file: string,
  secureFile: string | null,
  cloud: string,
  region: string | null,
): CloudsYamlEntry {
  const plain = entryOf(file, 'clouds.yaml', cloud);
  const secure = secureFile === null ? {} : entryOf(secureFile, 'secure.yaml', cloud);
  const read = entryShape.safeParse(merge(plain, secure));
  if (!read.success) {
    const [issue] = read.error.issues;
    throw wrong(`clouds.${cloud}.${issue?.path.join('.') ?? ''} is missing or not what it must be`);
  }
  const entry = read.data;
  return {
    authUrl: entry.auth.auth_url,
    credentials: credentialsOf(entry.auth, entry.auth_type, cloud),
    place: {
      region: region ?? entry.region_name ?? onlyRegion(entry.regions, cloud),
      interface: interfaceOf(entry.interface ?? entry.endpoint_type ?? 'public'),
    },
    caFile: entry.cacert ?? null,
    verify: entry.verify,
  };
}

function entryOf(file: string, name: string, cloud: string): Readonly<Record<string, unknown>> {
  let content: unknown;
  try {
    content = parse(file);
  } catch {
    throw wrong(`${name} is not YAML`);
  }
  const read = fileShape.safeParse(content);
  if (!read.success) throw wrong(`${name} has no clouds`);
  const entry = Object.hasOwn(read.data.clouds, cloud) ? read.data.clouds[cloud] : undefined;
  if (entry === undefined && name === 'clouds.yaml') throw wrong(`${name} has no cloud "${cloud}"`);
  return entry ?? {};
}

function merge(
  under: Readonly<Record<string, unknown>>,
  over: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const merged: Record<string, unknown> = { ...under };
  for (const [key, value] of Object.entries(over)) {
    const below = merged[key];
    merged[key] = isRecord(below) && isRecord(value) ? merge(below, value) : value;
  }
  return merged;
}

function credentialsOf(auth: Auth, authType: string, cloud: string): Credentials {
  if (/^v?3?application_?credential$/.test(authType)) {
    const secret = auth.application_credential_secret;
    const { application_credential_id: id, application_credential_name: name } = auth;
    if (secret === undefined) throw wrong(`clouds.${cloud}.auth.application_credential_secret is missing`);
    if (id !== undefined) return { kind: 'applicationCredential', credential: { id }, secret };
    if (name === undefined) throw wrong(`clouds.${cloud}.auth.application_credential_id is missing`);
    return { kind: 'applicationCredential', credential: { name, user: userOf(auth, cloud) }, secret };
  }
  if (!['password', 'v3password', 'v3_password'].includes(authType)) {
    throw wrong(`clouds.${cloud}.auth_type must be password or v3applicationcredential`);
  }
  if (auth.password === undefined) throw wrong(`clouds.${cloud}.auth.password is missing`);
  return {
    kind: 'password',
    user: userOf(auth, cloud),
    password: auth.password,
    project: projectOf(auth, cloud),
  };
}

function userOf(auth: Auth, cloud: string): Named {
  if (auth.user_id !== undefined) return { id: auth.user_id };
  if (auth.username === undefined) throw wrong(`clouds.${cloud}.auth.username is missing`);
  return { name: auth.username, domain: domainOf(auth.user_domain_id, auth.user_domain_name, auth) };
}

function projectOf(auth: Auth, cloud: string): Named {
  if (auth.project_id !== undefined) return { id: auth.project_id };
  const name = auth.project_name ?? auth.tenant_name;
  if (name === undefined) throw wrong(`clouds.${cloud}.auth.project_name is missing`);
  return { name, domain: domainOf(auth.project_domain_id, auth.project_domain_name, auth) };
}

function domainOf(id: string | undefined, name: string | undefined, auth: Auth): Domain {
  if (id !== undefined) return { id };
  if (name !== undefined) return { name };
  if (auth.domain_id !== undefined) return { id: auth.domain_id };
  if (auth.domain_name !== undefined) return { name: auth.domain_name };
  return { id: auth.default_domain ?? 'default' };
}

function onlyRegion(regions: z.output<typeof entryShape>['regions'], cloud: string): string | null {
  const names = (regions ?? []).map((region) => (typeof region === 'string' ? region : region.name));
  if (names.length > 1) throw wrong(`clouds.${cloud} has several regions: say which`);
  return names[0] ?? null;
}

function interfaceOf(word: string): Place['interface'] {
  const plain = word.replace(/URL$/, '');
  if (plain === 'public' || plain === 'internal' || plain === 'admin') return plain;
  throw wrong('the interface must be public, internal or admin');
}

function wrong(detail: string): OpenStackFailure {
  return new OpenStackFailure({ kind: 'settings', call: 'read clouds.yaml', detail, sent: false });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
