import { spotRequestId } from './describe-instances.ts';
import { type Filter, filtersOf, listOf, type Params } from './query.ts';
import { refuse } from './refusal.ts';
import { type LoopbackInstance, stateAt, type World } from './world.ts';
import { elements, items, type Xml } from './xml.ts';

const pricedAt = '2026-01-01T00:00:00.000Z';

/** One-time requests are there for as long as the machine that they gave is shown. */
export function describeSpotInstanceRequests(world: World, params: Params): Xml {
  const filters = filtersOf(params);
  const rows = world.instances
    .filter((instance) => instance.spot && !instance.vanished)
    .map((instance) => ({ instance, ended: stateAt(instance, world.now()) === 'terminated' }))
    .filter(({ instance, ended }) =>
      filters.every((filter) =>
        passes(filter, {
          tags: instance.requestTags,
          values: { 'status-code': statusOf(instance, ended), state: ended ? 'closed' : 'active' },
        }),
      ),
    )
    .map(({ instance, ended }) =>
      elements({
        spotInstanceRequestId: spotRequestId(instance),
        state: ended ? 'closed' : 'active',
        type: 'one-time',
        instanceId: instance.id,
        status: elements({ code: statusOf(instance, ended), message: messages[instance.spotStatus] }),
        tagSet: items([...instance.requestTags].map(([key, value]) => elements({ key, value }))),
      }),
    );
  return elements({ spotInstanceRequestSet: items(rows) });
}

const messages: Readonly<Record<string, string>> = {
  fulfilled: 'Your spot request is fulfilled.',
  'marked-for-termination': 'Your Spot Instance is marked for termination.',
};

function statusOf({ spotStatus }: LoopbackInstance, ended: boolean): string {
  return ended ? 'instance-terminated-by-user' : spotStatus;
}

export function describeSpotPriceHistory(world: World, params: Params): Xml {
  const types = listOf(params, 'InstanceType');
  const rows = Object.entries(world.levers.spotPrices).flatMap(([key, price]) => {
    const [type = '', zone = ''] = key.split(':');
    if (types.length > 0 && !types.includes(type)) return [];
    return [
      elements({
        instanceType: type,
        productDescription: 'Linux/UNIX',
        spotPrice: price.toFixed(6),
        timestamp: pricedAt,
        availabilityZone: zone,
      }),
    ];
  });
  return elements({ spotPriceHistorySet: items(rows), nextToken: '' });
}

/** Those that have gone with their machines are not there; those that stayed are attached to nothing. */
export function describeVolumes(world: World, params: Params): Xml {
  const filters = filtersOf(params);
  const rows = world.instances.flatMap((instance) => {
    const ended = stateAt(instance, world.now()) === 'terminated';
    return instance.volumes
      .map((volume, n) => ({ ...volume, id: `vol-${instance.id.slice(2)}${n}` }))
      .filter(({ endsWithMachine }) => !(ended && endsWithMachine))
      .map(({ id }) => ({ id, status: ended ? 'available' : 'in-use', tags: instance.volumeTags }));
  });
  const shown = rows
    .filter(({ status, tags }) => filters.every((filter) => passes(filter, { tags, values: { status } })))
    .map(({ id, status, tags }) =>
      elements({
        volumeId: id,
        size: 8,
        status,
        tagSet: items([...tags].map(([key, value]) => elements({ key, value }))),
      }),
    );
  return elements({ volumeSet: items(shown) });
}

function passes(
  { name, passes: lets }: Filter,
  { tags, values }: { tags: ReadonlyMap<string, string>; values: Readonly<Record<string, string>> },
): boolean {
  if (name.startsWith('tag:')) {
    const value = tags.get(name.slice('tag:'.length));
    return value !== undefined && lets(value);
  }
  const value = values[name];
  return value === undefined
    ? refuse('InvalidParameterValue', `The filter '${name}' is invalid`)
    : lets(value);
}
