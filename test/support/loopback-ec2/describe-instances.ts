import { type Filter, filtersOf, integerOf, listOf, type Params } from './query.ts';
import { refuse } from './refusal.ts';
import { loopbackAccount } from './stock.ts';
import { isShown, type LoopbackInstance, type LoopbackState, stateAt, type World } from './world.ts';
import { elements, items, type Xml } from './xml.ts';

const stateCodes: Readonly<Record<LoopbackState, number>> = {
  pending: 0,
  running: 16,
  'shutting-down': 32,
  terminated: 48,
};

const startedAt = Date.parse('2026-01-01T00:00:00Z');

export function describeInstances(world: World, params: Params): Xml {
  const ids = listOf(params, 'InstanceId');
  const limit = integerOf(params, 'MaxResults', { min: 5, max: 1000 });
  if (ids.length > 0 && limit !== null) {
    refuse(
      'InvalidParameterCombination',
      'The parameter instancesSet cannot be used with the parameter maxResults',
    );
  }
  for (const id of ids) {
    const instance = world.byId.get(id);
    if (instance === undefined || !isShown(world, instance)) unknownInstance(id);
  }
  const filters = filtersOf(params);
  for (const filter of filters) assertKnown(filter);
  const wanted = new Set(ids);
  const after = afterOf(params.get('NextToken'));
  const page: LoopbackInstance[] = [];
  let next: string | undefined;
  for (const instance of world.instances) {
    if (instance.seq <= after || !isShown(world, instance)) continue;
    if (wanted.size > 0 && !wanted.has(instance.id)) continue;
    if (!filters.every((filter) => passes(world, instance, filter))) continue;
    if (page.length === (limit ?? 1000)) {
      next = Buffer.from(`after:${page.at(-1)?.seq ?? 0}`).toString('base64url');
      break;
    }
    page.push(instance);
  }
  const reservations = Map.groupBy(page, (instance) => instance.reservation);
  return elements({
    reservationSet: items([...reservations].map(([id, members]) => reservationXml(world, id, members))),
    nextToken: next,
  });
}

export function unknownInstance(id: string): never {
  if (!/^i-[0-9a-f]{8,17}$/.test(id)) refuse('InvalidInstanceID.Malformed', `Invalid id: "${id}"`);
  return refuse('InvalidInstanceID.NotFound', `The instance ID '${id}' does not exist`);
}

export function stateXml(state: LoopbackState): Xml {
  return elements({ code: stateCodes[state], name: state });
}

/** A new instance is in its own create's answer as it is now; views show it as late as they lag. */
export function reservationXml(world: World, id: string, members: readonly LoopbackInstance[]): Xml {
  return elements({
    reservationId: id,
    ownerId: loopbackAccount,
    groupSet: '',
    instancesSet: items(members.map((instance) => instanceXml(world, instance))),
  });
}

export const spotRequestId = ({ seq }: LoopbackInstance) => `sir-${seq.toString(16).padStart(8, '0')}`;

/** What never changes in a row; a list of thousands is made of these. */
const fixedParts = new WeakMap<LoopbackInstance, string>();

function instanceXml(world: World, instance: LoopbackInstance): Xml {
  const seenAtMs = Math.max(instance.createdAtMs, world.now() - world.levers.listLagMs);
  const state = stateAt(instance, seenAtMs);
  const living = state === 'pending' || state === 'running';
  const ended = !living && instance.stateReason !== '';
  const changing = elements({
    instanceState: stateXml(state),
    privateIpAddress: living ? instance.privateAddress : undefined,
    stateReason: ended ? elements({ code: instance.stateReason, message: instance.stateReason }) : undefined,
  });
  let fixed = fixedParts.get(instance);
  if (fixed === undefined) {
    fixed = fixedXml(instance).xml;
    fixedParts.set(instance, fixed);
  }
  return { xml: `${fixed}${changing.xml}` };
}

function fixedXml(instance: LoopbackInstance): Xml {
  const launchTime = new Date(startedAt + Math.floor(instance.createdAtMs)).toISOString();
  return elements({
    instanceId: instance.id,
    imageId: instance.image,
    reason: '',
    amiLaunchIndex: instance.launchIndex,
    productCodes: '',
    instanceType: instance.type,
    launchTime,
    placement: elements({ availabilityZone: instance.zone, groupName: '', tenancy: 'default' }),
    architecture: 'x86_64',
    rootDeviceType: 'ebs',
    rootDeviceName: '/dev/xvda',
    clientToken: instance.clientToken,
    instanceLifecycle: instance.spot ? 'spot' : undefined,
    spotInstanceRequestId: instance.spot ? spotRequestId(instance) : undefined,
    tagSet: items([...instance.tags].map(([key, value]) => elements({ key, value }))),
  });
}

function afterOf(token: string | undefined): number {
  if (token === undefined) return 0;
  const seq = /^after:(\d+)$/.exec(Buffer.from(token, 'base64url').toString('latin1'))?.[1];
  return seq === undefined ? refuse('InvalidNextToken', 'The token is not valid') : Number(seq);
}

/** What an instance has for a filter to look at, by the filter's name; `tag:KEY` apart. */
const filterable: Readonly<Record<string, (instance: LoopbackInstance, world: World) => readonly string[]>> =
  {
    'tag-key': (instance) => [...instance.tags.keys()],
    'client-token': ({ clientToken }) => (clientToken === '' ? [] : [clientToken]),
    'instance-state-name': (instance, world) => [stateAt(instance, world.now() - world.levers.listLagMs)],
    'instance-type': ({ type }) => [type],
    'availability-zone': ({ zone }) => [zone],
    'reservation-id': ({ reservation }) => [reservation],
  };

function assertKnown({ name }: Filter): void {
  if (!name.startsWith('tag:') && !Object.hasOwn(filterable, name)) {
    refuse('InvalidParameterValue', `The filter '${name}' is invalid`);
  }
}

function passes(world: World, instance: LoopbackInstance, { name, passes: lets }: Filter): boolean {
  if (!name.startsWith('tag:')) return (filterable[name]?.(instance, world) ?? []).some(lets);
  const value = instance.tags.get(name.slice('tag:'.length));
  return value !== undefined && lets(value);
}
