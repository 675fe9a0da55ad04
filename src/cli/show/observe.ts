import type { ObserveView } from '../../api/observe.ts';
import { counted, since } from '../format.ts';
import { printable, renderTable, type Style } from '../table.ts';

/** What is only observed, and what it has come to. */
export function renderObserve(view: ObserveView, nowMs: number, style: Style): string[] {
  const { site, clouds, pools, sinceMs, booted, machines, cost } = view;
  const named = [...clouds.map((name) => `cloud ${name}`), ...pools.map((name) => `pool ${name}`)];
  const what = site ? 'the site' : named.join(', ');
  const head = `OBSERVED ONLY: ${printable(what)}, for ${since(sinceMs, nowMs)}: nothing is done there`;
  const sums = cost.map(
    ({ currency, soFar, perHour }) =>
      `${soFar.toFixed(2)} ${currency} so far and ${perHour.toFixed(2)} ${currency} an hour now`,
  );
  const come = sums.length === 0 ? '' : `, for ${sums.join(', ')}`;
  const lines = [
    style.yellow(head),
    `${counted(booted, 'machine')} would have been booted${printable(come)}`,
  ];
  if (machines.length === 0) return lines;
  const columns = [
    { header: 'WOULD BE', align: 'right' } as const,
    { header: 'OFFER' },
    { header: 'CLOUD' },
    { header: 'POOL' },
  ];
  const rows = machines.map(({ pool, offer, cloud, count }) => [count, offer, cloud, pool]);
  return [...lines, ...renderTable(columns, rows, style)];
}
