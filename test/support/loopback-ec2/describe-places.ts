import { filtersOf, listOf, type Params } from './query.ts';
import { refuse } from './refusal.ts';
import type { World } from './world.ts';
import { elements, items, type Xml } from './xml.ts';

/** Every type in every zone, but for those of which the server has no room at all. */
export function describeInstanceTypeOfferings(world: World, params: Params): Xml {
  if (params.get('LocationType') !== 'availability-zone')
    refuse('InvalidParameterValue', 'Only zones are known');
  const filters = filtersOf(params);
  const rows = [...world.types.keys()]
    .filter((type) => filters.every(({ name, passes }) => name === 'instance-type' && passes(type)))
    .flatMap((type) => world.zones.map((zone) => ({ type, zone })))
    .filter(({ type, zone }) => world.levers.capacity[`${type}:${zone}`] !== 0)
    .map(({ type, zone }) =>
      elements({ instanceType: type, locationType: 'availability-zone', location: zone }),
    );
  return elements({ instanceTypeOfferingSet: items(rows) });
}

/** `subnet-…a` is in the first zone, `subnet-…b` in the second; `subnet-f…` has no free address, `subnet-dead…` is not there. */
export function describeSubnets(world: World, params: Params): Xml {
  const rows = listOf(params, 'SubnetId').map((id) => {
    if (id.startsWith('subnet-dead'))
      refuse('InvalidSubnetID.NotFound', `The subnet ID '${id}' does not exist`);
    return elements({
      subnetId: id,
      availabilityZone: world.zones[id.endsWith('b') ? 1 : 0] ?? '',
      availableIpAddressCount: id.startsWith('subnet-f') ? 0 : 200,
    });
  });
  return elements({ subnetSet: items(rows) });
}

export function describeSecurityGroups(_world: World, params: Params): Xml {
  const rows = listOf(params, 'GroupId').map((id) => {
    if (id.startsWith('sg-dead'))
      refuse('InvalidGroup.NotFound', `The security group '${id}' does not exist`);
    return elements({ groupId: id, groupName: id });
  });
  return elements({ securityGroupInfo: items(rows) });
}

export function describeKeyPairs(_world: World, params: Params): Xml {
  const rows = listOf(params, 'KeyName').map((name) => {
    if (name.startsWith('gone')) refuse('InvalidKeyPair.NotFound', `The key pair '${name}' does not exist`);
    return elements({ keyName: name });
  });
  return elements({ keySet: items(rows) });
}
