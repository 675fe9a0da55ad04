import type { LeaseId } from '../../model/ids.ts';
import type { Lease, LeaseAccess } from '../../model/lease.ts';
import type { QueueMachine } from '../port.ts';

/**
 * How a kind of machine is got at. Both may be repeated, and may come after a part of the other: a machine is prepared again
 * after a restart, and one that was never prepared may be wiped. Errors are the machine's: they are tried again.
 */
export interface MachineAccess {
  /** Lets the holder in. Resolves once it may begin. */
  prepare(machine: QueueMachine, lease: Lease, signal: AbortSignal): Promise<LeaseAccess>;
  /** Ends whatever the holder left running, removes all its files, and lets it in no more. */
  clean(machine: QueueMachine, lease: LeaseId, signal: AbortSignal): Promise<void>;
}

/** The variable that every process of a lease inherits. */
export const leaseVariable = 'SPILLWAY_LEASE';
