import type { Instance } from '@aws-sdk/client-ec2';
import type { CloudInstance, CloudInstanceState } from '../../model/cloud.ts';
import { CloudId, IntentId, OfferName, PoolName, type SiteId } from '../../model/ids.ts';
import { MalformedAnswer } from './errors.ts';
import { type Mark, markTags } from './mark.ts';
import { redact } from './redact.ts';

/** EC2's states. A machine that is being stopped will not work again unless somebody starts it. */
const states: Readonly<Record<string, CloudInstanceState>> = {
  pending: 'pending',
  running: 'running',
  'shutting-down': 'ending',
  terminated: 'gone',
  stopping: 'stopped',
  stopped: 'stopped',
};

/** Ends that somebody asked for: no fault of the machine or the cloud. */
const askedFor = /^(?:Client\.(?:UserInitiated|InstanceInitiated)|Server\.ScheduledStop|pending$)/;

export function stateOf(name: string | undefined): CloudInstanceState {
  const state = name !== undefined && Object.hasOwn(states, name) ? states[name] : undefined;
  if (state === undefined)
    throw new MalformedAnswer(`an instance in the state ${JSON.stringify(name ?? null)}`);
  return state;
}

/** The value of one tag; null where the instance does not bear it. */
export function tagOf(row: Instance, key: string): string | null {
  return row.Tags?.find((tag) => tag.Key === key)?.Value ?? null;
}

export function bearsMark(row: Instance, site: SiteId): boolean {
  return tagOf(row, markTags.site) === site;
}

export function isOfFleet(row: Instance): boolean {
  return tagOf(row, markTags.fleet) !== null;
}

/**
 * A row of DescribeInstances that bears our mark. One whose other tags somebody has taken away keeps its intent by
 * the token that it was made with; one that never had either (our mark was copied onto it by hand) gets its own id
 * for an intent, which no store knows: an orphan.
 */
export function listedInstance(row: Instance): CloudInstance {
  const id = idOf(row);
  const intent = tagOf(row, markTags.intent) || row.ClientToken || id;
  const pool = tagOf(row, markTags.pool);
  const offer = tagOf(row, markTags.offer);
  return {
    ...common(row),
    intent: IntentId(intent),
    pool: pool === null || pool === '' ? null : PoolName(pool),
    offer: offer === null || offer === '' ? null : OfferName(offer),
  };
}

/** A row of the answer to our own create call: its mark is what we sent. */
export function launchedInstance(row: Instance, mark: Mark): CloudInstance {
  return { ...common(row), intent: mark.intent, pool: mark.pool, offer: mark.offer };
}

/** In the order of the seats. */
export function bySeat(a: CloudInstance, b: CloudInstance): number {
  return a.seat - b.seat || (a.cloudId < b.cloudId ? -1 : 1);
}

function common(row: Instance): Omit<CloudInstance, 'intent' | 'pool' | 'offer'> {
  return {
    cloudId: CloudId(idOf(row)),
    seat: seatOf(row),
    state: stateOf(row.State?.Name),
    address: row.PrivateIpAddress || row.PublicIpAddress || row.Ipv6Address || null,
    fault: faultOf(row),
  };
}

function idOf(row: Instance): string {
  if (row.InstanceId === undefined || row.InstanceId === '')
    throw new MalformedAnswer('an instance without an id');
  return row.InstanceId;
}

function seatOf(row: Instance): number {
  const index = row.AmiLaunchIndex;
  if (!Number.isSafeInteger(index) || index === undefined || index < 0) {
    throw new MalformedAnswer('an instance without a launch index');
  }
  return index;
}

function faultOf(row: Instance): string | null {
  const code = row.StateReason?.Code ?? '';
  if (code === '' || askedFor.test(code)) return null;
  return redact(row.StateReason?.Message || code, []);
}
