import type { LaunchOrder } from '../../src/clouds/port.ts';
import type { SiteId } from '../../src/model/ids.ts';
import type { Server } from './wire.ts';

/** What says whose a server is: labels, which this cloud sets in the create call and keeps as they are. */
const prefix = 'spillway-';

export const labels = {
  site: `${prefix}site`,
  intent: `${prefix}intent`,
  pool: `${prefix}pool`,
  offer: `${prefix}offer`,
} as const;

export function markOf(site: SiteId, { intent, pool, offer }: LaunchOrder) {
  return { [labels.site]: site, [labels.intent]: intent, [labels.pool]: pool, [labels.offer]: offer };
}

/** Compared here again, letter by letter: this cloud's filter takes upper and lower case for the same. */
export function isOurs({ labels: own }: Server, site: SiteId): boolean {
  return own[labels.site] === site;
}
