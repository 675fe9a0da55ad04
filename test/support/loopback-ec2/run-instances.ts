import { reservationXml } from './describe-instances.ts';
import { integerOf, listOf, type Params, tagSpecificationsOf } from './query.ts';
import { refuse } from './refusal.ts';
import { addInstances, isLiving, type World } from './world.ts';
import type { Xml } from './xml.ts';

const userDataBytesMax = 16_384;

/** EC2 refuses a parameter that it does not know. */
const known =
  /^(?:Action|Version|M(?:in|ax)Count|ImageId|InstanceType|ClientToken|UserData|KeyName|SubnetId|DryRun|InstanceInitiatedShutdownBehavior|SecurityGroup(?:Id)?\.\d+|Placement\.AvailabilityZone|IamInstanceProfile\.(?:Arn|Name)|InstanceMarketOptions\.(?:MarketType|SpotOptions\.(?:SpotInstanceType|InstanceInterruptionBehavior))|TagSpecification\.\d+\.(?:ResourceType|Tag\.\d+\.(?:Key|Value))|BlockDeviceMapping\.\d+\.(?:DeviceName|Ebs\.(?:VolumeSize|VolumeType|DeleteOnTermination)))$/;

export function runInstances(world: World, params: Params): Xml {
  for (const name of params.keys()) {
    if (!known.test(name)) refuse('UnknownParameter', `The parameter ${name} is not recognized`);
  }
  const min = integerOf(params, 'MinCount', { min: 1, max: 10_000 }) ?? missing('MinCount');
  const max = integerOf(params, 'MaxCount', { min: 1, max: 10_000 }) ?? missing('MaxCount');
  if (min > max) refuse('InvalidParameterValue', `Invalid value '${min}' for minCount/maxCount.`);
  const clientToken = params.get('ClientToken') ?? '';
  if (clientToken.length > 64) refuse('InvalidParameterValue', 'Client token is longer than 64 characters');

  const parameters = JSON.stringify([...params].filter(([name]) => name !== 'ClientToken'));
  const earlier = clientToken === '' ? undefined : world.tokens.get(clientToken);
  if (earlier !== undefined) {
    if (earlier.parameters !== parameters) {
      refuse(
        'IdempotentParameterMismatch',
        'Arguments on this idempotent request are inconsistent with arguments used in previous request(s).',
      );
    }
    return reservationXml(world, earlier.reservation, world.byReservation.get(earlier.reservation) ?? []);
  }

  const order = readOrder(world, params);
  const count = Math.min(max, roomFor(world, order.type, order.zone, min));
  const made = addInstances(world, { ...order, clientToken, count });
  const reservation = made[0]?.reservation ?? '';
  if (clientToken !== '') world.tokens.set(clientToken, { parameters, reservation });
  return reservationXml(world, reservation, made);
}

function readOrder(world: World, params: Params) {
  const image = params.get('ImageId') ?? missing('ImageId');
  if (!/^ami-[0-9a-f]+$/.test(image)) refuse('InvalidAMIID.Malformed', `Invalid id: "${image}"`);
  if (!world.images.has(image)) refuse('InvalidAMIID.NotFound', `The image id '[${image}]' does not exist`);
  const type = params.get('InstanceType') ?? 't3.micro';
  if (!world.types.has(type)) refuse('InvalidParameterValue', `Invalid value '${type}' for InstanceType.`);
  const zone = params.get('Placement.AvailabilityZone') ?? world.zones[0] ?? '';
  if (!world.zones.includes(zone)) refuse('InvalidParameterValue', `Invalid availability zone: [${zone}]`);
  for (const group of listOf(params, 'SecurityGroupId')) {
    if (group.startsWith('sg-dead'))
      refuse('InvalidGroup.NotFound', `The security group '${group}' does not exist`);
  }
  const tags = tagSpecificationsOf(params);
  return {
    image,
    type,
    zone,
    tags: tags.get('instance') ?? new Map<string, string>(),
    volumeTags: tags.get('volume') ?? new Map<string, string>(),
    userData: userDataOf(params),
  };
}

function userDataOf(params: Params): Buffer | null {
  const encoded = params.get('UserData');
  if (encoded === undefined) return null;
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(encoded) || encoded.length % 4 !== 0) {
    refuse('InvalidUserData.Malformed', 'Invalid BASE64 encoding of user data.');
  }
  const data = Buffer.from(encoded, 'base64');
  if (data.length > userDataBytesMax) {
    refuse('InvalidParameterValue', `User data is limited to ${userDataBytesMax} bytes`);
  }
  return data;
}

/** How many of the type fit now; refused where it is fewer than the call's minimum. */
function roomFor(world: World, type: string, zone: string, min: number): number {
  const living = world.instances.filter((instance) => isLiving(world, instance));
  const { capacity, vcpusMax } = world.levers;
  let room = Number.POSITIVE_INFINITY;
  const limit = (key: string, used: number) => {
    const allowed = capacity[key];
    if (allowed !== undefined) room = Math.min(room, allowed - used);
  };
  const ofType = living.filter((instance) => instance.type === type);
  limit('*', living.length);
  limit(type, ofType.length);
  limit(`${type}:${zone}`, ofType.filter((instance) => instance.zone === zone).length);
  if (room < min) {
    refuse(
      'InsufficientInstanceCapacity',
      `We currently do not have sufficient ${type} capacity in ${zone}.`,
      500,
    );
  }
  if (vcpusMax === null) return room;
  const vcpus = (name: string) => world.types.get(name)?.vcpus ?? 1;
  const used = living.reduce((sum, instance) => sum + vcpus(instance.type), 0);
  room = Math.min(room, Math.floor((vcpusMax - used) / vcpus(type)));
  if (room < min) {
    refuse(
      'VcpuLimitExceeded',
      `You have requested more vCPU capacity than your current vCPU limit of ${vcpusMax} allows.`,
    );
  }
  return room;
}

function missing(name: string): never {
  return refuse('MissingParameter', `The request must contain the parameter ${name}`);
}
