import { RunInstancesCommand } from '@aws-sdk/client-ec2';
import { CloudError } from '../../model/errors.ts';
import type { SiteId } from '../../model/ids.ts';
import type { CloudCapabilities, LaunchAccepted, LaunchOrder } from '../port.ts';
import { cloudErrorOf, MalformedAnswer } from './errors.ts';
import type { Exchange } from './exchange.ts';
import type { DiskMemory, Disks } from './image.ts';
import { bySeat, launchedInstance } from './instances.ts';
import { type Ec2Order, markOf, runRequest } from './request.ts';

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

/**
 * One RunInstances for all seats. EC2 makes as many as it has room for, at least one; which seat a machine has is its
 * launch index.
 */
export async function runInstances(
  exchange: Exchange,
  { site, order, disks }: { site: SiteId; order: Ec2Order; disks: Disks },
  signal: AbortSignal,
): Promise<LaunchAccepted> {
  const mark = markOf(site, order);
  const secrets = order.userData === null ? [] : [order.userData];
  const command = new RunInstancesCommand(runRequest(order, mark, disks));
  const answer = await exchange(command, { action, write: true, signal, secrets });
  try {
    const made = (answer.Instances ?? []).map((row) => launchedInstance(row, mark));
    if (made.length === 0) throw new MalformedAnswer('accepted, but names no instance');
    if (made.length > order.instances.length) throw new MalformedAnswer('more instances than were asked for');
    return { instances: made.toSorted(bySeat) };
  } catch (thrown) {
    throw cloudErrorOf(thrown, { action, write: true, handedOver: true, aborted: false, secrets });
  }
}

/** What the order's machines are made of; refused here is what EC2 would take and mean something else by. */
export async function disksFor(memory: DiskMemory, order: Ec2Order, signal: AbortSignal): Promise<Disks> {
  assertFits(order);
  const disks = await memory.disksOf(order.settings, signal);
  if (order.settings.rootVolume !== undefined && disks.rootDevice === null)
    throw new CloudError('notFound', `DescribeImages: ${order.settings.image} has no root volume`);
  return disks;
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
