import { LeaseError, QueueError } from '../../model/errors.ts';
import { type InstanceId, JobId, LeaseId } from '../../model/ids.ts';
import type { Lease, LeaseEnd, LeaseRequest, LeaseState, LeaseView } from '../../model/lease.ts';
import type { JobView, LeaseDesk, Queue, QueueAdapter, QueueDeps, QueueMachine } from '../port.ts';
import { assign, fairOrder } from './assign.ts';
import { jobAdOf } from './job-ad.ts';
import { endLease, type LeaseBook, mustKnow, openLeaseBook } from './lease-book.ts';
import { createLender, type Lender } from './lender.ts';
import { localAccess } from './local-access.ts';
import { type LeaseSettings, leaseSettings } from './settings.ts';
import { sshAccess } from './ssh-access.ts';
import { demandIdOf, snapshotOf } from './view.ts';

/** A lease is renewed at least so often in its time, or the first lost answer ends it. */
const ttlMsMin = 10_000;

/**
 * Our own queue: its jobs are leases. Each takes one whole machine; the holder runs on it what it likes, and gives it back.
 *
 *   waiting ──machine free──▶ preparing ──let in──▶ held ──given back, expired──▶ cleaning ──wiped──▶ ended
 *      └──withdrawn, expired──▶ ended            (the machine is gone: lost, from any of the three)
 *
 * A machine that is being wiped has its lease still, so it is nobody's to take. All of it is on disk before it is
 * answered; after a restart what was under way is done again, and holders have their whole time to be heard of.
 */
export const leaseAdapter = {
  name: 'lease',
  configSchema: leaseSettings,
  templateVariables: () => [],
  create: createLeaseQueue,
} satisfies QueueAdapter<LeaseSettings>;

