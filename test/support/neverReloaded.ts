import type { ReloadControl } from '../../src/api/reload.ts';

/** For a daemon without a config file. */
export const neverReloaded: ReloadControl = {
  reload: async () => {
    throw new Error('nothing to reload');
  },
  configuration: () => ({ path: '/nowhere', entries: [] }),
};
