import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Metrics } from '../metrics/metrics.ts';
import type { AccessGrant, AccessToken, ListenAddress, UserSocket } from '../model/access.ts';
import type { Clock } from '../model/clock.ts';
import type { Log } from '../model/log.ts';
import { buildApp } from './app.ts';
import { type Control, ControlError } from './control.ts';
import { type Door, networkDoors, socketDoor } from './door.ts';
import { apiLimits } from './limits.ts';
import { changeListeners, type Listener } from './listeners.ts';
import { createHistorian } from './live/historian.ts';
import { createHub } from './live/hub.ts';
import { type BoundSocket, bindSocket, SocketError } from './socket.ts';
import { userDoor } from './userDoor.ts';

export interface ApiOptions {
  /** Path of the unix socket; made with mode 0660, so its group is who may use the API. */
  readonly socket: string;
  /** Addresses of the network beside it, where only these tokens are let in. */
  readonly listen: readonly ListenAddress[];
  readonly tokens: readonly AccessToken[];
  /** What those see who show no token; absent or null: nothing. */
  readonly visitors?: AccessGrant | null;
  /** Another socket, for everybody on the host or a group of it; absent or null: none. */
  readonly userSocket?: UserSocket | null;
  /** The number of a group of the host; null: there is none of that name. */
  readonly groupNumber?: (name: string, signal: AbortSignal) => Promise<number | null>;
  readonly control: Control;
  readonly clock: Clock;
  readonly log: Log;
  /** Answers are counted there; absent: they are not. */
  readonly metrics?: Metrics;
}

export interface Api {
  /** Where it listens on the network, in the order of `listen`. */
  readonly addresses: readonly AddressInfo[];
  /**
   * Other tokens hold from the next request on, other certificates from the next connection on. Returns what of it will hold only
   * after a restart, a clause each: the addresses stay as they are.
   */
  change(access: Pick<ApiOptions, 'listen' | 'tokens' | 'visitors' | 'userSocket'>): readonly string[];
  /** Takes no more requests, answers those under way, removes the socket. May be called again. */
  close(): Promise<void>;
}

/**
 * Serves the API until it is closed. Throws SocketError where the socket cannot be had, and Node's own error where an address of
 * the network cannot: then nothing is served.
 */
export async function startApi(options: ApiOptions): Promise<Api> {
  const { control, clock, log, tokens } = options;
  const closing = new AbortController();
  const apps: FastifyInstance[] = [];
  /** Aborted when other tokens hold: what goes on was let in by those of before. */
  let admitting = new AbortController();
  const live = { hub: createHub(clock), historian: createHistorian({ control, clock, log }) };
  const open = async (door: Door) => {
    const app = await buildApp({
      door,
      clock,
      log,
      control,
      metrics: options.metrics,
      live,
      closing: closing.signal,
      admitting: () => admitting.signal,
    });
    apps.push(app);
    await app.ready();
    return app;
  };
  const closeApps = async () => {
    await Promise.all(apps.map((app) => closeApp(app, clock)));
  };
  try {
    const addresses: AddressInfo[] = [];
    const listeners: Listener[] = [];
    const doors = networkDoors({ control, tokens, visitors: options.visitors ?? null, clock, log });
    for (const { address, port, tls } of options.listen) {
      const app = await open(doors.door(tls));
      await app.listen({ host: address, port });
      listeners.push({ address, port, isTls: tls !== null, server: app.server });
      const at = app.server.address();
      if (typeof at === 'object' && at !== null) addresses.push(at);
    }
    const users = await bindUserSocket(
      options,
      () => open(userDoor(control, { clock, log })),
      closing.signal,
    );
    // The socket last: who finds it there finds the daemon whole.
    const local = await open(socketDoor(control));
    const socket = await bindSocket(options.socket, async (path) => {
      await local.listen({ path });
    });
    const remembering = live.historian.run(closing.signal);
    const close = async () => {
      closing.abort(new ControlError('notReady', 'the daemon is stopping'));
      await remembering;
      await socket.remove();
      await users?.remove();
      await closeApps();
    };
    let closed: Promise<void> | null = null;
    return {
      addresses,
      change: (access) => {
        doors.admitOthers({ tokens: access.tokens, visitors: access.visitors ?? null });
        live.hub.dropAll();
        admitting.abort();
        admitting = new AbortController();
        const isOther =
          JSON.stringify(access.userSocket ?? null) !== JSON.stringify(options.userSocket ?? null);
        return [...changeListeners(listeners, access.listen), ...(isOther ? ['api.userSocket'] : [])];
      },
      close: () => {
        closed ??= close();
        return closed;
      },
    };
  } catch (error) {
    await closeApps();
    throw error;
  }
}

async function bindUserSocket(
  { userSocket = null, groupNumber }: ApiOptions,
  open: () => Promise<FastifyInstance>,
  signal: AbortSignal,
): Promise<BoundSocket | null> {
  if (userSocket === null) return null;
  const { path, group } = userSocket;
  const number = group === null ? null : ((await groupNumber?.(group, signal)) ?? null);
  if (group !== null && number === null)
    throw new SocketError('denied', `cannot make the socket ${path}: there is no group ${group}`);
  const app = await open();
  return bindSocket(
    path,
    async (bindPath) => {
      await app.listen({ path: bindPath });
    },
    { mode: group === null ? 0o666 : 0o660, group: number, folderMode: 0o755 },
  );
}

/** A caller that never finishes its request does not keep the daemon from stopping. */
async function closeApp(app: FastifyInstance, clock: Clock): Promise<void> {
  const finished = new AbortController();
  const timer = clock.sleep(apiLimits.closeMs, finished.signal).then(
    () => app.server.closeAllConnections(),
    () => {}, // all were finished in time
  );
  await app.close();
  finished.abort();
  await timer;
}
