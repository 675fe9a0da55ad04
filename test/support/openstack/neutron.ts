import { randomUUID } from 'node:crypto';
import type { ServiceAnswer, ServiceCall } from './nova.ts';
import { neutronRefusal } from './refusal.ts';
import { type FakeFloatingIp, isHeld, isKnown, statusOf, type World } from './world.ts';

/** Neutron. A port has its server's id, with a p before it. */
export function neutron(world: World, call: ServiceCall): ServiceAnswer {
  const { method, path, query } = call;
  if (method === 'GET' && path === '/v2.0/networks') {
    const name = query.get('name');
    const rows = world.networks
      .filter((one) => name === null || one.name === name)
      .map(({ id, name: own, external }) => ({
        id,
        name: own,
        status: 'ACTIVE',
        'router:external': external,
      }));
    return { status: 200, body: page(call, 'networks', rows) };
  }
  if (method === 'GET' && path === '/v2.0/security-groups') {
    return { status: 200, body: { security_groups: [{ id: 'sg-default', name: 'default' }] } };
  }
  if (method === 'GET' && path === '/v2.0/ports') {
    const device = query.get('device_id');
    const rows = world.servers
      .filter((one) => (device === null || one.id === device) && isHeld(world, one) && isKnown(world, one))
      .filter((one) => statusOf(world, one) === 'ACTIVE')
      .map((one) => ({ id: `p${one.id}`, network_id: world.networks[0]?.id, fixed_ips: [] }));
    return { status: 200, body: page(call, 'ports', rows) };
  }
  if (path === '/v2.0/floatingips' && method === 'GET') {
    const description = query.get('description');
    const rows = world.floatingIps
      .filter((one) => description === null || one.description === description)
      .map((one) => floatingRow(world, one));
    return { status: 200, body: page(call, 'floatingips', rows) };
  }
  if (path === '/v2.0/floatingips' && method === 'POST') return createFloating(world, call);
  const id = /^\/v2\.0\/floatingips\/([^/]+)$/.exec(path)?.[1];
  if (method === 'DELETE' && id !== undefined) {
    const at = world.floatingIps.findIndex((one) => one.id === id);
    if (at < 0) throw neutronRefusal(404, 'FloatingIPNotFound', `Floating IP ${id} could not be found`);
    world.floatingIps.splice(at, 1);
    return { status: 204 };
  }
  throw neutronRefusal(404, 'HTTPNotFound', 'The resource could not be found.');
}

/** Pages by marker, with a next link as long as there is more. */
function page(call: ServiceCall, key: string, rows: readonly { readonly id: string }[]): unknown {
  const marker = call.query.get('marker');
  const from = marker === null ? 0 : rows.findIndex((row) => row.id === marker) + 1;
  const size = Number(call.query.get('limit') ?? rows.length);
  const part = rows.slice(from, from + size);
  const last = part.at(-1)?.id;
  const more = from + size < rows.length;
  const links = more
    ? { [`${key}_links`]: [{ rel: 'next', href: `http://inner.invalid/?marker=${last}` }] }
    : {};
  return { [key]: part, ...links };
}

/** Its server gone, an address stays, without a port. */
function floatingRow(world: World, one: FakeFloatingIp) {
  const server = world.byId.get((one.port ?? '').slice(1));
  const attached = server !== undefined && isHeld(world, server);
  return {
    id: one.id,
    floating_ip_address: one.address,
    floating_network_id: one.network,
    description: one.description,
    port_id: attached ? one.port : null,
    status: 'DOWN',
  };
}

function createFloating(world: World, call: ServiceCall): ServiceAnswer {
  const asked = call.body.floatingip as Readonly<Record<string, string>>;
  const network = world.networks.find((one) => one.id === asked.floating_network_id && one.external);
  if (network === undefined) {
    throw neutronRefusal(
      400,
      'BadRequest',
      `Bad floatingip request: Network ${asked.floating_network_id} is not a valid external network.`,
    );
  }
  if (world.floatingIps.length >= world.levers.floatingMax) {
    throw neutronRefusal(409, 'OverQuota', "Quota exceeded for resources: ['floatingip'].");
  }
  const port = asked.port_id ?? null;
  if (world.floatingIps.some((one) => port !== null && one.port === port)) {
    throw neutronRefusal(
      409,
      'FloatingIPPortAlreadyAssociated',
      'Cannot associate floating IP: port already has one.',
    );
  }
  const made: FakeFloatingIp = {
    id: randomUUID(),
    address: `203.0.113.${world.floatingIps.length + 1}`,
    network: network.id,
    description: asked.description ?? '',
    port,
  };
  world.floatingIps.push(made);
  return { status: 201, body: { floatingip: floatingRow(world, made) } };
}
