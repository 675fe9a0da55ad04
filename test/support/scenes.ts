import type { InstanceId } from '../../src/model/ids.ts';
import type { Phase } from '../../src/model/instance.ts';
import {
  createSimulatedSite,
  type SimulatedSite,
  type SiteOptions,
} from '../../src/simulate/simulatedSite.ts';
import { makeJobClass, makeOffer, makePool } from './siteParts.ts';

/** A site with one offer, one pool and one cloud unless the test says otherwise; its daemon runs. */
export function startSite(options: Partial<SiteOptions> = {}): SimulatedSite {
  const offers = [makeOffer({ name: 'small' })];
  const site = createSimulatedSite({ offers, pools: [makePool({ offers: ['small'] })], ...options });
  site.start();
  return site;
}

/** One on which so many machines have joined and work for long. */
export async function workingSite(count: number, options: Partial<SiteOptions> = {}): Promise<SimulatedSite> {
  const site = startSite(options);
  site.queue.submit(makeJobClass(), { count, runMs: 3_600_000 });
  await site.runUntil(() => site.queue.running() === count, { withinMs: 120_000, what: 'all run' });
  await site.run(20_000);
  return site;
}

export const phasesOf = (site: SimulatedSite): readonly Phase[] => site.instances().map(({ phase }) => phase);

/** Machines that were told to end, or ended. */
export const endsOf = (site: SimulatedSite): number =>
  site.made().filter(({ terminatedAtMs }) => terminatedAtMs !== null).length;

export function onlyInstance(site: SimulatedSite): InstanceId {
  const [instance, ...others] = site.instances();
  if (instance === undefined || others.length > 0) throw new Error('not one instance');
  return instance.id;
}
