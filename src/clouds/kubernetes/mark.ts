import { createHash } from 'node:crypto';
import type { InstanceId, IntentId, OfferName, PoolName, SiteId } from '../../model/ids.ts';

/**
 * What says whose a pod is. Labels can be asked for in a list, annotations hold any text; both are set by the create call.
 */
export const markPrefix = 'spillway/';

export const markLabels = {
  site: `${markPrefix}site`,
  intent: `${markPrefix}intent`,
} as const;

export const markAnnotations = {
  site: `${markPrefix}site`,
  intent: `${markPrefix}intent`,
  pool: `${markPrefix}pool`,
  offer: `${markPrefix}offer`,
  /** A digest of all that was asked for: the same create call again has the same. */
  order: `${markPrefix}order`,
} as const;

const labelCharsMax = 63;

export interface Mark {
  readonly site: SiteId;
  readonly intent: IntentId;
  readonly pool: PoolName;
  readonly offer: OfferName;
}

/** The value itself where a label can hold it (letters, digits and `-_.` in between), else a digest of it. */
export function labelValue(text: string): string {
  if (/^[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?$/.test(text) && text.length <= labelCharsMax) return text;
  return `digest_${createHash('sha256').update(text).digest('hex').slice(0, 40)}`;
}

export function labelsOf({ site, intent }: Mark): Readonly<Record<string, string>> {
  return {
    'app.kubernetes.io/managed-by': 'spillway',
    [markLabels.site]: labelValue(site),
    [markLabels.intent]: labelValue(intent),
  };
}

export function annotationsOf(mark: Mark, order: string): Readonly<Record<string, string>> {
  return {
    [markAnnotations.site]: mark.site.toWellFormed(),
    [markAnnotations.intent]: mark.intent.toWellFormed(),
    [markAnnotations.pool]: mark.pool.toWellFormed(),
    [markAnnotations.offer]: mark.offer.toWellFormed(),
    [markAnnotations.order]: order,
  };
}

/** What a pod bears, as far as it is read. */
export interface Marked {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** A digest says less than the annotation, so that must not say otherwise. */
export function bearsMark({ labels, annotations }: Marked, site: SiteId): boolean {
  const said = annotations[markAnnotations.site];
  return labels[markLabels.site] === labelValue(site) && (said === undefined || said === site);
}

/** A pod's name, and its host name. */
export function isPodName(id: InstanceId): boolean {
  return /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(id);
}
