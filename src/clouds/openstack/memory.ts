import type { CloudInstance } from '../../model/cloud.ts';
import type { CloudId } from '../../model/ids.ts';

/** Beyond so many the oldest is forgotten, which costs time at its end and never a machine. */
const knownMax = 20_000;

/**
 * What this process has seen of our servers, by id. A row that has lost its mark (a deleted one, one in a cell that is
 * down) is told by it, and a server that has been seen and is not there any more is gone without a wait.
 */
export interface Memory {
  saw(instance: CloudInstance): void;
  /** It exists, or has existed, whatever it is. */
  sawId(id: CloudId): void;
  hasSeen(id: CloudId): boolean;
  find(id: CloudId): CloudInstance | null;
  all(): Iterable<CloudInstance>;
  /** Neither a deletion nor a read by its id finds it, though it has been listed. */
  setNotFound(id: CloudId): void;
  isNotFound(id: CloudId): boolean;
  /** Since when (monotonic ms) Nova has said at every call that there is no such server; null: it has not. */
  missingSince(id: CloudId): number | null;
  setMissing(id: CloudId, sinceMs: number | null): void;
}

export function emptyMemory(): Memory {
  const seen = new Map<CloudId, CloudInstance | null>();
  const missing = new Map<CloudId, number>();
  const notFound = new Map<CloudId, true>();
  return {
    saw(instance) {
      seen.delete(instance.cloudId);
      put(seen, instance.cloudId, instance);
    },
    sawId(id) {
      if (!seen.has(id)) put(seen, id, null);
    },
    hasSeen: (id) => seen.has(id),
    find: (id) => seen.get(id) ?? null,
    *all() {
      for (const instance of seen.values()) if (instance !== null) yield instance;
    },
    setNotFound: (id) => put(notFound, id, true),
    isNotFound: (id) => notFound.has(id),
    missingSince: (id) => missing.get(id) ?? null,
    setMissing(id, sinceMs) {
      missing.delete(id);
      if (sinceMs !== null) put(missing, id, sinceMs);
    },
  };
}

function put<Key, Value>(map: Map<Key, Value>, key: Key, value: Value): void {
  map.set(key, value);
  if (map.size <= knownMax) return;
  const oldest = map.keys().next();
  if (oldest.done !== true) map.delete(oldest.value);
}
