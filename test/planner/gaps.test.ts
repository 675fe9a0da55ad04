import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  addGaps,
  expectedCostMs,
  type Gaps,
  keepTimeMs,
  noGaps,
  shareWithin,
} from '../../src/planner/gaps.ts';

const bootMs = 180_000;
const bounds = { bootMs, minMs: 30_000, maxMs: 7_200_000, waitWeight: 1 };
const gapsOf = (...gaps: readonly (readonly [gapMs: number, count: number])[]): Gaps =>
  gaps.reduce((sum, [gapMs, count]) => addGaps(sum, gapMs, count), noGaps);

describe('the time for which a machine that nothing needs is kept', () => {
  test('half a boot time while little is known', () => {
    expect(keepTimeMs(noGaps, bounds)).toBe(bootMs / 2);
    expect(keepTimeMs(gapsOf([600_000, 19]), bounds)).toBe(bootMs / 2);
  });

  test('longer than the gaps where all gaps are shorter than two boots', () => {
    const keepMs = keepTimeMs(gapsOf([240_000, 100]), bounds);
    expect(keepMs).toBeGreaterThan(240_000);
    expect(keepMs).toBeLessThan(600_000);
  });

  test('short where machines are not needed again', () => {
    expect(keepTimeMs(gapsOf([86_400_000, 100]), bounds)).toBe(bootMs / 4);
  });

  test('by what is cheaper where some come back soon and some do not', () => {
    const soon = [200_000, 30] as const;
    expect(keepTimeMs(gapsOf(soon, [86_400_000, 5]), bounds)).toBeGreaterThan(200_000);
    expect(keepTimeMs(gapsOf(soon, [86_400_000, 300]), bounds)).toBe(bootMs / 4);
  });

  test('longer where waiting is worth more', () => {
    const gaps = gapsOf([60_000, 20], [600_000, 50], [86_400_000, 50]);
    const keepMs = (waitWeight: number) => keepTimeMs(gaps, { ...bounds, waitWeight });
    expect(keepMs(0)).toBeLessThan(600_000);
    expect(keepMs(20)).toBeGreaterThanOrEqual(600_000);
  });

  test('within the bounds, and as good as the best of the others', () => {
    const gap = fc.tuple(fc.integer({ min: 1, max: 10_000_000 }), fc.integer({ min: 1, max: 50 }));
    fc.assert(
      fc.property(fc.array(gap, { maxLength: 40 }), fc.integer({ min: 1000, max: 600_000 }), (list, boot) => {
        const gaps = gapsOf(...list);
        const keepMs = keepTimeMs(gaps, { ...bounds, bootMs: boot });
        expect(keepMs).toBeGreaterThanOrEqual(bounds.minMs);
        expect(keepMs).toBeLessThanOrEqual(bounds.maxMs);
        if (gaps.seen < 20) return;
        const cost = expectedCostMs(gaps, { keepMs, bootMs: boot, waitWeight: 1 });
        const standard = Math.max(bounds.minMs, boot / 2);
        expect(cost).toBeLessThanOrEqual(
          expectedCostMs(gaps, { keepMs: standard, bootMs: boot, waitWeight: 1 }) + 1,
        );
      }),
    );
  });
});

describe('the histogram', () => {
  test('is bounded, and what is old fades', () => {
    let gaps = gapsOf([10_000, 2000]);
    for (let n = 0; n < 40; n++) gaps = addGaps(gaps, 1_000_000, 100);
    expect(gaps.counts.length).toBeLessThanOrEqual(36);
    expect(gaps.counts.reduce((sum, of) => sum + of, 0)).toBeLessThanOrEqual(1000);
    expect(gaps.seen).toBe(6000);
    expect(shareWithin(gaps, 20_000)).toBeLessThan(0.15);
  });

  test('says nothing of a share before it has seen enough', () => {
    expect(shareWithin(gapsOf([10_000, 3]), 20_000)).toBeNull();
  });
});
