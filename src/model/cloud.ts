import type { CloudErrorCode } from './errors.ts';
import type { CloudId, CloudName, IntentId, OfferName, PoolName } from './ids.ts';

export const cloudInstanceStates = ['pending', 'running', 'ending', 'stopped', 'gone', 'error'] as const;
export type CloudInstanceState = (typeof cloudInstanceStates)[number];

/** An instance as the cloud sees it, with what our mark on it says. */
export interface CloudInstance {
  readonly cloudId: CloudId;
  readonly intent: IntentId;
  /** Its place among the intent's machines, in the cloud's own order. */
  readonly seat: number;
  /** From our mark; null where it cannot be read back. */
  readonly pool: PoolName | null;
  readonly offer: OfferName | null;
  readonly state: CloudInstanceState;
  readonly address: string | null;
  /** What the cloud says went wrong; null if nothing. */
  readonly fault: string | null;
  /**
   * Where what went wrong is that the cloud had no room, or the account no more quota, though the create call was
   * accepted: what a refusal would have said. Absent: it is this machine that failed.
   */
  readonly faultCode?: CloudErrorCode;
  /** What the cloud says of taking it back before long (a spot machine's notice); absent: it has said nothing. */
  readonly notice?: string;
}

/** What one complete list of a cloud saw. */
export interface CloudSnapshot {
  readonly cloud: CloudName;
  /** Daemon time (ms) when the list was begun: nothing in here is older than that less the cloud's lag. */
  readonly takenAtMs: number;
  readonly instances: readonly CloudInstance[];
}

/** What an account may still have, other people's machines counted; null where there is no limit or none is told. */
export interface QuotaSnapshot {
  /** Daemon time (ms) when the cloud was asked. */
  readonly takenAtMs: number;
  readonly instances: number | null;
  readonly cpus: number | null;
  readonly memoryMiB: number | null;
}
