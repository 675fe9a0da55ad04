import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type HostProcesses, killAll, readHostProcesses } from '../../host/processes.ts';
import type { Clock } from '../../model/clock.ts';
import type { LeaseId, SiteId } from '../../model/ids.ts';
import type { QueueMachine } from '../port.ts';
import { leaseVariable, type MachineAccess } from './access.ts';

/** Between two looks whether what was killed is gone. */
const lookAgainMs = 50;

/** Machines of this host: a lease is a folder in the machine's own, and the processes that bear the lease's name. */
export function localAccess(site: SiteId, clock: Clock): MachineAccess {
  const folderOf = (machine: QueueMachine, lease: LeaseId) => join(addressOf(machine), 'leases', lease);

  const look = sharedLooks();

  return {
    prepare: async (machine, { id }) => {
      const folder = folderOf(machine, id);
      for (const name of ['home', 'tmp']) await mkdir(join(folder, name), { recursive: true, mode: 0o700 });
      const environment = {
        HOME: join(folder, 'home'),
        TMPDIR: join(folder, 'tmp'),
        [leaseVariable]: id,
        SPILLWAY_INSTANCE: `${site}/${machine.instance}`,
      };
      return { kind: 'local', folder: join(folder, 'home'), environment };
    },

    clean: async (machine, lease, signal) => {
      for (;;) {
        const host = await look();
        signal.throwIfAborted();
        const left = host.marked({ variable: leaseVariable, value: lease }, null);
        if (left.length === 0) break;
        killAll(left, 'SIGKILL');
        await clock.sleep(lookAgainMs, signal);
      }
      await rm(folderOf(machine, lease), { recursive: true, force: true });
    },
  };
}

/**
 * Looks at the host's processes, each begun after it was asked for: many that ask while one is under way share the next, as
 * a look costs the more the more processes there are.
 */
function sharedLooks(): () => Promise<HostProcesses> {
  const always = new AbortController().signal;
  let current: Promise<HostProcesses> | null = null;
  let next: Promise<HostProcesses> | null = null;

  function begin(): Promise<HostProcesses> {
    const look = readHostProcesses(always).finally(() => {
      if (current === look) current = null;
    });
    current = look;
    return look;
  }

  return () => {
    if (current === null) return begin();
    next ??= current
      .catch(() => {})
      .then(() => {
        next = null;
        return begin();
      });
    return next;
  };
}

function addressOf({ instance, address }: QueueMachine): string {
  if (address === null || !address.startsWith('/')) throw new Error(`${instance} has no folder on this host`);
  return address;
}
