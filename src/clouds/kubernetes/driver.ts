import type { CloudDriver } from '../port.ts';
import { type Account, emptyMemory } from './account.ts';
import { kubernetesChecks } from './checks.ts';
import type { Kubernetes } from './client/client.ts';
import { connectionFor } from './connection.ts';
import { cloudErrorOf } from './errors.ts';
import { launch } from './launch.ts';
import { kubernetesCapabilities } from './limits.ts';
import { findIntent, listInstances } from './list.ts';
import { type KubernetesOffer, kubernetesOffer } from './offer.ts';
import { type KubernetesSettings, kubernetesSettings } from './settings.ts';
import { readCatalog, readQuota } from './stock.ts';
import { terminate } from './terminate.ts';
import { hintOfChanges } from './watch.ts';

/**
 * Kubernetes: machines are pods of one namespace. What it asks of the cluster, and Kubernetes' ways that a site should know of:
 * docs/clouds/kubernetes.md. The client below it, in client/, knows nothing of this program.
 */
export const kubernetesDriver = {
  name: 'kubernetes',
  configSchema: kubernetesSettings,
  offerSchema: kubernetesOffer,
  capabilities: kubernetesCapabilities,

  create(settings: KubernetesSettings, { site, clock, log }) {
    const connection = connectionFor(settings, clock);
    const account: Account = { connection, site, clock, log, settings, memory: emptyMemory() };

    const closing = new AbortController();

    /** What fails before the call itself leaves no doubt. */
    async function on<T>(work: (client: Kubernetes) => Promise<T>): Promise<T> {
      let client: Kubernetes;
      try {
        client = await connection.open();
      } catch (thrown) {
        throw cloudErrorOf(thrown, { write: false });
      }
      return await work(client);
    }

    return {
      list: (signal) => on((client) => listInstances(account, client, signal)),
      hint: (soon, signal) => hintOfChanges(account, soon, AbortSignal.any([signal, closing.signal])),
      launch: (order, signal) =>
        on((client) =>
          launch(account, client, { ...order, settings: order.settings as KubernetesOffer }, signal),
        ),
      resolve: (intent, signal) => on((client) => findIntent(account, client, intent, signal)),
      terminate: (instance, signal) => on((client) => terminate(account, client, instance, signal)),
      quota: (signal) => on((client) => readQuota(account, client, signal)),
      catalog: (signal) => on((client) => readCatalog(account, client, signal)),
      checks: (request) => kubernetesChecks(account, request),
      close: async () => {
        closing.abort();
        await connection.close();
      },
    };
  },
} satisfies CloudDriver<KubernetesSettings>;
