import { z } from 'zod';
import { InstanceId } from '../model/ids.ts';
import type { Instance } from '../model/instance.ts';
import type { Fact } from '../store/port.ts';
import { noShadow, type ShadowState } from './shadow.ts';

const shadowKey = 'observe';

const stored = z.object({
  sinceMs: z.number().nullable(),
  machines: z.array(z.looseObject({ id: z.string() })),
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
    machines: new Map(
      // Written by `shadowFacts` and by nobody else.
      machines.map((machine) => [InstanceId(machine.id), machine as unknown as Instance]),
    ),
    booted,
    spent: new Map(spent),
    said: new Set(said),
    neededAtMs: new Map(),
  };
}
