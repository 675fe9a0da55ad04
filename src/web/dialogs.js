import { byId, h } from './dom.js';
import { later } from './time.js';

/** @import { Child } from './dom.js' */

const toastMs = 8_000;

/**
 * @param {string} text
 * @param {'good' | 'bad'} kind
 */
export function toast(text, kind) {
  const element = h('p', { class: `toast ${kind}` }, text);
  byId('toasts').append(element);
  later(toastMs, () => element.remove());
}

/**
 * A sheet beside the page, or over it on a narrow screen. Escape and the cross close it.
 * @param {string} title
 * @param {readonly Child[]} children
 * @returns {{ element: HTMLElement, close: () => void, closed: AbortSignal }}
 */
export function openSheet(title, children) {
  const closed = new AbortController();
  const body = h('div', { class: 'body' }, children);
  const close = () => dialog.close();
  const dialog = h(
    'dialog',
    { class: 'sheet', attributes: { 'aria-label': title } },
    h(
      'header',
      {},
      h('h2', {}, title),
      h(
        'button',
        { class: 'quiet close', attributes: { type: 'button', 'aria-label': 'Close' }, on: { click: close } },
        '✕',
      ),
    ),
    body,
  );
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) close();
  });
  dialog.addEventListener('close', () => {
    closed.abort();
    dialog.remove();
  });
  document.body.append(dialog);
  dialog.showModal();
  return { element: body, close, closed: closed.signal };
}

/**
 * @typedef {object} FormOptions
 * @property {string} title
 * @property {readonly Child[]} children fields with names
 * @property {string} submit
 * @property {string} [kind] class of the button
 * @property {(fields: Readonly<Record<string, string>>) => Promise<void>} act what it throws is shown, and the form stays open
 */

/**
 * A form over the page.
 * @param {FormOptions} options
 */
export function openForm({ title, children, submit, kind = 'primary', act }) {
  const wrong = h('p', { class: 'wrong', attributes: { role: 'alert' } });
  const send = h('button', { class: kind, attributes: { type: 'submit' } }, submit);
  const cancel = h(
    'button',
    { attributes: { type: 'button' }, on: { click: () => dialog.close() } },
    'Cancel',
  );
  const form = h('form', {}, h('h2', {}, title), children, wrong, h('footer', {}, cancel, send));
  const dialog = h('dialog', { class: 'form', attributes: { 'aria-label': title } }, form);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    send.disabled = true;
    act(textsOf(form))
      .then(
        () => dialog.close(),
        (error) => {
          wrong.textContent = error instanceof Error ? error.message : String(error);
        },
      )
      .finally(() => {
        send.disabled = false;
      });
  });
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

/**
 * @param {string} label
 * @param {HTMLElement} input
 * @param {string} [hint]
 */
export function field(label, input, hint) {
  return h(
    'label',
    { class: 'field' },
    h('span', {}, label),
    input,
    hint === undefined ? null : h('small', {}, hint),
  );
}

/**
 * Its fields by name; a box that is not ticked is absent.
 * @param {HTMLFormElement} form
 * @returns {Readonly<Record<string, string>>}
 */
function textsOf(form) {
  /** @type {Record<string, string>} */
  const texts = {};
  for (const [name, value] of new FormData(form)) if (typeof value === 'string') texts[name] = value;
  return texts;
}
