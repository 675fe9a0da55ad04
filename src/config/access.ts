import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { BlockList, isIPv6 } from 'node:net';
import type { AccessGrant, AccessToken, ListenAddress } from '../model/access.ts';
import { PoolName } from '../model/ids.ts';
import type { ApiFields } from './api-schema.ts';
import { besideFile, type ConfigFiles, readText } from './files.ts';
import { checkName, type PoolEntry } from './references.ts';
import type { Locate, Report } from './report.ts';
import { type Secret, type SecretReader, secretsIn } from './secrets.ts';
import type { ApiConfig } from './site.ts';

/** Of each listener: a chain of certificates is a few of them. */
const certificateBytesMax = 256 * 1024;

/** A guess a second for a thousand years finds nothing in what is so long and random. */
const secretLettersMin = 20;

export interface AccessDeps {
  readonly path: string;
  readonly files: ConfigFiles;
  readonly reader: SecretReader;
  /** Of the file as a whole. */
  readonly locate: Locate;
}

type Listen = ApiFields['listen'][number];
type Token = ApiFields['tokens'][number];

/** Reads `api` with its secrets and certificates, and the pools' access lists; says what is wrong with them. */
export async function loadAccess(
  api: ApiFields,
  pools: readonly PoolEntry[],
  deps: AccessDeps,
  report: Report,
): Promise<ApiConfig> {
  const { locate, reader } = deps;
  for (const { secret, path } of secretsIn(api)) {
    const finding = await secret.read(reader);
    if (finding !== null) report.add(finding.severity, locate(['api', ...path]), finding.message);
  }
  checkTokens(api.tokens, pools, locate, report);
  const names = api.tokens.map(({ name }) => name);
  for (const pool of pools)
    for (const [index, name] of (pool.fields?.access ?? []).entries())
      checkName('token', name, names, pool.locate(['access', index]), report);

  const listen: ListenAddress[] = [];
  const taken = new Set<string>();
  for (const [index, fields] of api.listen.entries()) {
    const at: Locate = (path, part) => locate(['api', 'listen', index, ...path], part);
    const place = `${fields.address} ${fields.port}`;
    if (taken.has(place)) report.add('error', at(['port']), 'this address and port are given twice');
    taken.add(place);
    const tls = await loadTls(fields, deps, at, report);
    listen.push({ address: fields.address, port: fields.port, tls });
  }
  checkVisitors(api.visitors, pools, locate, report);
  if (listen.length > 0 && api.tokens.length === 0 && api.visitors === undefined)
    report.add('error', locate(['api', 'listen']), 'without any token nobody could use it');
  if (listen.length === 0 && api.tokens.length > 0)
    report.add(
      'warning',
      locate(['api', 'tokens']),
      'tokens are for the network, and nothing listens there (listen)',
    );
  const visitors = api.visitors === undefined ? null : visitorsOf(api.visitors, pools);
  const userSocket =
    api.userSocket === undefined ? null : { path: api.userSocket.path, group: api.userSocket.group ?? null };
  return { listen, tokens: api.tokens.map((token) => tokenOf(token, pools)), visitors, userSocket };
}

function checkVisitors(
  visitors: ApiFields['visitors'],
  pools: readonly PoolEntry[],
  locate: Locate,
  report: Report,
): void {
  if (visitors === undefined || visitors.pools === 'all') return;
  const known = pools.flatMap(({ name }) => name ?? []);
  for (const [nth, name] of visitors.pools.entries())
    checkName('pool', name, known, locate(['api', 'visitors', 'pools', nth]), report);
}

function checkTokens(
  tokens: readonly Token[],
  pools: readonly PoolEntry[],
  locate: Locate,
  report: Report,
): void {
  const known = pools.flatMap(({ name }) => name ?? []);
  for (const [index, token] of tokens.entries()) {
    const at: Locate = (path) => locate(['api', 'tokens', index, ...path]);
    if (tokens.findIndex(({ name }) => name === token.name) < index)
      report.add('error', at(['name']), `the name "${token.name}" is taken already`);
    const wrong = wrongSecret(
      token.secret,
      tokens.slice(0, index).map(({ secret }) => secret),
    );
    if (wrong !== null) report.add('error', at(['secret']), wrong);
    if (token.pools === 'all') continue;
    for (const [nth, name] of token.pools.entries())
      checkName('pool', name, known, at(['pools', nth]), report);
  }
}

