import type { CloudCapabilities } from '../port.ts';

/**
 * Lists are read from the state that the last write has left, so nothing lags but a create call that the server still works
 * on when it has been given up: by default it gives up itself after a minute.
 */
export const listLagMs = 60_000;

export const kubernetesCapabilities: CloudCapabilities = {
  /** The pod's name is the machine's, and there is never a second of the name. */
  replaySafe: true,
  mark: 'create',
  batchMax: 1,
  listLagMs,
  /** A Secret holds 1 MiB. */
  userDataBytesMax: 1_000_000,
  spot: false,
};
