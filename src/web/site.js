/**
 * @import { LiveFrame, LiveInstance, LiveDemand } from '../api/live/frame.ts'
 * @import { StatusView } from '../api/control.ts'
 * @import { Caller } from '../api/door.ts'
 */

/**
 * What the page knows of the site; frames change it in place.
 * @typedef {object} Site
 * @property {StatusView | null} status
 * @property {Map<string, LiveInstance>} instances
 * @property {LiveDemand | null} demand
 * @property {Caller | null} caller
 */

/** @returns {Site} */
export function emptySite() {
  return { status: null, instances: new Map(), demand: null, caller: null };
}

/**
 * @param {Site} site
 * @param {LiveFrame} frame
 */
export function applyFrame(site, frame) {
  site.status = frame.status;
  const { whole, put, gone } = frame.instances;
  if (whole) site.instances.clear();
  for (const instance of put) site.instances.set(instance.id, instance);
  for (const id of gone) site.instances.delete(id);
  if (frame.demand !== null) site.demand = frame.demand;
}

/**
 * Whether the one who looks may order something in that pool; null: in all of the site.
 * @param {Site} site
 * @param {string | null} pool
 * @returns {boolean}
 */
export function mayOperate({ caller }, pool) {
  if (caller === null || caller.role === 'read' || caller.role === 'lease') return false;
  if (caller.pools === null) return true;
  return pool !== null && caller.pools.includes(pool);
}

/** @typedef {'id' | 'pool' | 'phase' | 'since' | 'age' | 'jobs' | 'offer' | 'user'} SortKey */

/**
 * @typedef {object} MachineFilter
 * @property {string} text
 * @property {string} pool empty: all
 * @property {string} state empty: all
 * @property {SortKey} sort
 * @property {boolean} descending
 */

/**
 * Machines as a list shows them.
 * @param {Iterable<LiveInstance>} instances
 * @param {MachineFilter} filter
 * @returns {LiveInstance[]}
 */
export function selectMachines(instances, filter) {
  const text = filter.text.trim().toLowerCase();
  /** @type {LiveInstance[]} */
  const kept = [];
  for (const one of instances) {
    if (filter.pool !== '' && one.pool !== filter.pool) continue;
    if (filter.state !== '' && one.state !== filter.state) continue;
    if (text !== '' && !isMentioned(one, text)) continue;
    kept.push(one);
  }
  const compare = orders[filter.sort];
  const sign = filter.descending ? -1 : 1;
  return kept.toSorted((a, b) => sign * compare(a, b) || byText(a.id, b.id));
}

/**
 * @param {LiveInstance} one
 * @param {string} text
 */
function isMentioned(one, text) {
  return [one.id, one.offer, one.cloud, one.phase, one.user, one.address, one.pool].some(
    (field) => field?.toLowerCase().includes(text) === true,
  );
}

/**
 * @param {string} a
 * @param {string} b
 */
const byText = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

/** @type {Readonly<Record<SortKey, (a: LiveInstance, b: LiveInstance) => number>>} */
const orders = {
  id: (a, b) => byText(a.id, b.id),
  pool: (a, b) => byText(a.pool, b.pool),
  phase: (a, b) => byText(a.phase, b.phase),
  offer: (a, b) => byText(a.offer, b.offer),
  user: (a, b) => byText(a.user ?? '', b.user ?? ''),
  // The longest in its phase, and the oldest, are the greatest.
  since: (a, b) => b.phaseSinceMs - a.phaseSinceMs,
  age: (a, b) => b.createdAtMs - a.createdAtMs,
  jobs: (a, b) => (a.runningJobs ?? -1) - (b.runningJobs ?? -1),
};

/**
 * What the machines that there are cost in an hour, by currency; those without a known price are not in it.
 * @param {Iterable<LiveInstance>} instances
 * @returns {ReadonlyMap<string, number>}
 */
export function costPerHour(instances) {
  /** @type {Map<string, number>} */
  const sums = new Map();
  for (const { price } of instances)
    if (price !== null) sums.set(price.currency, (sums.get(price.currency) ?? 0) + price.perHour);
  return sums;
}
