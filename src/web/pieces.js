import { h } from './dom.js';
import { number, words } from './format.js';

/** @import { Child } from './dom.js' */

/**
 * @param {string} title
 * @param {string} kind class
 * @param {...Child} children
 */
export function card(title, kind, ...children) {
  return h('section', { class: `card ${kind}` }, h('header', {}, h('h2', {}, title)), children);
}

/**
 * @param {string} state Free, Busy or Unusable; a phase beside it
 * @param {string} [text]
 */
export function pill(state, text = state) {
  return h(
    'span',
    { class: `pill ${state.toLowerCase()}` },
    h('i', { attributes: { 'aria-hidden': 'true' } }),
    text,
  );
}

/**
 * Parts of a whole beside each other, as wide as their numbers.
 * @param {readonly { readonly kind: string, readonly label: string, readonly value: number }[]} parts
 * @param {number} whole
 */
export function bar(parts, whole) {
  const most = Math.max(
    whole,
    parts.reduce((total, { value }) => total + value, 0),
    1,
  );
  const label = `${parts.map(({ label: name, value }) => `${value} ${name}`).join(', ')}, of ${whole}`;
  const element = h('div', { class: 'bar', attributes: { role: 'img', 'aria-label': label } });
  for (const { kind, value } of parts) {
    if (value === 0) continue;
    const part = h('span', { class: kind });
    part.style.width = `${(value / most) * 100}%`;
    element.append(part);
  }
  return element;
}

/**
 * @param {string} kind class
 * @param {string} name
 * @param {Child} value
 * @param {Child} [more]
 */
export function tile(kind, name, value, more = null) {
  return h(
    'div',
    { class: `tile ${kind}` },
    h('h3', {}, name),
    h('p', { class: 'value' }, value),
    h('div', { class: 'more' }, more),
  );
}

/**
 * @typedef {object} TableColumn
 * @property {string} name
 * @property {boolean} [right]
 */

/**
 * On a narrow screen each row is a block whose cells bear their column's name.
 * @param {string} caption
 * @param {readonly TableColumn[]} columns
 * @param {readonly (readonly Child[])[]} rows
 */
export function table(caption, columns, rows) {
  return h(
    'div',
    { class: 'scroll' },
    h(
      'table',
      {},
      h('caption', { class: 'unseen' }, caption),
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          columns.map(({ name, right }) =>
            h('th', { attributes: { scope: 'col' }, class: right ? 'right' : '' }, name),
          ),
        ),
      ),
      h(
        'tbody',
        {},
        rows.map((row) =>
          h(
            'tr',
            {},
            row.map((cell, at) =>
              h(
                'td',
                {
                  class: columns[at]?.right ? 'right' : '',
                  attributes: { 'data-name': columns[at]?.name ?? '' },
                },
                cell,
              ),
            ),
          ),
        ),
      ),
    ),
  );
}

/** @param {string} code */
export function codeTag(code) {
  return h('span', { class: 'code' }, words(code));
}

/** @param {number} value */
export function dim(value) {
  return value === 0 ? h('span', { class: 'zero' }, '0') : number(value);
}

/**
 * @param {string} text
 * @param {() => void} onClick
 * @param {{ readonly kind?: string, readonly key?: string, readonly label?: string }} [options]
 */
export function button(text, onClick, { kind = '', key, label } = {}) {
  return h(
    'button',
    {
      class: kind,
      attributes: { type: 'button', 'data-key': key ?? null, 'aria-label': label ?? null },
      on: { click: onClick },
    },
    text,
  );
}
