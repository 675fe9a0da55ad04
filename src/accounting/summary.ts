import { type UsageAmount, type UsageKeyName, type UsageRow, usageAmounts } from '../model/accounting.ts';
import { windowAt, windowNumbered } from '../model/periods.ts';
import type { AccountingState } from './accrue.ts';
import { bookMachine, bookUses, createLedger } from './ledger.ts';

/** Of days and months the number: see `Window.index`. */
export type KeyValue = string | number | null;

/** Costs are kept apart, by currency. */
type Counted = Exclude<UsageAmount, 'cost'>;
const counted = usageAmounts.filter((amount) => amount !== 'cost');

export interface UsageSummary {
  /** In the order in which they were asked for. */
  readonly keys: readonly KeyValue[];
  readonly amounts: Readonly<Record<Counted, number>>;
  /** By currency, in the order of their names; use without a known price is in none. */
  readonly costs: readonly { readonly currency: string; readonly amount: number }[];
}

/** What goes on, up to now: the rest of what the store's sums are a part of. Linear in machines and in their days. */
export function rowsOfLive({ machines, seen }: AccountingState, nowMs: number): readonly UsageRow[] {
  const ledger = createLedger();
  for (const machine of machines.values()) {
    bookMachine(ledger, machine, nowMs);
    // What jobs use is known up to the newest view.
    bookUses(ledger, machine, Math.min(nowMs, seen.get(machine.queue)?.anyMs ?? machine.sinceMs));
  }
  return ledger.rows();
}

/** Adds rows up by the keys, in the keys' order; one row of all where there is no key. */
export function summarise(rows: Iterable<UsageRow>, by: readonly UsageKeyName[]): UsageSummary[] {
  const groups = new Map<
    string,
    { keys: KeyValue[]; sums: Record<Counted, number>; costs: Map<string, number> }
  >();
  for (const row of rows) {
    const keys = by.map((key) => keyOf(row, key));
    const name = JSON.stringify(keys);
    const group = groups.get(name) ?? { keys, sums: zero(), costs: new Map() };
    groups.set(name, group);
    for (const amount of counted) group.sums[amount] += row[amount];
    if (row.currency !== null) group.costs.set(row.currency, (group.costs.get(row.currency) ?? 0) + row.cost);
  }
  return [...groups.values()]
    .toSorted((a, b) => compareKeys(a.keys, b.keys))
    .map(({ keys, sums: amounts, costs }) => ({
      keys,
      amounts,
      costs: [...costs]
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([currency, amount]) => ({ currency, amount })),
    }));
}

function keyOf(row: UsageRow, key: UsageKeyName): KeyValue {
  return key === 'month' ? windowAt('month', windowNumbered('day', row.day).startMs).index : row[key];
}

function zero(): Record<Counted, number> {
  return {
    machines: 0,
    machineMs: 0,
    coreMs: 0,
    memoryMiBSeconds: 0,
    busyMs: 0,
    busyCoreMs: 0,
    jobs: 0,
  };
}

/** Null, which is nobody, comes last. */
function compareKeys(a: readonly KeyValue[], b: readonly KeyValue[]): number {
  for (const [at, left] of a.entries()) {
    const right = b[at] ?? null;
    if (left === right) continue;
    if (left === null) return 1;
    if (right === null) return -1;
    return left < right ? -1 : 1;
  }
  return 0;
}
