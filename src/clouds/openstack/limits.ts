import type { CloudCapabilities } from '../port.ts';

/**
 * A create whose connection is lost is carried out all the same, and its server shows up late: a second or so on an idle
 * cloud, and when a message broker is stuck as late as Nova's own calls give up, which is after a minute by default.
 */
export const listLagMs = 2 * 60_000;

export const openstackCapabilities: CloudCapabilities = {
  /** Nova has no idempotency token: the same create again makes another server. */
  replaySafe: false,
  mark: 'create',
  batchMax: 100,
  listLagMs,
  /** Nova takes 65,535 characters of base64. */
  userDataBytesMax: 49_149,
  spot: false,
};
