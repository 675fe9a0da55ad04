import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bridgeMaxMs } from '../../src/accounting/accrue.ts';
import { summarise } from '../../src/accounting/summary.ts';
import { costUntil } from '../../src/model/billing.ts';
import type { WorkerUse } from '../../src/model/demand.ts';
import { type InstanceId, IntentId } from '../../src/model/ids.ts';
import type { Instance } from '../../src/model/instance.ts';
import { createMemoryStore } from '../../src/store/memory/store.ts';
import { openSqliteStore } from '../../src/store/sqlite/store.ts';
import { site } from '../conformance/rows.ts';
import { makeInstance } from '../support/fleetParts.ts';
import { batchQueue, makeOffer } from '../support/siteParts.ts';
import { openBooks, sumOf, viewOf } from './books.ts';

/**
 * Lives, jobs, views and crashes at random, against an account that is kept by the minute and forgets nothing. Everything
 * happens at whole minutes around a change of day and month; a daemon that is down sees nothing, and machines that end
 * meanwhile end for it when it is back.
 */
const minute = 60_000;
const minutes = 600;
/** Five hours before a month ends. */
const t0 = Date.UTC(2026, 10, 30, 19);
const offer = makeOffer({ name: 'small', cpus: 4, perHour: 0.36 });
const users = ['ann', 'bob', null];

const job = fc.record({
  from: fc.nat({ max: minutes }),
  length: fc.integer({ min: 1, max: 120 }),
  user: fc.nat({ max: 2 }),
  cpus: fc.integer({ min: 1, max: 3 }),
});
const life = fc.record({
  from: fc.nat({ max: minutes }),
  length: fc.integer({ min: 1, max: minutes }),
  user: fc.nat({ max: 2 }),
  jobs: fc.array(job, { maxLength: 6 }),
});
const world = fc.record({
  lives: fc.array(life, { minLength: 1, maxLength: 5 }),
  /** Minutes between two views, in turn. */
  gaps: fc.array(fc.constantFrom(1, 1, 2, 3, 7, 15, 16, 40), { minLength: 1, maxLength: 8 }),
  crashes: fc.array(fc.record({ at: fc.nat({ max: minutes }), downFor: fc.nat({ max: 60 }) }), {
    maxLength: 4,
  }),
});

type World = typeof world extends fc.Arbitrary<infer T> ? T : never;
type Life = World['lives'][number];

const at = (minuteOf: number) => t0 + minuteOf * minute;
const isDown = ({ crashes }: World, now: number) =>
  crashes.some(({ at: from, downFor }) => now >= from && now < from + downFor);

/** When the daemon first looks at or after that minute. */
function noticed(of: World, from: number): number {
  let now = from;
  while (isDown(of, now)) now += 1;
  return now;
}

function viewMinutes(of: World): ReadonlySet<number> {
  const times = new Set<number>();
  for (let now = 0, turn = 0; now <= minutes; turn += 1) {
    if (!isDown(of, now)) times.add(now);
    now += of.gaps[turn % of.gaps.length] ?? 1;
  }
  return times;
}

function usageAt({ from, length, jobs }: Life, now: number): readonly WorkerUse[] {
  if (now < from || now >= from + length) return [];
  return jobs.flatMap((each, index) =>
    now >= from + each.from && now < from + each.from + each.length
      ? [{ user: users[each.user] ?? null, group: null, cpus: each.cpus, jobIds: [`${index}`] }]
      : [],
  );
}

const instanceOf = ({ from, user }: Life, index: number): Instance =>
  makeInstance('idle', {
    intent: IntentId(`m${index}`),
    createdAtMs: at(from),
    cause: { kind: 'demand', demand: 'd' as never, job: null, user: users[user] ?? null, group: null },
    terms: { market: 'onDemand', price: offer.price, billing: { minimumMs: minute, incrementMs: 1000 } },
  });

interface Expected {
  readonly byUserAndDay: Map<string, number>;
  machineMs: number;
  cost: number;
}

