import { clock, dateTime, number } from './format.js';
import { dateOf } from './time.js';
import UPlot from './uPlot.esm.js';

/**
 * @typedef {object} Line
 * @property {string} label
 * @property {string} colour name of a CSS variable
 */

/**
 * @typedef {object} Chart
 * @property {(times: readonly number[], values: readonly (readonly number[])[]) => void} show epoch ms; values for each line
 * @property {() => void} repaint the colours are others
 * @property {() => void} remove
 */

const heightPx = 200;

/** @param {string} name */
function colourOf(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/**
 * @param {number} epochSeconds
 * @param {boolean} close ticks are less than a minute apart
 */
function tick(epochSeconds, close) {
  if (close) return clock(epochSeconds * 1000);
  const at = dateOf(epochSeconds * 1000);
  return `${String(at.getHours()).padStart(2, '0')}:${String(at.getMinutes()).padStart(2, '0')}`;
}

/**
 * A chart over time. Stacked: each line is drawn above the sum of those before it, so the first is at the bottom.
 * @param {HTMLElement} place
 * @param {{ readonly lines: readonly Line[], readonly stacked: boolean, readonly onHover: (text: string | null) => void }} options
 * @returns {Chart}
 */
export function createChart(place, { lines, stacked, onHover }) {
  /** @type {readonly (readonly number[])[]} */
  let values = lines.map(() => []);
  /** @type {readonly number[]} */
  let times = [];
  /** @type {UPlot | null} */
  let plot = null;

  /** uPlot draws in order, so of a stack the highest comes first. */
  const order = stacked ? lines.map((_, at) => lines.length - 1 - at) : lines.map((_, at) => at);

  /** @returns {UPlot.AlignedData} */
  function data() {
    /** @type {number[][]} */
    const sums = [];
    for (const [at, row] of values.entries()) {
      const below = stacked ? sums[at - 1] : undefined;
      sums.push(row.map((value, index) => value + (below?.[index] ?? 0)));
    }
    return [times.map((ms) => ms / 1000), ...order.map((at) => sums[at] ?? [])];
  }

  /** @returns {UPlot.Options} */
  function options() {
    const ink = colourOf('--ink-soft');
    const grid = { stroke: colourOf('--line'), width: 1 };
    const axis = { stroke: ink, grid, ticks: { show: false }, font: '11px system-ui, sans-serif' };
    return {
      width: Math.max(100, place.clientWidth),
      height: heightPx,
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      scales: { y: { range: (_plot, _min, max) => [0, Math.max(4, Math.ceil(max * 1.1))] } },
      axes: [
        {
          ...axis,
          values: (_plot, splits) => splits.map((at) => tick(at, (splits[1] ?? 0) - (splits[0] ?? 0) < 60)),
          space: 70,
          size: 26,
        },
        {
          ...axis,
          size: 44,
          values: (_plot, splits) => splits.map((value) => (Number.isInteger(value) ? number(value) : '')),
        },
      ],
      series: [
        {},
        ...order.map((at) => {
          const colour = colourOf(lines[at]?.colour ?? '--ink');
          return {
            stroke: colour,
            width: stacked ? 1 : 2,
            fill: stacked ? colour : `${colour}22`,
            points: { show: false },
          };
        }),
      ],
      hooks: { setCursor: [({ cursor }) => onHover(describe(cursor.idx))] },
    };
  }

  /** @param {number | null | undefined} index */
  function describe(index) {
    const at = index === null || index === undefined ? undefined : times[index];
    if (at === undefined || index === null || index === undefined) return null;
    const long = (times.at(-1) ?? 0) - (times[0] ?? 0) > 6 * 3_600_000;
    const parts = lines.map(({ label }, line) => `${label} ${number(values[line]?.[index] ?? 0)}`);
    return `${long ? dateTime(at) : clock(at)}  ·  ${parts.join('  ·  ')}`;
  }

  function draw() {
    plot?.destroy();
    plot = new UPlot(options(), data(), place);
  }

  const resizing = new ResizeObserver(() => {
    const width = place.clientWidth;
    if (plot !== null && width > 0 && plot.width !== width) plot.setSize({ width, height: heightPx });
  });
  resizing.observe(place);

  return {
    show: (nextTimes, nextValues) => {
      [times, values] = [nextTimes, nextValues];
      if (plot === null) draw();
      else plot.setData(data());
    },
    repaint: draw,
    remove: () => {
      resizing.disconnect();
      plot?.destroy();
    },
  };
}
