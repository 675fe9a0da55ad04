import type { CloudDriver } from '../port.ts';
import { type Account, emptyMemory } from './account.ts';
import { cloudstackCapabilities } from './capabilities.ts';
import { cloudstackChecks } from './checks.ts';
import { makeClient } from './client/client.ts';
import type { Params } from './client/signature.ts';
import { asCloud } from './errors.ts';
import { launch } from './launch.ts';
import { findIntent, listInstances } from './list.ts';
import type { Names } from './lookup.ts';
import {
  type CloudstackOffer,
  type CloudstackSettings,
  cloudstackOffer,
  cloudstackSettings,
} from './settings.ts';
import { readCatalog, readQuota } from './stock.ts';
import { terminate } from './terminate.ts';

/**
 * Apache CloudStack, and clouds that are built on it. One account, or one project, for each cloud in the config; zones are the
 * offers'. What it asks of the account, and CloudStack's ways that a site should know of: docs/clouds/cloudstack.md.
 */
export const cloudstackDriver = {
  name: 'cloudstack',
  configSchema: cloudstackSettings,
  offerSchema: cloudstackOffer,
  capabilities: cloudstackCapabilities,
  generation: {
    example: { flavor: 'small', image: { id: 'example', name: 'example' }, zone: 'example' },
    bootOf: ({ flavor, image, zone }) => ({
      template: image.name,
      serviceOffering: flavor,
      ...(zone === null ? {} : { zone }),
    }),
  },

  create(settings: CloudstackSettings, { site, clock, log }) {
    const apiKey = settings.credentials.apiKey.text();
    const secretKey = settings.credentials.secretKey.text();
    const { endpoint } = settings;
    const client = makeClient({ endpoint, apiKey, secretKey, wallNow: () => clock.wallNow() });
    const account: Account = {
      client,
      site,
      clock,
      log,
      settings,
      scope: scopeOf(settings),
      memory: emptyMemory(),
    };
    const names: Names = new Map();
    const read = { write: false };
    return {
      list: (signal) => asCloud(read, () => listInstances(account, signal)),
      launch: (order, signal) =>
        launch(account, names, { ...order, settings: order.settings as CloudstackOffer }, signal),
      resolve: (intent, signal) => asCloud(read, () => findIntent(account, intent, signal)),
      terminate: (instance, signal) => terminate(account, instance, signal),
      quota: (signal) => asCloud(read, () => readQuota(account, apiKey, signal)),
      catalog: (signal) => asCloud(read, () => readCatalog(account, signal)),
      checks: (request) => cloudstackChecks({ account, names, apiKey, request }),
      close: () => client.close(),
    };
  },
} satisfies CloudDriver<CloudstackSettings>;

function scopeOf({ project, account, domain }: CloudstackSettings): Params {
  if (project !== undefined) return { projectid: project };
  return account === undefined || domain === undefined ? {} : { account, domainid: domain };
}
