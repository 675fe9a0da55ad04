import { z } from 'zod';
import { type AccountingState, nothingAccounted } from '../accounting/accrue.ts';
import type { MachineUse } from '../model/accounting.ts';
import { QueueName } from '../model/ids.ts';
import type { Fact } from '../store/port.ts';

const key = 'accountingSeen';
const stored = z.object({
  storedAtMs: z.number(),
  queues: z.array(z.object({ queue: z.string(), anyMs: z.number(), wholeMs: z.number() })),
});

/** When the queues were last seen changes with every view, and is stored now and then. */
export function accountingFacts(before: AccountingState, after: AccountingState): Fact[] {
  if (before.storedAtMs === after.storedAtMs) return [];
  const queues = [...after.seen].map(([queue, seen]) => ({ queue, ...seen }));
  return [{ key, value: { storedAtMs: after.storedAtMs, queues } }];
}

export function rememberAccounting(
  facts: ReadonlyMap<string, unknown>,
  machineUses: readonly MachineUse[],
): AccountingState {
  const machines = new Map(machineUses.map((machine) => [machine.instance, machine]));
  const value = facts.get(key);
  if (value === undefined) return { ...nothingAccounted, machines };
  const { storedAtMs, queues } = stored.parse(value);
  const seen = queues.map(({ queue, ...at }) => [QueueName(queue), at] as const);
  return { machines, seen: new Map(seen), storedAtMs };
}
