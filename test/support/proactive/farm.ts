import type { QueueSnapshot } from '../../../src/model/demand.ts';
import { InstanceId, type PoolName } from '../../../src/model/ids.ts';
import type { Queue, QueueMachine } from '../../../src/queues/port.ts';
import { machineOf, nodesUser, tokenIn } from './under-test.ts';
import type { World } from './world.ts';

/** As much of the daemon and of a cloud as a queue with machines needs: boots what is wanted, ends what is drained. */
export interface Farm {
  readonly machines: () => readonly QueueMachine[];
  /** All that were ever booted. */
  readonly booted: readonly InstanceId[];
  /** What a view asks for: the machines that wait for are not asked for twice. */
  boot(view: QueueSnapshot, admit: Queue['admit']): Promise<void>;
  /** Ends machines that two views in a row have shown drained; returns their workers. */
  end(view: QueueSnapshot): readonly QueueSnapshot['workers'][number][];
  /** It breaks, with all that runs there. */
  lose(instance: InstanceId): void;
}

export interface FarmOptions {
  readonly world: World;
  /** The node source of each pool, and what its offer says. */
  readonly pools: ReadonlyMap<PoolName, { readonly source: string; readonly words?: object }>;
  readonly nodesPerMachine?: number;
}

export function makeFarm({ world, pools, nodesPerMachine = 1 }: FarmOptions): Farm {
  const machines = new Map<InstanceId, QueueMachine>();
  const booted: InstanceId[] = [];
  const drainedBefore = new Set<InstanceId>();

  function nodesOf(instance: InstanceId): string[] {
    return [...world.nodes.keys()].filter((url) => url.includes(`/${instance}_`));
  }

  function gone(instance: InstanceId): void {
    for (const url of nodesOf(instance)) {
      const node = world.nodes.get(url);
      if (node !== undefined) node.state = 'DOWN';
    }
    machines.delete(instance);
  }

  return {
    machines: () => [...machines.values()],
    booted,
    async boot(view, admit) {
      const busy = new Set(
        view.workers.filter(({ activity }) => activity !== 'idle').map(({ instance }) => instance),
      );
      for (const { pools: wanted = [], count } of view.demand) {
        const [pool] = wanted;
        const about = pool === undefined ? undefined : pools.get(pool);
        if (pool === undefined || about === undefined) continue;
        const coming = [...machines.values()].filter((one) => one.pool === pool && !busy.has(one.instance));
        for (let n = coming.length; n < count; n++) {
          const instance = InstanceId(`farm-${booted.length}-0`);
          booted.push(instance);
          machines.set(instance, machineOf(instance, { pool, words: about.words ?? {} }));
          const request = { instance, pool, issuedAtSeconds: 0, lifetimeMs: null, attributes: {} };
          const token = tokenIn((await admit(request)).variables);
          for (let at = 0; at < nodesPerMachine; at++)
            world.addNode({
              url: `pnp://10.0.1.${booted.length}:64738/${instance}_${at}`,
              source: about.source,
              host: `host-${booted.length}`,
              provider: nodesUser,
              tokens: [token],
            });
        }
      }
    },
    end(view) {
      const drained = view.workers.filter(
        ({ activity, instance }) => activity === 'drained' && instance !== null,
      );
      const ends = drained.filter(({ instance }) => instance !== null && drainedBefore.has(instance));
      drainedBefore.clear();
      for (const { instance } of drained) if (instance !== null) drainedBefore.add(instance);
      for (const { instance } of ends) if (instance !== null) gone(instance);
      return ends;
    },
    lose: gone,
  };
}
