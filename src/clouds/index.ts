import type { CloudDriver } from './port.ts';

/** Every driver, by the word in the config's `driver:` field. Imported when a site names it, and only then. */
const loaders = {
  cloudstack: async () => (await import('./cloudstack/driver.ts')).cloudstackDriver,
  ec2: async () => (await import('./ec2/driver.ts')).ec2Driver,
  fixed: async () => (await import('./fixed/driver.ts')).fixedDriver,
  kubernetes: async () => (await import('./kubernetes/driver.ts')).kubernetesDriver,
  local: async () => (await import('./local/driver.ts')).localDriver,
  openstack: async () => (await import('./openstack/driver.ts')).openstackDriver,
} as const satisfies Record<string, () => Promise<{ readonly name: string }>>;

export type DriverName = keyof typeof loaders;

export const cloudDrivers = {
  names: Object.keys(loaders),
  /** Throws for a name that is not among them. */
  load: async (name: string): Promise<CloudDriver> => {
    if (!Object.hasOwn(loaders, name)) throw new Error(`no driver "${name}"`);
    return loaders[name as DriverName]();
  },
} as const;
