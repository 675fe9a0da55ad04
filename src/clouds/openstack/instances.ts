import type { CloudInstance, CloudInstanceState } from '../../model/cloud.ts';
import { CloudId, IntentId, OfferName, PoolName, type SiteId } from '../../model/ids.ts';
import { cleanText } from './client/cleanText.ts';
import type { Server } from './client/server.ts';
import { quotaText } from './errors.ts';
import { decodeMark, intentTag, markKeys, ownerTag } from './mark.ts';

/** Nova's words; one that is not here is of a server that exists, and works as far as we know. */
const states: Readonly<Record<string, CloudInstanceState>> = {
  BUILD: 'pending',
  ERROR: 'error',
  DELETED: 'gone',
  SOFT_DELETED: 'ending',
  SHUTOFF: 'stopped',
  PAUSED: 'stopped',
  SUSPENDED: 'stopped',
  SHELVED: 'stopped',
  SHELVED_OFFLOADED: 'stopped',
};

/** A server that is being deleted goes on saying ACTIVE: the task says so. */
export function stateOf(row: Server): CloudInstanceState {
  const task = row['OS-EXT-STS:task_state'];
  const state = Object.hasOwn(states, row.status) ? states[row.status] : undefined;
  if (state === 'gone') return state;
  if (task === 'deleting' || task === 'soft-deleting') return 'ending';
  return state ?? 'running';
}

/** The cell that it is in does not answer, and its row has little more than its id. */
export function isOutOfSight(row: Server): boolean {
  return row.status === 'UNKNOWN';
}

/** No host has it yet. */
export function isUnplaced(row: Server): boolean {
  return row.status === 'BUILD' && row['OS-EXT-STS:task_state'] === 'scheduling';
}

/**
 * The tag is compared here again: a server may drop a filter, and its database takes upper and lower case for the same. A
 * tag of a digest says less than the metadata, so these must not say otherwise.
 */
export function bearsMark(row: Server, site: SiteId): boolean {
  const said = decodeMark(row.metadata[markKeys.site]);
  return row.tags.includes(ownerTag(site)) && (said === null || said === site);
}

/** A row that bears our mark. One whose metadata somebody has taken away keeps its intent by its tag. */
export function instanceOf(row: Server): CloudInstance {
  const intent = intentOf(row);
  const pool = decodeMark(row.metadata[markKeys.pool]);
  const offer = decodeMark(row.metadata[markKeys.offer]);
  return {
    cloudId: CloudId(row.id),
    intent,
    seat: seatOf(row),
    pool: pool === null ? null : PoolName(pool),
    offer: offer === null ? null : OfferName(offer),
    state: stateOf(row),
    address: addressOf(row),
    fault: faultOf(row),
    ...(row.status === 'ERROR' ? lackedBy(row.fault?.message ?? '') : {}),
  };
}

/** One that has lost every word of it gets its own id for an intent, which no store knows: an orphan. */
function intentOf(row: Server): IntentId {
  const said = decodeMark(row.metadata[markKeys.intent]);
  if (said !== null) return IntentId(said);
  const prefix = intentTag(IntentId(''));
  const tag = row.tags.find((one) => one.startsWith(prefix) && one.length > prefix.length);
  return IntentId(tag?.slice(prefix.length) ?? row.id);
}

/** Nova numbers the machines of one call by their names, from 1 on. */
function seatOf(row: Server): number {
  if (Number(row.metadata[markKeys.seats] ?? '1') <= 1) return 0;
  const number = Number(/-(\d{1,6})$/.exec(row.name)?.[1] ?? '1');
  return Math.max(0, number - 1);
}

/** A floating one first where the offer asks for it: it is how the machine is reached. */
function addressOf(row: Server): string | null {
  const all = Object.values(row.addresses).flat();
  const of = (type: 'fixed' | 'floating', version: number) =>
    all.find((one) => (one['OS-EXT-IPS:type'] ?? 'fixed') === type && one.version === version)?.addr;
  return of('floating', 4) ?? of('fixed', 4) ?? of('fixed', 6) ?? null;
}

function faultOf(row: Server): string | null {
  if (row.status !== 'ERROR') return null;
  return cleanText(row.fault?.message ?? '', []) || null;
}

/** What Nova found only after it had accepted the create call; its texts are all that tells it from a machine that fails by itself. */
function lackedBy(text: string): Pick<CloudInstance, 'faultCode'> {
  if (quotaText.test(text)) return { faultCode: 'quota' };
  return noRoomText.test(text) ? { faultCode: 'capacity' } : {};
}

const noRoomText =
  /^No valid host was found|^Exceeded maximum number of retries|^Build of instance \S+ aborted|No fixed IP addresses available|No more IP addresses/i;

/** In the order of the seats. */
export function bySeat(a: CloudInstance, b: CloudInstance): number {
  return a.seat - b.seat || (a.cloudId < b.cloudId ? -1 : 1);
}