/** The account by the minute. `lastSeen` is told by the books: a crash may make it older than it was. */
function play(of: World, books: ReturnType<typeof openBooks>): Expected {
  const views = viewMinutes(of);
  const expected: Expected = { byUserAndDay: new Map(), machineMs: 0, cost: 0 };
  const instances = of.lives.map(instanceOf);
  const shown = new Map<InstanceId, { uses: readonly WorkerUse[]; fromMs: number }>();
  const close = (id: InstanceId, untilMs: number) => {
    const open = shown.get(id);
    shown.delete(id);
    if (open === undefined) return;
    for (const { user, cpus } of open.uses)
      for (let ms = open.fromMs; ms < untilMs; ms += minute) {
        const key = `${user} ${Math.floor(ms / 86_400_000)}`;
        expected.byUserAndDay.set(key, (expected.byUserAndDay.get(key) ?? 0) + cpus * minute);
      }
  };
  for (let now = 0; now <= minutes; now++) {
    if (isDown(of, now)) continue;
    if (now > 0 && isDown(of, now - 1)) books.restart();
    const nowMs = at(now);
    const lastMs = books.state().seen.get(batchQueue)?.anyMs ?? null;
    const until = (fromMs: number) =>
      lastMs !== null && nowMs - lastMs <= bridgeMaxMs ? nowMs : Math.max(fromMs, lastMs ?? fromMs);
    const changed: Instance[] = [];
    const there = new Map<InstanceId, readonly WorkerUse[]>();
    for (const [index, each] of of.lives.entries()) {
      const instance = instances[index];
      if (instance === undefined) continue;
      const begun = noticed(of, each.from);
      const ended = noticed(of, each.from + each.length);
      if (begun === now) changed.push(instance);
      if (begun <= now && now < ended) there.set(instance.id, usageAt(each, now));
      if (ended === now && begun <= ended) changed.push({ ...instance, phase: 'ended', endedAtMs: nowMs });
    }
    const isViewed = views.has(now);
    books.tick(nowMs, { changed, views: isViewed ? [viewOf(nowMs, there)] : [] });
    if (isViewed)
      for (const id of new Set([...shown.keys(), ...there.keys()])) {
        const uses = there.get(id) ?? [];
        const open = shown.get(id);
        if (JSON.stringify(open?.uses ?? []) === JSON.stringify(uses)) continue;
        if (open !== undefined) close(id, until(open.fromMs));
        if (uses.length > 0) shown.set(id, { uses, fromMs: nowMs });
      }
    for (const { id, phase } of changed)
      if (phase === 'ended') {
        const seenMs = isViewed ? nowMs : lastMs;
        const open = shown.get(id);
        const bridged = seenMs !== null && nowMs - seenMs <= bridgeMaxMs;
        if (open !== undefined) close(id, bridged ? nowMs : Math.max(open.fromMs, seenMs ?? 0));
      }
  }
  const endMs = at(minutes);
  const lastMs = books.state().seen.get(batchQueue)?.anyMs ?? 0;
  for (const id of shown.keys()) close(id, lastMs);
  for (const each of of.lives) {
    const begun = noticed(of, each.from);
    if (begun > minutes) continue;
    const ended = noticed(of, each.from + each.length);
    const untilMs = at(Math.min(ended, minutes));
    const life = Math.max(0, untilMs - at(each.from));
    expected.machineMs += life;
    const billing = { minimumMs: minute, incrementMs: 1000 };
    if (offer.price !== null)
      expected.cost += costUntil({ price: offer.price, billing, sinceMs: at(each.from), untilMs }, endMs);
  }
  return expected;
}

test.each([
  ['maps', () => createMemoryStore({ site }), 300],
  ['SQLite', () => openSqliteStore({ path: ':memory:', site }), 15],
])(
  'what is accounted for is what was used, whatever crashes: %s',
  { timeout: 60_000 },
  (_, open, numRuns) => {
    fc.assert(
      fc.property(world, (of) => {
        const store = open();
        const books = openBooks(store, [offer]);
        const expected = play(of, books);
        const rows = books.rows(at(minutes));
        expect(sumOf(rows, 'machineMs')).toBe(expected.machineMs);
        expect(sumOf(rows, 'coreMs')).toBe(4 * expected.machineMs);
        expect(sumOf(rows, 'cost')).toBeCloseTo(expected.cost, 6);
        const busy = summarise(rows, ['user', 'day'])
          .filter(({ amounts }) => amounts.busyCoreMs > 0)
          .map(({ keys: [user, day], amounts }) => [`${user} ${day}`, amounts.busyCoreMs] as const);
        expect(new Map(busy)).toEqual(expected.byUserAndDay);
        store.close();
      }),
      { seed: 20_261_122, numRuns },
    );
  },
);
