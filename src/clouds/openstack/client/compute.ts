import { z } from 'zod';
import { bodyOf, malformed } from './answer.ts';
import { beforeCall, isNotFound, OpenStackFailure } from './failure.ts';
import { joined } from './joinedWork.ts';
import { assertSpoken, negotiate } from './microversion.ts';
import { allPages } from './pages.ts';
import { type NewServer, type Server, serverShape } from './server.ts';
import type { Call, Session } from './session.ts';
import type { WireAnswer } from './wire.ts';

/** A site may cut pages shorter. */
const pageRows = 1000;

const links = z.array(z.object({ rel: z.string(), href: z.string() })).default([]);
const nextOf = (rows: z.output<typeof links>) => rows.find((link) => link.rel === 'next')?.href ?? null;

const serversShape = z.object({ servers: z.array(serverShape), servers_links: links });
const oneServerShape = z.object({ server: serverShape });
const createdShape = z.union([
  z.object({ server: z.object({ id: z.string().min(1) }) }),
  z.object({ reservation_id: z.string().min(1) }),
]);
const flavorShape = z.object({
  id: z.string().min(1),
  name: z.string(),
  vcpus: z.number(),
  /** MiB. */
  ram: z.number(),
  /** GiB; 0: as large as the image. */
  disk: z.number(),
  'OS-FLV-EXT-DATA:ephemeral': z.number().default(0),
  extra_specs: z.record(z.string(), z.string()).default({}),
});
export type Flavor = z.output<typeof flavorShape>;
const flavorsShape = z.object({ flavors: z.array(flavorShape), flavors_links: links });
const limitsShape = z.object({
  limits: z.object({
    absolute: z.object({
      maxTotalInstances: z.number(),
      maxTotalCores: z.number(),
      maxTotalRAMSize: z.number(),
      totalInstancesUsed: z.number(),
      totalCoresUsed: z.number(),
      totalRAMUsed: z.number(),
    }),
  }),
});
/** Of the whole project, whoever uses it. -1: no limit. Memory in MiB. */
export type Limits = z.output<typeof limitsShape>['limits']['absolute'];
const zonesShape = z.object({
  availabilityZoneInfo: z.array(
    z.object({ zoneName: z.string(), zoneState: z.object({ available: z.boolean() }) }),
  ),
});
const groupsShape = z.object({
  server_groups: z.array(z.object({ id: z.string().min(1), name: z.string() })),
});
const keyPairShape = z.object({ keypair: z.object({ name: z.string() }) });

export interface ServerFilter {
  /** Those that have all of them. */
  readonly tags?: readonly string[];
  readonly reservation?: string;
}

export interface Compute {
  /** All pages of the servers that the filter lets through. A server may drop a filter: check each row. */
  servers(filter: ServerFilter, signal: AbortSignal): Promise<readonly Server[]>;
  /** Null where Nova itself says that there is none in the project. */
  server(id: string, signal: AbortSignal): Promise<Server | null>;
  /** One call. With `return_reservation_id` it tells the reservation, else one server. */
  create(
    order: NewServer,
    signal: AbortSignal,
  ): Promise<{ readonly id: string } | { readonly reservation: string }>;
  /** accepted: it is not gone yet. notFound: Nova says so, which of one that is being scheduled need not be true. */
  remove(id: string, signal: AbortSignal): Promise<'accepted' | 'notFound'>;
  flavors(signal: AbortSignal): Promise<readonly Flavor[]>;
  limits(signal: AbortSignal): Promise<Limits>;
  /** Those that are available. */
  zones(signal: AbortSignal): Promise<readonly string[]>;
  serverGroups(signal: AbortSignal): Promise<readonly { readonly id: string; readonly name: string }[]>;
  hasKeyPair(name: string, signal: AbortSignal): Promise<boolean>;
  /** The microversion that is spoken. */
  version(signal: AbortSignal): Promise<string>;
}

