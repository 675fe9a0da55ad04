import { randomBytes } from 'node:crypto';
import type { ServiceAnswer, ServiceCall } from './nova.ts';
import { novaRefusal, schemaRefusal } from './refusal.ts';
import { addServer, type FakeFlavor, isHeld, isLiving, type World } from './world.ts';

type Json = Readonly<Record<string, unknown>>;

const known = new Set([
  'name',
  'flavorRef',
  'imageRef',
  'networks',
  'key_name',
  'user_data',
  'metadata',
  'tags',
  'availability_zone',
  'config_drive',
  'security_groups',
  'description',
  'hostname',
  'min_count',
  'max_count',
  'return_reservation_id',
  'block_device_mapping_v2',
]);

const text = (value: unknown) => (typeof value === 'string' ? value : '');

const userDataCharsMax = 65_535;

/** `POST /servers`: strict as Nova is, and as careless: what is accepted may still end in ERROR. */
export function createServer(world: World, call: ServiceCall, minor: number): ServiceAnswer {
  const server = call.body.server as Json;
  const hints = call.body['os:scheduler_hints'];
  checkShape(server, minor);
  const flavor = world.flavors.find((one) => one.id === server.flavorRef);
  if (flavor === undefined) throw novaRefusal(400, `Flavor ${String(server.flavorRef)} could not be found.`);
  const image = checkImage(world, server);
  checkReferences(world, server);
  const count = countWithinQuota(world, server, flavor);
  const fault = faultOf(world, server, count);
  const reservation = `r-${randomBytes(4).toString('hex')}`;
  const base = String(server.name);
  const isMulti = Number(server.max_count ?? 1) > 1;
  const made = Array.from({ length: count }, (_, index) =>
    addServer(world, {
      project: call.project ?? '',
      name: isMulti ? `${base}-${index + 1}` : base,
      flavor,
      image,
      metadata: (server.metadata ?? {}) as Readonly<Record<string, string>>,
      tags: (server.tags ?? []) as readonly string[],
      userData: server.user_data === undefined ? null : Buffer.from(text(server.user_data), 'base64'),
      reservation,
      asked: server,
      hints: hints === undefined ? null : (hints as Json),
      lateMs: call.lateMs,
      fault,
    }),
  );
  if (server.return_reservation_id === true) return { status: 202, body: { reservation_id: reservation } };
  const id = made.at(-1)?.id ?? '';
  return { status: 202, body: { server: { id, links: [], adminPass: randomBytes(6).toString('hex') } } };
}

function checkShape(server: Json, minor: number): void {
  for (const key of Object.keys(server)) {
    const tooNew = key === 'tags' && minor < 52;
    if (!known.has(key) || tooNew) {
      throw schemaRefusal(
        'server',
        server,
        `Additional properties are not allowed ('${key}' was unexpected)`,
      );
    }
  }
  for (const key of ['name', 'flavorRef', ...(minor >= 37 ? ['networks'] : [])]) {
    if (server[key] === undefined) throw schemaRefusal('server', server, `'${key}' is a required property`);
  }
  const userData = server.user_data;
  if (userData !== undefined && text(userData).length > userDataCharsMax) {
    throw schemaRefusal('user_data', userData, 'is too long');
  }
  const tags = (server.tags ?? []) as readonly string[];
  if (tags.length > 50) throw novaRefusal(400, 'The number of tags exceeded the per-server limit 50');
  for (const tag of tags) {
    if (tag.length > 60 || tag === '') throw schemaRefusal('tags', tag, 'is too long');
    if (/[,/]/.test(tag)) throw schemaRefusal('tags', tag, 'does not match ^[^,/]*$');
  }
  for (const [key, value] of Object.entries((server.metadata ?? {}) as Json)) {
    if (!/^[a-zA-Z0-9\-_:. ]{1,255}$/.test(key)) throw schemaRefusal('metadata', server.metadata, 'key');
    if (typeof value !== 'string' || value.length > 255) throw schemaRefusal(key, value, 'is too long');
  }
  const networks = server.networks;
  if (typeof networks === 'string' && networks !== 'auto' && networks !== 'none') {
    throw schemaRefusal('networks', networks, "is not one of ['none', 'auto']");
  }
  const name = String(server.name);
  if (name.length > 255 || name.trim() !== name) throw schemaRefusal('name', name, 'does not match');
}

