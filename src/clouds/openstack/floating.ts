import type { CloudInstance } from '../../model/cloud.ts';
import type { CloudId, SiteId } from '../../model/ids.ts';
import type { Log } from '../../model/log.ts';
import type { OpenStack } from './client/client.ts';
import type { FloatingIp } from './client/network.ts';
import type { Server } from './client/server.ts';
import { cloudErrorOf } from './errors.ts';
import { stateOf } from './instances.ts';
import { markKeys } from './mark.ts';

/** Changes that one look makes at most; the rest is for the next. */
const changesMax = 10;

/**
 * Floating addresses of machines whose offer asks for one. Such an address outlives its server, unattached and paid for, so
 * each bears in its description whose it is, and for which server it was made.
 */
export interface FloatingAddresses {
  /**
   * After a list: a running machine that should have an address and has none gets one, and an address whose machine is not
   * there any more is deleted. A failure is logged, and what is left to do is done after a later list.
   */
  tend(cloud: OpenStack, rows: readonly Server[], signal: AbortSignal): Promise<void>;
  /** Whether a machine has one, as far as the last look goes. */
  has(server: CloudId): boolean;
  /** Deletes those of a machine that is gone. Throws: it has to come again. */
  release(cloud: OpenStack, server: CloudId, signal: AbortSignal): Promise<void>;
  /** The address of each server, as Neutron says: Nova shows it only a while after it was attached. */
  addressed(instances: readonly CloudInstance[]): readonly CloudInstance[];
}

export function floatingAddresses(site: SiteId, log: Log): FloatingAddresses {
  /** Null: not looked yet since the start, so there may be some of an earlier run. */
  let ours: Map<string, FloatingIp> | null = null;

  const prefix = `spillway:${site}:`;
  const descriptionOf = (server: string) => `${prefix}${server}`;

  /** By server. What follows our prefix must be a server's id: another site's name may begin as ours does. */
  async function look(cloud: OpenStack, signal: AbortSignal): Promise<Map<string, FloatingIp>> {
    const rows = await cloud.network.floatingIps(null, signal);
    return new Map(
      rows.flatMap((row) => {
        const server = row.description?.startsWith(prefix) ? row.description.slice(prefix.length) : '';
        return /^[0-9a-f-]{32,36}$/.test(server) ? [[server, row] as const] : [];
      }),
    );
  }

  /** Neutron refuses a second address for a port, so an answer that was lost makes no second one. */
  async function attach(cloud: OpenStack, server: string, network: string, signal: AbortSignal) {
    const [port] = await cloud.network.ports(server, signal);
    if (port === undefined) return;
    const wanted = { network, port: port.id, description: descriptionOf(server) };
    ours?.set(server, await cloud.network.createFloatingIp(wanted, signal));
  }

  return {
    async tend(cloud, rows, signal) {
      const wanting = new Map(
        rows.flatMap((row) => {
          const network = row.metadata[markKeys.floating];
          return network === undefined ? [] : [[row.id, { row, network }] as const];
        }),
      );
      if (wanting.size === 0 && ours !== null && ours.size === 0) return;
      try {
        if (wanting.size === 0 && (await cloud.session.find('network', signal)) === null) {
          ours = new Map();
          return;
        }
        const found = await look(cloud, signal);
        ours = found;
        let changes = 0;
        for (const { row, network } of wanting.values()) {
          if (changes >= changesMax) break;
          if (found.has(row.id) || stateOf(row) !== 'running') continue;
          changes += 1;
          await attach(cloud, row.id, network, signal);
        }
        for (const [server, address] of found) {
          if (changes >= changesMax) break;
          // Unattached alone is not enough: a list may not show a server that is there.
          if (wanting.has(server) || (address.port_id ?? null) !== null) continue;
          changes += 1;
          await cloud.network.removeFloatingIp(address.id, signal);
          found.delete(server);
        }
      } catch (thrown) {
        const { code, message } = cloudErrorOf(thrown, { write: false });
        log.warn({ code, detail: message }, 'floating addresses could not be seen to');
      }
    },

    has: (server) => ours?.has(server) === true,

    async release(cloud, server, signal) {
      try {
        for (const row of await cloud.network.floatingIps(descriptionOf(server), signal)) {
          if (row.description === descriptionOf(server)) await cloud.network.removeFloatingIp(row.id, signal);
        }
        ours?.delete(server);
      } catch (thrown) {
        throw cloudErrorOf(thrown, { write: false });
      }
    },

    addressed: (instances) =>
      instances.map((instance) => {
        const address = ours?.get(instance.cloudId)?.floating_ip_address;
        return address === undefined ? instance : { ...instance, address };
      }),
  };
}
