/** The browser's clock and timers: the one file of the page that may use them. */

/** @returns {number} epoch ms */
export function wallNow() {
  return Date.now();
}

/** @returns {number} ms since the page began */
export function monotonicNow() {
  return performance.now();
}

/**
 * For the browser's own tools, and the benchmark.
 * @param {string} name
 * @param {number} startMs
 */
export function measureSince(name, startMs) {
  performance.clearMeasures(name);
  performance.measure(name, { start: startMs, end: performance.now() });
}

/**
 * @param {number} ms
 * @param {() => void} callback
 * @returns {() => void} forgets it
 */
export function later(ms, callback) {
  const timer = setTimeout(callback, ms);
  return () => clearTimeout(timer);
}

/**
 * @param {number} ms
 * @returns {Promise<void>}
 */
export function pause(ms) {
  return new Promise((done) => {
    setTimeout(done, ms);
  });
}

/** @param {number} epochMs */
export function dateOf(epochMs) {
  return new Date(epochMs);
}

/**
 * What an `<input type="datetime-local">` holds, in the time zone of the browser.
 * @param {string} text
 * @returns {number | null} epoch ms
 */
export function parseLocal(text) {
  const ms = new Date(text).getTime();
  return Number.isNaN(ms) ? null : ms;
}
