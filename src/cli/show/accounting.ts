import type { AccountingView, ReportReceipt, UsageView } from '../../api/accounting.ts';
import { counted } from '../format.ts';
import { type Column, printable, renderTable, type Style } from '../table.ts';
import { amountText } from './money.ts';

const right = (header: string): Column => ({ header, align: 'right' });
const hours = (seconds: number) => amountText(seconds / 3600);
const gibHours = ({ memoryMiBSeconds }: UsageView) => memoryMiBSeconds / 1024 / 3600;

export function renderAccounting(view: AccountingView, style: Style): readonly string[] {
  const span = `from ${view.from} up to ${view.to}, which is not in it`;
  if (view.rows.length === 0) return [`nothing was used ${span}`];
  const columns = [
    ...view.by.map((name): Column => ({ header: name.toUpperCase() })),
    right('MACHINES'),
    right('MACHINE-H'),
    right('CORE-H'),
    right('GIB-H'),
    right('BUSY-H'),
    right('BUSY CORE-H'),
    right('JOBS'),
    right('COST'),
  ];
  const rows = view.rows.map((row) => [
    ...view.by.map((name) => row.keys[name] ?? '-'),
    row.machines,
    hours(row.machineSeconds),
    hours(row.coreSeconds),
    amountText(gibHours(row)),
    hours(row.busySeconds),
    hours(row.busyCoreSeconds),
    row.jobs,
    row.costs.length === 0 ? '-' : row.costs.map(costText).join(' + '),
  ]);
  return [style.dim(span), ...renderTable(columns, rows, style)];
}

function costText({ currency, amount }: UsageView['costs'][number]): string {
  return `${amountText(amount)} ${currency}`;
}

/** Comma-separated, one line for each row; a column for each currency. */
export function csvOfAccounting(view: AccountingView): readonly string[] {
  const currencies = [...new Set(view.rows.flatMap(({ costs }) => costs.map(({ currency }) => currency)))];
  currencies.sort();
  const header = [
    ...view.by,
    'machines',
    'machine_hours',
    'core_hours',
    'memory_gib_hours',
    'busy_hours',
    'busy_core_hours',
    'jobs',
    ...currencies.map((currency) => `cost_${currency}`),
  ];
  const rows = view.rows.map((row) => [
    ...view.by.map((name) => row.keys[name] ?? ''),
    row.machines,
    row.machineSeconds / 3600,
    row.coreSeconds / 3600,
    gibHours(row),
    row.busySeconds / 3600,
    row.busyCoreSeconds / 3600,
    row.jobs,
    ...currencies.map((currency) => row.costs.find((cost) => cost.currency === currency)?.amount ?? 0),
  ]);
  return [header, ...rows].map((cells) => cells.map(csvCell).join(','));
}

/** RFC 4180. Hours and amounts keep six digits after the point. */
function csvCell(value: string | number): string {
  if (typeof value === 'number') return String(Number(value.toFixed(6)));
  const text = printable(value);
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function renderReport({ folder, messages, records }: ReportReceipt): readonly string[] {
  if (messages === 0) return ['everything is reported already'];
  return [printable(`${folder}: ${counted(records, 'record')} in ${counted(messages, 'message')}`)];
}
