import { h, setAttribute } from './dom.js';

/**
 * @template T
 * @typedef {object} Row
 * @property {HTMLElement} element
 * @property {(item: T) => void} show
 */

const spareRows = 6;

/**
 * A list of any length, of which only what can be seen is in the page. Rows are all as high as `--row` says, and are used again.
 * @template T
 * @param {() => Row<T>} makeRow
 */
export function createVirtualList(makeRow) {
  const room = h('div', { class: 'room' });
  const element = h('div', { class: 'rows', attributes: { tabindex: 0, role: 'rowgroup' } }, room);
  /** @type {Row<T>[]} */
  const rows = [];
  /** @type {readonly T[]} */
  let items = [];
  let rowPx = 44;

  function draw() {
    rowPx = Number.parseFloat(getComputedStyle(element).getPropertyValue('--row')) || 44;
    room.style.height = `${items.length * rowPx}px`;
    const first = Math.max(0, Math.floor(element.scrollTop / rowPx) - spareRows);
    const count = Math.min(items.length - first, Math.ceil(element.clientHeight / rowPx) + 2 * spareRows);
    while (rows.length < count) {
      const row = makeRow();
      rows.push(row);
      room.append(row.element);
    }
    for (const [at, row] of rows.entries()) {
      const item = at < count ? items[first + at] : undefined;
      row.element.hidden = item === undefined;
      if (item === undefined) continue;
      row.element.style.transform = `translateY(${(first + at) * rowPx}px)`;
      setAttribute(row.element, 'aria-rowindex', first + at + 2);
      row.show(item);
    }
  }

  let asked = false;
  element.addEventListener('scroll', () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      draw();
    });
  });
  const resizing = new ResizeObserver(draw);
  resizing.observe(element);

  return {
    element,
    /** @param {readonly T[]} next */
    show: (next) => {
      items = next;
      draw();
    },
    remove: () => resizing.disconnect(),
  };
}
