import { setTimeout as delay } from 'node:timers/promises';
import { EC2Client, type Instance, paginateDescribeInstances } from '@aws-sdk/client-ec2';
import { tagOf } from '../condorFarm.ts';

export interface PoolBounds {
  readonly min: number;
  readonly max: number;
}

/** What the cloud itself says, looked at all the time and beside whatever lies between it and the daemon. */
export interface CloudWatch {
  /** Every machine that there ever was. */
  all(): Promise<readonly Instance[]>;
  /** A sentence for each look at which a pool had too many or too few machines. */
  readonly violations: readonly string[];
  readonly looks: () => number;
  /** Most machines of a pool at a time. */
  readonly most: (pool: string) => number;
  stop(): Promise<void>;
}

const everyMs = 200;

export const isGone = ({ State }: Instance): boolean => State?.Name === 'terminated';

/** Counts as the daemon has to: what is not terminated counts toward a maximum, what is not being ended toward a minimum. */
export function watchCloud(endpoint: string, pools: Readonly<Record<string, PoolBounds>>): CloudWatch {
  const client = new EC2Client({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'judge', secretAccessKey: 'judge-secret' },
  });
  const stopping = new AbortController();
  const violations: string[] = [];
  const most = new Map<string, number>();
  const hadMin = new Set<string>();
  let looks = 0;

  async function all(): Promise<Instance[]> {
    const instances: Instance[] = [];
    for await (const page of paginateDescribeInstances({ client, pageSize: 1000 }, {}))
      for (const { Instances = [] } of page.Reservations ?? []) instances.push(...Instances);
    return instances;
  }

  function look(instances: readonly Instance[]): void {
    looks += 1;
    for (const [pool, { min, max }] of Object.entries(pools)) {
      const own = instances.filter((instance) => tagOf(instance, 'spillway:pool') === pool);
      const there = own.filter((instance) => !isGone(instance)).length;
      const serving = own.filter(
        ({ State }) => State?.Name === 'pending' || State?.Name === 'running',
      ).length;
      most.set(pool, Math.max(most.get(pool) ?? 0, there));
      if (serving >= min) hadMin.add(pool);
      if (there > max) violations.push(`${pool} has ${there} machines, and a max of ${max}`);
      if (serving < min && hadMin.has(pool))
        violations.push(`${pool} has ${serving} machines in service, and a min of ${min}`);
    }
  }

  const watching = (async () => {
    while (!stopping.signal.aborted) {
      look(await all());
      await delay(everyMs, undefined, { signal: stopping.signal }).catch(() => {});
    }
  })();

  return {
    all,
    violations,
    looks: () => looks,
    most: (pool) => most.get(pool) ?? 0,
    stop: async () => {
      stopping.abort();
      await watching;
      client.destroy();
    },
  };
}