export function openCompute(session: Session): Compute {
  let agreed: string | null = null;
  const agree = joined(async (signal: AbortSignal) => {
    agreed = await negotiate(session, signal);
    return agreed;
  });

  async function versionFor(call: string, signal: AbortSignal): Promise<string> {
    if (agreed !== null) return agreed;
    try {
      return await agree(signal);
    } catch (thrown) {
      if (signal.aborted) throw new OpenStackFailure({ kind: 'givenUp', call, sent: false });
      // The call that needs the version has not been sent.
      if (thrown instanceof OpenStackFailure) throw beforeCall(thrown);
      throw thrown;
    }
  }

  async function ask(call: Omit<Call, 'service'>, signal: AbortSignal): Promise<WireAnswer> {
    const version = await versionFor(call.call, signal);
    const headers = { 'openstack-api-version': `compute ${version}` };
    try {
      const answer = await session.request({ ...call, service: 'compute', headers }, signal);
      assertSpoken(answer, version, call.call);
      return answer;
    } catch (thrown) {
      // Too new for it: it has been set back to an older release since.
      if (thrown instanceof OpenStackFailure && thrown.status === 406) agreed = null;
      throw thrown;
    }
  }

  async function read<T>(call: string, path: string, shape: z.ZodType<T>, signal: AbortSignal): Promise<T> {
    return bodyOf(await ask({ call, path, expect: [200] }, signal), shape, { call, secrets: [] });
  }

  async function serverPages(filter: ServerFilter, signal: AbortSignal): Promise<readonly Server[]> {
    const call = 'list servers';
    return allPages(call, async (marker) => {
      const query = new URLSearchParams({ limit: String(pageRows), sort_key: 'created_at', sort_dir: 'asc' });
      if (filter.tags !== undefined) query.set('tags', filter.tags.join(','));
      if (filter.reservation !== undefined) query.set('reservation_id', filter.reservation);
      if (marker !== null) query.set('marker', marker);
      const page = await read(call, `/servers/detail?${query.toString()}`, serversShape, signal);
      return { rows: page.servers, next: nextOf(page.servers_links) };
    });
  }

  return {
    async servers(filter, signal) {
      try {
        return await serverPages(filter, signal);
      } catch (thrown) {
        // The last server of a page was purged before the next was asked for.
        if (!isUnknownMarker(thrown)) throw thrown;
        return serverPages(filter, signal);
      }
    },

    async server(id, signal) {
      const path = `/servers/${encodeURIComponent(id)}`;
      try {
        return (await read('read server', path, oneServerShape, signal)).server;
      } catch (thrown) {
        if (isNotFound(thrown)) return null;
        throw thrown;
      }
    },

    async create({ server, schedulerHints, secrets }, signal) {
      const call = 'create server';
      const body = schedulerHints === null ? { server } : { server, 'os:scheduler_hints': schedulerHints };
      const answer = await ask(
        { call, method: 'POST', path: '/servers', body, expect: [202], secrets },
        signal,
      );
      const made = bodyOf(answer, createdShape, { call, secrets });
      return 'server' in made ? { id: made.server.id } : { reservation: made.reservation_id };
    },

    async remove(id, signal) {
      const call = 'delete server';
      const path = `/servers/${encodeURIComponent(id)}`;
      try {
        const answer = await ask({ call, method: 'DELETE', path, expect: [204] }, signal);
        if (answer.body.length > 0) throw malformed(answer, call, 'a body where there is none');
        return 'accepted';
      } catch (thrown) {
        if (isNotFound(thrown)) return 'notFound';
        throw thrown;
      }
    },

    async flavors(signal) {
      const call = 'list flavors';
      return allPages(call, async (marker) => {
        const query = new URLSearchParams({ limit: String(pageRows) });
        if (marker !== null) query.set('marker', marker);
        const page = await read(call, `/flavors/detail?${query.toString()}`, flavorsShape, signal);
        return { rows: page.flavors, next: nextOf(page.flavors_links) };
      });
    },

    limits: async (signal) => (await read('read limits', '/limits', limitsShape, signal)).limits.absolute,

    async zones(signal) {
      const { availabilityZoneInfo } = await read('list zones', '/os-availability-zone', zonesShape, signal);
      return availabilityZoneInfo.filter((zone) => zone.zoneState.available).map((zone) => zone.zoneName);
    },

    serverGroups: async (signal) =>
      (await read('list server groups', '/os-server-groups', groupsShape, signal)).server_groups,

    async hasKeyPair(name, signal) {
      try {
        await read('read key pair', `/os-keypairs/${encodeURIComponent(name)}`, keyPairShape, signal);
        return true;
      } catch (thrown) {
        if (isNotFound(thrown)) return false;
        throw thrown;
      }
    },

    version: (signal) => versionFor('ask for versions', signal),
  };
}

function isUnknownMarker(thrown: unknown): boolean {
  return (
    thrown instanceof OpenStackFailure &&
    thrown.status === 400 &&
    /^marker \[.*\] not found/i.test(thrown.detail)
  );
}
