import type { QueueAdapter } from './port.ts';

/** Every adapter, by the word in the config's `adapter:` field. Imported when a site names it, and only then. */
const loaders = {
  htcondor: async () => (await import('./htcondor/adapter.ts')).htcondorAdapter,
  lease: async () => (await import('./lease/adapter.ts')).leaseAdapter,
  proactive: async () => (await import('./proactive/adapter.ts')).proactiveAdapter,
} as const satisfies Record<string, () => Promise<{ readonly name: string }>>;

export type AdapterName = keyof typeof loaders;

export const queueAdapters = {
  names: Object.keys(loaders),
  /** Throws for a name that is not among them. */
  load: async (name: string): Promise<QueueAdapter> => {
    if (!Object.hasOwn(loaders, name)) throw new Error(`no adapter "${name}"`);
    return loaders[name as AdapterName]();
  },
} as const;
