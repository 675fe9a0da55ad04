import type { CloudDriver } from '../port.ts';
import { readCatalog, readQuota } from './account.ts';
import { openstackChecks } from './checks.ts';
import type { OpenStack } from './client/client.ts';
import { connectionFor } from './connection.ts';
import { cloudErrorOf } from './errors.ts';
import { floatingAddresses } from './floating.ts';
import { launch } from './launch.ts';
import { openstackCapabilities } from './limits.ts';
import { findIntent, listServers } from './list.ts';
import { lookupsAt } from './lookups.ts';
import { emptyMemory } from './memory.ts';
import { type OpenstackOffer, openstackOffer } from './offer.ts';
import { type OpenstackSettings, openstackSettings } from './settings.ts';
import { terminate } from './terminate.ts';

/**
 * OpenStack: machines are servers of one project and region. What it asks of the account, and OpenStack's ways that a site
 * should know of: docs/clouds/openstack.md. The client below it, in client/, knows nothing of this program.
 */
export const openstackDriver = {
  name: 'openstack',
  configSchema: openstackSettings,
  offerSchema: openstackOffer,
  capabilities: openstackCapabilities,
  generation: {
    example: { flavor: 'm1.small', image: { id: 'example', name: 'example' }, zone: 'nova' },
    // By its name: a newer image of the name is the same offer.
    bootOf: ({ flavor, image, zone }) => ({
      image: { name: image.name, newest: true },
      flavor: { name: flavor },
      ...(zone === null ? {} : { zone }),
    }),
  },

  create(settings: OpenstackSettings, { site, clock, log }) {
    const connection = connectionFor(settings, clock);
    const lookups = lookupsAt(connection.open, clock);
    const memory = emptyMemory();
    const floating = floatingAddresses(site, log);

    /** What fails before the call itself leaves no doubt. */
    async function on<T>(work: (cloud: OpenStack) => Promise<T>): Promise<T> {
      let cloud: OpenStack;
      try {
        cloud = await connection.open();
      } catch (thrown) {
        throw cloudErrorOf(thrown, { write: false });
      }
      return work(cloud);
    }

    return {
      list: (signal) =>
        on(async (cloud) => {
          const { instances, rows } = await listServers(cloud, site, memory, signal);
          await floating.tend(cloud, rows, signal);
          return floating.addressed(instances);
        }),
      launch: (order, signal) =>
        on((cloud) =>
          launch(cloud, lookups, site, { ...order, settings: order.settings as OpenstackOffer }, signal),
        ),
      resolve: (intent, signal) => on((cloud) => findIntent(cloud, site, memory, intent, signal)),
      terminate: (instance, signal) =>
        on(async (cloud) => {
          const step = await terminate(cloud, clock, memory, instance, signal);
          if (step === 'gone' && floating.has(instance)) await floating.release(cloud, instance, signal);
          return step;
        }),
      quota: (signal) => on((cloud) => readQuota(cloud, signal)),
      catalog: (signal) => on((cloud) => readCatalog(cloud, settings.arch, signal)),
      checks: (request) => openstackChecks({ open: connection.open, lookups, site, clock }, request),
      close: () => connection.close(),
    };
  },
} satisfies CloudDriver<OpenstackSettings>;
