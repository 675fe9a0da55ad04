import { emptyAd } from '../classad/ad.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { InstanceId, PoolName, QueueName } from '../model/ids.ts';
import type { Phase } from '../model/instance.ts';
import type { Offer } from '../model/offer.ts';
import { noResources } from '../model/resources.ts';
import type { QueueMachine } from '../queues/port.ts';

/** In these the cloud shows the machine running, and its end is not decided beyond recall. */
const running: ReadonlySet<Phase> = new Set([
  'joining',
  'idle',
  'claimed',
  'leased',
  'draining',
  'unreachable',
]);

/** What a queue is told of the machines of its pools. */
export function machinesOf(
  queue: QueueName,
  {
    fleet,
    offers,
    isReachable,
  }: {
    readonly fleet: Fleet;
    readonly offers: ReadonlyMap<string, Offer>;
    readonly isReachable: (instance: InstanceId, pool: PoolName) => boolean;
  },
): readonly QueueMachine[] {
  return [...fleet.entries.values()].flatMap(({ instance }) => {
    const offer = offers.get(instance.offer);
    if (instance.queue !== queue || !running.has(instance.phase)) return [];
    const { id, pool, address } = instance;
    // Its offer may have left the config: it is known, and nothing fits it.
    const { ad, resources } = offer ?? { ad: emptyAd, resources: noResources };
    return [{ instance: id, pool, ad, resources, address, reachable: isReachable(id, pool) }];
  });
}
