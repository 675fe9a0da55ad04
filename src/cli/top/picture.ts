import type { StatusView } from '../../api/control.ts';
import type { LiveInstance } from '../../api/live/frame.ts';
import type { ObserveView } from '../../api/observe.ts';
import type { StateCounts } from '../../api/poolStatus.ts';
import { span, timestamp } from '../format.ts';
import type { Style } from '../table.ts';
import { cellsOf, curveOf, type Glyphs, lineOf, type Part, padEnd, padStart } from './canvas.ts';
import type { TopState } from './state.ts';

export interface Paper {
  readonly columns: number;
  /** Null: as many as there are lines. */
  readonly rows: number | null;
  readonly style: Style;
  readonly glyphs: Glyphs;
}

const rowsShown = 12;
const unmetShown = 6;

/** The picture as lines, none wider and all together no more than the paper holds. Pure: the same state, the same picture. */
export function drawTop(state: TopState, paper: Paper): readonly string[] {
  const { columns, rows, style } = paper;
  const { frame, trouble } = state;
  const warning = trouble === null ? [] : [[{ text: trouble, paint: style.red }]];
  if (frame === null) return toPaper([...warning, [{ text: 'waiting for the daemon …' }]], paper);
  const { status } = frame;
  const fixed: readonly (readonly Part[])[] = [
    head(status, paper),
    ...warning,
    ...summary(state, status, paper),
    [],
    ...pools(status, paper),
    [],
    ...places(status, paper),
    ...notes(status, paper),
    ...unmet(state, paper),
  ];
  // What is left of the screen shows what changed last.
  const left = rows === null ? rowsShown : rows - fixed.length - 2;
  const lines = [...fixed, ...(left < 2 ? [] : [[], ...changes(state, status, { ...paper, rows: left })])];
  return toPaper(lines, { ...paper, columns });
}

function toPaper(lines: readonly (readonly Part[])[], { columns, rows }: Paper): readonly string[] {
  return lines.slice(0, rows ?? lines.length).map((parts) => lineOf(parts, columns));
}

function head(status: StatusView, { style, columns }: Paper): readonly Part[] {
  const left = `${status.site}  spillway ${status.version}  `;
  const mode = status.mode === 'running' ? `running for ${span(status.uptimeMs)}` : status.mode;
  const right = timestamp(status.wallMs);
  const gap = ' '.repeat(Math.max(2, columns - left.length - mode.length - right.length));
  return [
    { text: status.site, paint: style.bold },
    { text: left.slice(status.site.length), paint: style.dim },
    { text: mode, paint: status.mode === 'running' ? style.green : style.yellow },
    { text: `${gap}${right}`, paint: style.dim },
  ];
}

const labelColumns = 10;

function summary(state: TopState, status: StatusView, paper: Paper): readonly (readonly Part[])[] {
  const { style, glyphs, columns } = paper;
  const label = (text: string): Part => ({ text: padEnd(text, labelColumns), paint: style.dim });
  const jobs = sumOf(status.queues.map((queue) => queue.jobs));
  const states = statesOf(status);
  const total = states.Busy + states.Free + states.Unusable;
  const short = status.pools.flatMap(({ unmet: items }) => items);
  const unserved = new Map(short.map(({ demand, jobs: count }) => [demand, count]));
  const notServed = [...unserved.values()].reduce((sum, count) => sum + count, 0);
  const said = `${jobs.waiting} waiting, ${jobs.running} running, ${jobs.held} held`;
  const there = `${states.Busy} busy, ${states.Free} free, ${states.Unusable} unusable`;
  const room = Math.max(0, columns - labelColumns - 2 - Math.max(said.length + 18, there.length + 9));
  const spent = status.money.spending.filter(({ kind }) => kind === 'site');
  const budgets = status.money.budgets.map(
    ({ kind, name, per, cap, spent: used }) =>
      `${name ?? kind} ${per} ${cap === 0 ? 100 : Math.round((used / cap) * 100)} %`,
  );
  const money = [
    ...rates(state).map(([currency, rate]) => `${rate.toFixed(2)} ${currency} an hour`),
    ...spent.map(({ day, currency }) => `${day.toFixed(2)} ${currency} today`),
    ...budgets,
  ];
  return [
    [
      label('Jobs'),
      { text: said },
      ...(notServed === 0 ? [] : [{ text: `, ${notServed} not served`, paint: style.red }]),
      { text: '  ' },
      { text: curveOf(state.curves.waiting, room, glyphs), paint: style.cyan },
    ],
    [
      label('Machines'),
      { text: `${total}: ${there}  ` },
      { text: curveOf(state.curves.machines, room, glyphs), paint: style.green },
    ],
    ...(money.length === 0 ? [] : [[label('Money'), { text: money.join(', ') }]]),
  ];
}

