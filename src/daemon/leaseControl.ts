import { ControlError } from '../api/control.ts';
import type { LeaseControl } from '../api/leases.ts';
import type { SiteConfig } from '../config/site.ts';
import { LeaseError } from '../model/errors.ts';
import type { LeaseId } from '../model/ids.ts';
import type { LeaseView } from '../model/lease.ts';
import type { LeaseDesk } from '../queues/port.ts';
import type { QueuePart } from './daemonParts.ts';

/** Leases are asked for by pool, and found by id wherever they are. */
export interface LeaseParts {
  readonly config: Pick<SiteConfig, 'pools'>;
  readonly queues: readonly QueuePart[];
}

export function createLeaseControl({ config, queues }: LeaseParts): LeaseControl {
  const desks = queues.flatMap(({ queue }) => queue.leases ?? []);

  function deskOf(id: LeaseId): LeaseDesk {
    const desk = desks.find((one) => one.find(id) !== null);
    if (desk === undefined) throw new ControlError('unknownLease', `there is no lease ${id}`);
    return desk;
  }

  function known(id: LeaseId, view: LeaseView | null): LeaseView {
    if (view === null) throw new ControlError('unknownLease', `there is no lease ${id}`);
    return view;
  }

  return {
    askLease: (request) => {
      const pool = config.pools.find(({ name }) => name === request.pool);
      if (pool === undefined) throw new ControlError('unknownPool', `no pool ${request.pool}`);
      const desk = queues.find(({ config: { name } }) => name === pool.queue)?.queue.leases;
      if (desk === undefined)
        throw new LeaseError(
          'invalid',
          `pool ${pool.name} is of queue ${pool.queue}, which lends no machines`,
        );
      return desk.ask(request);
    },
    lease: (id) => known(id, deskOf(id).find(id)),
    leases: () => desks.flatMap((desk) => desk.list()),
    leaseAfter: async (id, from, signal) => known(id, await deskOf(id).changed(id, from, signal)),
    renewLease: (id) => deskOf(id).renew(id),
    returnLease: (id) => deskOf(id).giveBack(id),
  };
}
