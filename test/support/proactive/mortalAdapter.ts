import type { Clock } from '../../../src/model/clock.ts';
import { InstanceId, PoolName, QueueName, SiteId, WorkerId } from '../../../src/model/ids.ts';
import { silentLog } from '../../../src/model/log.ts';
import type { Memory } from '../../../src/model/memory.ts';
import { proactiveAdapter } from '../../../src/queues/proactive/adapter.ts';
import type { ProactiveSettings } from '../../../src/queues/proactive/settings.ts';
import { changesOf, type Order, type Visits } from './deploymentLife.ts';
import { machineOf } from './under-test.ts';

/** Carries out orders; `die` is called at every boundary of the memory that was not visited before. */
export function orderly(
  settings: ProactiveSettings,
  {
    clock,
    memory,
    visits,
    die,
  }: { readonly clock: Clock; readonly memory: Memory; readonly visits: Visits; readonly die: () => void },
): (order: Order, signal: AbortSignal) => Promise<unknown> {
  const pass = (boundary: string) => {
    if (visits.has(boundary)) return;
    visits.add(boundary);
    die();
  };
  const adapter = proactiveAdapter.create(settings, {
    site: SiteId('farm'),
    queue: QueueName('main'),
    clock,
    log: silentLog,
    memory: {
      load: () => memory.load(),
      save: (changes) => {
        const what = changesOf(changes);
        pass(`${what}/beforeCommit`);
        memory.save(changes);
        pass(`${what}/afterCommit`);
      },
    },
  });
  let looks = 0;
  return async (order, signal) => {
    switch (order.kind) {
      case 'poll': {
        looks += 1;
        const machines = order.machines.map(({ instance, pool, words }) =>
          machineOf(InstanceId(instance), { pool: PoolName(pool), words }),
        );
        const view = await adapter.poll({ nowMs: looks, attributes: [], machines }, signal);
        // Ads do not travel between processes, and nobody here needs them.
        return {
          ...view,
          demand: view.demand.map(({ ad: _ad, ...rest }) => rest),
          workers: view.workers.map(({ slots: _slots, ...rest }) => rest),
        };
      }
      case 'admit':
        return adapter.admit({
          instance: InstanceId(order.instance),
          pool: PoolName(order.pool),
          issuedAtSeconds: 0,
          lifetimeMs: null,
          attributes: {},
        });
      case 'remove':
        await adapter.remove(WorkerId(order.worker), signal);
        return null;
    }
  };
}
