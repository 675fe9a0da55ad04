import type { CloudCapabilities } from '../port.ts';

export const cloudstackCapabilities: CloudCapabilities = {
  /**
   * No token makes a create idempotent. A second machine of the same name is refused in most networks, but two calls at the same
   * time may both be carried out.
   */
  replaySafe: false,
  mark: 'create',
  batchMax: 1,
  /** All views are of one database; what lags is a create call that the server still works on when we have given it up. */
  listLagMs: 60_000,
  /** The server's `vm.userdata.max.length` is 32,768 characters of base64 as it comes. */
  userDataBytesMax: 24_000,
  spot: false,
};
