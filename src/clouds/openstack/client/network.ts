import { z } from 'zod';
import { bodyOf } from './answer.ts';
import { isNotFound } from './failure.ts';
import { allPages } from './pages.ts';
import type { Session } from './session.ts';

const pageRows = 1000;

const named = z.object({ id: z.string().min(1), name: z.string() });
const links = z.array(z.object({ rel: z.string(), href: z.string() })).default([]);
const networkShape = named.extend({
  'router:external': z.boolean().default(false),
  status: z.string().default(''),
});
const portShape = z.object({
  id: z.string().min(1),
  network_id: z.string().default(''),
  fixed_ips: z.array(z.object({ ip_address: z.string() })).default([]),
});
const floatingShape = z.object({
  id: z.string().min(1),
  description: z.string().nullish(),
  port_id: z.string().nullish(),
  floating_ip_address: z.string(),
});

export type Network = z.output<typeof networkShape>;
export type Port = z.output<typeof portShape>;
export type FloatingIp = z.output<typeof floatingShape>;

export interface NetworkApi {
  /** Those that the project sees; all, or of a name. */
  networks(name: string | null, signal: AbortSignal): Promise<readonly Network[]>;
  securityGroups(signal: AbortSignal): Promise<readonly { readonly id: string; readonly name: string }[]>;
  ports(server: string, signal: AbortSignal): Promise<readonly Port[]>;
  /** Of the project, all or by description; others' in it too. */
  floatingIps(description: string | null, signal: AbortSignal): Promise<readonly FloatingIp[]>;
  createFloatingIp(
    wanted: { readonly network: string; readonly port: string; readonly description: string },
    signal: AbortSignal,
  ): Promise<FloatingIp>;
  /** One that is gone is fine. */
  removeFloatingIp(id: string, signal: AbortSignal): Promise<void>;
}

export function openNetwork(session: Session): NetworkApi {
  /** All pages of a collection, whose rows are under its own name and the links under `NAME_links`. */
  async function all<Row extends { readonly id: string }>(
    collection: 'networks' | 'security-groups' | 'ports' | 'floatingips',
    row: z.ZodType<Row>,
    filter: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<readonly Row[]> {
    const call = `list ${collection}`;
    const key = collection.replace('-', '_');
    const shape = z.preprocess(
      (body) => {
        const read = z.record(z.string(), z.unknown()).safeParse(body);
        return read.success ? { rows: read.data[key], links: read.data[`${key}_links`] } : body;
      },
      z.object({ rows: z.array(row), links }),
    );
    return allPages(call, async (marker) => {
      const query = new URLSearchParams({ ...filter, limit: String(pageRows) });
      if (marker !== null) query.set('marker', marker);
      const path = `/v2.0/${collection}?${query.toString()}`;
      const answer = await session.request({ call, service: 'network', path, expect: [200] }, signal);
      const page = bodyOf(answer, shape, { call, secrets: [] });
      return { rows: page.rows, next: page.links.find((link) => link.rel === 'next')?.href ?? null };
    });
  }

  return {
    networks: (name, signal) => all('networks', networkShape, name === null ? {} : { name }, signal),
    securityGroups: (signal) => all('security-groups', named, {}, signal),
    ports: (server, signal) => all('ports', portShape, { device_id: server }, signal),
    floatingIps: (description, signal) =>
      all('floatingips', floatingShape, description === null ? {} : { description }, signal),

    async createFloatingIp({ network, port, description }, signal) {
      const call = 'create floating address';
      const body = { floatingip: { floating_network_id: network, port_id: port, description } };
      const answer = await session.request(
        { call, service: 'network', method: 'POST', path: '/v2.0/floatingips', body, expect: [201] },
        signal,
      );
      return bodyOf(answer, z.object({ floatingip: floatingShape }), { call, secrets: [] }).floatingip;
    },

    async removeFloatingIp(id, signal) {
      const path = `/v2.0/floatingips/${encodeURIComponent(id)}`;
      try {
        await session.request(
          { call: 'delete floating address', service: 'network', method: 'DELETE', path, expect: [204] },
          signal,
        );
      } catch (thrown) {
        if (!isNotFound(thrown)) throw thrown;
      }
    },
  };
}
