import type { DowntimeList, DowntimeReceipt, DowntimeView } from '../../api/downtimes.ts';
import { counted, span, timestamp } from '../format.ts';
import { type Cell, type Column, printable, renderTable, type Style } from '../table.ts';

export function renderDowntimes(
  { downtimes, nowMs }: Pick<DowntimeList, 'downtimes' | 'nowMs'>,
  style: Style,
): readonly string[] {
  if (downtimes.length === 0) return ['no downtime is declared'];
  const columns: readonly Column[] = [
    { header: 'DOWNTIME' },
    { header: 'OF' },
    { header: 'FROM' },
    { header: 'TO' },
    { header: 'STAGE' },
    { header: 'MACHINES', align: 'right' },
    { header: 'BUSY', align: 'right' },
    { header: 'WHY' },
  ];
  const rows = downtimes.map((downtime) => [
    downtime.id,
    scopeText(downtime),
    timestamp(downtime.fromWallMs),
    timestamp(downtime.toWallMs),
    stageCell(downtime, nowMs, style),
    downtime.machines,
    downtime.busy,
    `${downtime.reason}${downtime.force ? ' (forced)' : ''}${downtime.configured ? ' (config)' : ''}`,
  ]);
  return renderTable(columns, rows, style);
}

export function renderDowntime({ downtime, next, nowMs }: DowntimeReceipt): readonly string[] {
  const { id, fromWallMs, toWallMs, machines, drainsAtMs, stage } = downtime;
  const when = `${timestamp(fromWallMs)} to ${timestamp(toWallMs)}`;
  const drains = stage === 'planned' ? `, drains in ${span(drainsAtMs - nowMs)}` : '';
  return [
    printable(
      `downtime ${id} of ${scopeText(downtime)}: ${when}${drains}, ${counted(machines, 'machine')}; ${next}`,
    ),
  ];
}

function scopeText({ cloud, pool }: DowntimeView): string {
  if (cloud !== null) return `cloud ${cloud}`;
  return pool === null ? 'the site' : `pool ${pool}`;
}

function stageCell({ stage, drainsAtMs }: DowntimeView, nowMs: number, style: Style): Cell {
  if (stage === 'planned') return `drains in ${span(drainsAtMs - nowMs)}`;
  return { text: stage, paint: stage === 'active' ? style.red : style.yellow };
}
