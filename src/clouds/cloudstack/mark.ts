import type { InstanceId, IntentId, OfferName, PoolName, SiteId } from '../../model/ids.ts';

/**
 * The mark is in the machine's *details*: custom parameters of the create call, which CloudStack writes in the very transaction
 * that makes the machine, and shows in every list. Its tags could only be set by another call, once the machine is there.
 */
export const markPrefix = 'spillway:';

export const markDetails = {
  /** The owner mark: the site's name. */
  site: `${markPrefix}site`,
  intent: `${markPrefix}intent`,
  seat: `${markPrefix}seat`,
  pool: `${markPrefix}pool`,
  offer: `${markPrefix}offer`,
  /** Set where the machine has a second disk that must go with it. */
  dataDisk: `${markPrefix}data-disk`,
} as const;

/** As long as a detail's value may be in every version. */
export const markCharsMax = 255;

export interface Mark {
  readonly site: SiteId;
  readonly intent: IntentId;
  readonly seat: number;
  readonly pool: PoolName;
  readonly offer: OfferName;
  readonly hasDataDisk: boolean;
}

/**
 * Values are percent-encoded: the server refuses control characters in a parameter, and its database characters outside of the
 * basic plane.
 */
export function detailsOf(mark: Mark): Readonly<Record<string, string>> {
  return {
    [markDetails.site]: encode(mark.site),
    [markDetails.intent]: encode(mark.intent),
    [markDetails.seat]: String(mark.seat),
    [markDetails.pool]: encode(mark.pool),
    [markDetails.offer]: encode(mark.offer),
    ...(mark.hasDataDisk ? { [markDetails.dataDisk]: 'yes' } : {}),
  };
}

type Details = Readonly<Record<string, string | null>> | null | undefined;

/** The value of one part of the mark; null where the machine does not bear it, or somebody has spoiled it. */
export function markOf(details: Details, key: string): string | null {
  const value = details?.[key];
  if (value === undefined || value === null || value === '') return null;
  try {
    return decodeURIComponent(value);
  } catch {
    return null;
  }
}

export function bearsMark(details: Details, site: SiteId): boolean {
  return markOf(details, markDetails.site) === site;
}

/** The machine's name, and its host name: at most 63 letters, digits and `-`. */
export function isHostName(id: InstanceId): boolean {
  return /^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(id);
}

function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}