function sumOf(all: readonly StatusView['queues'][number]['jobs'][]) {
  const sum = { waiting: 0, running: 0, held: 0 };
  for (const { waiting, running, held } of all) {
    sum.waiting += waiting;
    sum.running += running;
    sum.held += held;
  }
  return sum;
}

function statesOf({ pools: all }: StatusView): StateCounts {
  const sum = { Busy: 0, Free: 0, Unusable: 0 };
  for (const { states } of all) {
    sum.Busy += states.Busy;
    sum.Free += states.Free;
    sum.Unusable += states.Unusable;
  }
  return sum;
}

function rates({ instances }: TopState): readonly (readonly [string, number])[] {
  const sums = new Map<string, number>();
  for (const { price } of instances.values())
    if (price !== null) sums.set(price.currency, (sums.get(price.currency) ?? 0) + price.perHour);
  return [...sums];
}

const nameColumns = 18;
const placeColumns = 24;

function pools(status: StatusView, paper: Paper): readonly (readonly Part[])[] {
  const { style, columns } = paper;
  const width = Math.max(10, columns - nameColumns - 36);
  const header = `${padEnd('POOL', nameColumns)} BUSY FREE UNUS   MAX  `;
  return [
    [{ text: header, paint: style.bold }],
    ...status.pools.map((pool) => {
      const { Busy, Free, Unusable } = pool.states;
      const mark = pool.paused
        ? ' paused'
        : pool.retiring
          ? ' retiring'
          : pool.mode === 'observe'
            ? ' observe'
            : '';
      return [
        { text: padEnd(pool.name, nameColumns), ...(pool.paused ? { paint: style.yellow } : {}) },
        { text: padStart(Busy, 5), ...(Busy > 0 ? { paint: style.cyan } : {}) },
        { text: padStart(Free, 5), ...(Free > 0 ? { paint: style.green } : {}) },
        { text: padStart(Unusable, 5), ...(Unusable > 0 ? { paint: style.yellow } : {}) },
        { text: `${padStart(pool.max, 6)}  ` },
        ...bar(pool.states, pool.max, width, paper),
        { text: mark, paint: style.yellow },
      ];
    }),
  ];
}

function bar(states: StateCounts, whole: number, width: number, { style, glyphs }: Paper): readonly Part[] {
  const { Busy, Free, Unusable } = states;
  const [busy = 0, free = 0, unusable = 0] = cellsOf([Busy, Free, Unusable], whole, width);
  return [
    { text: glyphs.busy.repeat(busy), paint: style.cyan },
    { text: glyphs.free.repeat(free), paint: style.green },
    { text: glyphs.unusable.repeat(unusable), paint: style.yellow },
    { text: glyphs.room.repeat(width - busy - free - unusable), paint: style.dim },
  ];
}

/** A line for each queue and cloud: what it has, and what troubles it. */
function places(status: StatusView, { style }: Paper): readonly (readonly Part[])[] {
  const seen = (ageMs: number | null, trouble: StatusView['queues'][number]['trouble']): Part =>
    trouble === null
      ? { text: ageMs === null ? 'not seen yet' : `seen ${span(ageMs)} ago`, paint: style.dim }
      : {
          text: `${trouble.code} for ${span(status.nowMs - trouble.sinceMs)}: ${trouble.message}`,
          paint: style.red,
        };
  return [
    ...status.queues.map((queue) => [
      { text: padEnd(`queue ${queue.name}`, placeColumns) },
      {
        text: ` ${queue.jobs.waiting} waiting, ${queue.workers.ours} workers of ours, ${queue.workers.others} others  `,
      },
      seen(queue.pollAgeMs, queue.trouble),
    ]),
    ...status.clouds.map((cloud) => {
      const { Busy, Free, Unusable } = cloud.instances;
      const most = cloud.max === null ? '' : ` of ${cloud.max}`;
      return [
        { text: padEnd(`cloud ${cloud.name}`, placeColumns) },
        { text: ` ${Busy + Free + Unusable}${most} machines, ${cloud.launchesInFlight} create calls  ` },
        seen(cloud.listAgeMs, cloud.trouble),
      ];
    }),
  ];
}

