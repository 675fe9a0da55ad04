import type { Clock } from '../../model/clock.ts';
import type { CloudId, SiteId } from '../../model/ids.ts';
import type { Log } from '../../model/log.ts';
import type { Client } from './client/client.ts';
import type { Params } from './client/signature.ts';
import type { StartFault } from './instances.ts';
import type { Mark } from './mark.ts';
import type { CloudstackSettings } from './settings.ts';

/** The account that a driver acts for, and what it remembers of it. Everything that is remembered may be forgotten. */
export interface Account {
  readonly client: Client;
  readonly site: SiteId;
  readonly clock: Clock;
  readonly log: Log;
  readonly settings: CloudstackSettings;
  /** Says in a call whose machines it is about, where that is not the key's own account. */
  readonly scope: Params;
  readonly memory: Memory;
}

export interface Memory {
  /** What was launched, with its mark: ours also where a list does not show that. */
  readonly launched: Map<CloudId, Mark>;
  /** Those that a list has shown without their mark. */
  readonly unmarked: Map<CloudId, true>;
  /** Since when (monotonic ms) the lists have shown a machine as stopped. */
  stoppedSince: ReadonlyMap<CloudId, number>;
  /** Machines with a second disk, by the last list and by what was found since. */
  dataDisks: Set<CloudId>;
  /** The jobs that start machines, and what came of those that were asked for. */
  readonly startJobs: Map<CloudId, string>;
  readonly startFaults: Map<CloudId, StartFault>;
  /** The jobs that end machines; `gone` once a machine has been looked for in vain. */
  readonly ends: Map<CloudId, { readonly kind: 'job'; readonly id: string } | { readonly kind: 'gone' }>;
  /** Since when (monotonic ms) the server has said of an id, at every call, that it does not know it. */
  readonly unknownSince: Map<CloudId, number>;
}

export function emptyMemory(): Memory {
  return {
    launched: new Map(),
    unmarked: new Map(),
    stoppedSince: new Map(),
    dataDisks: new Set(),
    startJobs: new Map(),
    startFaults: new Map(),
    ends: new Map(),
    unknownSince: new Map(),
  };
}

/** Beyond so many the oldest is forgotten. */
const rememberedMax = 10_000;

export function remember<Key, Value>(map: Map<Key, Value>, key: Key, value: Value): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.size > rememberedMax ? map.keys() : [];
  if (oldest !== undefined) map.delete(oldest);
}
