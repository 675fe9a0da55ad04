import { connect } from 'node:net';

/** Whether somebody takes a connection there. False, too, when the signal is aborted. */
export async function takesConnections(host: string, port: number, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return false;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ host, port });
  const giveUp = () => resolve(false);
  socket.once('connect', () => resolve(true));
  socket.once('error', giveUp);
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', giveUp);
    socket.destroy();
  }
}
