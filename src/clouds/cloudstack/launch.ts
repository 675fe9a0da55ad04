import { CloudError } from '../../model/errors.ts';
import { CloudId, type InstanceId } from '../../model/ids.ts';
import type { LaunchAccepted, LaunchOrder } from '../port.ts';
import { type Account, remember } from './account.ts';
import { cloudstackCapabilities } from './capabilities.ts';
import type { Params } from './client/signature.ts';
import { parsed, vmDeployed } from './client/wire.ts';
import { asCloud, isUnknown } from './errors.ts';
import { idOf, type Kind, type Names } from './lookup.ts';
import { detailsOf, isHostName, type Mark, markCharsMax } from './mark.ts';
import type { CloudstackOffer } from './settings.ts';
import { setTags } from './tags.ts';

const command = 'deployVirtualMachine';
const mibPerGib = 1024;

/** An order whose settings are known to be this driver's. */
export interface CloudstackOrder extends LaunchOrder {
  readonly settings: CloudstackOffer;
}

/**
 * One deployVirtualMachine. Its answer has the machine's id; a job starts it, and what goes wrong from then on (no host has room)
 * is seen in a list, as an instance in the state `error`. What the offer names is looked up first, and remembered.
 */
export async function launch(
  account: Account,
  names: Names,
  order: CloudstackOrder,
  signal: AbortSignal,
): Promise<LaunchAccepted> {
  const name = onlySeat(order);
  const mark: Mark = {
    site: account.site,
    intent: order.intent,
    seat: 0,
    pool: order.pool,
    offer: order.offer,
    hasDataDisk: order.settings.dataDisk !== undefined,
  };
  const details = { ...order.settings.details, ...customDetails(order.settings), ...detailsOf(mark) };
  assertFits(order, details);
  const placed = await asCloud({ write: false }, () => placeOf(account, names, order.settings, signal));
  const base64 = order.userData === null ? null : Buffer.from(order.userData, 'utf8').toString('base64');
  const params: Params = {
    ...account.scope,
    ...placed,
    ...choices(order.settings),
    ...named('details[0].', details),
    name,
    ...(base64 === null ? {} : { userdata: base64 }),
  };
  const secrets = order.userData === null ? [] : [order.userData];
  const made = await asCloud({ write: true }, async () => {
    try {
      return parsed(command, vmDeployed, await account.client.call(command, params, { signal, secrets }));
    } catch (thrown) {
      // What a name stood for may have been replaced since.
      if (isUnknown(thrown)) names.clear();
      throw thrown;
    }
  });
  const cloudId = CloudId(made.id);
  remember(account.memory.launched, cloudId, mark);
  remember(account.memory.startJobs, cloudId, made.jobid);
  await setTags(account, cloudId, order.settings.tags, signal);
  const { intent, pool, offer } = mark;
  return {
    instances: [{ cloudId, intent, seat: 0, pool, offer, state: 'pending', address: null, fault: null }],
  };
}

/** Names for ids: zone first, as templates and networks are a zone's. */
async function placeOf(
  account: Account,
  names: Names,
  offer: CloudstackOffer,
  signal: AbortSignal,
): Promise<Params> {
  const find = (kind: Kind, name: string, scope: Params = {}) =>
    idOf(account, names, { kind, name, scope }, signal);
  const zoneid = await find('zone', offer.zone);
  const networks: string[] = [];
  for (const network of offer.networks ?? []) networks.push(await find('network', network, { zoneid }));
  return {
    zoneid,
    serviceofferingid: await find('serviceOffering', offer.serviceOffering),
    templateid: await find('template', offer.template, { zoneid }),
    ...(networks.length === 0 ? {} : { networkids: networks.join(',') }),
    ...(offer.dataDisk === undefined
      ? {}
      : { diskofferingid: await find('diskOffering', offer.dataDisk.offering) }),
  };
}

/** What goes into the call as the config has it. Sizes are whole GiB there: never less than was asked for. */
function choices({ dataDisk, ...offer }: CloudstackOffer): Params {
  const gib = (mib: number) => String(Math.ceil(mib / mibPerGib));
  return {
    ...(offer.rootDisk === undefined ? {} : { rootdisksize: gib(offer.rootDisk) }),
    ...(dataDisk?.size === undefined ? {} : { size: gib(dataDisk.size) }),
    ...(offer.keyPair === undefined ? {} : { keypair: offer.keyPair }),
    ...(offer.group === undefined ? {} : { group: offer.group }),
    ...(offer.securityGroups === undefined ? {} : { securitygroupnames: offer.securityGroups.join(',') }),
    ...(offer.affinityGroups === undefined ? {} : { affinitygroupnames: offer.affinityGroups.join(',') }),
  };
}

function customDetails({ custom }: CloudstackOffer): Params {
  const { cpus, cpuSpeedMHz, memory } = custom ?? {};
  return {
    ...(cpus === undefined ? {} : { cpuNumber: String(cpus) }),
    ...(cpuSpeedMHz === undefined ? {} : { cpuSpeed: String(cpuSpeedMHz) }),
    ...(memory === undefined ? {} : { memory: String(memory) }),
  };
}

function named(prefix: string, fields: Params): Params {
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [`${prefix}${key}`, value]));
}

/** Its name is the machine's. */
function onlySeat(order: LaunchOrder): InstanceId {
  const [id] = order.instances;
  if (id === undefined || order.instances.length > cloudstackCapabilities.batchMax) {
    throw wrong(`${order.instances.length} machines in one call; one is possible`);
  }
  if (!isHostName(id)) throw wrong(`${JSON.stringify(id)} cannot be a machine's name`);
  return id;
}

function assertFits(order: LaunchOrder, details: Params): void {
  for (const [key, value] of Object.entries(details)) {
    if (value.length > markCharsMax) throw wrong(`${key} is longer than ${markCharsMax} characters, encoded`);
  }
  const bytes = order.userData === null ? 0 : Buffer.byteLength(order.userData, 'utf8');
  const { userDataBytesMax } = cloudstackCapabilities;
  if (bytes > userDataBytesMax) {
    throw wrong(`user data of ${bytes} bytes; at most ${userDataBytesMax} are possible`);
  }
  if (order.market === 'spot')
    throw new CloudError('unsupported', `${command}: CloudStack has no spot market`);
}

function wrong(what: string): CloudError {
  return new CloudError('invalid', `${command}: ${what}`);
}
