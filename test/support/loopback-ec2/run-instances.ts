import { reservationXml } from './describe-instances.ts';
import { integerOf, listOf, type Params, tagSpecificationsOf } from './query.ts';
import { refuse } from './refusal.ts';
import type { LoopbackTemplate } from './stock.ts';
import { addInstances, isLiving, type NewVolume, type World } from './world.ts';
import type { Xml } from './xml.ts';

const userDataBytesMax = 16_384;

const launchParameters = [
  /(?:Action|Version|M(?:in|ax)Count|ImageId|InstanceType|ClientToken|UserData|KeyName|SubnetId|DryRun)/,
  /InstanceInitiatedShutdownBehavior|SecurityGroup(?:Id)?\.\d+|Placement\.AvailabilityZone/,
  /IamInstanceProfile\.(?:Arn|Name)|LaunchTemplate\.(?:LaunchTemplateId|Version)/,
  /InstanceMarketOptions\.(?:MarketType|SpotOptions\.(?:MaxPrice|SpotInstanceType|InstanceInterruptionBehavior))/,
  /MetadataOptions\.(?:HttpTokens|HttpEndpoint|HttpPutResponseHopLimit)/,
  /NetworkInterface\.\d+\.(?:DeviceIndex|AssociatePublicIpAddress|DeleteOnTermination|SubnetId|SecurityGroupId\.\d+)/,
  /TagSpecification\.\d+\.(?:ResourceType|Tag\.\d+\.(?:Key|Value))/,
  /BlockDeviceMapping\.\d+\.(?:DeviceName|Ebs\.(?:VolumeSize|VolumeType|DeleteOnTermination|Encrypted))/,
];

/** EC2 refuses a parameter that it does not know. */
const known = new RegExp(`^(?:${launchParameters.map(({ source }) => source).join('|')})$`);

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
  if (params.get('DryRun') === 'true') wouldSucceed();
  const count = Math.min(max, roomFor(world, order, min));
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
  if (world.types.get(type)?.zones?.includes(zone) === false)
    refuse('Unsupported', `Instance type ${type} is not sold in ${zone}.`);
  for (const group of listOf(params, 'SecurityGroupId')) {
    if (group.startsWith('sg-dead'))
      refuse('InvalidGroup.NotFound', `The security group '${group}' does not exist`);
  }
  const template = params.get('LaunchTemplate.LaunchTemplateId');
  if (template !== undefined) templateVersion(world, template, params.get('LaunchTemplate.Version'));
  const interfaceSubnet = params.has('NetworkInterface.1.DeviceIndex') && params.has('SubnetId');
  if (interfaceSubnet)
    refuse(
      'InvalidParameterCombination',
      'Network interfaces and an instance-level subnet ID may not be specified',
    );
  const spot = params.get('InstanceMarketOptions.MarketType') === 'spot';
  return {
    image,
    type,
    zone,
    spot,
    ...tagsForMachines(tagSpecificationsOf(params), spot),
    volumes: volumesOf(world, image, mappingsOf(params, 'BlockDeviceMapping')),
    userData: userDataOf(params.get('UserData')),
  };
}

type Tags = ReadonlyMap<string, string>;

export function tagsForMachines(tags: ReadonlyMap<string, Tags>, spot: boolean) {
  if (tags.has('spot-instances-request') && !spot)
    refuse(
      'InvalidParameterValue',
      "'spot-instances-request' is not a valid taggable resource type for this operation.",
    );
  return {
    tags: tags.get('instance') ?? new Map<string, string>(),
    volumeTags: tags.get('volume') ?? new Map<string, string>(),
    requestTags: tags.get('spot-instances-request') ?? new Map<string, string>(),
  };
}

/** What the call says of volumes, by device. */
export function mappingsOf(params: Params, prefix: string): ReadonlyMap<string, boolean | null> {
  const said = new Map<string, boolean | null>();
  for (let n = 1; ; n += 1) {
    const device = params.get(`${prefix}.${n}.DeviceName`);
    if (device === undefined) return said;
    const ends = params.get(`${prefix}.${n}.Ebs.DeleteOnTermination`);
    said.set(device, ends === undefined ? null : ends === 'true');
  }
}

/** The image's volumes, changed by what the call says, and those that the call adds. */
export function volumesOf(
  world: World,
  image: string,
  said: ReadonlyMap<string, boolean | null>,
): readonly NewVolume[] {
  const { rootDevice = '', volumes = [] } = world.images.get(image) ?? {};
  const own = [...(rootDevice === '' ? [] : [{ device: rootDevice, endsWithMachine: true }]), ...volumes];
  const changed = own.map(({ device, endsWithMachine }) => ({
    device,
    endsWithMachine: said.get(device) ?? endsWithMachine,
  }));
  const added = [...said].filter(([device]) => own.every((volume) => volume.device !== device));
  return [...changed, ...added.map(([device, ends]) => ({ device, endsWithMachine: ends ?? true }))];
}

export function templateVersion(world: World, id: string, version: string | undefined): LoopbackTemplate {
  const found = world.templates.filter((one) => one.id === id);
  if (found.length === 0)
    refuse(
      'InvalidLaunchTemplateId.NotFound',
      `The specified launch template, with template ID ${id}, does not exist.`,
    );
  const one = found.find((template) => String(template.version) === version);
  return (
    one ??
    refuse('InvalidLaunchTemplateId.VersionNotFound', `Could not find launch template version ${version}`)
  );
}

export function wouldSucceed(): never {
  return refuse('DryRunOperation', 'Request would have succeeded, but DryRun flag is set.', 412);
}

export function userDataOf(encoded: string | undefined): Buffer | null {
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

export interface Lack {
  readonly room: number;
  readonly code: 'InsufficientInstanceCapacity' | 'VcpuLimitExceeded';
  readonly message: string;
}

/** How many of the type fit now, and what stands against more. */
export function roomIn(world: World, type: string, zone: string): Lack {
  const living = world.instances.filter((instance) => isLiving(world, instance));
  const { capacity, vcpusMax } = world.levers;
  let room = Number.POSITIVE_INFINITY;
  const limit = (key: string, used: number) => {
    const allowed = capacity[key];
    if (allowed !== undefined) room = Math.min(room, Math.max(0, allowed - used));
  };
  const ofType = living.filter((instance) => instance.type === type);
  limit('*', living.length);
  limit(type, ofType.length);
  limit(`${type}:${zone}`, ofType.filter((instance) => instance.zone === zone).length);
  const full: Lack = {
    room,
    code: 'InsufficientInstanceCapacity',
    message: `We currently do not have sufficient ${type} capacity in ${zone}.`,
  };
  if (vcpusMax === null) return full;
  const vcpus = (name: string) => world.types.get(name)?.vcpus ?? 1;
  const used = living.reduce((sum, instance) => sum + vcpus(instance.type), 0);
  const allowed = Math.max(0, Math.floor((vcpusMax - used) / vcpus(type)));
  if (allowed >= room) return full;
  return {
    room: allowed,
    code: 'VcpuLimitExceeded',
    message: `You have requested more vCPU capacity than your current vCPU limit of ${vcpusMax} allows.`,
  };
}

/** Refused where it is fewer than the call's minimum. */
function roomFor(world: World, { type, zone }: { type: string; zone: string }, min: number): number {
  const { room, code, message } = roomIn(world, type, zone);
  if (room < min) refuse(code, message, code === 'VcpuLimitExceeded' ? 400 : 500);
  return room;
}

function missing(name: string): never {
  return refuse('MissingParameter', `The request must contain the parameter ${name}`);
}
