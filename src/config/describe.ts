import { createHash } from 'node:crypto';
import { ClassAd } from '../classad/ad.ts';
import { unparse } from '../classad/unparse.ts';
import { describeRef, Secret } from './secrets.ts';
import type { SiteConfig } from './site.ts';

/**
 * A configuration as plain data that two of them can be compared by, and that may be shown: every value as it holds,
 * defaults and what was read from other files included, and of a secret only where it comes from.
 */
export type Described =
  | string
  | number
  | boolean
  | null
  | readonly Described[]
  | { readonly [field: string]: Described };

export const describedKinds = [
  'site',
  'listen',
  'token',
  'queue',
  'cloud',
  'offer',
  'pool',
  'downtime',
  'budget',
  'hook',
] as const;
export type DescribedKind = (typeof describedKinds)[number];

/** One thing that the config names, or the site itself; `name` is the only one of its kind. */
export interface DescribedEntry {
  /** One of `describedKinds`. */
  readonly kind: string;
  readonly name: string;
  readonly fields: Readonly<Record<string, Described>>;
}

/** Of what must not be shown: `digest` is left out of what leaves the process. */
interface Hidden {
  readonly from: string;
  readonly digest?: string;
}

/**
 * With digests a secret whose file has new content differs, too: for comparisons within the process only, as a digest
 * lets a weak secret be guessed.
 */
export function describeConfig(config: SiteConfig, options: { readonly digests: boolean }): DescribedEntry[] {
  const hide = (from: string, bytes: Uint8Array | string): Described =>
    hidden({ from, ...(options.digests ? { digest: digestOf(bytes) } : {}) });
  const plain = (value: unknown): Described => plainOf(value, hide);
  const entry = (kind: DescribedKind, name: string, fields: object): DescribedEntry => ({
    kind,
    name,
    fields: fieldsOf(fields, plain),
  });
  const { queues, clouds, offers, generating: _, pools, downtimes, budgets, hooks, api, ...site } = config;
  const { listen, tokens, ...access } = api;
  return [
    entry('site', config.site, { ...site, api: access }),
    ...listen.map(({ address, port, tls, ...rest }) =>
      entry('listen', `${address}:${port}`, {
        ...rest,
        tls: tls === null ? null : { certificate: digestOf(tls.certificate), key: hide('its file', tls.key) },
      }),
    ),
    ...tokens.map(({ name, digest, ...rest }) =>
      entry('token', name, { ...rest, secret: hide('its file', digest) }),
    ),
    ...queues.map((queue) => named('queue', queue)),
    ...clouds.map((cloud) => named('cloud', cloud)),
    ...offers.map((offer) => named('offer', offer)),
    ...pools.map(({ userData, ...pool }) => named('pool', withDigest(pool, userData))),
    ...numbered('downtime', downtimes),
    ...numbered('budget', budgets),
    ...numbered('hook', hooks),
  ];

  function named(kind: DescribedKind, one: { readonly name: string }): DescribedEntry {
    const { name, ...fields } = one;
    return entry(kind, name, fields);
  }

  /** What has no name is what it says: a change is one that goes and one that comes. */
  function numbered(kind: DescribedKind, all: readonly object[]): DescribedEntry[] {
    const seen = new Map<string, number>();
    return all.map((one) => {
      const { id: _, ...rest } = fieldsOf(one, plain);
      const text = JSON.stringify(rest);
      const times = (seen.get(text) ?? 0) + 1;
      seen.set(text, times);
      return { kind, name: times === 1 ? text : `${text} (${times})`, fields: {} };
    });
  }
}

/** A boot template is long, and only whether it is another is of interest. */
function withDigest<T extends object>(pool: T, template: string | null) {
  return { ...pool, userData: template === null ? null : digestOf(template) };
}

function fieldsOf(value: object, plain: (value: unknown) => Described): Readonly<Record<string, Described>> {
  const kept = Object.entries(value).filter(
    ([, field]) => field !== undefined && typeof field !== 'function',
  );
  return Object.fromEntries(kept.map(([key, field]) => [key, plain(field)]));
}

function plainOf(value: unknown, hide: (from: string, bytes: Uint8Array | string) => Described): Described {
  const plain = (inner: unknown) => plainOf(inner, hide);
  if (value === null || value === undefined || typeof value === 'function') return null;
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object') return null;
  if (value instanceof Secret)
    return value.isRead
      ? hide(describeRef(value.ref), value.reveal())
      : hidden({ from: describeRef(value.ref) });
  if (value instanceof ClassAd) return unparse(value, 'new');
  if (value instanceof Uint8Array) return hide('bytes', value);
  if (value instanceof Map)
    return Object.fromEntries([...value].map(([key, field]) => [String(key), plain(field)]));
  if (value instanceof Set) return [...value].map(plain);
  if (Array.isArray(value)) return value.map(plain);
  return fieldsOf(value, plain);
}

function hidden({ from, digest }: Hidden): Described {
  return { secret: from, ...(digest === undefined ? {} : { digest }) };
}

/** The two halves of what stands for a secret; null where it is none. */
export function hiddenIn(value: Described | undefined): Hidden | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || !('secret' in value))
    return null;
  const { secret, digest } = value;
  return typeof secret === 'string'
    ? { from: secret, ...(typeof digest === 'string' ? { digest } : {}) }
    : null;
}

function digestOf(content: Uint8Array | string): string {
  return `sha256:${createHash('sha256').update(content).digest('hex').slice(0, 16)}`;
}
