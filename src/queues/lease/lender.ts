import type { Clock } from '../../model/clock.ts';
import type { InstanceId, LeaseId } from '../../model/ids.ts';
import type { Lease, LeaseAccess } from '../../model/lease.ts';
import type { Log } from '../../model/log.ts';
import type { QueueMachine } from '../port.ts';
import type { MachineAccess } from './access.ts';
import type { LeaseSettings } from './settings.ts';

/** Between two attempts at one machine; it doubles. */
const retryMsFirst = 1000;
const retryMsMax = 60_000;

/** Prepares and wipes machines, each at most one at a time, until it is done or the machine is given up. */
export interface Lender {
  /** A lease that has a machine: begins what its state asks for, if that is not under way. */
  see(lease: Lease, machine: QueueMachine): void;
  accessOf(lease: LeaseId): LeaseAccess | null;
  /** It could not be wiped or prepared so often that it is lent no more. */
  isUnfit(instance: InstanceId): boolean;
  /** Greater is later; 0: never. */
  lastUsed(instance: InstanceId): number;
  /** Drops what is known of machines that are gone, and of leases that are over. */
  forget(isGone: (instance: InstanceId) => boolean, isOver: (lease: LeaseId) => boolean): void;
  close(): Promise<void>;
}

export interface LenderParts {
  readonly access: MachineAccess;
  readonly settings: Pick<LeaseSettings, 'accessDeadline' | 'cleanAttempts'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly onPrepared: (lease: LeaseId) => void;
  /** The machine would not let the holder in: the lease wants another. */
  readonly onUnprepared: (lease: LeaseId) => void;
  readonly onCleaned: (lease: LeaseId) => void;
}

interface Work {
  readonly instance: InstanceId;
  readonly stop: AbortController;
  readonly done: Promise<void>;
}

export function createLender(parts: LenderParts): Lender {
  const { access, settings, clock, log } = parts;
  const works = new Map<string, Work>();
  const accesses = new Map<LeaseId, LeaseAccess>();
  const failures = new Map<InstanceId, number>();
  const used = new Map<InstanceId, number>();
  let uses = 0;
  let closed = false;

  function see(lease: Lease, machine: QueueMachine): void {
    // A held lease whose access is not known is one of an earlier life: it is let in again.
    const prepares = lease.state === 'preparing' || (lease.state === 'held' && !accesses.has(lease.id));
    if (prepares) begin(`prepare ${lease.id}`, machine, (signal) => prepare(lease, machine, signal));
    else if (lease.state === 'cleaning')
      begin(`clean ${lease.id}`, machine, (signal) => clean(lease.id, machine, signal));
  }

  function begin(
    name: string,
    { instance }: QueueMachine,
    work: (signal: AbortSignal) => Promise<void>,
  ): void {
    if (closed || works.has(name)) return;
    const stop = new AbortController();
    const done = work(stop.signal)
      .catch((error: unknown) => {
        if (!stop.signal.aborted) log.error({ work: name, error: String(error) }, 'work on a lease failed');
      })
      .finally(() => works.delete(name));
    works.set(name, { instance, stop, done });
  }

  async function prepare(lease: Lease, machine: QueueMachine, signal: AbortSignal): Promise<void> {
    let made: LeaseAccess | null = null;
    const worked = await attempt('prepared', machine, signal, async (inTime) => {
      made = await access.prepare(machine, lease, inTime);
    });
    if (made !== null && worked) {
      accesses.set(lease.id, made);
      parts.onPrepared(lease.id);
    } else if (!signal.aborted) parts.onUnprepared(lease.id);
  }

  /** Never given up: the lease ends when the machine is clean, or gone. */
  async function clean(lease: LeaseId, machine: QueueMachine, signal: AbortSignal): Promise<void> {
    // Whatever lets the holder in is stopped first.
    const letting = works.get(`prepare ${lease}`);
    letting?.stop.abort();
    await letting?.done;
    accesses.delete(lease);
    for (let retryMs = retryMsFirst; !signal.aborted; retryMs = Math.min(retryMsMax, retryMs * 2)) {
      if (await attempt('wiped', machine, signal, (inTime) => access.clean(machine, lease, inTime))) {
        uses += 1;
        used.set(machine.instance, uses);
        parts.onCleaned(lease);
        return;
      }
      await clock.sleep(retryMs, signal).catch(() => {});
    }
  }

  async function attempt(
    what: 'prepared' | 'wiped',
    { instance, address }: QueueMachine,
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<void>,
  ): Promise<boolean> {
    const deadline = new AbortController();
    const inTime = AbortSignal.any([signal, deadline.signal]);
    const timer = new AbortController();
    void clock.sleep(settings.accessDeadline, timer.signal).then(
      () => deadline.abort(new Error('not within accessDeadline')),
      () => {},
    );
    try {
      await work(inTime);
      failures.delete(instance);
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      const times = (failures.get(instance) ?? 0) + 1;
      failures.set(instance, times);
      log.warn(
        { instance, address, what, times, error: error instanceof Error ? error.message : String(error) },
        'a machine could not be got at',
      );
      return false;
    } finally {
      timer.abort();
    }
  }

  return {
    see,
    accessOf: (lease) => accesses.get(lease) ?? null,
    isUnfit: (instance) => (failures.get(instance) ?? 0) >= settings.cleanAttempts,
    lastUsed: (instance) => used.get(instance) ?? 0,
    forget: (isGone, isOver) => {
      for (const lease of accesses.keys()) if (isOver(lease)) accesses.delete(lease);
      for (const { instance, stop } of works.values()) if (isGone(instance)) stop.abort();
      for (const instance of [...failures.keys(), ...used.keys()])
        if (isGone(instance)) {
          failures.delete(instance);
          used.delete(instance);
        }
    },
    close: async () => {
      closed = true;
      for (const { stop } of works.values()) stop.abort();
      await Promise.all([...works.values()].map(({ done }) => done));
    },
  };
}
