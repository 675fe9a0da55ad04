import { createHash } from 'node:crypto';
import type { IntentId, OfferName, PoolName, SiteId } from '../../model/ids.ts';

/**
 * What says whose a server is. Tags can be asked for in a list, and metadata hold what a tag cannot (long and odd names);
 * both are set by the create call, and Nova lets nobody change them while it builds.
 */
export const markPrefix = 'spillway';

export const markKeys = {
  site: `${markPrefix}_site`,
  intent: `${markPrefix}_intent`,
  pool: `${markPrefix}_pool`,
  offer: `${markPrefix}_offer`,
  /** How many machines the call asked for. */
  seats: `${markPrefix}_seats`,
  /** The network that the machine gets a floating address of. */
  floating: `${markPrefix}_floating`,
} as const;

/** Nova's limits. */
const tagCharsMax = 60;
export const metadataCharsMax = 255;

export interface Mark {
  readonly site: SiteId;
  readonly intent: IntentId;
  readonly pool: PoolName;
  readonly offer: OfferName;
  readonly seats: number;
}

export const ownerTag = (site: SiteId): string => tagOf('site', site);
export const intentTag = (intent: IntentId): string => tagOf('intent', intent);

/** The value itself where a tag can hold it (no `,` and no `/`, 60 characters), else a digest of it. */
function tagOf(kind: string, value: string): string {
  const plain = `${markPrefix}.${kind}.${value}`;
  if (plain.length <= tagCharsMax && /^[!-+.0-~-]*$/.test(plain)) return plain;
  const digest = createHash('sha256').update(value).digest('hex').slice(0, 40);
  return `${markPrefix}.${kind}~${digest}`;
}

/** The metadata of one create call. */
export function markMetadata(mark: Mark): Readonly<Record<string, string>> {
  return {
    [markKeys.site]: encodeMark(mark.site),
    [markKeys.intent]: encodeMark(mark.intent),
    [markKeys.pool]: encodeMark(mark.pool),
    [markKeys.offer]: encodeMark(mark.offer),
    [markKeys.seats]: String(mark.seats),
  };
}

/**
 * A text as metadata that every database keeps: printable ASCII, and all else (and `%`, and blanks at the ends, which some
 * compare away) as percent signs and hexadecimal digits.
 */
export function encodeMark(value: string): string {
  return value.toWellFormed().replaceAll(/[^ -$&-~]|^ | $/gu, (part) => {
    const bytes = [...Buffer.from(part, 'utf8')];
    return bytes.map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
  });
}

/** Null where it is missing or empty; somebody else's text is taken as it is. */
export function decodeMark(value: string | undefined): string | null {
  if (value === undefined || value === '') return null;
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
