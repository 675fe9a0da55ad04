import type { LeaseId } from '../model/ids.ts';
import type { LeaseRequest, LeaseState, LeaseView } from '../model/lease.ts';

/**
 * What the API asks of the lease queues. All that is answered is on disk. They throw ControlError `unknownPool` or
 * `unknownLease`, LeaseError where a lease is refused, and StoreError.
 */
export interface LeaseControl {
  askLease(request: LeaseRequest): LeaseView;
  lease(id: LeaseId): LeaseView;
  /** Of all pools, those that have not ended. */
  leases(): readonly LeaseView[];
  /** Resolves when the lease is no longer in the state, or the signal is aborted. */
  leaseAfter(id: LeaseId, from: LeaseState, signal: AbortSignal): Promise<LeaseView>;
  renewLease(id: LeaseId): LeaseView;
  returnLease(id: LeaseId): LeaseView;
}