function createLeaseQueue(settings: LeaseSettings, deps: QueueDeps): Queue {
  const { clock, queue: name } = deps;
  const now = () => ({ wallMs: Math.floor(clock.wallNow()) });
  const book = openLeaseBook(deps.memory, now());
  const heardAtMs = new Map<LeaseId, number>(book.open().map(({ id }) => [id, clock.monotonicNow()]));
  const draining = new Set<InstanceId>();
  const waiters = new Map<LeaseId, Set<() => void>>();
  let machines = new Map<InstanceId, QueueMachine>();
  let hint: (() => void) | null = null;

  const access =
    settings.access === 'local' ? localAccess(deps.site, clock) : sshAccess(settings.access.ssh, deps);
  const lender: Lender = createLender({
    access,
    settings,
    clock,
    log: deps.log,
    onPrepared: (id) => change(id, 'preparing', (lease) => ({ ...lease, state: 'held' })),
    onUnprepared: (id) =>
      change(id, 'preparing', (lease) => ({
        ...lease,
        state: 'waiting',
        instance: null,
        grantedAtWallMs: null,
      })),
    onCleaned: (id) => change(id, 'cleaning', (lease) => endLease(lease, 'returned', now())),
  });

  /** Whatever happened, this follows: machines for those who wait, work for the lender, and those who listen are told. */
  function settle(changed: readonly Lease[]): void {
    const given = serveWaiting(book, lendable(), now());
    for (const lease of book.open()) {
      const machine = lease.instance === null ? undefined : machines.get(lease.instance);
      if (machine !== undefined) lender.see(lease, machine);
    }
    for (const { id, state } of [...changed, ...given]) {
      if (state === 'ended') heardAtMs.delete(id);
      for (const wake of waiters.get(id) ?? []) wake();
    }
    if (changed.length + given.length > 0) hint?.();
  }

  /** Free machines that may be given to somebody, the one that was used last first. */
  function lendable(): QueueMachine[] {
    return [...machines.values()]
      .filter(({ instance, reachable }) => reachable && !draining.has(instance) && !lender.isUnfit(instance))
      .filter(({ instance }) => book.onMachine(instance) === null)
      .toSorted((a, b) => lender.lastUsed(b.instance) - lender.lastUsed(a.instance));
  }

  function change(id: LeaseId, from: LeaseState, make: (lease: Lease) => Lease): void {
    const lease = book.get(id);
    if (lease === null || lease.state !== from) return;
    const next = make(lease);
    book.put([next]);
    settle([next]);
  }

  function over(lease: Lease, end: LeaseEnd): Lease {
    if (lease.state === 'waiting') return endLease(lease, end === 'returned' ? 'withdrawn' : end, now());
    return { ...lease, state: 'cleaning', end };
  }

  function expire(): void {
    const nowMs = clock.monotonicNow();
    const late = book
      .open()
      .filter(({ state }) => state !== 'cleaning')
      .filter(({ id, ttlMs }) => nowMs - (heardAtMs.get(id) ?? nowMs) > ttlMs);
    if (late.length === 0) return;
    for (const { id, user, ttlMs } of late)
      deps.log.warn({ lease: id, user, ttlMs }, 'a lease has expired: its holder was not heard of');
    const ended = late.map((lease) => over(lease, 'expired'));
    book.put(ended);
    settle(ended);
  }

  function meet(found: readonly QueueMachine[]): void {
    machines = new Map(found.map((machine) => [machine.instance, machine]));
    for (const id of draining) if (!machines.has(id)) draining.delete(id);
    const lost = book
      .open()
      .filter(({ instance }) => instance !== null && !machines.has(instance))
      .map((lease) => endLease(lease, 'lost', now()));
    if (lost.length > 0) book.put(lost);
    lender.forget(
      (instance) => !machines.has(instance),
      (id) => book.get(id)?.state !== 'held',
    );
    settle(lost);
  }

  /** `order`: who waits, in the order in which they are served. */
  function viewOf(lease: Lease, order = lease.state === 'waiting' ? orderOf(book) : []): LeaseView {
    const same = order.filter(({ pool }) => pool === lease.pool);
    return {
      lease,
      access: lease.state === 'held' ? lender.accessOf(lease.id) : null,
      ahead: lease.state === 'waiting' ? same.findIndex(({ id }) => id === lease.id) : null,
    };
  }

  const desk: LeaseDesk = {
    ask: (request) => {
      check(request);
      const lease = book.add(request, now());
      heardAtMs.set(lease.id, clock.monotonicNow());
      settle([lease]);
      return viewOf(mustKnow(book.get(lease.id), lease.id));
    },
    find: (id) => {
      expire();
      const lease = book.get(id);
      return lease === null ? null : viewOf(lease);
    },
    list: () => {
      expire();
      const order = orderOf(book);
      return book.open().map((lease) => viewOf(lease, order));
    },
    changed: async (id, from, signal) => {
      while (!signal.aborted) {
        const lease = book.get(id);
        if (lease === null || lease.state !== from) break;
        await nextChange(id, signal);
      }
      const lease = book.get(id);
      return lease === null ? null : viewOf(lease);
    },
    renew: (id) => {
      const lease = mustKnow(book.get(id), id);
      if (lease.state === 'cleaning' || lease.state === 'ended')
        throw new LeaseError('over', `lease ${id} is over: ${lease.end ?? lease.state}`);
      heardAtMs.set(id, clock.monotonicNow());
      return viewOf(lease);
    },
    giveBack: (id) => {
      const lease = mustKnow(book.get(id), id);
      if (lease.state === 'cleaning' || lease.state === 'ended') return viewOf(lease);
      const next = over(lease, 'returned');
      book.put([next]);
      settle([next]);
      return viewOf(next);
    },
  };

  function check(request: LeaseRequest): void {
    jobAdOf(request);
    if (request.ttlMs < ttlMsMin || request.ttlMs > settings.ttlMax)
      throw new LeaseError(
        'invalid',
        `a lease is for ${ttlMsMin / 1000} to ${settings.ttlMax / 1000} s at a time`,
      );
    if (settings.access !== 'local' && request.publicKey === null)
      throw new LeaseError('invalid', 'these machines are reached by SSH: a lease needs a public key');
    const waiting = book.open().filter(({ state }) => state === 'waiting').length;
    if (waiting >= settings.waitingMax)
      throw new LeaseError('full', `${waiting} leases wait, and no more may`);
  }

  async function nextChange(id: LeaseId, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const own = waiters.get(id) ?? new Set();
    waiters.set(id, own.add(resolve));
    const stop = () => resolve();
    signal.addEventListener('abort', stop, { once: true });
    await promise;
    signal.removeEventListener('abort', stop);
    own.delete(resolve);
    if (own.size === 0) waiters.delete(id);
  }

  return {
    leases: desk,
    poll: async ({ nowMs, machines: found }) => {
      expire();
      meet(found);
      // One that cannot be got at is shown for as long as it has a lease, one that cannot be wiped no more.
      const shown = [...machines.values()]
        .filter(({ instance }) => !lender.isUnfit(instance))
        .filter(({ instance, reachable }) => reachable || book.onMachine(instance) !== null);
      return snapshotOf(name, {
        takenAtMs: nowMs,
        open: book.open(),
        lendable: shown.map((machine) => ({
          machine,
          lease: book.onMachine(machine.instance),
          draining: draining.has(machine.instance),
        })),
      });
    },
    hint: (changed, signal) => {
      hint = changed;
      signal.addEventListener('abort', () => {
        hint = null;
      });
    },
    admit: async () => ({ variables: {}, perMachine: false }),
    drain: async (worker) => {
      draining.add(known(worker));
      settle([]);
    },
    undrain: async (worker) => {
      draining.delete(known(worker));
      settle([]);
    },
    remove: async () => {},
    job: async (id): Promise<JobView | null> => {
      const lease = book.get(LeaseId(id));
      if (lease === null) return null;
      const state = lease.state === 'waiting' || lease.state === 'ended' ? lease.state : 'running';
      const demand = state === 'waiting' ? demandIdOf(name, lease) : null;
      return { id: JobId(id), state, owner: lease.user, demand, ad: jobAdOf(lease) };
    },
    close: async () => lender.close(),
  };

  /** A worker is named after its machine. */
  function known(worker: string): InstanceId {
    const machine = machines.get(worker as InstanceId);
    if (machine === undefined) throw new QueueError('notFound', `no machine ${worker}`);
    return machine.instance;
  }
}

function orderOf(book: LeaseBook): Lease[] {
  const open = book.open();
  const held = new Map<string, number>();
  for (const { user, state } of open) if (state !== 'waiting') held.set(user, (held.get(user) ?? 0) + 1);
  return fairOrder(
    open.filter(({ state }) => state === 'waiting'),
    held,
  );
}

/** Stores who gets which machine, all of it at once. */
function serveWaiting(
  book: LeaseBook,
  free: readonly QueueMachine[],
  { wallMs }: { wallMs: number },
): Lease[] {
  if (free.length === 0) return [];
  const given = assign(orderOf(book), free).map(
    ({ lease, machine }): Lease => ({
      ...lease,
      state: 'preparing',
      instance: machine.instance,
      grantedAtWallMs: wallMs,
    }),
  );
  if (given.length > 0) book.put(given);
  return given;
}
