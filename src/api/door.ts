import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import {
  type AccessGrant,
  type AccessRole,
  type AccessToken,
  accessRoles,
  type ListenAddress,
} from '../model/access.ts';
import type { Clock } from '../model/clock.ts';
import type { Log } from '../model/log.ts';
import { AccessError, tokenOf } from './access.ts';
import type { Control } from './control.ts';
import { guardControl } from './guard.ts';
import { apiLimits } from './limits.ts';
import { createRateLimit, type Rate } from './rateLimit.ts';

/** Who asks, and what for it may be: for a page to show what can be done. */
export interface Caller {
  /** Of the token; null: over the socket, where nobody has a name. */
  readonly name: string | null;
  readonly role: AccessRole;
  /** Null: all of the site. */
  readonly pools: readonly string[] | null;
}

export interface Admitted {
  readonly caller: Caller;
  /** What it may do. */
  readonly control: Control;
}

/** A way into the API: who comes in by it, and what that one may do. */
export interface Door {
  readonly tls: ListenAddress['tls'];
  readonly addressConnectionsMax: number | null;
  /** Whoever comes in by it may see and do everything. */
  readonly isLocal: boolean;
  /** Throws AccessError where the request's sender may not even ask. */
  admit(request: IncomingMessage): Admitted;
}

/** Who may write to the socket's file may do everything. */
export function socketDoor(control: Control): Door {
  const admitted = { caller: { name: null, role: accessRoles.at(-1) ?? 'operate', pools: null }, control };
  return { tls: null, addressConnectionsMax: null, isLocal: true, admit: () => admitted };
}

/** Who is let in from the network. */
export interface Grants {
  readonly tokens: readonly AccessToken[];
  /** What those may do who show no token; null: nothing. */
  readonly visitors: AccessGrant | null;
}

export interface NetworkDoorOptions extends Grants {
  readonly control: Control;
  readonly clock: Clock;
  readonly log: Log;
}

/** The ways in from the network. */
export interface NetworkDoors {
  door(tls: ListenAddress['tls']): Door;
  /** Lets others in from the next request on. */
  admitOthers(grants: Grants): void;
}

/** Doors to the network: every request shows a token, as often as its rate allows, through whichever door. */
export function networkDoors(options: NetworkDoorOptions): NetworkDoors {
  const { control, clock, log } = options;
  const admittedAs = (grant: AccessGrant): Admitted => ({
    caller: { name: grant.name, role: grant.role, pools: grant.wholeSite ? null : [...grant.pools] },
    control: guardControl(control, grant, log),
  });
  const entered = ({ tokens: all, visitors }: Grants) => ({
    tokens: all,
    known: new Map(all.map((token) => [token, admittedAs(token)])),
    visitor: visitors === null ? null : { ...visitors, admitted: admittedAs(visitors) },
  });
  let entries = entered(options);
  const asked = createRateLimit(clock);
  const visited = createRateLimit(clock);
  const strangers = createRateLimit(clock);

  function admit({ headers, socket }: IncomingMessage): Admitted {
    const { tokens, known, visitor } = entries;
    if (headers.authorization === undefined && visitor !== null) {
      const rate = rateOf(visitor);
      hold(visited.take(socket.remoteAddress ?? '', rate), 'without a token');
      return visitor.admitted;
    }
    const token = tokenOf(headers.authorization, tokens);
    const admitted = token === null ? undefined : known.get(token);
    if (token === null || admitted === undefined) {
      hold(strangers.take(socket.remoteAddress ?? '', apiLimits.strangers), 'without a good token');
      const shown = headers.authorization !== undefined;
      throw new AccessError('unauthorized', shown ? 'nobody has this token' : 'a token is needed');
    }
    hold(asked.take(token.name, rateOf(token)), `of token ${token.name}`);
    return admitted;
  }

  const { addressConnectionsMax } = apiLimits;
  return {
    door: (tls) => ({ tls, addressConnectionsMax, isLocal: false, admit }),
    admitOthers: (grants) => {
      entries = entered(grants);
    },
  };
}

function rateOf({ requestsPerSecond: perSecond }: AccessGrant): Rate {
  return { perSecond, burst: Math.max(1, perSecond * apiLimits.burstSeconds) };
}

function hold(waitMs: number, whose: string): void {
  if (waitMs > 0) throw new AccessError('tooManyRequests', `too many requests ${whose}`, waitMs);
}

/** Node's server with our limits, not yet listening. */
export function serverOf(door: Door, handler: RequestListener): Server {
  const limits = {
    requestTimeout: apiLimits.requestMs,
    keepAliveTimeout: apiLimits.keepAliveMs,
    maxHeaderSize: apiLimits.headerBytesMax,
    connectionsCheckingInterval: 1_000,
  };
  const { tls, addressConnectionsMax } = door;
  const server =
    tls === null
      ? createServer(limits, handler)
      : createTlsServer(
          {
            ...limits,
            cert: tls.certificate,
            key: tls.key,
            minVersion: 'TLSv1.2',
            handshakeTimeout: apiLimits.handshakeMs,
          },
          handler,
        );
  server.maxConnections = apiLimits.connectionsMax;
  // What a request expects beside `100-continue` is nothing to us: Node alone would refuse it, without a body.
  server.on('checkExpectation', handler);
  if (addressConnectionsMax !== null) boundAddresses(server, addressConnectionsMax);
  return server;
}

/** Nobody takes all connections alone: those of one address beyond its share are hung up on. */
function boundAddresses(server: Server, most: number): void {
  const open = new Map<string, number>();
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    const count = (open.get(address) ?? 0) + 1;
    open.set(address, count);
    socket.once('close', () => {
      const left = (open.get(address) ?? 1) - 1;
      if (left === 0) open.delete(address);
      else open.set(address, left);
    });
    if (count > most) socket.destroy();
  });
}
