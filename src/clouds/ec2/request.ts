import type {
  _InstanceType,
  CreateFleetCommandInput,
  FleetLaunchTemplateOverridesRequest,
  ResourceType,
  RunInstancesCommandInput,
  TagSpecification,
} from '@aws-sdk/client-ec2';
import type { InstanceId, SiteId } from '../../model/ids.ts';
import type { LaunchOrder } from '../port.ts';
import type { Disks } from './image.ts';
import { type Mark, markTags, type Tag, tagsOf } from './mark.ts';
import { type CapacityPool, type Ec2Offer, onDemandStrategies, spotStrategies } from './settings.ts';

/** An order whose settings are known to be this driver's. */
export interface Ec2Order extends LaunchOrder {
  readonly settings: Ec2Offer;
}

export const markOf = (site: SiteId, { intent, pool, offer }: LaunchOrder): Mark => ({
  site,
  intent,
  pool,
  offer,
});

/** RunInstances for all seats of an order. The same order gives the same request: a token holds for one alone. */
export function runRequest(order: Ec2Order, mark: Mark, disks: Disks): RunInstancesCommandInput {
  const { settings } = order;
  const kinds: readonly ResourceType[] =
    order.market === 'spot'
      ? ['instance', 'volume', 'network-interface', 'spot-instances-request']
      : ['instance', 'volume', 'network-interface'];
  const input: RunInstancesCommandInput = {
    MinCount: 1,
    MaxCount: order.instances.length,
    ClientToken: order.intent,
    ImageId: settings.image,
    InstanceType: settings.type as _InstanceType,
    // A machine that shuts itself down would otherwise stay, stopped, and its volumes would be paid for.
    InstanceInitiatedShutdownBehavior: 'terminate',
    MetadataOptions: { ...metadataOf(settings), HttpEndpoint: 'enabled' },
    TagSpecifications: specifications(kinds, tagsFor(order, mark, order.instances)),
  };
  if (order.market === 'spot') {
    // Asked for once, and terminated when taken back: a stopped one would stay, and its volumes would be paid for.
    const options = { SpotInstanceType: 'one-time', InstanceInterruptionBehavior: 'terminate' } as const;
    const MaxPrice = priceText(settings.spotPriceMax);
    const SpotOptions = MaxPrice === null ? options : { ...options, MaxPrice };
    input.InstanceMarketOptions = { MarketType: 'spot', SpotOptions };
  }
  const UserData = encoded(order.userData);
  if (UserData !== null) input.UserData = UserData;
  const { launchTemplate, keyName, zone, subnet, securityGroups, publicAddress } = settings;
  if (launchTemplate !== undefined)
    input.LaunchTemplate = { LaunchTemplateId: launchTemplate.id, Version: String(launchTemplate.version) };
  if (keyName !== undefined) input.KeyName = keyName;
  if (zone !== undefined) input.Placement = { AvailabilityZone: zone };
  if (publicAddress !== undefined) {
    // Whether it gets an address is a property of its interface; subnet and groups are then the interface's, too.
    input.NetworkInterfaces = [
      {
        DeviceIndex: 0,
        AssociatePublicIpAddress: publicAddress,
        DeleteOnTermination: true,
        ...(subnet === undefined ? {} : { SubnetId: subnet }),
        ...(securityGroups === undefined ? {} : { Groups: securityGroups }),
      },
    ];
  } else {
    if (subnet !== undefined) input.SubnetId = subnet;
    if (securityGroups !== undefined) input.SecurityGroupIds = securityGroups;
  }
  const profile = profileOf(settings);
  if (profile !== null) input.IamInstanceProfile = profile;
  const volumes = volumesOf(settings, disks);
  if (volumes.length > 0) input.BlockDeviceMappings = [...volumes];
  return input;
}

/**
 * CreateFleet of type `instant`: EC2 answers with the machines that it has made, and keeps none of them running. What a
 * fleet cannot say by itself (security groups, what a shutdown does) is the launch template's.
 */
