/** @typedef {Node | string | number | null | false | readonly Child[]} Child */

/**
 * @typedef {object} Properties
 * @property {string} [class]
 * @property {Readonly<Record<string, string | number | boolean | null>>} [attributes] null and false: absent
 * @property {Readonly<Record<string, (event: any) => void>>} [on]
 */

/**
 * An element; text is never read as HTML.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Properties} [properties]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  if (properties.class !== undefined) element.className = properties.class;
  for (const [name, value] of Object.entries(properties.attributes ?? {})) setAttribute(element, name, value);
  for (const [name, listener] of Object.entries(properties.on ?? {}))
    element.addEventListener(name, listener);
  append(element, children);
  return element;
}

/**
 * @param {Node} parent
 * @param {readonly Child[]} children
 */
function append(parent, children) {
  for (const child of children) {
    if (child === null || child === false) continue;
    if (child instanceof Node) parent.appendChild(child);
    else if (typeof child === 'object') append(parent, child);
    else parent.appendChild(document.createTextNode(String(child)));
  }
}

/**
 * @param {Element} element
 * @param {string} name
 * @param {string | number | boolean | null} value
 */
export function setAttribute(element, name, value) {
  if (value === null || value === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value === true ? '' : value))
    element.setAttribute(name, value === true ? '' : String(value));
}

/**
 * Only what has changed is written: a page that is read aloud, or selected in, is left in peace.
 * @param {Element} element
 * @param {string | number} text
 */
export function setText(element, text) {
  const next = String(text);
  if (element.textContent !== next) element.textContent = next;
}

/**
 * Shows other children where what they are made of is not as it was. Fields and focus in them live on while it is.
 * @template T
 * @param {Element} element
 * @param {T} data plain data
 * @param {(data: T) => Child} render
 */
export function renderOnce(element, data, render) {
  const key = JSON.stringify(data);
  if (shown.get(element) === key) return;
  shown.set(element, key);
  const focused = document.activeElement;
  const mark = focused !== null && element.contains(focused) ? focused.getAttribute('data-key') : null;
  element.replaceChildren();
  append(element, [render(data)]);
  if (mark !== null) {
    const again = element.querySelector(`[data-key="${CSS.escape(mark)}"]`);
    if (again instanceof HTMLElement) again.focus({ preventScroll: true });
  }
}

/** @type {WeakMap<Element, string>} */
const shown = new WeakMap();

/**
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found;
}
