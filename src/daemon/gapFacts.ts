import { z } from 'zod';
import type { IdleState, UsageKey } from '../planner/idle.ts';
import type { Usage } from '../planner/usage.ts';
import type { Fact } from '../store/port.ts';

const prefix = 'gaps/';
/** So many gaps are worth a write. */
const writeEvery = 16;

const gaps = z.object({ counts: z.array(z.number()), seen: z.number() });

/** The histograms of gaps that have grown enough to be stored anew. */
export function gapFacts(before: IdleState, after: IdleState): Fact[] {
  if (before === after) return [];
  return [...after.usages].flatMap(([key, { gaps: now }]) => {
    const was = before.usages.get(key)?.gaps.seen ?? 0;
    const grown = Math.floor(now.seen / writeEvery) > Math.floor(was / writeEvery);
    return grown ? [{ key: `${prefix}${key}`, value: now }] : [];
  });
}

/** How machines are needed now is seen anew. */
export function rememberGaps(facts: readonly Fact[]): IdleState {
  const usages = facts
    .filter(({ key }) => key.startsWith(prefix))
    .map(({ key, value }) => [key.slice(prefix.length) as UsageKey, unseen(value)] as const);
  return { usages: new Map(usages), spares: new Map() };
}

function unseen(value: unknown): Usage {
  return { needed: -1, levels: [], gaps: gaps.parse(value), wantedAtMs: null };
}
