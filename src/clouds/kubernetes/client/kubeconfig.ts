import { isAbsolute, join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import type { Access, CredentialProgram, HostFiles, Identity } from './access.ts';
import { KubernetesFailure } from './failure.ts';

const text = z.string();

const clusterShape = z.looseObject({
  server: z.url({ protocol: /^https?$/ }),
  'certificate-authority': text.optional(),
  'certificate-authority-data': text.optional(),
  'insecure-skip-tls-verify': z.boolean().default(false),
  'tls-server-name': text.optional(),
  'proxy-url': text.optional(),
});

const execShape = z.looseObject({
  apiVersion: z.enum(['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1']),
  command: text.min(1),
  args: z.array(text).nullish(),
  env: z.array(z.object({ name: text, value: text })).nullish(),
  interactiveMode: text.optional(),
  provideClusterInfo: z.boolean().default(false),
});

const userShape = z.looseObject({
  token: text.optional(),
  tokenFile: text.optional(),
  'client-certificate': text.optional(),
  'client-certificate-data': text.optional(),
  'client-key': text.optional(),
  'client-key-data': text.optional(),
  exec: execShape.optional(),
  'auth-provider': z.unknown().optional(),
  username: text.optional(),
  as: text.optional(),
  'as-groups': z.array(text).optional(),
});

const contextShape = z.looseObject({ cluster: text, user: text.default(''), namespace: text.optional() });

const fileShape = z.looseObject({
  clusters: z.array(z.looseObject({ name: text, cluster: clusterShape })).default([]),
  users: z.array(z.looseObject({ name: text, user: userShape })).default([]),
  contexts: z.array(z.looseObject({ name: text, context: contextShape })).default([]),
  'current-context': text.default(''),
});

type Cluster = z.output<typeof clusterShape>;
type User = z.output<typeof userShape>;

export interface KubeconfigSource {
  readonly content: string;
  /** Relative paths in it begin there; null: there may be none. */
  readonly folder: string | null;
  /** Null: the file's current one. */
  readonly context: string | null;
}

/**
 * One context of a kubeconfig, with the certificates that it names read. Known are tokens, files with tokens, client
 * certificates and programs (`exec`); user names with passwords and `auth-provider` are not, as servers and clients have
 * given them up. No message quotes the file.
 */
export async function readKubeconfig(
  { content, folder, context }: KubeconfigSource,
  files: HostFiles,
): Promise<Access> {
  const file = parsed(content);
  const name = context ?? file['current-context'];
  const { context: entry } = pick(file.contexts, 'context', name);
  const { cluster } = pick(file.clusters, 'cluster', entry.cluster);
  const user = entry.user === '' ? userShape.parse({}) : pick(file.users, 'user', entry.user).user;
  if (cluster['proxy-url'] !== undefined)
    throw wrong(`the cluster ${entry.cluster} has a proxy-url: not supported`);

  const read = async (what: string, data: string | undefined, path: string | undefined) => {
    if (data !== undefined) return Buffer.from(data, 'base64').toString('utf8');
    return path === undefined ? null : readNamed(what, placed(path, folder), files);
  };
  const ca = await read(
    'certificate-authority',
    cluster['certificate-authority-data'],
    cluster['certificate-authority'],
  );
  const certificate = await read(
    'client-certificate',
    user['client-certificate-data'],
    user['client-certificate'],
  );
  const key = await read('client-key', user['client-key-data'], user['client-key']);
  return {
    server: cluster.server.replace(/\/+$/, ''),
    tls: {
      ca,
      verify: !cluster['insecure-skip-tls-verify'],
      serverName: cluster['tls-server-name'] ?? null,
    },
    identity: identityOf(user, { certificate, key, folder, cluster, ca, name: entry.user }),
    impersonate: user.as === undefined ? null : { user: user.as, groups: user['as-groups'] ?? [] },
    namespace: entry.namespace ?? null,
  };
}

function parsed(content: string): z.output<typeof fileShape> {
  let value: unknown;
  try {
    value = parse(content);
  } catch {
    throw wrong('the kubeconfig is not YAML');
  }
  const read = fileShape.safeParse(value);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw wrong(`the kubeconfig is not one: ${issue?.path.join('.') ?? ''} is missing or not what it must be`);
}

function pick<Entry extends { readonly name: string }>(
  entries: readonly Entry[],
  kind: string,
  name: string,
): Entry {
  const found = entries.find((entry) => entry.name === name);
  if (found === undefined) throw wrong(`the kubeconfig has no ${kind} named "${name}"`);
  return found;
}

function identityOf(
  user: User,
  known: {
    readonly certificate: string | null;
    readonly key: string | null;
    readonly folder: string | null;
    readonly cluster: Cluster;
    readonly ca: string | null;
    readonly name: string;
  },
): Identity {
  const { certificate, key, folder, name } = known;
  if (user['auth-provider'] !== undefined || user.username !== undefined) {
    throw wrong(`the user ${name} has an auth-provider or a password: use a token, a certificate or exec`);
  }
  if (certificate !== null && key !== null) return { kind: 'certificate', certificate, key };
  if (certificate !== null || key !== null)
    throw wrong(`the user ${name} has a certificate or a key, and not both`);
  if (user.tokenFile !== undefined) return { kind: 'tokenFile', path: placed(user.tokenFile, folder) };
  if (user.token !== undefined) return { kind: 'token', token: user.token };
  if (user.exec === undefined) return { kind: 'nobody' };
  if (user.exec.interactiveMode === 'Always')
    throw wrong(`the user ${name}: its exec program wants a terminal`);
  return { kind: 'program', program: programOf(user.exec, known) };
}

function programOf(
  exec: z.output<typeof execShape>,
  {
    folder,
    cluster,
    ca,
  }: { readonly folder: string | null; readonly cluster: Cluster; readonly ca: string | null },
): CredentialProgram {
  const { command } = exec;
  const told = {
    server: cluster.server,
    ...(ca === null ? {} : { 'certificate-authority-data': Buffer.from(ca).toString('base64') }),
    ...(cluster['tls-server-name'] === undefined ? {} : { 'tls-server-name': cluster['tls-server-name'] }),
    ...(cluster['insecure-skip-tls-verify'] ? { 'insecure-skip-tls-verify': true } : {}),
  };
  return {
    // A bare name is looked for on the PATH; one with a slash is a file, from the kubeconfig's folder on.
    argv: [command.includes('/') ? placed(command, folder) : command, ...(exec.args ?? [])],
    environment: Object.fromEntries((exec.env ?? []).map((one) => [one.name, one.value])),
    apiVersion: exec.apiVersion,
    cluster: exec.provideClusterInfo ? told : null,
  };
}

function placed(path: string, folder: string | null): string {
  if (isAbsolute(path)) return path;
  if (folder === null)
    throw wrong('the kubeconfig has a relative path, and no folder that it could begin in');
  return join(folder, path);
}

async function readNamed(what: string, path: string, files: HostFiles): Promise<string> {
  try {
    return await files.readText(path);
  } catch {
    throw wrong(`the ${what} in ${path} cannot be read`);
  }
}

function wrong(detail: string): KubernetesFailure {
  return new KubernetesFailure({ kind: 'settings', call: 'read kubeconfig', detail, sent: false });
}
