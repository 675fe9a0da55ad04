import type { CloudCapabilities, CloudDriver, LaunchAccepted, LaunchOrder } from '../../src/clouds/port.ts';
import type { CloudInstance } from '../../src/model/cloud.ts';
import { CloudError } from '../../src/model/errors.ts';
import type { IntentId, SiteId } from '../../src/model/ids.ts';
import { type Api, meadowApi } from './api.ts';
import { makeEnd } from './end.ts';
import { bySeat, instanceOf } from './instances.ts';
import { isOurs, labels, markOf } from './mark.ts';
import { type MeadowOffer, type MeadowSettings, meadowOffer, meadowSettings } from './settings.ts';
import { created, page, quota, stock } from './wire.ts';

const capabilities: CloudCapabilities = {
  // The same Idempotency-Key makes nothing more, and its answer is the first one's.
  replaySafe: true,
  mark: 'create',
  batchMax: 50,
  // Its documentation: a server is in every view within five seconds.
  listLagMs: 5000,
  userDataBytesMax: 64 * 1024,
  spot: false,
};

const pageServers = 500;
const pagesMax = 200;

/** Meadow, a cloud that was made up for docs/writing-a-driver.md. */
export const meadowDriver = {
  name: 'meadow',
  configSchema: meadowSettings,
  offerSchema: meadowOffer,
  capabilities,

  create({ endpoint, token }: MeadowSettings, { site, clock }) {
    const api = meadowApi(endpoint, token.text());
    return {
      list: (signal) => listServers(api, site, {}, signal),
      launch: (order, signal) => launch(api, site, order, signal),
      resolve: (intent, signal) => listServers(api, site, { intent }, signal),
      terminate: makeEnd(api, () => clock.monotonicNow(), capabilities.listLagMs),
      quota: async (signal) => {
        const left = await api.call(read('ask for quota', '/v1/quota'), quota, signal);
        return { instances: left.servers_left, cpus: left.cpus_left, memoryMiB: left.memory_mib_left };
      },
      catalog: async (signal) => {
        const { sizes, images, zones } = await api.call(read('ask for stock', '/v1/stock'), stock, signal);
        const flavors = sizes.map(({ name, arch, cpus, memory_mib, disk_mib }) => ({
          name,
          arch,
          resources: { cpus, memoryMiB: memory_mib, diskMiB: disk_mib, gpus: 0 },
        }));
        return { flavors, images, zones };
      },
      close: () => api.close(),
    };
  },
} satisfies CloudDriver<MeadowSettings>;

const read = (what: string, path: string) => ({ what, method: 'GET', path, write: false }) as const;

/** One create call for all seats. The key is the site's, too: another site's intent may have the same name. */
async function launch(
  api: Api,
  site: SiteId,
  order: LaunchOrder,
  signal: AbortSignal,
): Promise<LaunchAccepted> {
  const userData = Buffer.from(order.userData ?? '', 'utf8');
  if (userData.length > capabilities.userDataBytesMax) {
    throw new CloudError('invalid', `user data of ${userData.length} bytes are too many`);
  }
  const { image, size, zone } = order.settings as MeadowOffer;
  const body = {
    name: order.intent,
    count: order.instances.length,
    image,
    size,
    zone,
    labels: markOf(site, order),
    ...(order.userData === null ? {} : { user_data: userData.toString('base64') }),
  };
  const headers = { 'idempotency-key': encodeURIComponent(`${site}/${order.intent}`) };
  const call = { what: 'create servers', method: 'POST', path: '/v1/servers', headers, body } as const;
  const { servers } = await api.call({ ...call, write: true }, created, signal);
  return { instances: servers.map(instanceOf).toSorted(bySeat) };
}

/** Every server of ours, or of one intent, all pages; throws rather than leave one out. */
async function listServers(
  api: Api,
  site: SiteId,
  { intent }: { readonly intent?: IntentId },
  signal: AbortSignal,
): Promise<readonly CloudInstance[]> {
  const found = new Map<string, CloudInstance>();
  let after: string | null = null;
  for (let pages = 0; pages < pagesMax; pages += 1) {
    const label = intent === undefined ? `${labels.site}=${site}` : `${labels.intent}=${intent}`;
    const query = new URLSearchParams({ label, limit: String(pageServers) });
    if (after !== null) query.set('after', after);
    const path = `/v1/servers?${query.toString()}`;
    const { servers, next } = await api.call(read('list servers', path), page, signal);
    for (const server of servers.filter((one) => isOurs(one, site))) found.set(server.id, instanceOf(server));
    if (next === null) {
      const all = [...found.values()].filter((one) => intent === undefined || one.intent === intent);
      return all.toSorted(bySeat);
    }
    after = next;
  }
  throw new CloudError('unavailable', `list servers: more than ${pagesMax} pages`);
}