function notes(status: StatusView, { style }: Paper): readonly (readonly Part[])[] {
  const alarms = status.alarms.map(({ why, sinceMs }) => [
    { text: `alarm for ${span(status.nowMs - sinceMs)}: ${why}`, paint: style.red },
  ]);
  const downtimes = status.downtimes
    .filter(({ stage }) => stage !== 'planned')
    .map(({ cloud, pool, reason }) => [
      { text: `downtime of ${cloud ?? pool ?? 'the site'}: ${reason}`, paint: style.yellow },
    ]);
  const aside = status.clouds.flatMap(({ setAside }) =>
    setAside.map(({ offer, code, untilMs, why }) => [
      { text: `set aside: ${offer}`, paint: style.yellow },
      { text: ` for ${span(Math.max(0, untilMs - status.nowMs))}, ${code}: ${why}` },
    ]),
  );
  const observed =
    status.observe === null ? [] : [[{ text: observeText(status.observe), paint: style.yellow }]];
  return [...observed, ...alarms, ...downtimes, ...aside];
}

function observeText({ site, clouds, pools: names, booted, cost }: ObserveView): string {
  const what = site ? 'the site' : [...clouds, ...names].join(', ');
  const sums = cost.map(({ currency, soFar }) => `${soFar.toFixed(2)} ${currency}`);
  const come = sums.length === 0 ? '' : `, for ${sums.join(' and ')}`;
  return `only observed: ${what}: ${booted} machines would have been booted${come}`;
}

function unmet({ demand }: TopState, { style }: Paper): readonly (readonly Part[])[] {
  const groups = (demand?.groups ?? []).filter(({ unmet: count }) => count > 0);
  if (groups.length === 0) return [];
  const shown = groups.toSorted((a, b) => b.unmet - a.unmet).slice(0, unmetShown);
  const rest = groups.length - shown.length;
  return [
    [],
    [{ text: `${padEnd('NOT SERVED', nameColumns)}  JOBS  WHY`, paint: style.bold }],
    ...shown.map(({ sampleJobs: [job], demand: id, unmet: count, unmetCode, unmetWhy }) => [
      { text: padEnd(job ?? id, nameColumns) },
      { text: `${padStart(count, 6)}  ` },
      { text: unmetCode ?? '', paint: style.yellow },
      { text: ` ${unmetWhy ?? ''}` },
    ]),
    ...(rest === 0 ? [] : [[{ text: `and ${rest} more groups`, paint: style.dim }]]),
  ];
}

/** Machines by what happened to them last. */
function changes({ instances }: TopState, status: StatusView, paper: Paper): readonly (readonly Part[])[] {
  const { style, rows } = paper;
  const shown = [...instances.values()]
    .toSorted((a, b) => b.phaseSinceMs - a.phaseSinceMs || (a.id < b.id ? -1 : 1))
    .slice(0, Math.max(0, (rows ?? rowsShown) - 1));
  if (shown.length === 0) return [[{ text: 'no machines', paint: style.dim }]];
  return [
    [
      {
        text: `${padEnd('MACHINE', 24)} ${padEnd('PHASE', 12)} ${padEnd('FOR', 8)} ${padEnd('POOL', 16)} OFFER`,
        paint: style.bold,
      },
    ],
    ...shown.map((one) => [
      { text: `${padEnd(one.id, 24)} ` },
      { text: `${padEnd(one.phase, 12)} `, paint: paintOf(one, style) },
      { text: `${padEnd(span(Math.max(0, status.nowMs - one.phaseSinceMs)), 8)} `, paint: style.dim },
      { text: `${padEnd(one.pool, 16)} ${one.offer}` },
    ]),
  ];
}

function paintOf({ state }: LiveInstance, style: Style) {
  return state === 'Busy' ? style.cyan : state === 'Free' ? style.green : style.yellow;
}
