import { z } from 'zod';
import type { Instance } from '../model/instance.ts';
import type { Fact } from '../store/port.ts';
import { noShadow, type ShadowState } from './shadow.ts';

const shadowKey = 'observe';

/** Written by `shadowFacts` and by nobody else: that it is one of ours is enough. */
function isMachine(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'id' in value && typeof value.id === 'string';
}

const stored = z.object({
  sinceMs: z.number().nullable(),
  machines: z.array(z.custom<Instance>(isMachine)),
  booted: z.number(),
  spent: z.array(z.tuple([z.string(), z.number()])),
  said: z.array(z.string()),
});

/** Where what is stored of it differs. */
export function shadowFacts(before: ShadowState, after: ShadowState): Fact[] {
  const { sinceMs, machines, booted, spent, said } = after;
  const isSame =
    sinceMs === before.sinceMs &&
    machines === before.machines &&
    booted === before.booted &&
    spent === before.spent &&
    said === before.said;
  if (isSame) return [];
  const value = { sinceMs, machines: [...machines.values()], booted, spent: [...spent], said: [...said] };
  return [{ key: shadowKey, value }];
}

export function rememberShadow(facts: ReadonlyMap<string, unknown>): ShadowState {
  const fact = facts.get(shadowKey);
  if (fact === undefined) return noShadow;
  const { sinceMs, machines, booted, spent, said } = stored.parse(fact);
  return {
    sinceMs,
    machines: new Map(machines.map((machine) => [machine.id, machine])),
    booted,
    spent: new Map(spent),
    said: new Set(said),
    neededAtMs: new Map(),
  };
}
