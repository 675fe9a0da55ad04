import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { firstUsage, nextSurplusMs, noteUsage, recentlyNeeded, type Usage } from '../../src/planner/usage.ts';

const longestMs = 1_000_000;
const use = (...needs: readonly (readonly [atMs: number, needed: number])[]): Usage => {
  const [[atMs, needed] = [0, 0], ...rest] = needs;
  return rest.reduce(
    (usage, [at, now]) => noteUsage(usage, { needed: now, free: 0, atMs: at }, longestMs),
    firstUsage({ needed, free: 0, atMs }),
  );
};

describe('usage', () => {
  test('machines that are not needed any more are kept for a while, then they are surplus', () => {
    const usage = use([0, 5], [100, 3], [150, 2]);
    expect(recentlyNeeded(usage, 150, 100)).toBe(3);
    expect(recentlyNeeded(usage, 200, 100)).toBe(1);
    expect(recentlyNeeded(usage, 250, 100)).toBe(0);
    expect(nextSurplusMs(usage, 150, 100)).toBe(200);
    expect(nextSurplusMs(usage, 200, 100)).toBe(250);
    expect(nextSurplusMs(usage, 250, 100)).toBeNull();
  });

  test('what is needed again was given up last, and the gap is counted', () => {
    const usage = use([0, 5], [100, 3], [200, 2], [300, 4]);
    expect(usage.levels).toEqual([{ sinceMs: 100, count: 1 }]);
    expect(usage.gaps.seen).toBe(2);
  });

  test('free machines of which nothing is known count from the first view on', () => {
    const usage = firstUsage({ needed: 1, free: 3, atMs: 1000 });
    expect(recentlyNeeded(usage, 1099, 100)).toBe(3);
    expect(recentlyNeeded(usage, 1100, 100)).toBe(0);
  });

  test('what is not needed for very long is a gap without an end', () => {
    const usage = use([0, 2], [10, 0], [longestMs + 11, 0]);
    expect(usage.levels).toEqual([]);
    expect(usage.gaps.seen).toBe(2);
  });

  test('stays bounded, and never calls more machines surplus than were given up', () => {
    const steps = fc.array(fc.tuple(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 0, max: 400 })), {
      maxLength: 300,
    });
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 5000 }), (list, keepMs) => {
        let usage = firstUsage({ needed: 0, free: 0, atMs: 0 });
        const seen: { atMs: number; needed: number }[] = [{ atMs: 0, needed: 0 }];
        let atMs = 0;
        for (const [passMs, needed] of list) {
          atMs += passMs;
          usage = noteUsage(usage, { needed, free: 0, atMs }, longestMs);
          seen.push({ atMs, needed });
        }
        expect(usage.levels.length).toBeLessThanOrEqual(64);
        // Kept are no fewer than reach the most that was needed within that time.
        const now = seen.at(-1)?.needed ?? 0;
        const before = seen.findLastIndex((moment) => moment.atMs <= atMs - keepMs);
        const most = Math.max(now, ...seen.slice(Math.max(0, before + 1)).map(({ needed }) => needed));
        expect(now + recentlyNeeded(usage, atMs, keepMs)).toBeGreaterThanOrEqual(most);
      }),
    );
  });
});
