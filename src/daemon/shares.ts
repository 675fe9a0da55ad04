import { z } from 'zod';
import { noShares, type Shares, usageKey } from '../planner/share.ts';
import type { Fact } from '../store/port.ts';

const key = 'shares';
const stored = z.object({
  atMs: z.number(),
  usage: z.array(
    z.object({ user: z.string().nullable(), group: z.string().nullable(), coreSeconds: z.number() }),
  ),
});

/** Usage changes with every view, and is stored now and then: a crash forgets a few minutes of it. */
export function shareFacts(before: Shares, after: Shares): Fact[] {
  if (before.storedAtMs === after.storedAtMs) return [];
  return [{ key, value: { atMs: after.atMs, usage: [...after.usage.values()] } }];
}

export function rememberShares(facts: readonly Fact[]): Shares {
  const value = facts.find((fact) => fact.key === key)?.value;
  if (value === undefined) return noShares;
  const { atMs, usage } = stored.parse(value);
  const byKey = usage.map((used) => [usageKey(used), used] as const);
  return { usage: new Map(byKey), atMs, countedMs: new Map(), storedAtMs: atMs };
}
