import type { CloudInstance } from '../../model/cloud.ts';
import { CloudError } from '../../model/errors.ts';
import { CloudId, type SiteId } from '../../model/ids.ts';
import type { LaunchAccepted, LaunchOrder } from '../port.ts';
import type { OpenStack } from './client/client.ts';
import { cloudErrorOf } from './errors.ts';
import { bearsMark, bySeat, instanceOf } from './instances.ts';
import { openstackCapabilities } from './limits.ts';
import type { Lookups } from './lookups.ts';
import {
  encodeMark,
  intentTag,
  type Mark,
  markKeys,
  markMetadata,
  metadataCharsMax,
  ownerTag,
} from './mark.ts';
import type { OpenstackOffer } from './offer.ts';

/** An order whose settings are known to be this driver's. */
export interface OpenstackOrder extends LaunchOrder {
  readonly settings: OpenstackOffer;
}

/**
 * One `POST /servers` for all seats. Names are looked up before it; a failure there leaves no doubt. A call for several
 * tells only a reservation, so its servers are listed by it: without that answer, what was made has to be resolved.
 */
export async function launch(
  cloud: OpenStack,
  lookups: Lookups,
  site: SiteId,
  order: OpenstackOrder,
  signal: AbortSignal,
): Promise<LaunchAccepted> {
  assertFits(order, site);
  const seats = order.instances.length;
  const mark: Mark = { site, intent: order.intent, pool: order.pool, offer: order.offer, seats };
  const request = await requestOf(cloud, lookups, order, mark, signal);
  const secrets = order.userData === null ? [] : [order.userData];
  const made = await create(cloud, lookups, { ...request, secrets }, signal);
  if ('id' in made) return { instances: [accepted(made.id, order)] };
  return { instances: await reserved(cloud, site, made.reservation, order, signal) };
}

type NewServer = Parameters<OpenStack['compute']['create']>[0];

async function create(cloud: OpenStack, lookups: Lookups, order: NewServer, signal: AbortSignal) {
  try {
    return await cloud.compute.create(order, signal);
  } catch (thrown) {
    const error = cloudErrorOf(thrown, { write: true });
    if (error.code === 'invalid' || error.code === 'notFound') lookups.forget();
    throw error;
  }
}

function accepted(id: string, order: OpenstackOrder): CloudInstance {
  const { intent, pool, offer } = order;
  const cloudId = CloudId(id);
  return { cloudId, intent, seat: 0, pool, offer, state: 'pending', address: null, fault: null };
}

/** Nova makes as many as the quota lets it, at least one. */
async function reserved(
  cloud: OpenStack,
  site: SiteId,
  reservation: string,
  order: OpenstackOrder,
  signal: AbortSignal,
): Promise<readonly CloudInstance[]> {
  const unsure = (what: string) => new CloudError('unavailable', `create server: ${what}`, { inDoubt: true });
  try {
    const rows = await cloud.compute.servers({ reservation }, signal);
    const made = rows
      .filter((row) => bearsMark(row, site))
      .map(instanceOf)
      .filter((instance) => instance.intent === order.intent);
    if (made.length === 0) throw unsure('accepted, but the reservation has no servers');
    if (made.length > order.instances.length) throw unsure('more servers than were asked for');
    return made.toSorted(bySeat);
  } catch (thrown) {
    const { code, message } = cloudErrorOf(thrown, { write: false });
    throw new CloudError(code, message, { inDoubt: true });
  }
}

async function requestOf(
  cloud: OpenStack,
  lookups: Lookups,
  { settings, instances, intent, userData }: OpenstackOrder,
  mark: Mark,
  signal: AbortSignal,
): Promise<Omit<NewServer, 'secrets'>> {
  try {
    const [only] = instances;
    const image = await lookups.image(settings.image, signal);
    const floating = settings.floatingNetwork;
    const floatingId = floating === undefined ? undefined : await lookups.network(floating, signal);
    const server: Record<string, unknown> = {
      name: mark.seats === 1 ? only : intent,
      flavorRef: await lookups.flavor(settings.flavor, signal),
      networks: await networksOf(lookups, settings.networks, signal),
      metadata: {
        ...settings.metadata,
        ...markMetadata(mark),
        ...(floatingId === undefined ? {} : { [markKeys.floating]: floatingId }),
      },
      tags: [...new Set([ownerTag(mark.site), intentTag(intent), ...settings.tags])],
    };
    if (settings.bootVolume === undefined) server.imageRef = image;
    else server.block_device_mapping_v2 = [await rootVolume(cloud, image, settings.bootVolume, signal)];
    if (mark.seats > 1) {
      server.min_count = 1;
      server.max_count = mark.seats;
      server.return_reservation_id = true;
    }
    if (userData !== null) server.user_data = Buffer.from(userData, 'utf8').toString('base64');
    if (settings.keyName !== undefined) server.key_name = settings.keyName;
    if (settings.zone !== undefined) server.availability_zone = settings.zone;
    if (settings.configDrive !== undefined) server.config_drive = settings.configDrive;
    if (settings.securityGroups !== undefined) {
      server.security_groups = settings.securityGroups.map((name) => ({ name }));
    }
    const group = settings.serverGroup;
    const schedulerHints = group === undefined ? null : { group: await lookups.serverGroup(group, signal) };
    return { server, schedulerHints };
  } catch (thrown) {
    throw cloudErrorOf(thrown, { write: false });
  }
}

async function networksOf(lookups: Lookups, choice: OpenstackOffer['networks'], signal: AbortSignal) {
  if (typeof choice === 'string') return choice;
  const ids: { readonly uuid: string }[] = [];
  for (const name of choice) ids.push({ uuid: await lookups.network(name, signal) });
  return ids;
}

/** Without block storage Nova would accept this, too, and the server would end in ERROR. */
async function rootVolume(
  cloud: OpenStack,
  image: string,
  { size, type }: NonNullable<OpenstackOffer['bootVolume']>,
  signal: AbortSignal,
) {
  if ((await cloud.session.find('volume', signal)) === null) {
    throw new CloudError('unsupported', 'boot from a volume: this cloud has no block storage');
  }
  return {
    boot_index: 0,
    source_type: 'image',
    destination_type: 'volume',
    uuid: image,
    // In whole GiB: never less than was asked for.
    volume_size: Math.ceil(size / 1024),
    delete_on_termination: true,
    ...(type === undefined ? {} : { volume_type: type }),
  };
}

/** Refused before the call is what Nova would refuse, or would take and mean something else by. */
function assertFits(order: OpenstackOrder, site: SiteId): void {
  const wrong = (what: string) => new CloudError('invalid', `create server: ${what}`);
  const { batchMax, userDataBytesMax } = openstackCapabilities;
  const seats = order.instances.length;
  if (seats < 1 || seats > batchMax) {
    throw wrong(`${seats} machines in one call; 1 to ${batchMax} are possible`);
  }
  if (order.market === 'spot') throw new CloudError('unsupported', 'create server: there is no spot market');
  for (const value of [site, order.intent, order.pool, order.offer]) {
    if (encodeMark(value).length > metadataCharsMax) {
      throw wrong(`a name is longer than metadata of ${metadataCharsMax} characters`);
    }
  }
  const bytes = order.userData === null ? 0 : Buffer.byteLength(order.userData, 'utf8');
  if (bytes > userDataBytesMax) {
    throw wrong(`user data of ${bytes} bytes; at most ${userDataBytesMax} are possible`);
  }
}
