import {
  type MachineUse,
  type OpenUse,
  type UsageAmount,
  type UsageKey,
  type UsageRow,
  usageAmounts,
} from '../model/accounting.ts';
import { type Bill, costBetween } from '../model/billing.ts';
import { windowAt, windowNumbered } from '../model/periods.ts';

/**
 * Amounts by day and account, added up as they come. What a machine is and costs is booked whole when it has ended, what its
 * jobs use when that changes; of what goes on, the same functions tell how much it is so far. So the rows in the store and
 * the rows of what goes on add up, at every moment, and a day's end changes nothing.
 */
export interface Ledger {
  readonly rows: () => readonly UsageRow[];
  add(key: UsageKey, amounts: Partial<Record<UsageAmount, number>>): void;
}

export function createLedger(): Ledger {
  const rows = new Map<string, UsageKey & Record<UsageAmount, number>>();
  return {
    rows: () => [...rows.values()],
    add: (key, amounts) => {
      const name = usageKeyText(key);
      const row = rows.get(name) ?? { ...key, ...nothing() };
      rows.set(name, row);
      for (const amount of usageAmounts) row[amount] += amounts[amount] ?? 0;
    },
  };
}

export function usageKeyText({ day, queue, pool, cloud, offer, user, group, currency }: UsageKey): string {
  return JSON.stringify([day, queue, pool, cloud, offer, user, group, currency]);
}

function nothing(): Record<UsageAmount, number> {
  return {
    machines: 0,
    machineMs: 0,
    coreMs: 0,
    memoryMiBSeconds: 0,
    cost: 0,
    busyMs: 0,
    busyCoreMs: 0,
    jobs: 0,
  };
}

interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Each day's part of a span; linear in days. */
export function* daysOf({ fromMs, toMs }: Span): Generator<Span & { readonly day: number }> {
  if (toMs <= fromMs) return;
  const last = windowAt('day', toMs - 1).index;
  for (let day = windowAt('day', fromMs).index; day <= last; day++) {
    const { startMs, endMs } = windowNumbered('day', day);
    yield { day, fromMs: Math.max(fromMs, startMs), toMs: Math.min(toMs, endMs) };
  }
}

export function billOfUse({ terms, startedAtMs, endedAtMs }: MachineUse): Bill | null {
  const { price, billing } = terms;
  return price === null ? null : { price, billing, sinceMs: startedAtMs, untilMs: endedAtMs };
}

/** What it is to have had the machine until then; whole once it has ended. */
export function bookMachine(ledger: Ledger, machine: MachineUse, untilMs: number): void {
  const { startedAtMs, endedAtMs, resources } = machine;
  const toMs = Math.max(startedAtMs, endedAtMs === null ? untilMs : Math.min(untilMs, endedAtMs));
  const bill = billOfUse(machine);
  ledger.add(keyOf(machine, windowAt('day', startedAtMs).index), { machines: 1 });
  for (const part of daysOf({ fromMs: startedAtMs, toMs })) {
    const machineMs = part.toMs - part.fromMs;
    ledger.add(keyOf(machine, part.day), {
      machineMs,
      coreMs: resources.cpus * machineMs,
      memoryMiBSeconds: (resources.memoryMiB * machineMs) / 1000,
      cost: bill === null ? 0 : costBetween(bill, part),
    });
  }
}

/** What its open uses come to from `sinceMs` until then. */
export function bookUses(ledger: Ledger, machine: MachineUse, untilMs: number): void {
  for (const part of daysOf({ fromMs: machine.sinceMs, toMs: untilMs }))
    for (const use of machine.uses) {
      const busyMs = part.toMs - part.fromMs;
      ledger.add(keyOf(machine, part.day, use), { busyMs, busyCoreMs: coreMs(use, busyMs) });
    }
}

export function coreMs({ cpus }: Pick<OpenUse, 'cpus'>, ms: number): number {
  return Math.round(cpus * ms);
}

export function keyOf(
  { queue, pool, cloud, offer, user, group, terms }: MachineUse,
  day: number,
  whose: Pick<OpenUse, 'user' | 'group'> = { user, group },
): UsageKey {
  const currency = terms.price?.currency ?? null;
  return { day, queue, pool, cloud, offer, user: whose.user, group: whose.group, currency };
}
