import { LeaseError } from '../../model/errors.ts';
import { type InstanceId, LeaseId } from '../../model/ids.ts';
import type { Lease, LeaseEnd, LeaseRequest } from '../../model/lease.ts';
import type { Memory } from '../../model/memory.ts';

/** Ended leases are remembered, so that a holder that asks late is told what became of it: so many at most. */
const endedMax = 1000;

const key = { lease: 'lease/', book: 'book' } as const;

/** Every lease that has not ended, and the latest that have: what is changed is on disk before the change is seen. */
export interface LeaseBook {
  add(request: LeaseRequest, times: Times): Lease;
  get(id: LeaseId): Lease | null;
  /** In the order of asking. */
  open(): readonly Lease[];
  onMachine(instance: InstanceId): Lease | null;
  /** Replaces leases, all or none. */
  put(leases: readonly Lease[]): void;
}

export interface Times {
  readonly wallMs: number;
}

interface BookFacts {
  /** When the book was begun: ids of a book that was lost do not come back. */
  readonly birth: number;
  readonly count: number;
}

export function openLeaseBook(memory: Memory, { wallMs }: Times): LeaseBook {
  const stored = memory.load();
  const known = stored.get(key.book) as BookFacts | undefined;
  let facts: BookFacts = known ?? { birth: Math.floor(wallMs), count: 0 };
  const open = new Map<LeaseId, Lease>();
  const ended = new Map<LeaseId, Lease>();
  const byMachine = new Map<InstanceId, LeaseId>();
  const all = [...stored].flatMap(([name, value]) => (name.startsWith(key.lease) ? [value as Lease] : []));
  for (const lease of all.toSorted((a, b) => numberOf(a.id) - numberOf(b.id))) keep(lease);

  function keep(lease: Lease): void {
    if (lease.state === 'ended') {
      open.delete(lease.id);
      ended.set(lease.id, lease);
    } else open.set(lease.id, lease);
    if (lease.instance === null) return;
    if (lease.state !== 'ended') byMachine.set(lease.instance, lease.id);
    else if (byMachine.get(lease.instance) === lease.id) byMachine.delete(lease.instance);
  }

  /** A lease that waits again has let go of its machine. */
  function letGo(lease: Lease): void {
    const before = open.get(lease.id)?.instance ?? null;
    if (before !== null && before !== lease.instance && byMachine.get(before) === lease.id)
      byMachine.delete(before);
  }

  function put(leases: readonly Lease[], more: readonly (readonly [string, unknown])[] = []): void {
    const changes = new Map<string, unknown>([
      ...leases.map((lease) => [key.lease + lease.id, lease] as const),
      ...more,
    ]);
    const over = ended.size + leases.filter(({ state }) => state === 'ended').length - endedMax;
    const forgotten = over > 0 ? [...ended.keys()].slice(0, over) : [];
    for (const id of forgotten) changes.set(key.lease + id, null);
    memory.save(changes);
    for (const id of forgotten) ended.delete(id);
    for (const lease of leases) {
      letGo(lease);
      keep(lease);
    }
  }

  return {
    add: (request, times) => {
      const next = { ...facts, count: facts.count + 1 };
      const lease: Lease = {
        ...request,
        id: LeaseId(`${next.birth.toString(36)}-${next.count}`),
        state: 'waiting',
        instance: null,
        askedAtWallMs: times.wallMs,
        grantedAtWallMs: null,
        endedAtWallMs: null,
        end: null,
      };
      put([lease], [[key.book, next]]);
      facts = next;
      return lease;
    },
    get: (id) => open.get(id) ?? ended.get(id) ?? null,
    open: () => [...open.values()],
    onMachine: (instance) => {
      const id = byMachine.get(instance);
      return id === undefined ? null : (open.get(id) ?? null);
    },
    put: (leases) => put(leases),
  };
}

export function endLease(lease: Lease, end: LeaseEnd, { wallMs }: Times): Lease {
  return { ...lease, state: 'ended', end: lease.end ?? end, endedAtWallMs: wallMs };
}

/** Throws LeaseError. */
export function mustKnow(lease: Lease | null, id: LeaseId): Lease {
  if (lease === null) throw new LeaseError('unknown', `there is no lease ${id}`);
  return lease;
}

function numberOf(id: LeaseId): number {
  return Number(id.slice(id.lastIndexOf('-') + 1));
}
