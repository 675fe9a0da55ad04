import { ControlError, type DaemonControl } from '../api/control.ts';

export interface RelayInput {
  readonly current: () => DaemonControl;
  /** One daemon makes way for another: what is decided now could be lost. */
  readonly isTurning: () => boolean;
  /** Aborted when the daemon of now makes way. */
  readonly turn: () => AbortSignal;
}

export interface Relay {
  readonly control: DaemonControl;
  /** Another daemon is the current one: whoever listened to the one before listens to it. */
  turned(): void;
}

/**
 * The control of a daemon that may be another one from call to call. Reads are always answered; writes are not while one makes
 * way for another: `notReady`, to be asked again.
 */
export function createRelay({ current, isTurning, turn }: RelayInput): Relay {
  const listeners = new Map<() => void, () => void>();

  /** The control for a write. */
  function writable(): DaemonControl {
    if (isTurning())
      throw new ControlError('notReady', 'the configuration is being reloaded: ask again in a moment');
    return current();
  }

  const control: DaemonControl = {
    status: () => current().status(),
    plan: () => current().plan(),
    instances: (filter) => current().instances(filter),
    explainJob: (id, signal) => current().explainJob(id, signal),
    explainInstance: (id) => current().explainInstance(id),
    downtimes: () => current().downtimes(),
    journal: (query) => current().journal(query),
    lease: (id) => current().lease(id),
    leases: () => current().leases(),
    // Whoever waits is told how it stands, and asks the next one.
    leaseAfter: (id, from, signal) => current().leaseAfter(id, from, AbortSignal.any([signal, turn()])),
    metrics: () => current().metrics(),
    health: () => current().health(),
    readiness: () => current().readiness(),
    onJournal: (listener) => {
      // One listener may be handed in twice.
      const own = () => listener();
      listeners.set(own, current().onJournal(own));
      return () => {
        listeners.get(own)?.();
        listeners.delete(own);
      };
    },
    accounting: (query) => current().accounting(query),
    reportUsage: async (folder) => writable().reportUsage(folder),
    launch: async (request) => writable().launch(request),
    drain: async (id) => writable().drain(id),
    undrain: async (id) => writable().undrain(id),
    terminate: async (id, options) => writable().terminate(id, options),
    adjustPool: async (order) => writable().adjustPool(order),
    addDowntime: async (request) => writable().addDowntime(request),
    endDowntime: async (id) => writable().endDowntime(id),
    askLease: (request) => writable().askLease(request),
    renewLease: (id) => writable().renewLease(id),
    returnLease: (id) => writable().returnLease(id),
  };
  return {
    control,
    turned: () => {
      for (const own of listeners.keys()) listeners.set(own, current().onJournal(own));
    },
  };
}
