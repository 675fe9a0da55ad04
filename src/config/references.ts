import { didYouMean } from './nearest.ts';
import type { OfferDraft } from './offers.ts';
import { fitsPattern, isPattern } from './patterns.ts';
import type { Locate, Place, Report } from './report.ts';
import type { CloudFields, PolicyFields, PoolFields, QueueFields, SiteFields } from './schema.ts';
import { formatDuration } from './units.ts';

/** An entry of a list in the config, with its place. `fields` is null where they are wrong and reported already. */
export interface Entry<Fields> {
  /** Null if it has no usable name. */
  readonly name: string | null;
  readonly fields: Fields | null;
  readonly locate: Locate;
}

/** With the names and boot fields that it has even where something else in it is wrong. */
export interface OfferEntry extends Entry<OfferDraft> {
  readonly cloud: string | null;
  readonly boot: unknown;
  /** It was made of a cloud's catalog: that no pool uses it is no fault. */
  readonly generated?: true;
}

export interface PoolEntry extends Entry<PoolFields> {
  readonly queue: string | null;
  /** As they are written; in `fields` patterns are the names that fit them. */
  readonly offers: readonly unknown[];
}

export interface Entries {
  readonly queues: readonly Entry<QueueFields>[];
  readonly clouds: readonly Entry<CloudFields>[];
  readonly offers: readonly OfferEntry[];
  /** Whether these are all the offers there are. */
  readonly offersComplete: boolean;
  readonly pools: readonly PoolEntry[];
}

/** What no entry can say by itself: whether the names they use exist and their bounds can be kept together. */
export function checkReferences(entries: Entries, report: Report): void {
  for (const kind of [entries.queues, entries.clouds, entries.offers, entries.pools])
    checkUnique(kind, report);
  const offers = byName(entries.offers);
  const clouds = byName(entries.clouds);
  const queues = byName(entries.queues);
  for (const { cloud, locate } of entries.offers) {
    if (cloud !== null) checkName('cloud', cloud, clouds.keys(), locate(['cloud']), report);
  }
  for (const pool of entries.pools) {
    const { fields, locate, queue } = pool;
    if (queue !== null) checkName('queue', queue, queues.keys(), locate(['queue']), report);
    checkPoolOffers(pool, { offers, complete: entries.offersComplete }, report);
    if (fields === null) continue;
    checkBounds(fields, locate, offers, clouds, report);
    checkTimes(fields, locate, queues.get(fields.queue) ?? null, report);
  }
  warnUnused(entries, report);
}

export function checkPolicy(policy: PolicyFields, locate: Locate, report: Report): void {
  if (policy.setAsideFirst <= policy.setAsideMax) return;
  const [first, most] = [formatDuration(policy.setAsideFirst), formatDuration(policy.setAsideMax)];
  report.add('error', locate(['setAsideFirst']), `${first} is more than setAsideMax (${most})`);
}

export function checkDowntimes(
  downtimes: SiteFields['downtimes'],
  { clouds, pools }: { readonly clouds: readonly string[]; readonly pools: readonly string[] },
  locate: Locate,
  report: Report,
): void {
  for (const [index, { cloud, pool }] of downtimes.entries()) {
    if (cloud !== undefined) checkName('cloud', cloud, clouds, locate(['downtimes', index, 'cloud']), report);
    if (pool !== undefined) checkName('pool', pool, pools, locate(['downtimes', index, 'pool']), report);
  }
}

/** Reports a name that is not among the known ones. */
export function checkName(
  what: string,
  name: string,
  known: Iterable<string>,
  place: Place,
  report: Report,
): boolean {
  const names = [...known];
  if (names.includes(name)) return true;
  const near = didYouMean(name, names);
  const list = near === '' && names.length > 0 && names.length <= 10 ? `; known: ${names.join(', ')}` : near;
  report.add('error', place, `unknown ${what} ${JSON.stringify(name.slice(0, 60))}${list}`);
  return false;
}

function checkUnique(entries: readonly Entry<unknown>[], report: Report): void {
  const first = new Map<string, Place>();
  for (const { name, locate } of entries) {
    if (name === null) continue;
    const earlier = first.get(name);
    const place = locate(['name']);
    if (earlier === undefined) first.set(name, place);
    else {
      const where = `${earlier.file === place.file ? 'line ' : `${earlier.file}:`}${earlier.line}`;
      report.add('error', place, `the name "${name}" is taken already (${where})`);
    }
  }
}

type Named<Fields> = ReadonlyMap<string, Fields | null>;

function byName<Fields>(entries: readonly Entry<Fields>[]): Named<Fields> {
  const names = new Map<string, Fields | null>();
  for (const { name, fields } of entries) if (name !== null && !names.has(name)) names.set(name, fields);
  return names;
}

