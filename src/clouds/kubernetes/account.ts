import type { Clock } from '../../model/clock.ts';
import type { IntentId, SiteId } from '../../model/ids.ts';
import type { Log } from '../../model/log.ts';
import type { Connection } from './connection.ts';
import type { Worker } from './manifest.ts';
import type { KubernetesSettings } from './settings.ts';

/** The namespace that a driver acts in, and what it remembers of it. Everything that is remembered may be forgotten. */
export interface Account {
  readonly connection: Connection;
  readonly site: SiteId;
  readonly clock: Clock;
  readonly log: Log;
  readonly settings: KubernetesSettings;
  readonly memory: Memory;
}

export interface Memory {
  /** Create calls without a clear answer, whose pod has no user data yet if there is one. */
  readonly owed: Map<IntentId, Worker & { readonly userData: string }>;
  /** Since when (monotonic ms) the lists have shown a pod, by uid, as kept from starting. */
  hinderedSince: ReadonlyMap<string, number>;
  /** Since when (monotonic ms) the server has said of an id that is none of ours, at every call, that it does not know it. */
  readonly unknownSince: Map<string, number>;
  /** What has been said once. */
  readonly said: Set<string>;
}

export function emptyMemory(): Memory {
  return { owed: new Map(), hinderedSince: new Map(), unknownSince: new Map(), said: new Set() };
}

/** Beyond so many the oldest is forgotten. */
const rememberedMax = 1000;

export function remember<Key, Value>(map: Map<Key, Value>, key: Key, value: Value): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.size > rememberedMax ? map.keys() : [];
  if (oldest !== undefined) map.delete(oldest);
}
