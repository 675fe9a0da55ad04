import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type Answer, json, readBody, send, spoil, type Voice } from '../loopback/answers.ts';
import { type Fault, makeFaults } from '../loopback/faults.ts';
import { glance } from './glance.ts';
import { logIn, projectOf } from './keystone.ts';
import { neutron } from './neutron.ts';
import { nova, type ServiceAnswer, type ServiceCall } from './nova.ts';
import { novaRefusal, outerRefusal, Refusal } from './refusal.ts';
import { makeWorld, type World } from './world.ts';

/**
 * OpenStack's four services on the loopback, for tests: the calls that the driver makes, with levers to make them slow,
 * late, full or broken. Strict where Nova is (unknown fields, microversions, tags) and as treacherous (filters dropped below
 * their microversion, empty lists for a token without a project, refusals that repeat the request). It boots nothing.
 */
export interface LoopbackOpenstack {
  /** Of Keystone, with `/v3`. */
  readonly authUrl: string;
  readonly world: World;
  advance(ms: number): void;
  /** Lets the next `times` calls of a kind go wrong; a kind is `POST /servers`, `GET /servers/detail`, … */
  fault(kind: string, fault: Fault, times?: number): void;
  clearFaults(): void;
  /** The next create whose answer is spoiled shows its servers so much later. */
  lateMs: number;
  calls(kind: string): number;
  /** Of all calls, as their kinds, oldest first. */
  readonly log: readonly string[];
  /** The headers of the last call of a kind. */
  headersOf(kind: string): Readonly<Record<string, string | string[] | undefined>>;
  stop(): Promise<void>;
}

/** More than what Nova takes, which says so itself. */
const bodyBytesMax = 16 * 1024 * 1024;

const services: Readonly<Record<string, (world: World, call: ServiceCall) => ServiceAnswer>> = {
  '/compute/v2.1': nova,
  '/network': neutron,
  '/image': glance,
};

export async function startLoopbackOpenstack(
  tls: Pick<ServerOptions, 'key' | 'cert' | 'ca' | 'requestCert'> | null = null,
): Promise<LoopbackOpenstack> {
  let nowMs = 0;
  const world = makeWorld(() => nowMs);
  const faults = makeFaults();
  const log: string[] = [];
  const seen = new Map<string, IncomingMessage['headers']>();
  let base = '';

  const handle = (request: IncomingMessage, response: ServerResponse) => {
    answer(request, response).catch(() => response.destroy());
  };
  const server = tls === null ? createServer(handle) : createTlsServer({ ...tls }, handle);

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = await readBody(request, bodyBytesMax);
    const url = new URL(request.url ?? '/', base);
    const place = Object.keys(services).find((prefix) => url.pathname.startsWith(prefix));
    const path = url.pathname.slice(place?.length ?? 0) || '/';
    const kind = `${request.method} ${path.replace(/\/servers\/(?!detail)[^/]+/, '/servers/ID').replace(/\/floatingips\/[^/]+/, '/floatingips/ID')}`;
    log.push(kind);
    seen.set(kind, request.headers);
    const carryOut = (lateMs: number) =>
      attempt(() => {
        const body = text === '' ? {} : JSON.parse(text);
        if (path === '/identity/v3/auth/tokens' && request.method === 'POST') {
          const { token, body: told } = logIn(world, body, base);
          return { status: 201, body: told, headers: { 'x-subject-token': token.text } };
        }
        const service = place === undefined ? undefined : services[place];
        if (service === undefined) throw outerRefusal(404, 'Not Found', 'The resource could not be found.');
        const project = projectOf(world, header(request, 'x-auth-token'));
        const { headers, method = 'GET' } = request;
        const bodyBytes = Buffer.byteLength(text);
        return service(world, {
          method,
          path,
          query: url.searchParams,
          body,
          bodyBytes,
          project,
          headers,
          lateMs,
        });
      });
    const fault = faults.next(kind);
    if (fault === undefined) send(response, voice, told(carryOut(0)));
    else
      spoil(response, fault, {
        voice,
        carriedOut: () => told(carryOut(self.lateMs)),
        repeated: () => `${JSON.stringify(request.headers)} ${text}`,
      });
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  base = `${tls === null ? 'http' : 'https'}://127.0.0.1:${port}`;

  const self: LoopbackOpenstack = {
    authUrl: `${base}/identity/v3`,
    world,
    lateMs: 0,
    log,
    advance(ms) {
      nowMs += ms;
    },
    fault: (kind, fault, times) => faults.set(kind, fault, times),
    clearFaults: () => faults.clear(),
    calls: (kind) => log.filter((one) => one === kind).length,
    headersOf: (kind) => seen.get(kind) ?? {},
    async stop() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  return self;
}

function attempt(work: () => ServiceAnswer): ServiceAnswer {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { status: error.status, body: error.body, headers: error.headers };
  }
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' ? value : undefined;
}

const voice: Voice = {
  ...json,
  contentType: 'application/json',
  headers: { 'x-openstack-request-id': 'req-00000000-1111-2222-3333-444444444444' },
  refusal: (status, code, message) =>
    JSON.stringify(novaRefusal(status, message === code ? code : `${code}: ${message}`).body),
};

const told = ({ status, body, headers }: ServiceAnswer): Answer => ({
  status,
  body: body === undefined ? null : JSON.stringify(body),
  ...(headers === undefined ? {} : { headers }),
});
