import { once } from 'node:events';
import { ControlError } from '../../src/api/control.ts';
import type { LeaseControl } from '../../src/api/leases.ts';
import { InstanceId, LeaseId } from '../../src/model/ids.ts';
import type { LeaseState, LeaseView } from '../../src/model/lease.ts';
import { jobAdOf } from '../../src/queues/lease/job-ad.ts';

const leasesMax = 200;

/** Leases in memory: each has its machine at once, and is over when it is given back. */
export function createFixtureLeases(pools: readonly string[]): LeaseControl {
  const leases = new Map<LeaseId, LeaseView>();
  const changes = new EventTarget();
  const known = (id: LeaseId) => {
    const view = leases.get(id);
    if (view === undefined) throw new ControlError('unknownLease', `there is no lease ${id}`);
    return view;
  };
  return {
    askLease: (request) => {
      if (!pools.includes(request.pool)) throw new ControlError('unknownPool', `no pool ${request.pool}`);
      jobAdOf(request); // throws where the requirements are none
      const [oldest] = leases.keys();
      if (leases.size >= leasesMax && oldest !== undefined) leases.delete(oldest);
      const id = LeaseId(`fix-${leases.size + 1}`);
      const times = { askedAtWallMs: 1, grantedAtWallMs: 2, endedAtWallMs: null };
      const lease = {
        ...request,
        ...times,
        id,
        state: 'held',
        instance: InstanceId('i1-0'),
        end: null,
      } as const;
      const access = {
        kind: 'local',
        folder: '/machines/i1-0',
        environment: { SPILLWAY_LEASE: id },
      } as const;
      const view = { lease, access, ahead: null };
      leases.set(id, view);
      return view;
    },
    lease: known,
    leases: () => [...leases.values()].filter(({ lease }) => lease.state !== 'ended'),
    leaseAfter: async (id, from: LeaseState, signal) => {
      while (known(id).lease.state === from && !signal.aborted)
        await once(changes, 'change', { signal }).catch(() => {});
      return known(id);
    },
    renewLease: known,
    returnLease: (id) => {
      const { lease } = known(id);
      const view: LeaseView = {
        lease: { ...lease, state: 'ended', endedAtWallMs: 3, end: 'returned' },
        access: null,
        ahead: null,
      };
      leases.set(id, view);
      changes.dispatchEvent(new Event('change'));
      return view;
    },
  };
}
