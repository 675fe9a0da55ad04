import { CreateFleetCommand, type CreateFleetError, type CreateFleetResult } from '@aws-sdk/client-ec2';
import type { CloudInstance } from '../../model/cloud.ts';
import { CloudError } from '../../model/errors.ts';
import { CloudId, type SiteId } from '../../model/ids.ts';
import type { LaunchAccepted } from '../port.ts';
import { cloudErrorOf, MalformedAnswer, vendorError } from './errors.ts';
import type { Exchange } from './exchange.ts';
import type { ExhaustedPools } from './exhausted.ts';
import type { Disks } from './image.ts';
import type { Mark } from './mark.ts';
import { type Ec2Order, fleetRequest, markOf } from './request.ts';
import type { SeatMemory } from './seats.ts';
import { poolsOf } from './settings.ts';

const action = 'CreateFleet';

export interface FleetMemory {
  readonly seats: SeatMemory;
  readonly exhausted: ExhaustedPools;
}

/**
 * One CreateFleet of type `instant` for all seats, over all types and places of the offer. EC2 makes what it has room for
 * and says of the rest, by type and place, why not. Only where it has made nothing that is an error.
 */
export async function createFleet(
  exchange: Exchange,
  memory: FleetMemory,
  { site, order, disks }: { site: SiteId; order: Ec2Order; disks: Disks },
  signal: AbortSignal,
): Promise<LaunchAccepted> {
  const mark = markOf(site, order);
  const pools = memory.exhausted.worthAsking(order.intent, poolsOf(order.settings), order.market);
  const secrets = order.userData === null ? [] : [order.userData];
  const command = new CreateFleetCommand(fleetRequest(order, { mark, disks, pools }));
  const answer = await exchange(command, { action, write: true, signal, secrets });
  noteExhausted(answer, memory.exhausted, order);
  try {
    const made = machinesOf(answer, mark);
    if (made.length > order.instances.length) throw new MalformedAnswer('more instances than were asked for');
    if (made.length === 0) throw refusal(answer.Errors ?? [], secrets);
    return { instances: memory.seats.seat(order.intent, made) };
  } catch (thrown) {
    throw cloudErrorOf(thrown, { action, write: true, handedOver: true, aborted: false, secrets });
  }
}

/** State and address are not in the answer; the next list has them. */
export function machinesOf(answer: CreateFleetResult, mark: Mark): readonly CloudInstance[] {
  const ids = (answer.Instances ?? []).flatMap(({ InstanceIds = [] }) => InstanceIds);
  return ids.map((id) => {
    if (id === '') throw new MalformedAnswer('an instance without an id');
    const { intent, pool, offer } = mark;
    return {
      cloudId: CloudId(id),
      intent,
      seat: 0,
      pool,
      offer,
      state: 'pending',
      address: null,
      fault: null,
    };
  });
}

/** Capacity where any type or place lacked it: that may pass, and another offer may have room. Else the first reason. */
function refusal(errors: readonly CreateFleetError[], secrets: readonly string[]): Error {
  if (errors.length === 0) return new MalformedAnswer('accepted, but names no instance and no error');
  const seen = errors.map(({ ErrorCode, ErrorMessage }) =>
    cloudErrorOf(vendorError(ErrorCode, ErrorMessage), {
      action,
      write: true,
      handedOver: true,
      aborted: false,
      secrets,
    }),
  );
  // One that may have been carried out outweighs all that were not.
  const doubtful = seen.find(({ inDoubt }) => inDoubt);
  const first = doubtful ?? seen.find(({ code }) => code === 'capacity') ?? seen[0];
  return first ?? new CloudError('unavailable', `${action}: no instance`);
}

function noteExhausted({ Errors = [] }: CreateFleetResult, exhausted: ExhaustedPools, order: Ec2Order): void {
  for (const { ErrorCode, ErrorMessage, LaunchTemplateAndOverrides } of Errors) {
    const error = cloudErrorOf(vendorError(ErrorCode, ErrorMessage), {
      action,
      write: true,
      handedOver: true,
      aborted: false,
      secrets: [],
    });
    const { InstanceType, AvailabilityZone, SubnetId } = LaunchTemplateAndOverrides?.Overrides ?? {};
    if (error.code !== 'capacity' || InstanceType === undefined) continue;
    for (const pool of poolsOf(order.settings)) {
      const isSame =
        pool.type === InstanceType &&
        (pool.zone === null || pool.zone === AvailabilityZone) &&
        (pool.subnet === null || pool.subnet === SubnetId);
      if (isSame) exhausted.note(pool, order.market);
    }
  }
}
