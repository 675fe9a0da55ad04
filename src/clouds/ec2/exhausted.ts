import type { Market } from '../../model/billing.ts';
import type { Clock } from '../../model/clock.ts';
import type { IntentId } from '../../model/ids.ts';
import type { CapacityPool } from './settings.ts';

/** What EC2 has said lately that it has no machines of: a type in a place, spot machines apart from others. */
export interface ExhaustedPools {
  note(pool: CapacityPool, market: Market): void;
  /**
   * Those of the pools that are worth asking for; all of them where none is. The same for an intent that is sent again,
   * as its token holds for one request alone.
   */
  worthAsking(intent: IntentId, pools: readonly CapacityPool[], market: Market): readonly CapacityPool[];
}

/** EC2's capacity changes within minutes; asking for what is not there costs no money, and a fleet's time. */
const believedMs = 180_000;

const intentsMax = 1000;
const poolsMax = 10_000;

export function exhaustedPools(clock: Clock): ExhaustedPools {
  const since = new Map<string, number>();
  const asked = new Map<IntentId, readonly CapacityPool[]>();
  const keyOf = ({ type, zone, subnet }: CapacityPool, market: Market) =>
    JSON.stringify([type, zone, subnet, market]);

  function isExhausted(pool: CapacityPool, market: Market): boolean {
    const at = since.get(keyOf(pool, market));
    return at !== undefined && clock.monotonicNow() - at < believedMs;
  }

  return {
    note(pool, market) {
      const key = keyOf(pool, market);
      since.delete(key);
      since.set(key, clock.monotonicNow());
      forgetOldest(since, poolsMax);
    },
    worthAsking(intent, pools, market) {
      const before = asked.get(intent);
      if (before !== undefined) return before;
      const open = pools.filter((pool) => !isExhausted(pool, market));
      const chosen = open.length === 0 ? pools : open;
      asked.set(intent, chosen);
      forgetOldest(asked, intentsMax);
      return chosen;
    },
  };
}

function forgetOldest(map: Map<unknown, unknown>, most: number): void {
  const oldest = map.size > most ? map.keys().next().value : undefined;
  if (oldest !== undefined) map.delete(oldest);
}
