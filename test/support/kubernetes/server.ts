import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type Answer, json, readBody, send, spoil, type Voice } from '../loopback/answers.ts';
import { type Fault, makeFaults } from '../loopback/faults.ts';
import { type ApiAnswer, answerCall, fits, isWatch } from './api.ts';
import { Refusal, statusBody } from './refusal.ts';
import { makeWatches, type Watching } from './watching.ts';
import { makeWorld, type World } from './world.ts';

/**
 * A Kubernetes API server on the loopback, for tests: the calls that the driver makes, answered as a real one was measured to, with
 * levers to make it slow, full or broken. It has no nodes that run anything: pods are bound and ready when their time has come.
 */
export interface LoopbackKubernetes {
  readonly url: string;
  readonly world: World;
  /** Of a user who may do all that the world's rights do not take away. */
  readonly token: string;
  advance(ms: number): void;
  /** Lets the next `times` calls of a kind go wrong; a kind is `POST pods`, `GET pods`, `WATCH pods`, `DELETE pods/NAME`, … */
  fault(kind: string, fault: Fault, times?: number): void;
  /** No fault waits any more. */
  calm(): void;
  calls(kind: string): number;
  /** Of all calls, as their kinds, oldest first. */
  readonly log: readonly string[];
  /** Of the last call; null: it had none. */
  lastAuthorization(): string | null;
  readonly watches: Watching;
  /** Sockets that calls have come by. */
  readonly connections: number;
  stop(): Promise<void>;
}

export interface TlsOptions {
  readonly key: string;
  readonly cert: string;
  /** Of clients' certificates: then one is demanded, and its name is the user's. */
  readonly ca?: string;
}

const bodyBytesMax = 3_145_728;

/** `now`: the server's clock, epoch ms; without it time stands still but for `advance`. */
export async function startLoopbackKubernetes(
  tls: TlsOptions | null = null,
  now: (() => number) | null = null,
): Promise<LoopbackKubernetes> {
  let nowMs = 1_000_000;
  const world = makeWorld(now ?? (() => nowMs));
  const token = 'token-of-the-provisioner-Zk31bqPw8sT5';
  world.tokens.set(token, 'provisioner');
  const faults = makeFaults();
  const watches = makeWatches(world);
  const log: string[] = [];
  const sockets = new Set<unknown>();
  let lastAuthorization: string | null = null;

  const handle: RequestListener = (request, response) => {
    answer(request, response).catch(() => response.destroy());
  };
  const server: Server =
    tls === null
      ? createServer(handle)
      : createTlsServer({ ...tls, requestCert: tls.ca !== undefined, rejectUnauthorized: false }, handle);

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    sockets.add(request.socket);
    lastAuthorization = request.headers.authorization ?? null;
    const text = await readBody(request, 2 * bodyBytesMax);
    const url = new URL(request.url ?? '/', 'http://server.invalid');
    const called = { method: request.method ?? 'GET', path: url.pathname, query: url.searchParams };
    const watch = isWatch(called);
    const kind = kindOf(watch ? 'WATCH' : called.method, url.pathname);
    log.push(kind);
    const carryOut = (): Answer => {
      const { status, body } = attempt(() => {
        const user = userOf(world, request);
        if (Buffer.byteLength(text) > bodyBytesMax) {
          throw new Refusal(
            413,
            statusBody(413, 'RequestEntityTooLarge', 'Request entity too large: limit is 3145728'),
          );
        }
        const body = text === '' ? {} : JSON.parse(text);
        watches.settle();
        return answerCall(world, { ...called, body, user });
      });
      return { status, body: JSON.stringify(body) };
    };
    response.setHeader('date', new Date(world.now()).toUTCString());
    const fault = faults.next(kind);
    if (fault === undefined) {
      const answered = carryOut();
      if (watch && answered.status === 200) beginWatch(url, response);
      else send(response, voice, answered);
    } else {
      const repeated = () => `${JSON.stringify(request.headers)} ${text}`;
      spoil(response, fault, { voice, carriedOut: carryOut, repeated });
    }
  }

  function beginWatch({ searchParams, pathname }: URL, response: ServerResponse): void {
    const [, place] = /\/namespaces\/([^/]+)\//.exec(pathname) ?? [];
    watches.begin(response, {
      version: Number(searchParams.get('resourceVersion')),
      seconds: Number(searchParams.get('timeoutSeconds')),
      fits: (pod) => pod.namespace === place && fits(pod.labels, searchParams.get('labelSelector')),
    });
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;

  return {
    url: `${tls === null ? 'http' : 'https'}://127.0.0.1:${port}`,
    world,
    token,
    log,
    watches,
    get connections() {
      return sockets.size;
    },
    advance(ms) {
      nowMs += ms;
    },
    fault: (kind, fault, times) => faults.set(kind, fault, times),
    lastAuthorization: () => lastAuthorization,
    calm: () => faults.clear(),
    calls: (kind) => log.filter((one) => one === kind).length,
    async stop() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** `POST pods`, `GET pods`, `DELETE pods/NAME`: the method and what stands behind the namespace. */
function kindOf(method: string, path: string): string {
  const [, resource, name] = /\/(pods|secrets|resourcequotas|nodes)(\/[^/]+)?$/.exec(path) ?? [];
  return resource === undefined
    ? `${method} ${path}`
    : `${method} ${resource}${name === undefined ? '' : '/NAME'}`;
}

/** Who shows nothing is somebody, too, who may do nothing. */
function userOf(world: World, request: IncomingMessage): string {
  const certified = certifiedName(request);
  if (certified !== null) return certified;
  const { authorization } = request.headers;
  if (authorization === undefined) {
    const message = 'pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group ""';
    throw new Refusal(403, statusBody(403, 'Forbidden', message, { kind: 'pods' }));
  }
  const user = world.tokens.get(authorization.replace(/^Bearer /, ''));
  if (user === undefined) throw new Refusal(401, statusBody(401, 'Unauthorized', 'Unauthorized'));
  return user;
}

function certifiedName({ socket }: IncomingMessage): string | null {
  if (!('getPeerCertificate' in socket) || !('authorized' in socket) || socket.authorized !== true)
    return null;
  const certificate = (socket.getPeerCertificate as () => { readonly subject?: { readonly CN?: string } })();
  return certificate.subject?.CN ?? null;
}

function attempt(work: () => ApiAnswer): ApiAnswer {
  try {
    return work();
  } catch (error) {
    if (error instanceof Refusal) return { status: error.status, body: error.body };
    if (error instanceof SyntaxError) {
      return {
        status: 400,
        body: statusBody(400, 'BadRequest', 'the object provided is unrecognized: json parse error'),
      };
    }
    throw error;
  }
}

const reasons: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  403: 'Forbidden',
  500: 'InternalError',
  503: 'ServiceUnavailable',
};

const voice: Voice = {
  ...json,
  contentType: 'application/json',
  headers: { 'cache-control': 'no-cache, private', 'audit-id': '8e89c233-c25a-4687-b5c3-411a665c2920' },
  // The overload filter's answer is plain text, and no Status.
  refusal: (status, _code, message) =>
    status === 429 ? message : JSON.stringify(statusBody(status, reasons[status] ?? 'Unknown', message)),
};
