import type { CloudInstance, CloudInstanceState } from '../../src/model/cloud.ts';
import { CloudId, IntentId, OfferName, PoolName } from '../../src/model/ids.ts';
import { labels } from './mark.ts';
import type { Server } from './wire.ts';

const states: Readonly<Record<Server['state'], CloudInstanceState>> = {
  queued: 'pending',
  booting: 'pending',
  running: 'running',
  stopping: 'ending',
  deleted: 'gone',
  failed: 'error',
};

/** A server as the core sees it. One whose labels somebody has changed is still listed, and is nobody's plan. */
export function instanceOf(server: Server): CloudInstance {
  const { [labels.intent]: intent, [labels.pool]: pool, [labels.offer]: offer } = server.labels;
  return {
    cloudId: CloudId(server.id),
    intent: IntentId(intent ?? server.id),
    seat: server.index,
    pool: pool === undefined ? null : PoolName(pool),
    offer: offer === undefined ? null : OfferName(offer),
    state: states[server.state],
    address: server.address,
    fault: server.reason?.slice(0, 200) ?? null,
  };
}

export const bySeat = (a: CloudInstance, b: CloudInstance) => a.seat - b.seat;
