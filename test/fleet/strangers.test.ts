import { describe, expect, test } from 'vitest';
import { CloudId, PoolName, WorkerId } from '../../src/model/ids.ts';
import {
  found,
  makeEntry,
  makeFleet,
  makeInstance,
  makeList,
  makeView,
  makeWorker,
  t0,
} from '../support/fleetParts.ts';
import { foldedPhases, folds, onlyOf } from '../support/folds.ts';

describe('a machine that bears our mark and is not in the store', () => {
  const stranger = makeInstance('claimed', { name: 'old' });
  const lists = (atMs: number, over = {}) => [makeList(atMs, [found(stranger, over)])];
  const withWorker = (atMs: number) => [makeView(atMs, { workers: [makeWorker(stranger.id, 'claimed')] })];

  test('seen once it is left alone; seen twice and with a worker it is adopted, and its job lives', () => {
    const once = folds(makeFleet([]), [t0, { lists: lists(t0), views: withWorker(t0) }]);
    expect(foldedPhases(once)).toEqual({});
    const twice = folds(once.result(), [
      t0 + 10_000,
      { lists: lists(t0 + 10_000), views: withWorker(t0 + 10_000) },
    ]);
    expect(onlyOf(twice)).toMatchObject({
      id: 'old-0',
      phase: 'joining',
      cause: { kind: 'adopted' },
      endReason: null,
    });
    const seen = folds(twice.result(), [t0 + 20_000, { views: withWorker(t0 + 20_000) }]);
    expect(onlyOf(seen).phase).toBe('claimed');
  });

  test('without a worker it is ended, but only when the reap period is over', () => {
    const quiet = (atMs: number) => [atMs, { lists: lists(atMs), views: [makeView(atMs)] }] as const;
    const young = folds(makeFleet([]), quiet(t0), quiet(t0 + 60_000), quiet(t0 + 119_999));
    expect(foldedPhases(young)).toEqual({});
    const old = folds(young.result(), quiet(t0 + 120_000));
    expect(onlyOf(old)).toMatchObject({
      phase: 'terminating',
      endReason: 'orphan',
      cloudId: 'cloud-of-old-0',
    });
  });

  test.each([
    ['no view of its queue', []],
    ['an incomplete view', [makeView(t0 + 200_000, { workersComplete: false })]],
    ['a view from before the reap period was over', [makeView(t0 + 1)]],
  ])('with %s nobody can say that it has no worker: it lives', (_, views) => {
    const change = folds(
      makeFleet([]),
      [t0, { lists: lists(t0) }],
      [t0 + 200_000, { lists: lists(t0 + 200_000), views }],
    );
    expect(foldedPhases(change)).toEqual({});
    expect(change.strangers.size).toBe(1);
  });

  test('of a pool that is not in the config, with a worker: it is left alone, as whatever runs on it would die', () => {
    const other = { pool: PoolName('gone') };
    const change = folds(
      makeFleet([]),
      [t0, { lists: lists(t0, other), views: withWorker(t0) }],
      [t0 + 300_000, { lists: lists(t0 + 300_000, other), views: withWorker(t0 + 300_000) }],
    );
    expect(foldedPhases(change)).toEqual({});
    expect(change.strangers.size).toBe(1);
  });

  test('in each second list only, it is ended all the same, and not while the newest lacks it', () => {
    let change = folds(makeFleet([]));
    for (let atMs = t0; atMs <= t0 + 120_000; atMs += 10_000) {
      const isShown = (atMs - t0) % 20_000 === 0;
      const list = isShown ? lists(atMs) : [makeList(atMs, [])];
      change = folds(change.result(), [atMs, { lists: list, views: [makeView(atMs)] }]);
      expect(change.entries.size).toBe(atMs === t0 + 120_000 ? 1 : 0);
    }
    expect(onlyOf(change)).toMatchObject({ phase: 'terminating', endReason: 'orphan' });
  });

  test('a list that shows it twice has shown it once', () => {
    const twice = [makeList(t0, [found(stranger), found(stranger)])];
    const change = folds(makeFleet([]), [t0, { lists: twice, views: withWorker(t0) }]);
    expect(foldedPhases(change)).toEqual({});
  });

  test('one that is listed twice when its seat is found is no stranger, nor is one that was met before', () => {
    const unknown = makeInstance('unknown', { name: 'own', cloudId: null });
    const own = found({ ...unknown, cloudId: CloudId('own-1') });
    const met = folds(makeFleet([]), [t0, { lists: [makeList(t0, [own])] }]).result();
    expect(met.strangers.size).toBe(1);
    const fleet = { ...makeFleet([makeEntry(unknown)]), strangers: met.strangers };
    const change = folds(fleet, [t0 + 10_000, { lists: [makeList(t0 + 10_000, [own, own])] }]);
    expect(onlyOf(change)).toMatchObject({ id: 'own-0', cloudId: 'own-1' });
    expect(change.strangers.size).toBe(0);
  });

  test('a second machine for a seat is ended after the reap period, but not while its own worker has a job', () => {
    const first = makeInstance('claimed', { name: 'old', address: '10.0.0.1' });
    const twin = found(first, { cloudId: CloudId('twin'), address: '10.0.0.2' });
    const both = (atMs: number) => [makeList(atMs, [found(first), twin])];
    const workers = (jobsOfTwin: number) => [
      makeWorker(first.id, 'claimed', { address: '10.0.0.1' }),
      makeWorker(first.id, jobsOfTwin > 0 ? 'claimed' : 'idle', {
        id: WorkerId('old-0 10.0.0.2'),
        address: '10.0.0.2',
        runningJobs: jobsOfTwin,
      }),
    ];
    const seen = (atMs: number, jobsOfTwin: number) =>
      [atMs, { lists: both(atMs), views: [makeView(atMs, { workers: workers(jobsOfTwin) })] }] as const;
    const fleet = makeFleet([makeEntry(first)]);
    const working = folds(fleet, seen(t0, 1), seen(t0 + 60_000, 1), seen(t0 + 130_000, 1));
    expect(Object.keys(foldedPhases(working))).toEqual(['old-0']);
    const idle = folds(working.result(), seen(t0 + 140_000, 0));
    // The twin is free, and the first is not taken for it.
    expect(foldedPhases(idle)).toEqual({ 'old-0': 'claimed', 'old-0-twin-twin': 'terminating' });
  });

  test('its mark cannot be read back: it stays known as a stranger', () => {
    const unmarked = { pool: null, offer: null };
    const change = folds(
      makeFleet([]),
      [t0, { lists: lists(t0, unmarked) }],
      [t0 + 300_000, { lists: lists(t0 + 300_000, unmarked), views: [makeView(t0 + 300_000)] }],
    );
    expect(change.strangers.size).toBe(1);
    expect([...change.strangers.values()][0]?.firstListedAtMs).toBe(t0);
  });

  test('not in the next two lists it is forgotten, and when it is gone at once', () => {
    const met = folds(makeFleet([]), [t0, { lists: lists(t0) }]);
    const none = (atMs: number) => [atMs, { lists: [makeList(atMs, [])] }] as const;
    expect(folds(met.result(), none(t0 + 1)).strangers.size).toBe(1);
    expect(folds(met.result(), none(t0 + 1), none(t0 + 2)).strangers.size).toBe(0);
    expect(folds(met.result(), [t0 + 1, { lists: lists(t0 + 1, { state: 'gone' }) }]).strangers.size).toBe(0);
  });
});
