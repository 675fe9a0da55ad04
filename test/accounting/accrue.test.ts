import { describe, expect, test } from 'vitest';
import { accrue, bridgeMaxMs, nothingAccounted } from '../../src/accounting/accrue.ts';
import type { WorkerUse } from '../../src/model/demand.ts';
import { createMemoryStore } from '../../src/store/memory/store.ts';
import { site } from '../conformance/rows.ts';
import { makeInstance, makeView, makeWorker } from '../support/fleetParts.ts';
import { makeOffer } from '../support/siteParts.ts';
import { openBooks, sumOf, viewOf } from './books.ts';

const day = 86_400_000;
/** Ten minutes before a day ends. */
const evening = 20_000 * day - 600_000;
const offer = makeOffer({ name: 'small', cpus: 4, memoryMiB: 1000, perHour: 3.6 });
const price = { perHour: 3.6, currency: 'USD' };
const machine = makeInstance('idle', {
  createdAtMs: evening,
  terms: { market: 'onDemand', price, billing: { minimumMs: 0, incrementMs: 1000 } },
  cause: { kind: 'demand', demand: 'd' as never, job: null, user: 'ann', group: 'physics' },
});
const ann = (...jobIds: string[]): WorkerUse => ({
  user: 'ann',
  group: 'physics',
  cpus: jobIds.length,
  jobIds,
});
const bob = (...jobIds: string[]): WorkerUse => ({
  user: 'bob',
  group: null,
  cpus: 2 * jobIds.length,
  jobIds,
});
const shows = (...usage: WorkerUse[]) => new Map([[machine.id, usage]]);

function begin() {
  const books = openBooks(createMemoryStore({ site }), [offer]);
  books.tick(evening, { changed: [machine] });
  return books;
}

describe('a machine', () => {
  test('is had from its intent until it is gone, each day for itself, and nothing changes when it is booked', () => {
    const books = begin();
    const endMs = evening + 1_200_000;
    const expected = [
      { day: 19_999, machineMs: 600_000, coreMs: 2_400_000, memoryMiBSeconds: 600_000, machines: 1 },
      { day: 20_000, machineMs: 600_000, coreMs: 2_400_000, memoryMiBSeconds: 600_000, machines: 0 },
    ];
    expect(books.rows(endMs)).toMatchObject(expected);
    const before = books.rows(endMs);
    books.tick(endMs, { changed: [{ ...machine, phase: 'ended', endedAtMs: endMs }] });
    expect(books.rows(endMs + day)).toEqual(before);
    expect(before.every(({ user, group }) => user === 'ann' && group === 'physics')).toBe(true);
    expect(sumOf(before, 'cost')).toBeCloseTo(1.2, 9);
    expect(books.state().machines.size).toBe(0);
  });

  test('that was refused is none', () => {
    const books = openBooks(createMemoryStore({ site }), [offer]);
    const refused = { ...machine, cloudId: null };
    books.tick(evening, { changed: [{ ...refused, phase: 'requested' }] });
    books.tick(evening + 1000, { changed: [{ ...refused, phase: 'ended', endedAtMs: evening + 1000 }] });
    expect(books.rows(evening + 1000)).toEqual([]);
  });

  test('that is known for the first time when it has ended is booked all the same', () => {
    const books = openBooks(createMemoryStore({ site }), [offer]);
    const endedAtMs = evening + 60_000;
    books.tick(endedAtMs, { changed: [{ ...machine, phase: 'ended', endedAtMs }] });
    expect(sumOf(books.rows(endedAtMs), 'machineMs')).toBe(60_000);
  });
});

