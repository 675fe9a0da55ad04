import type { CloudStatus, QueueStatus, StatusView, Totals, Trouble } from '../../api/control.ts';
import type { PoolStatus, StateCounts, Unmet } from '../../api/poolStatus.ts';
import { ago, counted, orDash, size, span, timestamp } from '../format.ts';
import { type Cell, type Column, printable, renderTable, type Style } from '../table.ts';
import { renderDowntimes } from './downtimes.ts';
import { renderMoney } from './money.ts';
import { renderObserve } from './observe.ts';

const right = (header: string): Column => ({ header, align: 'right' });

export function renderStatus(view: StatusView, style: Style): readonly string[] {
  const head = `${style.bold(printable(view.site))}: spillway ${printable(view.version)}, ${modeText(view, style)}, ${timestamp(view.wallMs)}`;
  return [
    head,
    '',
    ...queueTable(view.queues, style),
    '',
    ...cloudTable(view.clouds, style),
    '',
    ...poolTable(view.pools, style),
    '',
    ...totalsTable(view, style),
    ...(view.observe === null ? [] : ['', ...renderObserve(view.observe, view.nowMs, style)]),
    ...renderMoney(view.money, style),
    ...troubles(view, style),
    ...alarms(view, style),
    ...downtimes(view, style),
    ...setAsides(view, style),
    ...unmet(view, style),
  ];
}

/** A name that is to be seen, because something about it is not as usual. */
function marked(name: string, marks: readonly string[], style: Style) {
  return marks.length === 0 ? name : { text: `${name} (${marks.join(', ')})`, paint: style.yellow };
}

function marksOf({ mode, retiring }: Pick<PoolStatus | CloudStatus, 'mode' | 'retiring'>): string[] {
  return [...(mode === 'observe' ? ['observed'] : []), ...(retiring ? ['retiring'] : [])];
}

function modeText(view: StatusView, style: Style): string {
  if (view.mode === 'running') return `running for ${span(view.uptimeMs)}`;
  return style.yellow(`${view.mode} (up for ${span(view.uptimeMs)})`);
}

function queueTable(queues: readonly QueueStatus[], style: Style): readonly string[] {
  const columns: readonly Column[] = [
    { header: 'QUEUE' },
    { header: 'ADAPTER' },
    right('WAITING'),
    right('RUNNING'),
    right('HELD'),
    right('GROUPS'),
    right('WORKERS'),
    right('OTHERS'),
    { header: 'POLLED' },
  ];
  const rows = queues.map((queue) => [
    queue.name,
    queue.adapter,
    queue.jobs.waiting,
    queue.jobs.running,
    queue.jobs.held,
    queue.demandGroups,
    queue.workers.ours,
    queue.workers.others,
    seen(queue.pollAgeMs, queue.trouble, queue.complete ? '' : ' (incomplete)', style),
  ]);
  return renderTable(columns, rows, style);
}

function cloudTable(clouds: readonly CloudStatus[], style: Style): readonly string[] {
  const columns: readonly Column[] = [
    { header: 'CLOUD' },
    { header: 'DRIVER' },
    right('FREE'),
    right('BUSY'),
    right('UNUSABLE'),
    right('MAX'),
    right('LAUNCHING'),
    { header: 'LISTED' },
    { header: 'QUOTA LEFT' },
  ];
  const rows = clouds.map((cloud) => [
    marked(cloud.name, marksOf(cloud), style),
    cloud.driver,
    ...stateCells(cloud.instances, style),
    orDash(cloud.max),
    `${cloud.launchesInFlight} of ${cloud.launchesInFlightMax}`,
    seen(cloud.listAgeMs, cloud.trouble, '', style),
    quotaText(cloud.quota),
  ]);
  return renderTable(columns, rows, style);
}

function quotaText(quota: CloudStatus['quota']): string {
  if (quota === null) return '-';
  const parts = [
    quota.instances === null ? [] : [counted(quota.instances, 'instance')],
    quota.cpus === null ? [] : [counted(quota.cpus, 'CPU')],
    quota.memoryMiB === null ? [] : [size(quota.memoryMiB)],
  ].flat();
  return parts.length === 0 ? '-' : parts.join(', ');
}

function poolTable(pools: readonly PoolStatus[], style: Style): readonly string[] {
  const columns: readonly Column[] = [
    { header: 'POOL' },
    { header: 'QUEUE' },
    right('MIN'),
    right('MAX'),
    right('HEADROOM'),
    right('FREE'),
    right('BUSY'),
    right('UNUSABLE'),
    { header: 'PHASES' },
  ];
  const rows = pools.map((pool) => [
    marked(pool.name, [...(pool.paused ? ['paused'] : []), ...marksOf(pool)], style),
    pool.queue,
    pool.min,
    pool.max,
    pool.headroom,
    ...stateCells(pool.states, style),
    phasesText(pool),
  ]);
  return renderTable(columns, rows, style);
}

