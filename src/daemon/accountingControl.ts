import { rowsOfLive, summarise, type UsageSummary } from '../accounting/summary.ts';
import type { AccountingQuery, AccountingView, ReportReceipt, UsageView } from '../api/accounting.ts';
import { type Control, ControlError } from '../api/control.ts';
import type { UsageKeyName, UsageRow } from '../model/accounting.ts';
import { dayText, momentText, windowAt, windowNumbered } from '../model/periods.ts';
import { reportAll } from './accountKeeping.ts';
import type { DaemonView } from './control.ts';

/** About half a second's work. */
const rowsMax = 100_000;

export function createAccountingControl(view: DaemonView): Pick<Control, 'accounting' | 'reportUsage'> {
  return {
    accounting: (query) => accountingView(view, query),
    reportUsage: (folder) => report(view, folder),
  };
}

/** Sums that are stored and what goes on now; linear in both. */
function accountingView(view: DaemonView, query: AccountingQuery): AccountingView {
  const nowMs = view.now();
  const today = windowAt('day', nowMs).index;
  const fromDay = query.fromDay ?? windowAt('day', windowAt('month', nowMs).startMs).index;
  const toDay = query.toDay ?? today + 1;
  const isAsked = ({ day, pool }: UsageRow) =>
    day >= fromDay && day < toDay && (query.pools === null || query.pools.has(pool));
  const grain = query.by.includes('day') ? 'day' : query.by.includes('month') ? 'month' : 'all';
  const stored = view.parts.store.accounts.usage({ from: fromDay, to: toDay, grain });
  // Counted before anything is made of them: whoever asks for all of it holds up the loop no longer than that.
  if (stored.length > rowsMax)
    throw new ControlError('refused', `more than ${rowsMax} sums: ask for fewer days, or not by day`);
  const rows = [...stored, ...rowsOfLive(view.state().accounting, nowMs)].filter(isAsked);
  return {
    nowMs,
    from: dayText(fromDay),
    to: dayText(toDay),
    by: query.by,
    rows: summarise(rows, query.by).map((summary) => usageView(query.by, summary)),
  };
}

function usageView(by: readonly UsageKeyName[], { keys, amounts, costs }: UsageSummary): UsageView {
  const { machines, machineMs, coreMs, memoryMiBSeconds, busyMs, busyCoreMs, jobs } = amounts;
  return {
    keys: Object.fromEntries(by.map((name, at) => [name, keyText(name, keys[at] ?? null)])),
    machines,
    machineSeconds: machineMs / 1000,
    coreSeconds: coreMs / 1000,
    memoryMiBSeconds,
    busySeconds: busyMs / 1000,
    busyCoreSeconds: busyCoreMs / 1000,
    jobs,
    costs,
  };
}

function keyText(name: UsageKeyName, value: string | number | null): string | null {
  if (typeof value !== 'number') return value;
  return name === 'month'
    ? momentText(windowNumbered('month', value).startMs).slice(0, 'YYYY-MM'.length)
    : dayText(value);
}

async function report(view: DaemonView, asked: string | null): Promise<ReportReceipt> {
  const { parts } = view;
  const { apel } = parts.config.accounting;
  if (view.stopping()) throw new ControlError('notReady', 'the daemon stops');
  if (apel === null)
    throw new ControlError('refused', 'the config has no accounting.apel: it says who the site is', {
      reason: 'notConfigured',
    });
  const folder = asked ?? apel.folder;
  if (folder === null)
    throw new ControlError('refused', 'no folder is named, and the config has no accounting.apel.folder', {
      reason: 'notConfigured',
    });
  try {
    return { folder, ...(await reportAll(parts, { apel, folder, nowMs: view.now() })) };
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error)) throw error;
    const why = `records could not be put into ${folder}: ${error.message}; they are kept until they can be`;
    throw new ControlError('refused', why, { reason: 'folder' });
  }
}
