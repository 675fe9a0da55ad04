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
  choices<W extends Way>(ways: readonly W[], jobs: number): Iterable<Choice<W>>;
  launched(pool: PoolName, cloud: CloudName, count: number): void;
}

/** Nothing is counted before a pool that is spread by weight asks. */
export function createSpreader(fleet: Fleet): Spreader {
  const keyOf = (pool: PoolName, cloud: CloudName) => `${pool}\n${cloud}`;
  const planned: { readonly key: string; readonly count: number }[] = [];
  let known: Map<string, number> | null = null;

  function counts(): ReadonlyMap<string, number> {
    if (known !== null) return known;
    known = new Map();
    for (const { instance } of fleet.entries.values()) add(known, keyOf(instance.pool, instance.cloud), 1);
    for (const { key, count } of planned) add(known, key, count);
    return known;
  }

  function* spread<W extends Way>(
    ways: readonly W[],
    { pool, weights, jobs }: { pool: Pool; weights: ReadonlyMap<CloudName, number>; jobs: number },
  ): Generator<Choice<W>> {
    const byCloud = Map.groupBy(ways, ({ match }) => match.offer.cloud);
    const shares = shareOut(Math.ceil(jobs / (ways[0]?.match.jobsPerMachine ?? 1)), {
      clouds: [...byCloud.keys()],
      weightOf: (cloud) => weights.get(cloud) ?? 0,
      countOf: (cloud) => counts().get(keyOf(pool.name, cloud)) ?? 0,
    });
    for (const [cloud, most] of shares) {
      const [best] = byCloud.get(cloud) ?? [];
      if (best !== undefined && most > 0) yield { way: best, most };
    }
    for (const way of ways) yield { way, most: Number.POSITIVE_INFINITY };
  }

  function* choices<W extends Way>(ways: readonly W[], jobs: number): Generator<Choice<W>> {
    let at = 0;
    for (let way = ways[at]; way !== undefined; way = ways[at]) {
      const { pool } = way;
      if (pool.spread.kind === 'cheapest') {
        yield { way, most: Number.POSITIVE_INFINITY };
        at += 1;
        continue;
      }
      // Neighbours of one pool that nothing but their cost sets apart come together.
      const run: W[] = [];
      for (let next = ways[at]; next !== undefined && isAsGood(way, next); next = ways[at]) {
        run.push(next);
        at += 1;
      }
      yield* spread(run, { pool, weights: pool.spread.weights, jobs });
    }
  }

  return {
    choices,
    launched: (pool, cloud, count) => {
      const key = keyOf(pool, cloud);
      if (known === null) planned.push({ key, count });
      else add(known, key, count);
    },
  };
}

function add(counts: Map<string, number>, key: string, count: number): void {
  counts.set(key, (counts.get(key) ?? 0) + count);
}

function isAsGood(a: Way, b: Way): boolean {
  return a.pool === b.pool && a.match.jobRank === b.match.jobRank && a.match.offerRank === b.match.offerRank;
}

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