export function fleetRequest(
  order: Ec2Order,
  { mark, disks, pools }: { mark: Mark; disks: Disks; pools: readonly CapacityPool[] },
): CreateFleetCommandInput {
  const { settings, market } = order;
  const { launchTemplate } = settings;
  const UserData = encoded(order.userData);
  const own = tagsFor(order, mark, []);
  const machineTags = [...own, { Key: markTags.fleet, Value: 'instant' }];
  const strategy = settings.fleet?.strategy;
  const input: CreateFleetCommandInput = {
    Type: 'instant',
    ClientToken: order.intent,
    LaunchTemplateConfigs: [
      {
        LaunchTemplateSpecification: {
          LaunchTemplateId: launchTemplate?.id,
          Version: String(launchTemplate?.version),
          ...(UserData === null ? {} : { LaunchTemplateSpecificationUserData: UserData }),
        },
        Overrides: pools.map((pool, place) => overrideOf(pool, place, order, disks)),
      },
    ],
    TargetCapacitySpecification: {
      TotalTargetCapacity: order.instances.length,
      DefaultTargetCapacityType: market === 'spot' ? 'spot' : 'on-demand',
    },
    TagSpecifications: [
      ...specifications(['fleet'], own),
      ...specifications(['instance', 'volume', 'network-interface'], machineTags),
    ],
  };
  if (market === 'spot') {
    const wanted = spotStrategies.find((one) => one === strategy);
    input.SpotOptions = {
      AllocationStrategy: wanted ?? 'price-capacity-optimized',
      InstanceInterruptionBehavior: 'terminate',
    };
  } else {
    const wanted = onDemandStrategies.find((one) => one === strategy);
    input.OnDemandOptions = { AllocationStrategy: wanted ?? 'lowest-price' };
  }
  return input;
}

function overrideOf(
  { type, zone, subnet }: CapacityPool,
  place: number,
  { settings, market }: Ec2Order,
  disks: Disks,
): FleetLaunchTemplateOverridesRequest {
  const override: FleetLaunchTemplateOverridesRequest = {
    InstanceType: type as _InstanceType,
    ImageId: settings.image,
    // For the strategy `prioritized`: in the order of the config. The others pay no heed to it.
    Priority: place,
    MetadataOptions: metadataOf(settings),
  };
  if (zone !== null) override.AvailabilityZone = zone;
  if (subnet !== null) override.SubnetId = subnet;
  if (settings.keyName !== undefined) override.KeyName = settings.keyName;
  const MaxPrice = priceText(settings.spotPriceMax);
  if (market === 'spot' && MaxPrice !== null) override.MaxPrice = MaxPrice;
  const profile = profileOf(settings);
  if (profile !== null) override.IamInstanceProfile = profile;
  const volumes = volumesOf(settings, disks);
  if (volumes.length > 0) override.BlockDeviceMappings = [...volumes];
  return override;
}

function tagsFor(order: Ec2Order, mark: Mark, instances: readonly InstanceId[]): readonly Tag[] {
  return tagsOf(mark, instances, order.settings.tags);
}

function specifications(kinds: readonly ResourceType[], tags: readonly Tag[]): TagSpecification[] {
  return kinds.map((ResourceType) => ({ ResourceType, Tags: [...tags] }));
}

function metadataOf({ metadata: { tokens, hops } }: Ec2Offer) {
  const HttpTokens = tokens;
  return hops === undefined ? { HttpTokens } : { HttpTokens, HttpPutResponseHopLimit: hops };
}

function encoded(userData: string | null): string | null {
  return userData === null ? null : Buffer.from(userData, 'utf8').toString('base64');
}

/** No exponent, which EC2 does not read. */
function priceText(price: number | undefined): string | null {
  return price === undefined ? null : price.toFixed(6).replace(/\.?0+$/, '');
}

function profileOf({ instanceProfile }: Ec2Offer): { Arn: string } | { Name: string } | null {
  if (instanceProfile === undefined) return null;
  return instanceProfile.startsWith('arn:') ? { Arn: instanceProfile } : { Name: instanceProfile };
}

/** Every volume ends with its machine; the root has the size that the offer says. */
function volumesOf({ rootVolume }: Ec2Offer, { rootDevice, kept }: Disks) {
  const others = rootVolume === undefined ? kept : kept.filter((device) => device !== rootDevice);
  const mappings = others.map((DeviceName) => ({ DeviceName, Ebs: { DeleteOnTermination: true } }));
  // Under any other device name EC2 would add a second volume and leave the root as small as it is.
  if (rootVolume === undefined || rootDevice === null) return mappings;
  const { size, type, encrypted } = rootVolume;
  // EC2 counts in whole GiB: never less than was asked for.
  const Ebs = {
    VolumeSize: Math.ceil(size / 1024),
    DeleteOnTermination: true,
    ...(type === undefined ? {} : { VolumeType: type }),
    ...(encrypted === undefined ? {} : { Encrypted: encrypted }),
  };
  return [{ DeviceName: rootDevice, Ebs }, ...mappings];
}
