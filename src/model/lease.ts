import type { InstanceId, LeaseId, PoolName } from './ids.ts';
import type { Resources } from './resources.ts';

/**
 * waiting: no machine yet. preparing: it has one, which is being made ready. held: the holder may use the machine.
 * cleaning: given back; the machine is wiped before anybody else may have it. ended.
 */
export const leaseStates = ['waiting', 'preparing', 'held', 'cleaning', 'ended'] as const;
export type LeaseState = (typeof leaseStates)[number];

export const leaseEnds = [
  'returned', // by its holder
  'withdrawn', // before it had a machine
  'expired', // its holder has not been heard of for the lease's time
  'lost', // its machine is gone
] as const;
export type LeaseEnd = (typeof leaseEnds)[number];

/** An exclusive hold on a Free machine, and before that the wish for one. */
export interface Lease {
  readonly id: LeaseId;
  readonly pool: PoolName;
  /** Of the machine, as a job's Requirements: old-syntax ClassAd text. */
  readonly requirements: string;
  readonly request: Resources;
  readonly user: string;
  /** The access token that it was asked with, which alone may renew it and give it back; null: asked over the unix socket. */
  readonly holder: string | null;
  /** The greater goes first. */
  readonly priority: number;
  /** What it is for, in the holder's words. */
  readonly note: string;
  /** The holder's public key in OpenSSH's form, for machines that are reached by SSH; null: none. */
  readonly publicKey: string | null;
  /** The holder must renew it within so long, from the asking on: else it ends. */
  readonly ttlMs: number;
  readonly state: LeaseState;
  readonly instance: InstanceId | null;
  /** Epoch ms by the wall clock, for people. */
  readonly askedAtWallMs: number;
  readonly grantedAtWallMs: number | null;
  readonly endedAtWallMs: number | null;
  readonly end: LeaseEnd | null;
}

export interface LeaseRequest {
  readonly pool: PoolName;
  readonly requirements: string;
  readonly request: Resources;
  readonly user: string;
  readonly holder: string | null;
  readonly priority: number;
  readonly note: string;
  readonly publicKey: string | null;
  readonly ttlMs: number;
}

/** How the holder gets at the machine. */
export type LeaseAccess =
  /** A folder on this host: commands are run there, by the holder itself. */
  | {
      readonly kind: 'local';
      readonly folder: string;
      readonly environment: Readonly<Record<string, string>>;
    }
  | {
      readonly kind: 'ssh';
      readonly host: string;
      readonly port: number;
      readonly user: string;
      /** Lines of a known_hosts file: whoever answers with another key is not the machine. */
      readonly knownHosts: string;
    };

export interface LeaseView {
  readonly lease: Lease;
  /** While the lease is held. */
  readonly access: LeaseAccess | null;
  /** How many waiting leases of the pool come first; null where it does not wait. */
  readonly ahead: number | null;
}
