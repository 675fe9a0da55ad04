import {
  DescribeImagesCommand,
  RunInstancesCommand,
  type RunInstancesCommandInput,
} from '@aws-sdk/client-ec2';
import { CloudError } from '../../model/errors.ts';
import type { SiteId } from '../../model/ids.ts';
import type { CloudCapabilities, LaunchAccepted, LaunchOrder } from '../port.ts';
import { cloudErrorOf, MalformedAnswer } from './errors.ts';
import type { Exchange } from './exchange.ts';
import { bySeat, launchedInstance } from './instances.ts';
import { type Mark, tagsOf } from './mark.ts';
import type { Ec2Offer } from './settings.ts';

const action = 'RunInstances';

export const ec2Capabilities: CloudCapabilities = {
  /**
   * By the client token, for as long as any of its machines lives and at least 24 hours more. The whole call must be
   * the same, its user data included: with other parameters EC2 answers IdempotentParameterMismatch and makes nothing.
   */
  replaySafe: true,
  mark: 'create',
  batchMax: 100,
  /** "Eventual consistency in the Amazon EC2 API" asks callers to look again for up to about five minutes. */
  listLagMs: 5 * 60_000,
  userDataBytesMax: 16_384,
  spot: true,
};

const tokenCharsMax = 64;
const tagValueCharsMax = 256;

/** An order whose settings are known to be this driver's. */
export interface Ec2Order extends LaunchOrder {
  readonly settings: Ec2Offer;
}

/** The device name of an image's root volume, learned once for each image: it never changes. */
export type RootDevices = Map<string, string>;

/**
 * One RunInstances for all seats. EC2 makes as many as it has room for, at least one; which seat a machine has is its
 * launch index. Refused before the call is what EC2 would refuse, or would take and mean something else by.
 */
export async function launch(
  exchange: Exchange,
  site: SiteId,
  roots: RootDevices,
  order: Ec2Order,
  signal: AbortSignal,
): Promise<LaunchAccepted> {
  assertFits(order);
  const mark: Mark = { site, intent: order.intent, pool: order.pool, offer: order.offer };
  const input = requestOf(order, mark, await rootDeviceIfNeeded(exchange, roots, order.settings, signal));
  const secrets = order.userData === null ? [] : [order.userData];
  const answer = await exchange(new RunInstancesCommand(input), { action, write: true, signal, secrets });
  try {
    const made = (answer.Instances ?? []).map((row) => launchedInstance(row, mark));
    if (made.length === 0) throw new MalformedAnswer('accepted, but names no instance');
    if (made.length > order.instances.length) throw new MalformedAnswer('more instances than were asked for');
    return { instances: made.toSorted(bySeat) };
  } catch (thrown) {
    throw cloudErrorOf(thrown, { action, write: true, handedOver: true, aborted: false, secrets });
  }
}

function requestOf(order: Ec2Order, mark: Mark, rootDevice: string | null): RunInstancesCommandInput {
  const { settings } = order;
  const tags = [...tagsOf(mark, order.instances, settings.tags)];
  const input: RunInstancesCommandInput = {
    MinCount: 1,
    MaxCount: order.instances.length,
    ClientToken: order.intent,
    ImageId: settings.image,
    InstanceType: settings.type as NonNullable<RunInstancesCommandInput['InstanceType']>,
    // A machine that shuts itself down would otherwise stay, stopped, and its volumes would be paid for.
    InstanceInitiatedShutdownBehavior: 'terminate',
    TagSpecifications: [
      { ResourceType: 'instance', Tags: tags },
      { ResourceType: 'volume', Tags: tags },
    ],
  };
  if (order.market === 'spot') {
    // Asked for once, and terminated when taken back: a stopped one would stay, and its volumes would be paid for.
    const SpotOptions = { SpotInstanceType: 'one-time', InstanceInterruptionBehavior: 'terminate' } as const;
    input.InstanceMarketOptions = { MarketType: 'spot', SpotOptions };
  }
  if (order.userData !== null) input.UserData = Buffer.from(order.userData, 'utf8').toString('base64');
  if (settings.keyName !== undefined) input.KeyName = settings.keyName;
  if (settings.subnet !== undefined) input.SubnetId = settings.subnet;
  if (settings.securityGroups !== undefined) input.SecurityGroupIds = settings.securityGroups;
  if (settings.zone !== undefined) input.Placement = { AvailabilityZone: settings.zone };
  if (settings.instanceProfile !== undefined) {
    const isArn = settings.instanceProfile.startsWith('arn:');
    input.IamInstanceProfile = { [isArn ? 'Arn' : 'Name']: settings.instanceProfile };
  }
  if (settings.rootVolume !== undefined && rootDevice !== null) {
    const { size, type } = settings.rootVolume;
    // EC2 counts in whole GiB: never less than was asked for.
    const volume = { VolumeSize: Math.ceil(size / 1024), DeleteOnTermination: true };
    const Ebs = type === undefined ? volume : { ...volume, VolumeType: type };
    input.BlockDeviceMappings = [{ DeviceName: rootDevice, Ebs }];
  }
  return input;
}

/** With any other device name EC2 would add a second volume and leave the root as small as it is. */
async function rootDeviceIfNeeded(
  exchange: Exchange,
  roots: RootDevices,
  { image, rootVolume }: Ec2Offer,
  signal: AbortSignal,
): Promise<string | null> {
  if (rootVolume === undefined) return null;
  const known = roots.get(image);
  if (known !== undefined) return known;
  const options = { action: 'DescribeImages', write: false, signal };
  const answer = await exchange(new DescribeImagesCommand({ ImageIds: [image] }), options);
  const device = answer.Images?.find((row) => row.ImageId === image)?.RootDeviceName;
  if (device === undefined || device === '') {
    throw new CloudError('notFound', `DescribeImages: ${image} is not there, or has no root volume`);
  }
  roots.set(image, device);
  return device;
}

function assertFits(order: LaunchOrder): void {
  const wrong = (what: string) => new CloudError('invalid', `${action}: ${what}`);
  const seats = order.instances.length;
  if (seats < 1 || seats > ec2Capabilities.batchMax) {
    throw wrong(`${seats} machines in one call; 1 to ${ec2Capabilities.batchMax} are possible`);
  }
  if (order.intent.length > tokenCharsMax || !/^[\u0021-\u007e]+$/.test(order.intent)) {
    throw wrong(`the intent's id is not a client token of 1 to ${tokenCharsMax} ASCII characters`);
  }
  for (const value of [order.pool, order.offer]) {
    if (value.length > tagValueCharsMax)
      throw wrong(`a name is longer than a tag of ${tagValueCharsMax} characters`);
  }
  const bytes = order.userData === null ? 0 : Buffer.byteLength(order.userData, 'utf8');
  if (bytes > ec2Capabilities.userDataBytesMax) {
    throw wrong(`user data of ${bytes} bytes; at most ${ec2Capabilities.userDataBytesMax} are possible`);
  }
}
