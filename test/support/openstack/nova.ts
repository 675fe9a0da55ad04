import { createServer as createNovaServer } from './novaCreate.ts';
import { novaRefusal, outerRefusal } from './refusal.ts';
import { beginEnd, type FakeServer, isHeld, isKnown, statusOf, type World } from './world.ts';

export interface ServiceCall {
  readonly method: string;
  /** Behind the endpoint, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: Readonly<Record<string, unknown>>;
  readonly bodyBytes: number;
  readonly project: string | null;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The server shows up so much later than it is made. */
  readonly lateMs: number;
}

export interface ServiceAnswer {
  readonly status: number;
  /** Undefined: none. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

const bodyBytesMax = 114_688;

/** Minor numbers of 2.x. */
export function minorOf(world: World, call: ServiceCall): number {
  const header = String(call.headers['openstack-api-version'] ?? '');
  if (header === '') return 1;
  const asked = /^compute 2\.(\d+)$/.exec(header)?.[1];
  if (asked === undefined) throw novaRefusal(400, `API Version String ${header} is of invalid format.`);
  const newest = Number(world.levers.microversion.split('.')[1]);
  if (Number(asked) > newest) {
    const message = `Version 2.${asked} is not supported by the API. Minimum is 2.1 and maximum is 2.${newest}.`;
    throw novaRefusal(406, message);
  }
  return Number(asked);
}

/** Nova below `/v2.1`. */
export function nova(world: World, call: ServiceCall): ServiceAnswer {
  const minor = minorOf(world, call);
  const headers = { 'openstack-api-version': `compute 2.${minor}` };
  if (call.bodyBytes > bodyBytesMax) {
    throw outerRefusal(
      413,
      'Request Entity Too Large',
      `Request is too large. Larger than max_request_body_size (${bodyBytesMax}).`,
    );
  }
  return { headers, ...route(world, call, minor) };
}

function route(world: World, call: ServiceCall, minor: number): ServiceAnswer {
  const { method, path } = call;
  if (method === 'GET' && path === '/') return { status: 200, body: versionBody(world) };
  if (method === 'GET' && path === '/servers/detail')
    return { status: 200, body: listServers(world, call, minor) };
  if (method === 'POST' && path === '/servers') return createNovaServer(world, call, minor);
  if (method === 'GET' && path === '/flavors/detail') return { status: 200, body: flavors(world) };
  if (method === 'GET' && path === '/limits') return { status: 200, body: limits(world) };
  if (method === 'GET' && path === '/os-availability-zone') return { status: 200, body: zones(world) };
  if (method === 'GET' && path === '/os-server-groups') {
    return { status: 200, body: { server_groups: world.groups } };
  }
  const keyPair = /^\/os-keypairs\/([^/]+)$/.exec(path)?.[1];
  if (method === 'GET' && keyPair !== undefined) {
    if (!world.keyPairs.includes(keyPair))
      throw novaRefusal(404, `Keypair ${keyPair} not found for user demo`);
    return { status: 200, body: { keypair: { name: keyPair } } };
  }
  const id = /^\/servers\/([^/]+)$/.exec(path)?.[1];
  if (id === undefined) throw outerRefusal(404, 'Not Found', 'The resource could not be found.');
  const server = knownServer(world, call, decodeURIComponent(id));
  if (method === 'GET') return { status: 200, body: { server: serverRow(world, server) } };
  if (method === 'DELETE') {
    if (server.locked) throw novaRefusal(409, `Instance ${server.id} is locked`);
    beginEnd(world, server);
    return { status: 204 };
  }
  throw outerRefusal(404, 'Not Found', 'The resource could not be found.');
}

function knownServer(world: World, call: ServiceCall, id: string): FakeServer {
  const server = world.byId.get(id);
  if (server === undefined || server.project !== call.project || !isKnown(world, server) || server.remnant) {
    throw novaRefusal(404, `Instance ${id} could not be found.`);
  }
  return server;
}

function versionBody(world: World): unknown {
  return {
    version: {
      id: 'v2.1',
      status: 'CURRENT',
      version: world.levers.microversion,
      min_version: '2.1',
      links: [],
    },
  };
}

const filters = new Set([
  'limit',
  'marker',
  'sort_key',
  'sort_dir',
  'tags',
  'tags-any',
  'not-tags',
  'name',
  'status',
  'reservation_id',
  'changes-since',
  'metadata',
]);

function listServers(world: World, call: ServiceCall, minor: number): unknown {
  const { query, project } = call;
  for (const key of query.keys()) {
    if (minor >= 75 && !filters.has(key))
      throw novaRefusal(400, `Additional properties are not allowed ('${key}' was unexpected)`);
  }
  const seen = world.servers.filter((server) => server.project === project && isListed(world, server));
  const matching = seen.filter((server) => passes(world, server, query, minor));
  const ordered = matching.toSorted((a, b) => a.createdAtMs - b.createdAtMs || a.seq - b.seq);
  if (query.get('sort_dir') !== 'asc') ordered.reverse();
  const marker = query.get('marker');
  let from = 0;
  if (marker !== null) {
    // One that was deleted meanwhile still marks its place.
    const at = world.byId.get(marker);
    if (at === undefined) throw novaRefusal(400, `marker [${marker}] not found`);
    const after = ordered.findIndex(
      (one) => one.createdAtMs > at.createdAtMs || (one.createdAtMs === at.createdAtMs && one.seq > at.seq),
    );
    from = after < 0 ? ordered.length : after;
  }
  const size = Math.min(Number(query.get('limit') ?? world.levers.pageMax), world.levers.pageMax);
  const rows = ordered.slice(from, from + size);
  const last = rows.at(-1);
  const links =
    last === undefined || rows.length < size
      ? {}
      : // A host that clients do not reach, as behind many proxies.
        {
          servers_links: [
            { rel: 'next', href: `http://inner.invalid/v2.1/servers/detail?limit=${size}&marker=${last.id}` },
          ],
        };
  return { servers: rows.map((server) => serverRow(world, server)), ...links };
}

function isListed(world: World, server: FakeServer): boolean {
  if (isHeld(world, server)) return isKnown(world, server);
  return server.goneAtMs !== null && world.now() < server.goneAtMs + world.levers.deletedShownMs;
}

function passes(world: World, server: FakeServer, query: URLSearchParams, minor: number): boolean {
  const reservation = query.get('reservation_id');
  if (reservation !== null && server.reservation !== reservation) return false;
  const name = query.get('name');
  if (name !== null && !new RegExp(name).test(server.name)) return false;
  const status = query.get('status');
  if (status !== null && statusOf(world, server) !== status) return false;
  const tags = query.get('tags');
  // Dropped without a word below 2.26; and the database takes upper and lower case for the same. A row that has just been
  // deleted was found by the tags that it then no longer has.
  if (tags === null || minor < 26) return true;
  const own = server.tags.map((tag) => tag.toLowerCase());
  return tags.split(',').every((tag) => own.includes(tag.toLowerCase()));
}

/** A server as Nova shows it: while it is deleted it goes on saying ACTIVE, and then it has lost tags and metadata. */
export function serverRow(world: World, server: FakeServer): unknown {
  const status = statusOf(world, server);
  const gone = status === 'DELETED';
  const isEnding = !gone && server.deletingAtMs !== null;
  const building = server.remnant ? 'scheduling' : 'spawning';
  const task = isEnding ? 'deleting' : status === 'BUILD' ? building : null;
  if (status === 'UNKNOWN')
    return { id: server.id, status, created: '2026-11-22T02:32:16Z', tenant_id: server.project };
  const low = server.seq % 65_536;
  const fixed = { version: 4, addr: `10.99.${low >> 8}.${low & 255}`, 'OS-EXT-IPS:type': 'fixed' };
  return {
    id: server.id,
    name: server.name,
    status,
    tenant_id: server.project,
    metadata: gone ? {} : server.metadata,
    tags: gone ? [] : server.tags,
    image: server.image === null ? '' : { id: server.image },
    flavor: { vcpus: server.flavor.vcpus, ram: server.flavor.ram, original_name: server.flavor.name },
    created: '2026-11-22T02:32:16Z',
    addresses: status === 'ACTIVE' ? { labnet: [fixed] } : {},
    'OS-EXT-STS:task_state': task,
    'OS-EXT-STS:vm_state': status.toLowerCase(),
    'OS-EXT-STS:power_state': status === 'ACTIVE' ? 1 : 0,
    ...(server.fault === null
      ? {}
      : { fault: { code: 500, created: '2026-11-22T02:32:56Z', message: server.fault } }),
  };
}

function flavors(world: World): unknown {
  return {
    flavors: world.flavors.map((flavor) => ({ ...flavor, 'OS-FLV-EXT-DATA:ephemeral': 0, swap: 0 })),
  };
}

function limits(world: World): unknown {
  const used = world.servers.filter((server) => isHeld(world, server));
  const sum = (of: (server: FakeServer) => number) => used.reduce((all, server) => all + of(server), 0);
  return {
    limits: {
      rate: [],
      absolute: {
        maxTotalInstances: world.levers.instancesMax,
        maxTotalCores: world.levers.coresMax,
        maxTotalRAMSize: world.levers.ramMax,
        totalInstancesUsed: used.length,
        totalCoresUsed: sum((server) => server.flavor.vcpus),
        totalRAMUsed: sum((server) => server.flavor.ram),
      },
    },
  };
}

function zones(world: World): unknown {
  const rows = world.zones.map((zoneName) => ({ zoneName, zoneState: { available: true }, hosts: null }));
  const closed = { zoneName: 'closed', zoneState: { available: false }, hosts: null };
  return { availabilityZoneInfo: [...rows, closed] };
}
