/**
 * What a queue adapter keeps over a restart: JSON values under keys of its own, on disk. Synchronous, as the store is: what
 * is promised to somebody outside is saved before it is said.
 */
export interface Memory {
  load(): ReadonlyMap<string, unknown>;
  /** All of it or nothing, on disk when it returns; null removes a key. Throws StoreError. */
  save(changes: ReadonlyMap<string, unknown>): void;
}

/** One that ends with the process. */
export function forgetfulMemory(): Memory {
  const values = new Map<string, unknown>();
  return {
    load: () => new Map(values),
    save: (changes) => {
      const whole = structuredClone(changes);
      for (const [key, value] of whole) {
        if (value === null) values.delete(key);
        else values.set(key, value);
      }
    },
  };
}
