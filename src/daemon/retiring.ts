import { z } from 'zod';
import type { WrittenEntries } from '../config/load.ts';
import type { Leavers } from '../config/retiring.ts';
import type { SiteConfig } from '../config/site.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Fact, StoredState } from '../store/port.ts';
import type { DaemonParts } from './daemonParts.ts';

/**
 * A cloud, queue or pool that leaves the config while machines are still known by it is *retiring*: it stays in the running
 * configuration, gets no new machine, and its machines drain. How it was written is kept in the store, so that it
 * outlives a restart, and is dropped when the last machine is gone.
 */

/** What the machines that have not ended are known by. */
export interface Held {
  readonly queues: ReadonlySet<string>;
  readonly clouds: ReadonlySet<string>;
  readonly pools: ReadonlySet<string>;
}

export function heldBy({ instances, intents }: Pick<StoredState, 'instances' | 'intents'>): Held {
  const unsettled = intents.filter(({ state }) => state === 'open' || state === 'unknown');
  return {
    queues: new Set(instances.map(({ queue }) => queue)),
    clouds: new Set([...instances, ...unsettled].map(({ cloud }) => cloud)),
    pools: new Set([...instances, ...unsettled].map(({ pool }) => pool)),
  };
}

/** The config with those of the leavers that are still needed. */
export function withRetiring(config: SiteConfig, leavers: Leavers, held: Held): SiteConfig {
  return {
    ...config,
    queues: [...config.queues, ...leavers.queues.filter(({ name }) => held.queues.has(name))],
    clouds: [...config.clouds, ...leavers.clouds.filter(({ name }) => held.clouds.has(name))],
    pools: [...config.pools, ...leavers.pools.filter(({ name }) => held.pools.has(name))],
  };
}

/** What machines are known by and nobody can reach any more: neither the config nor the leavers have it. A clause each. */
export function lostWith(config: SiteConfig, leavers: Leavers, held: Held): string[] {
  const without = (list: 'queues' | 'clouds', kind: string) => {
    const known = new Set<string>([...config[list], ...leavers[list]].map(({ name }) => name));
    return [...held[list]]
      .filter((name) => name !== '' && !known.has(name))
      .map(
        (name) => `${kind} ${name} has machines, and neither the config nor what it was says how to reach it`,
      );
  };
  return [...without('clouds', 'cloud'), ...without('queues', 'queue')];
}

export const isRetiringAny = ({ queues, clouds, pools }: SiteConfig): boolean =>
  [...queues, ...clouds, ...pools].some(({ retiring }) => retiring === true);

/** Whether nothing that retires is needed any more: no record, and no machine with our mark that is not in the books. */
export function isRetired({ queues, clouds, pools }: SiteConfig, fleet: Fleet): boolean {
  const leaving = (all: readonly { readonly name: string; readonly retiring?: true }[]) =>
    new Set(all.filter(({ retiring }) => retiring === true).map(({ name }) => name));
  const [ofQueue, ofCloud, ofPool] = [leaving(queues), leaving(clouds), leaving(pools)];
  for (const { instance } of fleet.entries.values())
    if (ofQueue.has(instance.queue) || ofCloud.has(instance.cloud) || ofPool.has(instance.pool)) return false;
  for (const { state, cloud, pool } of fleet.intents.values())
    if ((state === 'open' || state === 'unknown') && (ofCloud.has(cloud) || ofPool.has(pool))) return false;
  for (const { cloud } of fleet.strangers.values()) if (ofCloud.has(cloud)) return false;
  return true;
}

/** To be called after each tick: tells once, when what retires is gone and has been looked for. */
export function watchRetirement({
  config,
  onRetired,
}: Pick<DaemonParts, 'config' | 'onRetired'>): (fleet: Fleet) => void {
  let waits = onRetired !== undefined && isRetiringAny(config);
  return (fleet) => {
    if (!waits || !isRetired(config, fleet)) return;
    waits = false;
    onRetired?.();
  };
}

const writtenKey = 'written';
const entries = z.record(z.string(), z.unknown());
const writtenSchema = z.object({ path: z.string(), queues: entries, clouds: entries, pools: entries });

/** The last valid config's entries, and those that are retiring; null in a store that has none. */
export function rememberWritten({ facts }: Pick<StoredState, 'facts'>): WrittenEntries | null {
  const fact = facts.find(({ key }) => key === writtenKey);
  return fact === undefined ? null : writtenSchema.parse(fact.value);
}

/** For the store, before anything is done by the config: entries that leave it stay while something is held by them. */
export function writtenFacts({ written }: Pick<DaemonParts, 'written'>, stored: StoredState): Fact[] {
  if (written === undefined) return [];
  const earlier = rememberWritten(stored);
  const held = heldBy(stored);
  const kept = (list: 'queues' | 'clouds' | 'pools') => ({
    ...Object.fromEntries(Object.entries(earlier?.[list] ?? {}).filter(([name]) => held[list].has(name))),
    ...written[list],
  });
  const value = { path: written.path, queues: kept('queues'), clouds: kept('clouds'), pools: kept('pools') };
  return JSON.stringify(value) === JSON.stringify(earlier) ? [] : [{ key: writtenKey, value }];
}
