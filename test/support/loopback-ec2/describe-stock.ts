import { unknownInstance } from './describe-instances.ts';
import { integerOf, listOf, type Params } from './query.ts';
import { refuse } from './refusal.ts';
import { templateVersion } from './run-instances.ts';
import { loopbackAccount } from './stock.ts';
import { isShown, type World } from './world.ts';
import { elements, items, type Xml } from './xml.ts';

export function describeInstanceTypes(world: World, params: Params): Xml {
  const names = listOf(params, 'InstanceType');
  for (const name of names) {
    if (!world.types.has(name)) {
      refuse('InvalidInstanceType', `The following supplied instance types do not exist: [${name}]`);
    }
  }
  const wanted = [...world.types.values()].filter((type) => names.length === 0 || names.includes(type.name));
  const { page, next } = paged(params, wanted, { min: 5, max: 100 });
  const rows = page.map((type) =>
    elements({
      instanceType: type.name,
      currentGeneration: true,
      processorInfo: elements({ supportedArchitectures: items([type.arch]) }),
      vCpuInfo: elements({ defaultVCpus: type.vcpus, defaultCores: type.vcpus, defaultThreadsPerCore: 1 }),
      memoryInfo: elements({ sizeInMiB: type.memoryMiB }),
      instanceStorageSupported: type.storageGB !== undefined,
      instanceStorageInfo:
        type.storageGB === undefined ? undefined : elements({ totalSizeInGB: type.storageGB }),
      gpuInfo:
        type.gpus === undefined
          ? undefined
          : elements({ gpus: items([elements({ name: 'V100', manufacturer: 'NVIDIA', count: type.gpus })]) }),
    }),
  );
  return elements({ instanceTypeSet: items(rows), nextToken: next });
}

export function describeImages(world: World, params: Params): Xml {
  const ids = listOf(params, 'ImageId');
  for (const id of ids) {
    if (!world.images.has(id)) refuse('InvalidAMIID.NotFound', `The image id '[${id}]' does not exist`);
  }
  const owners = listOf(params, 'Owner').map((owner) => (owner === 'self' ? loopbackAccount : owner));
  const wanted = [...world.images.values()]
    .filter((image) => ids.length === 0 || ids.includes(image.id))
    .filter((image) => owners.length === 0 || owners.includes(image.owner));
  const { page, next } = paged(params, wanted, { min: 1, max: 1000 });
  const rows = page.map((image) =>
    elements({
      imageId: image.id,
      imageState: 'available',
      imageOwnerId: image.owner,
      name: image.name,
      architecture: image.arch ?? 'x86_64',
      rootDeviceType: 'ebs',
      rootDeviceName: image.rootDevice,
      blockDeviceMapping: items(
        [{ device: image.rootDevice, endsWithMachine: true }, ...(image.volumes ?? [])].map(mappingXml),
      ),
    }),
  );
  return elements({ imagesSet: items(rows), nextToken: next });
}

interface Mapping {
  readonly device: string;
  readonly endsWithMachine: boolean;
}

function mappingXml({ device, endsWithMachine }: Mapping): Xml {
  return elements({ deviceName: device, ebs: elements({ deleteOnTermination: endsWithMachine }) });
}

export function describeLaunchTemplateVersions(world: World, params: Params): Xml {
  const id = params.get('LaunchTemplateId') ?? '';
  const rows = listOf(params, 'LaunchTemplateVersion').map((wanted) => templateVersion(world, id, wanted));
  const xml = rows.map(({ version, volumes = [], keepsInterfaces = false }) =>
    elements({
      launchTemplateId: id,
      launchTemplateName: 'loopback',
      versionNumber: version,
      defaultVersion: version === 1,
      launchTemplateData: elements({
        blockDeviceMappingSet: items(volumes.map(mappingXml)),
        networkInterfaceSet: keepsInterfaces
          ? items([elements({ deviceIndex: 0, deleteOnTermination: false })])
          : undefined,
      }),
    }),
  );
  return elements({ launchTemplateVersionSet: items(xml) });
}

export function describeAvailabilityZones(world: World): Xml {
  const rows = world.zones.map((zone) =>
    elements({ zoneName: zone, zoneState: 'available', regionName: 'us-east-1' }),
  );
  return elements({ availabilityZoneInfo: items(rows) });
}

/** `userData` only. */
export function describeInstanceAttribute(world: World, params: Params): Xml {
  const id = params.get('InstanceId') ?? '';
  const instance = world.byId.get(id);
  if (instance === undefined || !isShown(world, instance)) return unknownInstance(id);
  if (params.get('Attribute') !== 'userData') refuse('InvalidParameterValue', 'Only userData is known here');
  const value = instance.userData?.toString('base64');
  return elements({ instanceId: id, userData: elements({ value }) });
}

function paged<Row>(params: Params, rows: readonly Row[], bounds: { min: number; max: number }) {
  const limit = integerOf(params, 'MaxResults', bounds) ?? rows.length;
  const from = Number(params.get('NextToken')?.replace('from-', '') ?? 0);
  if (!Number.isInteger(from)) refuse('InvalidNextToken', 'The token is not valid');
  const page = rows.slice(from, from + limit);
  return { page, next: from + limit < rows.length ? `from-${from + limit}` : undefined };
}
