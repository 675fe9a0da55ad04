import { join } from 'node:path';
import { readMachines } from '../../src/clouds/local/machines.ts';
import { killAll } from '../../src/host/processes.ts';
import type { RunningSite } from './runningSite.ts';

const never = new AbortController().signal;

/** Machines of this host, by its own record. `site`: the site's name; they are kept in `machines` of its folder. */
export async function hostMachines(running: RunningSite, site: string) {
  return await readMachines(join(running.folder, 'machines', site), { wallNowMs: Date.now(), signal: never });
}

/** Stops the daemon, and whatever it has left running where a test has failed. */
export async function endHostSite(running: RunningSite, site: string): Promise<void> {
  await running.stop();
  for (const { processes } of await hostMachines(running, site)) killAll(processes, 'SIGKILL');
  await running.dispose();
}