function checkPoolOffers(
  pool: PoolEntry,
  { offers, complete }: { readonly offers: Named<OfferDraft>; readonly complete: boolean },
  report: Report,
): void {
  const currencies = new Set<string>();
  for (const [index, name] of pool.offers.entries()) {
    if (typeof name !== 'string' || (!offers.has(name) && !complete)) continue;
    const place = pool.locate(['offers', index]);
    if (isPattern(name)) {
      const fits = [...offers.keys()].some((one) => fitsPattern(one, name));
      if (!fits) report.add('error', place, `no offer's name fits ${JSON.stringify(name.slice(0, 60))}`);
      continue;
    }
    if (!checkName('offer', name, offers.keys(), place, report)) continue;
    if (pool.offers.indexOf(name) < index) report.add('error', place, `the offer "${name}" is given twice`);
  }
  for (const name of pool.fields?.offers ?? []) {
    const currency = offers.get(name)?.price?.currency;
    if (currency !== undefined) currencies.add(currency);
  }
  if (currencies.size > 1) {
    const list = [...currencies].toSorted().join(', ');
    report.add('warning', pool.locate(['offers'], 'key'), `prices in ${list} cannot be compared`);
  }
}

function checkBounds(
  pool: PoolFields,
  locate: Locate,
  offers: Named<OfferDraft>,
  clouds: Named<CloudFields>,
  report: Report,
): void {
  const { min, max } = pool;
  const headroom = pool.headroom.machines;
  if (min > max) report.add('error', locate(['min']), `${min} is more than max (${max})`);
  if (headroom > max) report.add('error', locate(['headroom']), `${headroom} is more than max (${max})`);

  // None, where what they are generated from is not known.
  if (pool.offers.length === 0) return;
  const used = pool.offers.map((name) => offers.get(name) ?? null);
  const cloudNames = new Set(used.map((offer) => offer?.cloud ?? ''));
  const ofClouds = sumOrNull([...cloudNames].map((name) => clouds.get(name)?.max ?? null));
  const ofOffers = sumOrNull(used.map((offer) => offer?.max ?? null));
  for (const [limit, whose] of [
    [ofClouds, 'its clouds'],
    [ofOffers, 'its offers'],
  ] as const) {
    if (limit === null) continue;
    if (min > limit) {
      report.add('error', locate(['min']), `${min} can never be reached: ${whose} allow ${limit}`);
    } else if (max > limit) {
      report.add('warning', locate(['max']), `${max} can never be reached: ${whose} allow ${limit}`);
    }
  }
}

function checkTimes(pool: PoolFields, locate: Locate, queue: QueueFields | null, report: Report): void {
  const { idle, idleMin, idleMax, lifetime, silent } = pool.limits;
  const longest = idle ?? idleMax;
  if (lifetime !== null && lifetime <= longest) {
    const text = `${formatDuration(lifetime)} is no longer than ${idle === null ? 'idleMax' : 'idle'} (${formatDuration(longest)})`;
    report.add('warning', locate(['limits', 'lifetime']), text);
  }
  if (idleMin > idleMax) {
    const text = `${formatDuration(idleMin)} is more than idleMax (${formatDuration(idleMax)})`;
    report.add('error', locate(['limits', 'idleMin']), text);
  }
  if (queue !== null && silent <= queue.poll + queue.deadline) {
    const text = `${formatDuration(silent)} is not longer than a poll of the queue may take`;
    const most = formatDuration(queue.poll + queue.deadline);
    report.add('error', locate(['limits', 'silent']), `${text} (poll + deadline: ${most})`);
  }
}

function warnUnused({ queues, clouds, offers, offersComplete, pools }: Entries, report: Report): void {
  const usable = pools.flatMap(({ fields }) => fields ?? []);
  // With a pool that could not be read, what it uses is not known.
  if (usable.length === pools.length) {
    const queueNames = new Set(usable.map((pool) => pool.queue));
    const offerNames = new Set(usable.flatMap((pool) => pool.offers));
    warn(queues, queueNames, 'no pool serves this queue', report);
    const written = offers.filter(({ generated }) => generated !== true);
    warn(written, offerNames, 'no pool uses this offer', report);
  }
  const drafts = offers.flatMap(({ fields }) => fields ?? []);
  if (offersComplete && drafts.length === offers.length) {
    warn(clouds, new Set(drafts.map((draft) => draft.cloud)), 'no offer is at this cloud', report);
  }
}

function warn(
  entries: readonly Entry<unknown>[],
  used: ReadonlySet<string>,
  message: string,
  report: Report,
): void {
  for (const { name, locate } of entries) {
    if (name !== null && !used.has(name)) report.add('warning', locate(['name']), message);
  }
}

/** The sum, or null if any part has no limit. */
function sumOrNull(parts: readonly (number | null)[]): number | null {
  return parts.reduce((sum, part) => (sum === null || part === null ? null : sum + part), 0 as number | null);
}
