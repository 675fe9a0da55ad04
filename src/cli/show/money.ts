import type { BudgetView, MoneyView } from '../../api/money.ts';
import { counted, timestamp } from '../format.ts';
import { type Column, printable, renderTable, type Style } from '../table.ts';

const right = (header: string): Column => ({ header, align: 'right' });

/** Two digits, or three that say something. */
export function amountText(amount: number): string {
  return amount === 0 || Math.abs(amount) >= 0.1 ? amount.toFixed(2) : String(Number(amount.toPrecision(3)));
}

/** Empty where nothing has a price. */
export function renderMoney(money: MoneyView, style: Style): readonly string[] {
  const tables = [spendingTable(money, style), budgetTable(money.budgets, style), lossTable(money, style)];
  const unpriced =
    money.unpriced === 0 ? [] : [`without a price, and in no sum: ${counted(money.unpriced, 'machine')}`];
  const has = money.spending.length + money.budgets.length + money.losses.length > 0;
  return [...tables.filter((lines) => lines.length > 0), has ? unpriced : []]
    .filter((lines) => lines.length > 0)
    .flatMap((lines) => ['', ...lines]);
}

function spendingTable({ spending }: MoneyView, style: Style): readonly string[] {
  if (spending.length === 0) return [];
  const columns = [
    { header: 'SPENT' },
    right('THIS HOUR'),
    right('TODAY'),
    right('THIS MONTH'),
    { header: '' },
  ];
  const rows = spending.map((row) => [
    whose(row),
    amountText(row.hour),
    amountText(row.day),
    amountText(row.month),
    row.currency,
  ]);
  return renderTable(columns, rows, style);
}

export function budgetTable(budgets: readonly BudgetView[], style: Style): readonly string[] {
  if (budgets.length === 0) return [];
  const columns = [
    { header: 'BUDGET' },
    { header: 'PER' },
    right('SPENT'),
    right('COMMITTED'),
    right('CAP'),
    { header: '' },
    right('OVERSPENT'),
    { header: 'USED UP' },
  ];
  const rows = budgets.map((row) => [
    whose(row),
    row.per,
    amountText(row.spent),
    amountText(row.committed),
    amountText(row.cap),
    row.currency,
    row.overspent === 0 ? '-' : { text: amountText(row.overspent), paint: style.red },
    row.usedUp ? { text: `until ${timestamp(row.windowEndMs)}`, paint: style.yellow } : '-',
  ]);
  return renderTable(columns, rows, style);
}

function lossTable({ losses }: MoneyView, style: Style): readonly string[] {
  if (losses.length === 0) return [];
  const columns = [
    { header: 'LOSSES' },
    { header: 'CLOUD' },
    { header: 'MARKET' },
    right('LOST'),
    right('IN HOURS'),
    right('EXPECTED PER HOUR'),
  ];
  const rows = losses.map((row) => [
    row.offer,
    row.cloud,
    row.market,
    row.lost.toFixed(1),
    row.hours.toFixed(1),
    `${(100 * row.lostPerHour).toFixed(1)}%`,
  ]);
  return renderTable(columns, rows, style);
}

function whose({ kind, name }: Pick<BudgetView, 'kind' | 'name'>): string {
  return name === null ? 'the site' : printable(`${kind} ${name}`);
}
