import { describe, expect, test } from 'vitest';
import type { LongestJobs } from '../../src/planner/longestJobs.ts';
import { makePool } from '../support/siteParts.ts';
import { decide, nowMs, pool, serving } from '../support/situation.ts';

const hour = 3_600_000;
const day = 24 * hour;
const pools = [makePool({ offers: ['small'], max: 500, limits: { lifetimeMs: 10 * day } })];

const drained = (ageMs: number, longestJobs: LongestJobs = new Map(), count = 1) => {
  const machines = Array.from({ length: count }, (_, n) =>
    serving('claimed', `m${n}`, { createdAtMs: nowMs - ageMs }),
  );
  const downtimes = { windows: [], longestJobs, drainAheadMs: day };
  return decide({ machines, pools, downtimes }).drains.filter(({ reason }) => reason === 'lifetime').length;
};
const jobs = (walltimeMs: number): LongestJobs =>
  new Map([[pool.name, { walltimeMs, seenAtMs: nowMs, unstatedAtMs: null }]]);

describe('a maximum lifetime', () => {
  test('is drained for by its end at the latest, and not before its last tenth', () => {
    expect(drained(10 * day)).toBe(1);
    expect(drained(9 * day - 1)).toBe(0);
  });

  test('of a pool that was launched at once: its machines drain one after the other', () => {
    const parts = [9, 9.25, 9.5, 9.75, 10].map((days) => drained(days * day, new Map(), 400));
    expect(parts[0]).toBeLessThan(20);
    for (const [at, least] of [60, 150, 250, 400].entries())
      expect(parts[at + 1]).toBeGreaterThanOrEqual(least);
    for (const [at, most] of [140, 250, 350].entries()) expect(parts[at + 1]).toBeLessThanOrEqual(most);
  });

  test('is drained for so much earlier as the longest job may run, but for half of it at most', () => {
    expect(drained(9 * day, jobs(day))).toBe(1);
    expect(drained(8 * day - 1, jobs(day))).toBe(0);
    expect(drained(4 * day - 1, jobs(100 * day))).toBe(0);
    expect(drained(5 * day, jobs(100 * day))).toBe(1);
  });
});
