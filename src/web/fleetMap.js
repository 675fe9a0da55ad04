import { h, setAttribute, setText } from './dom.js';

/**
 * @import { LiveInstance } from '../api/live/frame.ts'
 * @import { Site } from './site.js'
 */

/** @type {readonly { readonly size: number, readonly gap: number }[]} cells, the largest first */
const sizes = [
  { size: 18, gap: 4 },
  { size: 13, gap: 3 },
  { size: 9, gap: 2 },
  { size: 7, gap: 1 },
  { size: 5, gap: 1 },
  { size: 3, gap: 1 },
];
const heightMaxPx = 170;
/** @type {Readonly<Record<string, number>>} */
const rank = { Busy: 0, Free: 1, Unusable: 2 };

/**
 * All machines at once, a cell each, in the colour of its state; pools after each other. The list says the same in words.
 * @param {(id: string) => void} onOpen
 */
export function createFleetMap(onOpen) {
  const canvas = h('canvas', { attributes: { role: 'img' } });
  const tip = h('p', { class: 'hover', attributes: { 'aria-hidden': 'true' } });
  const element = h('div', { class: 'fleet' }, canvas, tip);
  /** @type {LiveInstance[]} */
  let machines = [];
  let cell = { size: 18, gap: 4 };
  let columns = 1;

  function draw() {
    const width = element.clientWidth;
    if (width === 0) return; // not shown on a narrow screen
    cell = sizes.find(({ size, gap }) => {
      const across = Math.floor((width + gap) / (size + gap));
      return Math.ceil(machines.length / across) * (size + gap) <= heightMaxPx;
    }) ?? { size: 2, gap: 1 };
    const step = cell.size + cell.gap;
    columns = Math.max(1, Math.floor((width + cell.gap) / step));
    const height = Math.max(1, Math.ceil(machines.length / columns)) * step;
    const scale = window.devicePixelRatio;
    canvas.width = width * scale;
    canvas.height = height * scale;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    const context = canvas.getContext('2d');
    if (context === null) return;
    context.scale(scale, scale);
    const style = getComputedStyle(document.documentElement);
    for (const state of ['Busy', 'Free', 'Unusable']) {
      context.fillStyle = style.getPropertyValue(`--${state.toLowerCase()}`);
      context.beginPath();
      for (const [at, one] of machines.entries()) {
        if (one.state !== state) continue;
        const [x, y] = [(at % columns) * step, Math.floor(at / columns) * step];
        if (cell.size > 6) context.roundRect(x, y, cell.size, cell.size, cell.size / 4);
        else context.rect(x, y, cell.size, cell.size);
      }
      context.fill();
    }
  }

  /** @param {MouseEvent} event */
  function at(event) {
    const step = cell.size + cell.gap;
    const column = Math.floor(event.offsetX / step);
    return column < columns ? machines[Math.floor(event.offsetY / step) * columns + column] : undefined;
  }

  canvas.addEventListener('mousemove', (event) => {
    const one = at(event);
    setText(tip, one === undefined ? '' : `${one.id}  ·  ${one.pool}  ·  ${one.phase}`);
    canvas.classList.toggle('over', one !== undefined);
  });
  canvas.addEventListener('mouseleave', () => setText(tip, ''));
  canvas.addEventListener('click', (event) => {
    const one = at(event);
    if (one !== undefined) onOpen(one.id);
  });
  const resizing = new ResizeObserver(draw);
  resizing.observe(element);

  return {
    element,
    /** @param {Site} site */
    update: ({ instances }) => {
      machines = [...instances.values()].toSorted(
        (a, b) =>
          (a.pool < b.pool ? -1 : a.pool > b.pool ? 1 : 0) ||
          (rank[a.state ?? ''] ?? 3) - (rank[b.state ?? ''] ?? 3) ||
          a.createdAtMs - b.createdAtMs,
      );
      setAttribute(
        canvas,
        'aria-label',
        `${machines.length} machines, a cell each in the colour of its state`,
      );
      draw();
    },
    repaint: draw,
    remove: () => resizing.disconnect(),
  };
}
