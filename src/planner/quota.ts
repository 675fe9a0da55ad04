import type { Fleet } from '../fleet/fleet.ts';
import type { QuotaSnapshot } from '../model/cloud.ts';
import type { CloudName } from '../model/ids.ts';
import type { Offer } from '../model/offer.ts';

/** What the accounts may still have, as a plan grows. Others use them, too: only the cloud can say. */
export interface Quotas {
  /** How many machines of the offer the account has room for; null where its cloud does not say. */
  left(offer: Offer): { readonly left: number; readonly why: string } | null;
  /** A negative count gives back. */
  take(offer: Offer, count: number): void;
}

interface Use {
  instances: number;
  cpus: number;
  memoryMiB: number;
}

/** What was asked for so shortly before the cloud was looked at may not have been in its answer. */
const graceMs = 30_000;

export function createQuotas({
  clouds,
  fleet,
  offers,
}: {
  readonly clouds: ReadonlyMap<CloudName, { readonly quota?: QuotaSnapshot | null }>;
  readonly fleet: Fleet;
  readonly offers: ReadonlyMap<string, Offer>;
}): Quotas {
  const uses = new Map<CloudName, Use>();
  const add = (offer: Offer, count: number) => {
    const use = uses.get(offer.cloud) ?? { instances: 0, cpus: 0, memoryMiB: 0 };
    use.instances += count;
    use.cpus += count * offer.resources.cpus;
    use.memoryMiB += count * offer.resources.memoryMiB;
    uses.set(offer.cloud, use);
  };
  if ([...clouds.values()].some(({ quota }) => quota != null))
    for (const { instance } of fleet.entries.values()) {
      const quota = clouds.get(instance.cloud)?.quota;
      const offer = offers.get(instance.offer);
      if (quota == null || offer === undefined) continue;
      if (instance.cloudId === null || instance.createdAtMs >= quota.takenAtMs - graceMs) add(offer, 1);
    }

  function left(offer: Offer): { left: number; why: string } | null {
    const quota = clouds.get(offer.cloud)?.quota ?? null;
    if (quota === null) return null;
    const use = uses.get(offer.cloud) ?? { instances: 0, cpus: 0, memoryMiB: 0 };
    const { cpus, memoryMiB } = offer.resources;
    const rooms = [
      { what: 'machines', room: (quota.instances ?? Number.POSITIVE_INFINITY) - use.instances },
      { what: 'CPUs', room: Math.floor(((quota.cpus ?? Number.POSITIVE_INFINITY) - use.cpus) / cpus) },
      {
        what: 'memory',
        room: Math.floor(((quota.memoryMiB ?? Number.POSITIVE_INFINITY) - use.memoryMiB) / memoryMiB),
      },
    ];
    const least = rooms.reduce((a, b) => (b.room < a.room ? b : a));
    const room = Math.max(0, least.room);
    return {
      left: room,
      why: `the account of cloud ${offer.cloud} has room for ${room} more of offer ${offer.name}: its quota of ${least.what}`,
    };
  }

  return { left, take: add };
}
