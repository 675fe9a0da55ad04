import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { failedAgain, retryDelayMs, waitBudgetMs } from '../../../src/cli/torque/retry.ts';

const settings = { retryMsFirst: 5_000, retryMsMax: 300_000 };

describe('the delay before Torque tries again', () => {
  it('doubles up to its most', () => {
    const delays = [1, 2, 3, 6, 7, 8, 1000].map((count) => retryDelayMs({ count }, settings, 1e9));
    expect(delays).toEqual([5_000, 10_000, 20_000, 160_000, 300_000, 300_000, 300_000]);
  });

  it('never lasts into the alarm', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e6 }), fc.integer({ min: -1e6, max: 1e6 }), (count, leftMs) => {
        const delayMs = retryDelayMs({ count }, settings, leftMs);
        expect(delayMs).toBeGreaterThanOrEqual(0);
        expect(delayMs).toBeLessThanOrEqual(Math.max(0, leftMs - 1_000));
      }),
    );
  });

  it('begins anew after an hour', () => {
    const first = failedAgain(null, 0);
    expect(failedAgain(first, 3_599_999)).toEqual({ count: 2, lastAtWallMs: 3_599_999 });
    expect(failedAgain(first, 3_600_000).count).toBe(1);
  });

  it('a prologue leaves time to give a machine back, by any alarm', () => {
    fc.assert(
      fc.property(fc.integer({ min: 10_000, max: 86_400_000 }), (alarmMs) => {
        expect(waitBudgetMs(alarmMs)).toBeGreaterThan(0);
        expect(alarmMs - waitBudgetMs(alarmMs)).toBeGreaterThanOrEqual(4_000);
      }),
    );
  });
});