describe('jobs', () => {
  test('count from the view that shows them until the one that does not, by whose they are', () => {
    const books = begin();
    books.tick(evening, { views: [viewOf(evening, shows(ann('1'), bob('2')))] });
    books.tick(evening + 10_000, { views: [viewOf(evening + 10_000, shows(ann('1', '3'), bob('2')))] });
    books.tick(evening + 30_000, { views: [viewOf(evening + 30_000, shows())] });
    const rows = books.rows(evening + 60_000);
    expect(rows.find(({ user, busyMs }) => user === 'ann' && busyMs > 0)).toMatchObject({
      group: 'physics',
      busyMs: 30_000,
      busyCoreMs: 10_000 + 2 * 20_000,
      jobs: 2,
    });
    expect(rows.find(({ user }) => user === 'bob')).toMatchObject({
      group: null,
      busyMs: 30_000,
      busyCoreMs: 60_000,
      jobs: 1,
    });
  });

  test('of a scheduler that does not say whose they are use the machine whole, and nobody is named', () => {
    const books = begin();
    const silent = makeWorker(machine.id, 'claimed', { total: offer.resources, runningJobs: 1 });
    books.tick(evening, { views: [makeView(evening, { workers: [silent] })] });
    books.tick(evening + 5000, { views: [viewOf(evening + 5000, shows())] });
    expect(books.rows(evening + 5000).find(({ busyMs }) => busyMs > 0)).toMatchObject({
      user: null,
      busyMs: 5000,
      busyCoreMs: 20_000,
    });
  });

  test.each([
    [Number.POSITIVE_INFINITY, 100_000],
    [1e300, 100_000],
    [Number.NaN, 0],
    [-4, 0],
  ])('on %d processors, which is no number of processors, can be booked and stored', (cpus, counted) => {
    const books = begin();
    const odd = { user: 'ann', group: null, cpus, jobIds: ['1'] };
    books.tick(evening, { views: [viewOf(evening, shows(odd))] });
    books.tick(evening + 1000, { views: [viewOf(evening + 1000, shows(odd))] });
    books.tick(evening + 2000, { views: [viewOf(evening + 2000, shows())] });
    expect(sumOf(books.rows(evening + 2000), 'busyCoreMs')).toBe(2000 * counted);
  });

  test('go on where a view is not complete, and are over where a complete one does not show their worker', () => {
    const books = begin();
    books.tick(evening, { views: [viewOf(evening, shows(bob('2')))] });
    books.tick(evening + 5000, { views: [makeView(evening + 5000, { workersComplete: false })] });
    expect(books.state().machines.get(machine.id)?.uses).toHaveLength(1);
    books.tick(evening + 9000, { views: [makeView(evening + 9000)] });
    expect(sumOf(books.rows(evening + 60_000), 'busyMs')).toBe(9000);
  });

  test('end with their machine', () => {
    const books = begin();
    books.tick(evening, { views: [viewOf(evening, shows(bob('2')))] });
    const endedAtMs = evening + 4000;
    books.tick(endedAtMs, { changed: [{ ...machine, phase: 'ended', endedAtMs }] });
    expect(sumOf(books.rows(endedAtMs), 'busyMs')).toBe(4000);
    expect(sumOf(books.rows(endedAtMs), 'jobs')).toBe(1);
  });

  test('that go on over a restart are counted through, however long it took', () => {
    const books = begin();
    books.tick(evening, { views: [viewOf(evening, shows(bob('2')))] });
    books.restart();
    const back = evening + 10 * bridgeMaxMs;
    books.tick(back, { views: [viewOf(back, shows(bob('2')))] });
    expect(sumOf(books.rows(back), 'busyMs')).toBe(10 * bridgeMaxMs);
    expect(sumOf(books.rows(back), 'jobs')).toBe(0);
  });

  test.each([
    ['a short', bridgeMaxMs, bridgeMaxMs],
    ['a long', bridgeMaxMs + 1, 0],
  ])('that are others after %s time without a view count so far', (_, gapMs, counted) => {
    const books = begin();
    books.tick(evening, { views: [viewOf(evening, shows(bob('2')))] });
    books.restart();
    const back = evening + gapMs;
    books.tick(back, { views: [viewOf(back, shows(ann('7')))] });
    expect(sumOf(books.rows(back), 'busyMs')).toBe(counted);
    expect(sumOf(books.rows(back), 'jobs')).toBe(1);
  });
});

describe('what it costs', () => {
  const quiet = {
    nowMs: evening,
    views: [],
    instanceOf: () => null,
    changed: new Map(),
    offers: new Map(),
  };

  test('a tick without news is the same state, and nothing to store', () => {
    const accrual = accrue(nothingAccounted, quiet);
    expect(accrual.state).toBe(nothingAccounted);
    expect([accrual.machines, accrual.usage]).toEqual([[], []]);
  });

  test('a view that shows what the one before showed stores nothing, and copies no machine', () => {
    const books = begin();
    books.tick(evening, { views: [viewOf(evening, shows(ann('1'), bob('2')))] });
    const before = books.state();
    const again = viewOf(evening + 5000, shows(bob('2'), ann('1')));
    const accrual = accrue(before, {
      ...quiet,
      nowMs: evening + 5000,
      views: [again],
      instanceOf: ({ instance }) => instance,
    });
    expect(accrual.state.machines).toBe(before.machines);
    expect([accrual.machines, accrual.usage]).toEqual([[], []]);
    expect(accrual.state.storedAtMs).toBe(before.storedAtMs);
  });
});
