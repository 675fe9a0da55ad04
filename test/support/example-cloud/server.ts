import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import { type Answer, json, readBody, send, spoil, type Voice } from '../loopback/answers.ts';
import { type Faults, makeFaults } from '../loopback/faults.ts';
import {
  addExampleServer,
  type ExampleServer,
  type ExampleWorld,
  isLiving,
  isSeen,
  makeExampleWorld,
  stateOf,
} from './world.ts';

/** The made-up cloud of docs/writing-a-driver.md, on the loopback: its API, levers, and faults by action. */
export interface ExampleCloud {
  readonly endpoint: string;
  readonly token: string;
  readonly world: ExampleWorld;
  readonly faults: Faults;
  /** Calls of an action since the start: `create`, `list`, `end`. */
  calls(action: string): number;
  stop(): Promise<void>;
}

const bodyBytesMax = 1024 * 1024;
const images = [{ id: 'img-debian', name: 'Debian with HTCondor' }];
const sizes = [{ name: 'small', cpus: 2, memory_mib: 4096, disk_mib: 20_480, arch: 'x86_64' }];
const token = 'meadow-token-8Zq1Yv6RfKp0';

const voice: Voice = {
  ...json,
  contentType: 'application/json',
  refusal: (_status, code, message) => JSON.stringify({ error: { code, message } }),
};

class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string) {
    super(code);
    this.status = status;
    this.code = code;
  }
}

const creation = z.strictObject({
  name: z.string(),
  count: z.int().min(1).max(50),
  image: z.string(),
  size: z.string(),
  zone: z.string().optional(),
  labels: z.record(z.string(), z.string()),
  user_data: z.base64().optional(),
});

interface Request {
  readonly action: string;
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export async function startExampleCloud(): Promise<ExampleCloud> {
  const world = makeExampleWorld();
  const faults = makeFaults();
  const counts = new Map<string, number>();

  async function answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(incoming.url ?? '/', 'http://127.0.0.1');
    const method = incoming.method ?? 'GET';
    const request = { action: actionOf(method, url), method, url, headers: incoming.headers };
    const body = await readBody(incoming, bodyBytesMax);
    counts.set(request.action, (counts.get(request.action) ?? 0) + 1);
    const carriedOut = () => carryOut(world, { ...request, body });
    const fault = faults.next(request.action);
    if (fault === undefined) send(response, voice, carriedOut());
    else spoil(response, fault, { voice, carriedOut, repeated: () => repeated(incoming, body) });
  }

  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    token,
    world,
    faults,
    calls: (action) => counts.get(action) ?? 0,
    async stop() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function actionOf(method: string, { pathname }: URL): string {
  if (pathname === '/v1/servers') return method === 'POST' ? 'create' : 'list';
  return method === 'DELETE' ? 'end' : pathname;
}

function repeated(incoming: IncomingMessage, body: string): string {
  const userData = /"user_data":"([^"]*)"/.exec(body)?.[1] ?? '';
  return `${JSON.stringify(incoming.headers)} ${body} ${Buffer.from(userData, 'base64').toString('utf8')}`;
}

function carryOut(world: ExampleWorld, request: Request): Answer {
  try {
    if (request.headers.authorization !== `Bearer ${token}`) throw new Refusal(401, 'unauthorized');
    return { status: 200, body: JSON.stringify(route(world, request)) };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { status: error.status, body: voice.refusal(error.status, error.code, error.code) };
  }
}

function route(world: ExampleWorld, request: Request): unknown {
  const { action, url } = request;
  switch (action) {
    case 'create':
      return create(world, request);
    case 'list':
      return list(world, url.searchParams);
    case 'end':
      return end(world, decodeURIComponent(url.pathname.replace('/v1/servers/', '')));
    case '/v1/quota': {
      const left = world.levers.serversMax - world.servers.filter(isLiving).length;
      return { servers_left: Number.isFinite(left) ? left : null, cpus_left: null, memory_mib_left: null };
    }
    case '/v1/stock':
      return { sizes, images, zones: ['north', 'south'] };
    default:
      throw new Refusal(404, 'no_such_path');
  }
}

function create(world: ExampleWorld, { headers, body }: Request): unknown {
  const key = headers['idempotency-key'];
  if (typeof key !== 'string') throw new Refusal(400, 'no_key');
  const digest = createHash('sha256').update(body).digest('hex');
  const before = world.asked.get(key);
  if (before !== undefined && before !== digest) throw new Refusal(409, 'other_contents');
  if (before === undefined) make(world, key, body);
  world.asked.set(key, digest);
  return { servers: world.servers.filter((one) => one.key === key).map((one) => row(world, one)) };
}

function make(world: ExampleWorld, key: string, body: string): void {
  const { count, image, labels, user_data: userData } = creation.parse(JSON.parse(body));
  if (!images.some(({ id }) => id === image)) throw new Refusal(422, 'unknown');
  const living = world.servers.filter(isLiving).length;
  if (living + count > world.levers.serversMax) throw new Refusal(403, 'quota_exceeded');
  const room = Math.max(0, world.levers.room - living);
  if (room === 0) throw new Refusal(503, 'no_capacity');
  const bytes = userData === undefined ? null : Buffer.from(userData, 'base64');
  for (let index = 0; index < Math.min(count, room); index += 1) {
    addExampleServer(world, { key, index, labels, userData: bytes });
  }
}

function list(world: ExampleWorld, query: URLSearchParams): unknown {
  const [label = '', wanted = ''] = (query.get('label') ?? '').split(/=(.*)/s);
  const after = query.get('after') ?? '';
  const limit = Number(query.get('limit') ?? 100);
  const found = world.servers.filter(
    (one) =>
      one.id > after && isSeen(world, one) && one.labels[label]?.toLowerCase() === wanted.toLowerCase(), // as its documentation says
  );
  const rows = found.slice(0, limit);
  return { servers: rows.map((one) => row(world, one)), next: found.length > limit ? rows.at(-1)?.id : null };
}

function end(world: ExampleWorld, id: string): unknown {
  const server = world.servers.find((one) => one.id === id);
  if (server === undefined || !isSeen(world, server)) throw new Refusal(404, 'unknown');
  server.endedAtMs ??= world.nowMs;
  return { state: stateOf(world, server) };
}

function row(world: ExampleWorld, server: ExampleServer): unknown {
  const { id, index, labels } = server;
  const state = stateOf(world, server);
  return { id, index, labels, state, address: state === 'running' ? '192.0.2.1' : null, reason: null };
}
