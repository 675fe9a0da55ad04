import { fixedContext } from '../classad/context.ts';
import { createMatchmaker } from '../matchmaker/matchmaker.ts';
import { observedOf } from '../model/mode.ts';
import type { DaemonParts } from './daemonParts.ts';
import { hasOwnSecrets } from './order.ts';
import { windDownOf } from './spending.ts';
import type { CoreSite, CoreState } from './tick.ts';

/** Machines of a cloud that has left the config cannot be seen or ended: the operator is told to bring it back. */
export function warnOfStrayed({ fleet }: CoreState, { clouds, log }: DaemonParts): void {
  const known = new Set(clouds.map(({ config }) => config.name));
  const strayed = [...fleet.entries.values()].filter(({ instance }) => !known.has(instance.cloud));
  if (strayed.length === 0) return;
  const names = [...new Set(strayed.map(({ instance }) => instance.cloud))];
  log.error(
    { clouds: names, instances: strayed.length },
    'machines of clouds that are not in the config cannot be ended: put the clouds back until they are gone',
  );
}

/** What the core needs of the config and of what clouds can do. */
export function coreSite({ config, clouds, clock }: DaemonParts): CoreSite {
  const capabilities = new Map(clouds.map((part) => [part.config.name, part.capabilities]));
  const evaluation = () => ({
    ...fixedContext,
    nowSeconds: Math.floor(clock.wallNow() / 1000),
    random: () => 0.5,
  });
  const ownSecrets = new Set(config.pools.filter(hasOwnSecrets).map(({ name }) => name));
  return {
    site: config.site,
    pools: new Map(config.pools.map((pool) => [pool.name, pool])),
    offers: new Map(config.offers.map((offer) => [offer.name, offer])),
    downtimes: config.downtimes,
    budgets: config.budgets,
    windDownMs: windDownOf(config),
    observed: observedOf(config),
    policy: config.policy,
    matchmaker: createMatchmaker(config.offers, evaluation),
    listLagMs: (cloud) => capabilities.get(cloud)?.listLagMs ?? 0,
    lookMs: Math.max(0, ...[...config.clouds, ...config.queues].map(({ pollMs }) => pollMs)),
    replaySafe: (cloud) => capabilities.get(cloud)?.replaySafe ?? false,
    seatsPerCall: (pool, cloud) => (ownSecrets.has(pool.name) ? 1 : (capabilities.get(cloud)?.batchMax ?? 1)),
  };
}
