import type { Server } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import type { ListenAddress } from '../model/access.ts';

/** An address of the network that is listened at. */
export interface Listener {
  readonly address: string;
  readonly port: number;
  readonly isTls: boolean;
  readonly server: Server;
}

/**
 * New certificates hold from the next connection on. Addresses stay as they are: returns what differs, a clause each.
 */
export function changeListeners(
  listeners: readonly Listener[],
  wanted: readonly ListenAddress[],
): readonly string[] {
  const isAt = ({ address, port, isTls }: Listener, { tls, ...at }: ListenAddress) =>
    address === at.address && port === at.port && isTls === (tls !== null);
  for (const listener of listeners) {
    const { tls = null } = wanted.find((one) => isAt(listener, one)) ?? {};
    if (tls !== null && listener.server instanceof TlsServer)
      listener.server.setSecureContext({ cert: tls.certificate, key: tls.key, minVersion: 'TLSv1.2' });
  }
  const left = listeners.filter((listener) => !wanted.some((one) => isAt(listener, one)));
  const missing = wanted.filter((one) => !listeners.some((listener) => isAt(listener, one)));
  return [
    ...left.map(({ address, port }) => `${address}:${port} is still listened at`),
    ...missing.map(({ address, port }) => `${address}:${port} is not listened at yet`),
  ];
}
