import { integerOf, type Params, tagSpecificationsOf } from './query.ts';
import { refuse } from './refusal.ts';
import {
  mappingsOf,
  roomIn,
  tagsForMachines,
  templateVersion,
  userDataOf,
  volumesOf,
  wouldSucceed,
} from './run-instances.ts';
import { addInstances, type World } from './world.ts';
import { elements, items, type Xml } from './xml.ts';

const override = 'LaunchTemplateConfigs\\.\\d+\\.Overrides\\.\\d+\\.';
const parameters = [
  'Action|Version|Type|ClientToken|DryRun',
  'TargetCapacitySpecification\\.(?:TotalTargetCapacity|DefaultTargetCapacityType)',
  '(?:SpotOptions|OnDemandOptions)\\.AllocationStrategy|SpotOptions\\.InstanceInterruptionBehavior',
  'TagSpecification\\.\\d+\\.(?:ResourceType|Tag\\.\\d+\\.(?:Key|Value))',
  'LaunchTemplateConfigs\\.\\d+\\.LaunchTemplateSpecification\\.(?:LaunchTemplateId|Version|LaunchTemplateSpecificationUserData)',
  `${override}(?:InstanceType|ImageId|AvailabilityZone|SubnetId|KeyName|MaxPrice|Priority)`,
  `${override}IamInstanceProfile\\.(?:Arn|Name)|${override}MetadataOptions\\.(?:HttpTokens|HttpPutResponseHopLimit)`,
  `${override}BlockDeviceMappings?\\.\\d+\\.(?:DeviceName|Ebs\\.(?:VolumeSize|VolumeType|DeleteOnTermination))`,
];
const known = new RegExp(`^(?:${parameters.join('|')})$`);

const unitsMax = 1000;

interface Override {
  readonly type: string;
  readonly zone: string;
  readonly subnet: string | undefined;
  readonly image: string;
  readonly priority: number;
  readonly volumes: ReturnType<typeof volumesOf>;
}

/** A fleet of type `instant`: what there is room for, and for each type and place that lacked it an error. */
export function createFleet(world: World, params: Params): Xml {
  for (const name of params.keys())
    if (!known.test(name)) refuse('UnknownParameter', `The parameter ${name} is not recognized`);
  if (params.get('Type') !== 'instant') refuse('InvalidParameterValue', 'Only instant fleets are known here');
  const wanted =
    integerOf(params, 'TargetCapacitySpecification.TotalTargetCapacity', { min: 1, max: unitsMax }) ??
    refuse('MissingParameter', 'The request must contain the parameter TotalTargetCapacity');
  const clientToken = params.get('ClientToken') ?? '';
  const text = JSON.stringify([...params].filter(([name]) => name !== 'ClientToken'));
  const earlier = clientToken === '' ? undefined : world.fleets.get(clientToken);
  if (earlier !== undefined) {
    if (earlier.parameters === text) return earlier.answer;
    refuse('IdempotentParameterMismatch', 'The request uses the same client token as a previous one.');
  }
  const config = 'LaunchTemplateConfigs.1.LaunchTemplateSpecification';
  templateVersion(world, params.get(`${config}.LaunchTemplateId`) ?? '', params.get(`${config}.Version`));
  const userData = userDataOf(params.get(`${config}.LaunchTemplateSpecificationUserData`));
  const spot = params.get('TargetCapacitySpecification.DefaultTargetCapacityType') === 'spot';
  const overrides = inOrder(world, readOverrides(world, params), params);
  if (params.get('DryRun') === 'true') wouldSucceed();

  const fleetId = `fleet-${(world.fleets.size + 1).toString(16).padStart(8, '0')}`;
  const tags = tagsForMachines(tagSpecificationsOf(params), spot);
  const made: Xml[] = [];
  const errors: Xml[] = [];
  let left = wanted;
  for (const one of overrides) {
    if (left === 0) break;
    const { room, code, message } = roomIn(world, one.type, one.zone);
    const count = Math.min(left, room);
    if (count < left) errors.push(errorXml(one, { code, message, spot }));
    if (count === 0) continue;
    // Each machine of a fleet comes by a call of its own, of EC2's: a launch index says nothing.
    const instances = Array.from({ length: count }, (_, n) =>
      addInstances(world, {
        ...one,
        ...tags,
        spot,
        userData,
        count: 1,
        clientToken: `${fleetId}-${one.type}-${one.zone}-${n}`,
      }),
    ).flat();
    left -= count;
    made.push(
      elements({
        launchTemplateAndOverrides: overridesXml(one),
        lifecycle: spot ? 'spot' : 'on-demand',
        instanceIds: items(instances.map(({ id }) => id)),
        instanceType: one.type,
        availabilityZone: one.zone,
      }),
    );
  }
  const answer = elements({ fleetId, errorSet: items(errors), fleetInstanceSet: items(made) });
  if (clientToken !== '') world.fleets.set(clientToken, { parameters: text, answer });
  return answer;
}

function readOverrides(world: World, params: Params): readonly Override[] {
  const overrides: Override[] = [];
  for (let n = 1; ; n += 1) {
    const prefix = `LaunchTemplateConfigs.1.Overrides.${n}`;
    const type = params.get(`${prefix}.InstanceType`);
    if (type === undefined) return overrides;
    if (!world.types.has(type)) refuse('InvalidParameterValue', `Invalid value '${type}' for InstanceType.`);
    const image = params.get(`${prefix}.ImageId`) ?? '';
    if (!world.images.has(image)) refuse('InvalidAMIID.NotFound', `The image id '[${image}]' does not exist`);
    const subnet = params.get(`${prefix}.SubnetId`);
    const zone = params.get(`${prefix}.AvailabilityZone`) ?? zoneOf(world, subnet);
    const said = [`${prefix}.BlockDeviceMapping`, `${prefix}.BlockDeviceMappings`].flatMap((name) => [
      ...mappingsOf(params, name),
    ]);
    overrides.push({
      type,
      zone,
      subnet,
      image,
      priority: Number(params.get(`${prefix}.Priority`) ?? Number.POSITIVE_INFINITY),
      volumes: volumesOf(world, image, new Map(said)),
    });
  }
}

/** `subnet-…a` is in the first zone, `subnet-…b` in the second. */
function zoneOf(world: World, subnet: string | undefined): string {
  return world.zones[subnet?.endsWith('b') === true ? 1 : 0] ?? '';
}

function inOrder(world: World, overrides: readonly Override[], params: Params): readonly Override[] {
  const strategy =
    params.get('SpotOptions.AllocationStrategy') ?? params.get('OnDemandOptions.AllocationStrategy');
  if (strategy === 'prioritized') return overrides.toSorted((a, b) => a.priority - b.priority);
  const priceOf = ({ type, zone }: Override) =>
    world.levers.spotPrices[`${type}:${zone}`] ?? world.types.get(type)?.vcpus ?? 0;
  return overrides.toSorted((a, b) => priceOf(a) - priceOf(b));
}

function overridesXml({ type, zone, subnet }: Override): Xml {
  return elements({
    overrides: elements({
      instanceType: type,
      subnetId: subnet,
      availabilityZone: subnet === undefined ? zone : undefined,
    }),
  });
}

function errorXml(one: Override, about: { code: string; message: string; spot: boolean }): Xml {
  return elements({
    launchTemplateAndOverrides: overridesXml(one),
    lifecycle: about.spot ? 'spot' : 'on-demand',
    errorCode: about.code,
    errorMessage: about.message,
  });
}
