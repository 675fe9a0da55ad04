import { dateOf } from './time.js';

const seconds = 1000;
const minutes = 60 * seconds;
const hours = 60 * minutes;
const days = 24 * hours;

/** @type {readonly (readonly [number, string])[]} */
const units = [
  [days, 'd'],
  [hours, 'h'],
  [minutes, 'm'],
  [seconds, 's'],
];

/**
 * `2h 5m`: the two largest units.
 * @param {number} ms
 * @returns {string}
 */
export function span(ms) {
  if (ms < seconds) return '0s';
  const first = units.findIndex(([size]) => ms >= size);
  const parts = [];
  let left = ms;
  for (const [size, unit] of units.slice(first, first + 2)) {
    const whole = Math.floor(left / size);
    left -= whole * size;
    if (whole > 0) parts.push(`${whole}${unit}`);
  }
  return parts.join(' ');
}

const groups = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });

/**
 * @param {number} value
 * @returns {string}
 */
export function number(value) {
  return groups.format(value);
}

/**
 * `1 job`, `2 jobs`.
 * @param {number} count
 * @param {string} one
 * @param {string} [many]
 * @returns {string}
 */
export function counted(count, one, many = `${one}s`) {
  return `${number(count)} ${count === 1 ? one : many}`;
}

/**
 * `12.50 USD`; small sums with more digits.
 * @param {number} amount
 * @param {string} currency
 * @returns {string}
 */
export function money(amount, currency) {
  const digits = amount !== 0 && Math.abs(amount) < 1 ? 3 : 2;
  return `${amount.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })} ${currency}`;
}

/** @param {number} value */
const two = (value) => String(value).padStart(2, '0');

/**
 * `14:05:09`, in the time zone of the browser.
 * @param {number} epochMs
 * @returns {string}
 */
export function clock(epochMs) {
  const at = dateOf(epochMs);
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/**
 * `2026-11-22 14:05`, in the time zone of the browser.
 * @param {number} epochMs
 * @returns {string}
 */
export function dateTime(epochMs) {
  const at = dateOf(epochMs);
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}`;
}

/**
 * `poolMax` as `pool max`: a code as words.
 * @param {string} code
 * @returns {string}
 */
export function words(code) {
  return code.replaceAll(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
