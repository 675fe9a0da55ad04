import { createChart } from './charts.js';
import { ask } from './client.js';
import { h, setAttribute, setText } from './dom.js';
import { number } from './format.js';
import { later } from './time.js';

/**
 * @import { HistoryView } from '../api/live/history.ts'
 * @import { Line } from './charts.js'
 * @import { Site } from './site.js'
 */

/** @typedef {'fine' | 'coarse'} Step */

/**
 * @typedef {object} ChartKind
 * @property {string} title
 * @property {readonly Line[]} lines
 * @property {boolean} stacked
 * @property {(view: HistoryView) => readonly (readonly number[])[]} history
 * @property {(site: Site) => readonly number[]} now
 */

/** @type {readonly ['Busy', 'Free', 'Unusable']} */
const states = ['Busy', 'Free', 'Unusable'];

/** @type {ChartKind} */
export const machineChart = {
  title: 'Machines',
  lines: [
    { label: 'Busy', colour: '--busy' },
    { label: 'Free', colour: '--free' },
    { label: 'Unusable', colour: '--unusable' },
  ],
  stacked: true,
  history: ({ pools, atMs }) =>
    states.map((state) =>
      sum(
        Object.values(pools).map((pool) => pool[state]),
        atMs.length,
      ),
    ),
  now: ({ status }) =>
    states.map((state) => (status?.pools ?? []).reduce((total, pool) => total + pool.states[state], 0)),
};

/** @type {ChartKind} */
export const jobChart = {
  title: 'Jobs',
  lines: [
    { label: 'Waiting', colour: '--waiting' },
    { label: 'Running', colour: '--busy' },
  ],
  stacked: false,
  history: ({ queues, atMs }) => [
    sum(
      Object.values(queues).map(({ waiting }) => waiting),
      atMs.length,
    ),
    sum(
      Object.values(queues).map(({ running }) => running),
      atMs.length,
    ),
  ],
  now: ({ status }) => [
    (status?.queues ?? []).reduce((total, { jobs }) => total + jobs.waiting, 0),
    (status?.queues ?? []).reduce((total, { jobs }) => total + jobs.running, 0),
  ],
};

/**
 * @param {readonly (readonly number[])[]} rows
 * @param {number} length
 */
function sum(rows, length) {
  return Array.from({ length }, (_, at) => rows.reduce((total, row) => total + (row[at] ?? 0), 0));
}

/** How often the last hour or day is asked for again; between, the newest point is the newest frame. */
const refreshMs = { fine: 30_000, coarse: 120_000 };

/**
 * A chart with its legend and the choice of an hour or a day.
 * @param {ChartKind} kind
 * @returns {{ element: HTMLElement, update: (site: Site) => void, repaint: () => void, remove: () => void }}
 */
export function createChartCard(kind) {
  const place = h('div', { class: 'plot', attributes: { role: 'img' } });
  const hover = h('p', { class: 'hover', attributes: { 'aria-hidden': 'true' } });
  const values = kind.lines.map(() => h('b', {}, '0'));
  const legend = h(
    'ul',
    { class: 'legend' },
    kind.lines.map(({ label, colour }, at) =>
      h('li', {}, h('i', { class: `swatch ${colour.slice(2)}` }), label, ' ', values[at] ?? null),
    ),
  );
  /** @type {Step} */
  let step = 'fine';
  /** @type {HistoryView | null} */
  let history = null;
  /** Wall-clock time less daemon time. */
  let offsetMs = 0;
  let removed = false;
  let forget = () => {};
  /** @type {readonly number[]} */
  let now = [];
  let nowMs = 0;

  const choices = /** @type {const} */ (['fine', 'coarse']).map((one) =>
    h(
      'button',
      {
        attributes: { type: 'button', 'aria-pressed': one === step ? 'true' : 'false' },
        on: { click: () => choose(one) },
      },
      one === 'fine' ? '1 h' : '24 h',
    ),
  );
  const element = h(
    'section',
    { class: 'card chart' },
    h(
      'header',
      {},
      h('h2', {}, kind.title),
      legend,
      h('div', { class: 'choice', attributes: { role: 'group', 'aria-label': 'How far back' } }, choices),
    ),
    place,
    hover,
  );
  const chart = createChart(place, {
    lines: kind.lines,
    stacked: kind.stacked,
    onHover: (text) => setText(hover, text ?? ''),
  });

  /** @param {Step} next */
  function choose(next) {
    step = next;
    for (const [at, one] of choices.entries())
      setAttribute(one, 'aria-pressed', (at === 0) === (next === 'fine') ? 'true' : 'false');
    void load();
  }

  async function load() {
    forget();
    const wanted = step;
    try {
      const view = await ask(`/v1/history?step=${wanted}`);
      if (removed || wanted !== step) return;
      history = view;
      draw();
    } catch {
      // It is asked for again.
    }
    if (!removed) forget = later(refreshMs[wanted], () => void load());
  }

  function draw() {
    if (history === null) return;
    const rows = kind.history(history);
    const times = history.atMs.map((at) => at + offsetMs);
    const last = history.atMs.at(-1) ?? 0;
    const isNewer = nowMs > last && now.length > 0;
    chart.show(
      isNewer ? [...times, nowMs + offsetMs] : times,
      isNewer ? rows.map((row, at) => [...row, now[at] ?? 0]) : rows,
    );
  }

  void load();
  return {
    element,
    update: (site) => {
      const { status } = site;
      if (status === null) return;
      now = kind.now(site);
      nowMs = status.nowMs;
      offsetMs = status.wallMs - status.nowMs;
      for (const [at, value] of values.entries()) setText(value, number(now[at] ?? 0));
      const said = kind.lines.map(({ label }, at) => `${label} ${now[at] ?? 0}`).join(', ');
      setAttribute(place, 'aria-label', `${kind.title} over time; now ${said}`);
      draw();
    },
    repaint: () => chart.repaint(),
    remove: () => {
      removed = true;
      forget();
      chart.remove();
    },
  };
}
