import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type Fault, makeFaults } from '../loopback-ec2/faults.ts';
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
  /** The next create whose answer is spoiled shows its servers so much later. */
  lateMs: number;
  calls(kind: string): number;
  /** Of all calls, as their kinds, oldest first. */
  readonly log: readonly string[];
  /** The headers of the last call of a kind. */
  headersOf(kind: string): Readonly<Record<string, string | string[] | undefined>>;
  stop(): Promise<void>;
}

const services: Readonly<Record<string, (world: World, call: ServiceCall) => ServiceAnswer>> = {
  '/compute/v2.1': nova,
  '/network': neutron,
  '/image': glance,
};

export async function startLoopbackOpenstack(
  tls: { readonly key: string; readonly cert: string } | null = null,
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
    const text = await readBody(request);
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
    if (fault === undefined) send(response, carryOut(0));
    else spoil(response, fault, () => carryOut(self.lateMs), `${JSON.stringify(request.headers)} ${text}`);
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

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function send(response: ServerResponse, { status, body, headers }: ServiceAnswer): void {
  if (body === undefined) {
    response.writeHead(status, { ...headers });
    response.end();
    return;
  }
  const bytes = Buffer.from(JSON.stringify(body));
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': bytes.length,
    'x-openstack-request-id': 'req-00000000-1111-2222-3333-444444444444',
    ...headers,
  });
  response.end(bytes);
}

function spoil(response: ServerResponse, fault: Fault, carryOut: () => ServiceAnswer, request: string): void {
  switch (fault.kind) {
    case 'error': {
      const { body } = novaRefusal(fault.status, fault.message ?? fault.code);
      send(response, {
        status: fault.status,
        body,
        ...(fault.headers === undefined ? {} : { headers: fault.headers }),
      });
      return;
    }
    case 'echo':
      send(response, {
        status: fault.status,
        body: novaRefusal(fault.status, `${fault.code}: ${request}`).body,
      });
      return;
    case 'cut':
      if (fault.when === 'after') carryOut();
      response.destroy();
      return;
    case 'hang':
      if (fault.when === 'after') carryOut();
      return;
    case 'half':
      half(response, carryOut(), fault.after);
      return;
    case 'oversized':
      oversized(response, carryOut(), fault.bytes);
      return;
    case 'body':
      if (fault.when === 'after') carryOut();
      response.writeHead(fault.status, {
        'content-type': fault.body.startsWith('<') ? 'text/html' : 'application/json',
      });
      response.end(fault.body);
      return;
  }
}

/** An answer without a body is cut in its status line, or pretends to be one with half of a body. */
function half(
  response: ServerResponse,
  { status, body, headers }: ServiceAnswer,
  after: 'cut' | 'hang' | 'whole',
): void {
  if (body === undefined && after === 'cut') {
    response.socket?.write('HTTP/1.1 2', () => response.destroy());
    return;
  }
  const whole = Buffer.from(body === undefined ? '{}' : JSON.stringify(body));
  const part = whole.subarray(0, Math.floor(whole.length / 2));
  const type = { 'content-type': 'application/json', ...headers };
  const code = body === undefined ? 200 : status;
  if (after === 'whole') {
    response.writeHead(code, { ...type, 'content-length': part.length });
    response.end(part);
    return;
  }
  response.writeHead(code, { ...type, 'content-length': whole.length });
  response.write(part, () => {
    if (after === 'cut') response.destroy();
  });
}

function oversized(response: ServerResponse, { status, body, headers }: ServiceAnswer, bytes: number): void {
  const whole = body === undefined ? '{}' : JSON.stringify(body);
  response.writeHead(body === undefined ? 200 : status, { 'content-type': 'application/json', ...headers });
  response.write(whole.slice(0, -1));
  const blanks = Buffer.alloc(1024 * 1024, ' ');
  let left = bytes;
  const more = () => {
    while (left > 0 && !response.destroyed) {
      left -= blanks.length;
      if (!response.write(blanks)) {
        response.once('drain', more);
        return;
      }
    }
    response.end(whole.slice(-1));
  };
  more();
}
