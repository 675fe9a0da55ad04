import {
  type MachineUse,
  type ReportMessage,
  type UnreportedMachine,
  type UsageRow,
  usageAmounts,
  usageKeyText,
} from '../../model/accounting.ts';
import type { InstanceId } from '../../model/ids.ts';
import type { Accounts, Batch } from '../port.ts';

export interface MemoryAccounts {
  readonly accounts: Accounts;
  /** With a batch. */
  write(batch: Pick<Batch, 'machineUses' | 'usage'>): void;
  /** Of machines that have not ended. */
  open(): readonly MachineUse[];
  /** Forgets machines that ended before then; returns how many. */
  forget(beforeMs: number): number;
}

export function memoryAccounts(): MemoryAccounts {
  const machines = new Map<InstanceId, UnreportedMachine>();
  const sums = new Map<string, UsageRow>();
  const messages = new Map<string, ReportMessage>();

  function forget(beforeMs: number): number {
    const had = machines.size;
    for (const [id, { machine }] of machines)
      if (machine.endedAtMs !== null && machine.endedAtMs < beforeMs) machines.delete(id);
    return had - machines.size;
  }

  const accounts: Accounts = {
    // No coarser than what was asked for.
    usage: ({ from, to }) => [...sums.values()].filter(({ day }) => day >= from && day < to),
    unreported: ({ beforeMs, after, limit }) =>
      [...machines]
        .filter(([id, entry]) => (after === null || id > after) && isUnreported(entry, beforeMs))
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .slice(0, limit)
        .map(([, entry]) => entry),
    report: (made, marks) => {
      for (const message of made) messages.set(message.name, message);
      for (const { instance, untilMs } of marks) {
        const entry = machines.get(instance);
        if (entry !== undefined) machines.set(instance, { ...entry, reportedUntilMs: untilMs });
      }
    },
    messages: () => [...messages.values()],
    placing: (name, folder) => {
      const message = messages.get(name);
      if (message !== undefined) messages.set(name, { ...message, folder });
    },
    placed: (name) => void messages.delete(name),
    prune: ({ day, endedMs }) => {
      let dropped = forget(endedMs);
      for (const [key, row] of sums)
        if (row.day < day) {
          sums.delete(key);
          dropped += 1;
        }
      return dropped;
    },
  };

  return {
    accounts,
    write: ({ machineUses = [], usage = [] }) => {
      for (const machine of machineUses) {
        const reportedUntilMs = machines.get(machine.instance)?.reportedUntilMs ?? null;
        machines.set(machine.instance, { machine, reportedUntilMs });
      }
      for (const row of usage) {
        const key = usageKeyText(row);
        sums.set(key, added(sums.get(key), row));
      }
    },
    open: () =>
      [...machines.values()].flatMap(({ machine }) => (machine.endedAtMs === null ? [machine] : [])),
    forget,
  };
}

function isUnreported({ machine, reportedUntilMs }: UnreportedMachine, beforeMs: number): boolean {
  const { startedAtMs, endedAtMs } = machine;
  if (endedAtMs !== null) return reportedUntilMs === null || reportedUntilMs < endedAtMs;
  return startedAtMs < beforeMs && (reportedUntilMs === null || reportedUntilMs < beforeMs);
}

function added(before: UsageRow | undefined, row: UsageRow): UsageRow {
  if (before === undefined) return row;
  const sums = usageAmounts.map((amount) => [amount, before[amount] + row[amount]] as const);
  return { ...before, ...Object.fromEntries(sums) };
}
