import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type History, noHistory, type Point, remember, viewOf } from '../../../src/api/live/history.ts';

const point = (atMs: number, busy = 1): Point => ({
  atMs,
  pools: { small: { Free: 2, Busy: busy, Unusable: 0 }, large: { Free: 0, Busy: 0, Unusable: 1 } },
  queues: { main: { waiting: 7, running: busy } },
});
const all = { nowMs: 0, sinceMs: 0, seesPool: () => true, seesQueue: () => true };

describe('the history', () => {
  test('has a point of each step, and an hour and a day of them', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 90_000 }), { maxLength: 60 }), (gaps) => {
        let atMs = 1_000_000;
        let history: History = noHistory;
        for (const gap of gaps) {
          atMs += gap;
          history = remember(history, point(atMs));
        }
        for (const { points, stepMs } of [history.fine, history.coarse]) {
          const steps = points.map((one) => Math.floor(one.atMs / stepMs));
          expect(new Set(steps).size).toBe(steps.length);
          expect(steps).toEqual(steps.toSorted((a, b) => a - b));
        }
        // Nothing of the last step is missing.
        if (gaps.length > 0) {
          const last = history.fine.points.at(-1)?.atMs ?? 0;
          expect(Math.floor(last / 10_000)).toBe(Math.floor(atMs / 10_000));
        }
      }),
    );
  });

  test('forgets what is older than its length', () => {
    let history = noHistory;
    for (let n = 1; n <= 2_000; n += 1) history = remember(history, point(n * 60_000));
    expect(history.fine.points).toHaveLength(360);
    expect(history.coarse.points).toHaveLength(1_440);
    expect(history.coarse.points.at(0)?.atMs).toBe(561 * 60_000);
  });

  test('is shown by columns, to each what is theirs, with 0 where there was no such pool', () => {
    let history = remember(noHistory, point(10_000, 3));
    history = remember(history, { atMs: 20_000, pools: {}, queues: {} });
    expect(viewOf(history.fine, { ...all, nowMs: 25_000, seesPool: (name) => name === 'small' })).toEqual({
      nowMs: 25_000,
      stepMs: 10_000,
      atMs: [10_000, 20_000],
      pools: { small: { Free: [2, 0], Busy: [3, 0], Unusable: [0, 0] } },
      queues: { main: { waiting: [7, 0], running: [3, 0] } },
    });
    expect(viewOf(history.fine, { ...all, sinceMs: 10_000 }).atMs).toEqual([20_000]);
  });
});