/** Null, too, where it could not be read: that has been said. */
function wrongSecret(secret: Secret, earlier: readonly Secret[]): string | null {
  const text = textOf(secret);
  if (text === null) return null;
  if (text.length < secretLettersMin)
    return `shorter than ${secretLettersMin} letters; make one with: openssl rand -hex 32`;
  if (!/^[A-Za-z0-9._~+/-]+=*$/.test(text))
    return 'has characters that no bearer token has: letters, digits and -._~+/ only, = at the end';
  return earlier.some((other) => textOf(other) === text) ? 'another token has the same secret' : null;
}

function textOf(secret: Secret): string | null {
  return secret.isRead ? secret.text() : null;
}

/** A pool's `access` names the tokens that it is for: one that has it is for no visitor. */
function visitorsOf(
  { pools: wanted, requestsPerSecond }: NonNullable<ApiFields['visitors']>,
  pools: readonly PoolEntry[],
): AccessGrant {
  const open = pools.filter(({ fields }) => fields?.access === undefined);
  const names = open.flatMap(({ name }) => name ?? []);
  const own = wanted === 'all' ? names : names.filter((name) => wanted.includes(name));
  return {
    name: 'visitors',
    role: 'read',
    pools: new Set(own.map((name) => PoolName(name))),
    wholeSite: wanted === 'all' && open.length === pools.length,
    leaseUsers: 'own',
    requestsPerSecond,
  };
}

function tokenOf(token: Token, pools: readonly PoolEntry[]): AccessToken {
  const open = pools.filter(({ fields }) => fields?.access?.includes(token.name) !== false);
  const wanted = token.pools;
  const names = open.flatMap(({ name }) => name ?? []);
  const own = wanted === 'all' ? names : names.filter((name) => wanted.includes(name));
  return {
    name: token.name,
    digest: createHash('sha256')
      .update(textOf(token.secret) ?? '')
      .digest(),
    role: token.role,
    pools: new Set(own.map((name) => PoolName(name))),
    wholeSite: wanted === 'all' && open.length === pools.length,
    leaseUsers: token.users,
    requestsPerSecond: token.requestsPerSecond,
  };
}

/** Null where the address has none, or what it has is wrong. */
async function loadTls(
  { address, certificate, key, insecureLoopback }: Listen,
  { files, path }: AccessDeps,
  at: Locate,
  report: Report,
): Promise<ListenAddress['tls']> {
  if (insecureLoopback && !isLoopback(address))
    report.add('error', at(['insecureLoopback']), `${address} is no loopback address: it needs TLS`);
  if (certificate === undefined && key === undefined) {
    const loopback = isLoopback(address) ? '; on this host alone, insecureLoopback: true does without' : '';
    if (!insecureLoopback)
      report.add('error', at([]), `needs a certificate and a key: tokens go over TLS only${loopback}`);
    return null;
  }
  if (certificate === undefined || key === undefined) {
    const missing = certificate === undefined ? 'certificate' : 'key';
    report.add('error', at([]), `has no ${missing}: TLS needs both, certificate and key`);
    return null;
  }
  const read = await readText(files, besideFile(path, certificate), certificateBytesMax);
  if ('wrong' in read) {
    report.add('error', at(['certificate']), `the file ${read.wrong}`);
    return null;
  }
  if (!key.isRead) return null;
  const wrong = wrongPair(read.text, key);
  if (wrong !== null) report.add('error', at([wrong.field]), wrong.message);
  return { certificate: read.text, key: key.text() };
}

function wrongPair(certificate: string, key: Secret): { field: string; message: string } | null {
  const parsed = orNull(() => new X509Certificate(certificate));
  if (parsed === null) return { field: 'certificate', message: 'the file is no certificate in PEM' };
  const secretKey = orNull(() => createPrivateKey(key.reveal()));
  if (secretKey === null) return { field: 'key', message: 'no private key in PEM without a passphrase' };
  return parsed.checkPrivateKey(secretKey)
    ? null
    : { field: 'key', message: 'not the key of the certificate' };
}

/** OpenSSL says what it makes of a file in words that help nobody. */
function orNull<T>(parse: () => T): T | null {
  try {
    return parse();
  } catch {
    return null;
  }
}

function isLoopback(address: string): boolean {
  const own = new BlockList();
  own.addSubnet('127.0.0.0', 8, 'ipv4');
  own.addAddress('::1', 'ipv6');
  return own.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}