/** The image that it boots of: from its own field, or from the volume that is made of it. */
function checkImage(world: World, server: Json): string | null {
  const mapping = (server.block_device_mapping_v2 ?? []) as readonly Json[];
  const volume = mapping.find((one) => one.boot_index === 0 && one.source_type === 'image');
  const id = text(server.imageRef ?? volume?.uuid);
  const image = world.images.find((one) => one.id === id);
  if (image === undefined) throw novaRefusal(400, 'Can not find requested image');
  if (image.status !== 'active') throw novaRefusal(400, `Image ${id} is not active.`);
  return id;
}

function checkReferences(world: World, server: Json): void {
  const { key_name, availability_zone, networks } = server;
  if (key_name !== undefined && !world.keyPairs.includes(text(key_name))) {
    throw novaRefusal(400, 'Invalid key_name provided.');
  }
  if (availability_zone !== undefined && !world.zones.includes(text(availability_zone))) {
    throw novaRefusal(400, 'The requested availability zone is not available');
  }
  if (networks === 'auto' && world.networks.filter((one) => !one.external).length > 1) {
    throw novaRefusal(409, 'Multiple possible networks found, use a Network ID to be more specific.');
  }
  if (!Array.isArray(networks)) return;
  for (const { uuid } of networks as readonly { uuid: string }[]) {
    if (!world.networks.some((one) => one.id === uuid))
      throw novaRefusal(400, `Network ${uuid} could not be found.`);
  }
}

/** As many of what is asked for as the quota lets it, which counts all that is not gone; none below `min_count`. */
function countWithinQuota(world: World, server: Json, flavor: FakeFlavor): number {
  const min = Number(server.min_count ?? 1);
  const max = Math.max(min, Number(server.max_count ?? min));
  const { instancesMax, coresMax, ramMax } = world.levers;
  const held = world.servers.filter((one) => isHeld(world, one));
  const cores = held.reduce((sum, one) => sum + one.flavor.vcpus, 0);
  const ram = held.reduce((sum, one) => sum + one.flavor.ram, 0);
  const resources = [
    { name: 'instances', each: 1, used: held.length, limit: instancesMax },
    { name: 'cores', each: flavor.vcpus, used: cores, limit: coresMax },
    { name: 'ram', each: flavor.ram, used: ram, limit: ramMax },
  ].filter(({ limit }) => limit >= 0);
  const room = resources.map(({ each, used, limit }) => Math.floor((limit - used) / each));
  const count = Math.min(max, ...room);
  if (count >= min) return count;
  const over = resources.filter(({ each, used, limit }) => used + min * each > limit);
  const list = (of: (one: (typeof over)[number]) => number | string) => over.map(of).join(', ');
  const names = list((one) => one.name);
  throw novaRefusal(
    403,
    `Quota exceeded for ${names}: Requested ${list((one) => min * one.each)}, but already used ${list((one) => one.used)} of ${list((one) => one.limit)} ${names}`,
  );
}

/** What comes of it after it was accepted; without room for all of a call, all of them fail. */
function faultOf(world: World, server: Json, count: number): string | null {
  const living = world.servers.filter((one) => isLiving(world, one) && one.fault === null).length;
  if (living + count > world.levers.room)
    return 'No valid host was found. There are not enough hosts available.';
  const networks = Array.isArray(server.networks) ? (server.networks as readonly { uuid: string }[]) : [];
  const external = networks.some(({ uuid }) => world.networks.some((one) => one.id === uuid && one.external));
  if (external)
    return 'Build of instance aborted: It is not allowed to create an interface on external network';
  if (server.block_device_mapping_v2 !== undefined && !world.levers.hasVolumes) {
    return 'Build of instance aborted: internalURL endpoint for volumev3 service in RegionOne region not found';
  }
  return null;
}