function phasesText(pool: PoolStatus): string {
  const present = Object.entries(pool.phases).filter(([, count]) => count > 0);
  return present.length === 0 ? '-' : present.map(([phase, count]) => `${count} ${phase}`).join(', ');
}

function stateCells(states: StateCounts, style: Style): readonly Cell[] {
  const cell = (count: number, paint: Style['red']): Cell =>
    count === 0 ? count : { text: String(count), paint };
  return [cell(states.Free, style.green), cell(states.Busy, style.cyan), cell(states.Unusable, style.yellow)];
}

function seen(ageMs: number | null, trouble: Trouble | null, note: string, style: Style): Cell {
  const text = `${ago(ageMs)}${note}`;
  return trouble === null ? text : { text: `${text}: ${trouble.code}`, paint: style.red };
}

function totalsTable(view: StatusView, style: Style): readonly string[] {
  const columns: readonly Column[] = [
    { header: 'TOTALS' },
    right('LAUNCHED'),
    right('ENDED'),
    right('REUSED'),
    right('REFUSED'),
  ];
  const row = (name: string, totals: Totals) => [
    name,
    totals.launched,
    totals.ended,
    totals.reused,
    totals.refused,
  ];
  const rows = [
    row('since the start', view.totals.sinceStart),
    row('since the store was made', view.totals.sinceStore),
  ];
  return renderTable(columns, rows, style);
}

function troubles(view: StatusView, style: Style): readonly string[] {
  const line = (what: string, name: string, trouble: Trouble | null) =>
    trouble === null
      ? []
      : [
          style.red(
            printable(
              `Trouble with ${what} ${name} for ${span(view.nowMs - trouble.sinceMs)}: ${trouble.code}: ${trouble.message}`,
            ),
          ),
        ];
  const lines = [
    ...view.queues.flatMap((queue) => line('queue', queue.name, queue.trouble)),
    ...view.clouds.flatMap((cloud) => line('cloud', cloud.name, cloud.trouble)),
  ];
  return lines.length === 0 ? [] : ['', ...lines];
}

function alarms({ alarms: raised, nowMs }: StatusView, style: Style): readonly string[] {
  if (raised.length === 0) return [];
  const lines = raised.map(({ why, sinceMs }) =>
    style.red(printable(`Alarm for ${span(nowMs - sinceMs)}: ${why}`)),
  );
  return ['', ...lines];
}

function downtimes(view: StatusView, style: Style): readonly string[] {
  return view.downtimes.length === 0 ? [] : ['', ...renderDowntimes(view, style)];
}

function setAsides(view: StatusView, style: Style): readonly string[] {
  const rows = view.clouds.flatMap((cloud) =>
    cloud.setAside.map((aside) => [
      aside.offer,
      aside.cloud,
      `in ${span(aside.untilMs - view.nowMs)}`,
      aside.failures,
      aside.code,
      aside.why,
    ]),
  );
  if (rows.length === 0) return [];
  const columns: readonly Column[] = [
    { header: 'SET ASIDE' },
    { header: 'CLOUD' },
    { header: 'TRIED AGAIN' },
    right('FAILURES'),
    { header: 'CODE' },
    { header: 'WHY' },
  ];
  return ['', ...renderTable(columns, rows, style)];
}

/** A group that several pools could serve is one row. */
function unmet(view: StatusView, style: Style): readonly string[] {
  const groups = new Map<string, { readonly item: Unmet; readonly pools: string[] }>();
  for (const pool of view.pools) {
    for (const item of pool.unmet) {
      const key = JSON.stringify([item.demand, item.code, item.why]);
      const known = groups.get(key);
      if (known === undefined) groups.set(key, { item, pools: [pool.name] });
      else known.pools.push(pool.name);
    }
  }
  if (groups.size === 0) return [];
  const columns: readonly Column[] = [
    { header: 'NOT SERVED' },
    { header: 'POOL' },
    right('JOBS'),
    { header: 'CODE' },
    { header: 'WHY' },
  ];
  const rows = [...groups.values()].map(({ item, pools }) => [
    item.demand,
    pools.join(', '),
    item.jobs,
    item.code,
    item.why,
  ]);
  return ['', ...renderTable(columns, rows, style)];
}
