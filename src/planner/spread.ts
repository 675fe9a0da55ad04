import type { Fleet } from '../fleet/fleet.ts';
import type { CloudName, PoolName } from '../model/ids.ts';
import type { Offer, Pool } from '../model/offer.ts';

/** A way to serve somebody, as far as a spread asks. */
interface Way {
  readonly pool: Pool;
  readonly match: {
    readonly offer: Offer;
    readonly jobsPerMachine: number;
    readonly jobRank?: number;
    readonly offerRank?: number;
  };
}

/** A way to be tried, for so many machines at most. */
export interface Choice<W extends Way> {
  readonly way: W;
  readonly most: number;
}

/** How many machines each pool has at each cloud, those that this plan launches among them. */
export interface Spreader {
  /**
   * The ways in the order in which they are to be tried. Those of a pool that is spread by weight come twice: first each
   * cloud's for its part of the machines, then all of them for what the others had no room for.
   */
  choices<W extends Way>(ways: readonly W[], jobs: number): Choice<W>[];
  launched(pool: PoolName, cloud: CloudName, count: number): void;
}

export function createSpreader(fleet: Fleet): Spreader {
  const counts = new Map<string, number>();
  const keyOf = (pool: PoolName, cloud: CloudName) => `${pool}\n${cloud}`;
  const launched = (pool: PoolName, cloud: CloudName, count: number) => {
    const key = keyOf(pool, cloud);
    counts.set(key, (counts.get(key) ?? 0) + count);
  };
  for (const { instance } of fleet.entries.values()) launched(instance.pool, instance.cloud, 1);

  function spread<W extends Way>(pool: Pool, ways: readonly W[], jobs: number): Choice<W>[] {
    const { spread: how } = pool;
    if (how.kind === 'cheapest' || ways.length < 2) return anyNumber(ways);
    const byCloud = Map.groupBy(ways, ({ match }) => match.offer.cloud);
    const [first] = ways;
    const machines = Math.ceil(jobs / (first?.match.jobsPerMachine ?? 1));
    const shares = shareOut(machines, {
      clouds: [...byCloud.keys()],
      weightOf: (cloud) => how.weights.get(cloud) ?? 0,
      countOf: (cloud) => counts.get(keyOf(pool.name, cloud)) ?? 0,
    });
    const firstTurn = [...shares].flatMap(([cloud, most]) => {
      const [best] = byCloud.get(cloud) ?? [];
      return best === undefined || most === 0 ? [] : [{ way: best, most }];
    });
    return [...firstTurn, ...anyNumber(ways)];
  }

  return {
    choices: (ways, jobs) => {
      // Neighbours of one pool that nothing but their cost sets apart come together.
      const runs: (typeof ways)[number][][] = [];
      for (const way of ways) {
        const last = runs.at(-1);
        const before = last?.[0];
        if (last !== undefined && before !== undefined && isAsGood(before, way)) last.push(way);
        else runs.push([way]);
      }
      return runs.flatMap((run) => {
        const [first] = run;
        return first === undefined ? [] : spread(first.pool, run, jobs);
      });
    },
    launched,
  };
}

function isAsGood(a: Way, b: Way): boolean {
  return a.pool === b.pool && a.match.jobRank === b.match.jobRank && a.match.offerRank === b.match.offerRank;
}

const anyNumber = <W extends Way>(ways: readonly W[]): Choice<W>[] =>
  ways.map((way) => ({ way, most: Number.POSITIVE_INFINITY }));

/**
 * One machine after the other to the cloud that lacks most of its part; of several, the first. The same question has the
 * same answer. A cloud of weight 0 gets none.
 */
export function shareOut(
  machines: number,
  {
    clouds,
    weightOf,
    countOf,
  }: {
    readonly clouds: readonly CloudName[];
    readonly weightOf: (cloud: CloudName) => number;
    readonly countOf: (cloud: CloudName) => number;
  },
): ReadonlyMap<CloudName, number> {
  const parts = clouds
    .map((cloud) => ({ cloud, weight: weightOf(cloud), count: countOf(cloud), share: 0 }))
    .filter(({ weight }) => weight > 0);
  const weights = parts.reduce((sum, { weight }) => sum + weight, 0);
  let total = parts.reduce((sum, { count }) => sum + count, 0);
  for (let n = 0; n < machines && parts.length > 0; n++) {
    total += 1;
    const lacking = parts.reduce((most, part) =>
      lackOf(part, total, weights) > lackOf(most, total, weights) ? part : most,
    );
    lacking.count += 1;
    lacking.share += 1;
  }
  return new Map(parts.map(({ cloud, share }) => [cloud, share]));
}

const lackOf = ({ weight, count }: { weight: number; count: number }, total: number, weights: number) =>
  (weight / weights) * total - count;
