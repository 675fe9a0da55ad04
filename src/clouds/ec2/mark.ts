import type { InstanceId, IntentId, OfferName, PoolName, SiteId } from '../../model/ids.ts';

/** Every tag that says whose an instance is begins so. */
export const markPrefix = 'spillway:';

export const markTags = {
  /** The owner mark: the site's name. */
  site: `${markPrefix}site`,
  intent: `${markPrefix}intent`,
  pool: `${markPrefix}pool`,
  offer: `${markPrefix}offer`,
  /** On machines of a fleet: their launch index is no seat. */
  fleet: `${markPrefix}fleet`,
} as const;

export interface Mark {
  readonly site: SiteId;
  readonly intent: IntentId;
  readonly pool: PoolName;
  readonly offer: OfferName;
}

export interface Tag {
  readonly Key: string;
  readonly Value: string;
}

/**
 * The tags of one create call. They are the same for all its machines, so `Name` can only be a machine's own where
 * the call makes a single one. The offer's tags come first: the mark cannot be overwritten.
 */
export function tagsOf(
  mark: Mark,
  instances: readonly InstanceId[],
  offerTags: Readonly<Record<string, string>>,
): readonly Tag[] {
  const only = instances.length === 1 ? instances[0] : undefined;
  const all: Record<string, string> = {
    Name: only ?? mark.intent,
    ...offerTags,
    [markTags.site]: mark.site,
    [markTags.intent]: mark.intent,
    [markTags.pool]: mark.pool,
    [markTags.offer]: mark.offer,
  };
  return Object.entries(all).map(([Key, Value]) => ({ Key, Value }));
}

/**
 * A value for a filter that means itself: EC2 takes `*` and `?` for wildcards, with a backslash before them as
 * themselves.
 */
export function literalFilter(value: string): string {
  return value.replaceAll(/[\\*?]/g, (special) => `\\${special}`);
}
