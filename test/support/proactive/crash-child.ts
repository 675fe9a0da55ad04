import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { hostClock } from '../../../src/daemon/clock.ts';
import { QueueName, SiteId } from '../../../src/model/ids.ts';
import { silentLog } from '../../../src/model/log.ts';
import { openSqliteStore } from '../../../src/store/sqlite/store.ts';
import type { Order, Visits } from './deploymentLife.ts';
import { orderly } from './mortalAdapter.ts';
import { settingsOn } from './under-test.ts';

/**
 * The adapter in a process of its own, on a store on disk. It does what it is asked over IPC, and kills itself with SIGKILL at every
 * boundary of its memory that is not yet in the file of those that were visited.
 */
export interface ChildOrders {
  readonly url: string;
  readonly username: string;
  readonly password: string;
  readonly folder: string;
  readonly sources: readonly object[];
}

/** Visits that are known to every process. */
export function visitsIn(folder: string): Visits {
  const path = join(folder, 'visited');
  const all = () => readFileSync(path, { encoding: 'utf8', flag: 'a+' }).split('\n').filter(Boolean);
  return {
    has: (boundary) => all().includes(boundary),
    add: (boundary) => appendFileSync(path, `${boundary}\n`),
    all,
  };
}

function serve({ folder, sources, ...server }: ChildOrders): void {
  const store = openSqliteStore({ path: join(folder, 'spillway.db'), site: SiteId('farm'), log: silentLog });
  const carryOut = orderly(settingsOn(server, { sources }), {
    clock: hostClock,
    memory: store.memory(QueueName('main')),
    visits: visitsIn(folder),
    die: () => process.kill(process.pid, 'SIGKILL'),
  });
  const signal = AbortSignal.timeout(120_000);
  process.on('message', (order: Order) => {
    carryOut(order, signal).then(
      (result) => process.send?.({ result: result ?? null }),
      (error: unknown) => process.send?.({ error: String(error) }),
    );
  });
  process.send?.({ ready: true });
}

if (process.send !== undefined && process.argv[2] !== undefined)
  serve(JSON.parse(process.argv[2]) as ChildOrders);
