import type { PoolName } from './ids.ts';

/**
 * read: sees its pools. lease: borrows machines of them, too. operate: does what an operator does to them, too. Each may what the
 * ones before it may.
 */
export const accessRoles = ['read', 'lease', 'operate'] as const;
export type AccessRole = (typeof accessRoles)[number];

/** Whose leases a token may ask for: its own, or anybody's, as the head node of a batch system does. */
export const leaseUsers = ['own', 'any'] as const;
export type LeaseUsers = (typeof leaseUsers)[number];

/** What one who asks over the network may do. */
export interface AccessGrant {
  readonly name: string;
  readonly role: AccessRole;
  readonly pools: ReadonlySet<PoolName>;
  /** All pools of the site are its own, those of machines that outlive the config included, and so is what is of no pool. */
  readonly wholeSite: boolean;
  readonly leaseUsers: LeaseUsers;
  /** On the average; bursts may be longer. */
  readonly requestsPerSecond: number;
}

/** What one must show for it. The secret itself is not here. */
export interface AccessToken extends AccessGrant {
  /** SHA-256 of the secret's bytes. */
  readonly digest: Uint8Array;
}

/** A socket beside the API's own on which everybody may ask why a job waits. */
export interface UserSocket {
  readonly path: string;
  /** Only for this group of the host; null: for everybody. */
  readonly group: string | null;
}

/** An address that the API is served at beside the unix socket. */
export interface ListenAddress {
  /** An IP address of this host, or `0.0.0.0` or `::` for all. */
  readonly address: string;
  readonly port: number;
  /** PEM; null: plain HTTP, at a loopback address only. */
  readonly tls: { readonly certificate: string; readonly key: string } | null;
}
