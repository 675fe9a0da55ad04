import { z } from 'zod';
import type { WrittenEntries } from '../config/load.ts';
import type { Leavers } from '../config/retiring.ts';
import type { SiteConfig } from '../config/site.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Fact, StoredState } from '../store/port.ts';

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

const writtenKey = 'written';
const entries = z.record(z.string(), z.unknown());
const writtenSchema = z.object({ path: z.string(), queues: entries, clouds: entries, pools: entries });

/** The last valid config's entries, and those that are retiring; null in a store that has none. */
export function rememberWritten({ facts }: Pick<StoredState, 'facts'>): WrittenEntries | null {
  const fact = facts.find(({ key }) => key === writtenKey);
  return fact === undefined ? null : writtenSchema.parse(fact.value);
}

/** For the store, before anything is done by that config: entries that leave stay while something is held by them. */
export function writtenFact(written: WrittenEntries, earlier: WrittenEntries | null, held: Held): Fact {
  const kept = (list: 'queues' | 'clouds' | 'pools') => ({
    ...Object.fromEntries(Object.entries(earlier?.[list] ?? {}).filter(([name]) => held[list].has(name))),
    ...written[list],
  });
  const value = { path: written.path, queues: kept('queues'), clouds: kept('clouds'), pools: kept('pools') };
  return { key: writtenKey, value };
}
