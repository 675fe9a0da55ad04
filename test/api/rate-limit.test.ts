import { expect, test } from 'vitest';
import { createRateLimit } from '../../src/api/rateLimit.ts';

function bucket(keysKept?: number) {
  let nowMs = 0;
  const limit = createRateLimit({ monotonicNow: () => nowMs }, keysKept);
  return {
    take: (key: string) => limit.take(key, { perSecond: 2, burst: 3 }),
    pass: (ms: number) => {
      nowMs += ms;
    },
  };
}

test('a burst, then the rate', () => {
  const { take, pass } = bucket();
  expect([take('a'), take('a'), take('a'), take('a')]).toEqual([0, 0, 0, 500]);
  pass(250);
  expect(take('a')).toBe(250);
  pass(250);
  expect([take('a'), take('a')]).toEqual([0, 500]);
  pass(3_600_000);
  expect([take('a'), take('a'), take('a'), take('a')]).toEqual([0, 0, 0, 500]);
});

test('each key has a bucket of its own, and what is refused takes nothing', () => {
  const { take, pass } = bucket();
  for (let at = 0; at < 10; at++) take('a');
  expect(take('b')).toBe(0);
  pass(500);
  expect(take('a')).toBe(0);
});

test('keys without end take no room without end', () => {
  const { take } = bucket(2);
  for (let at = 0; at < 4; at++) take('a');
  expect(take('a')).toBeGreaterThan(0);
  take('b');
  expect(take('a')).toBeGreaterThan(0); // asked of lately: not forgotten
  take('c');
  take('d');
  expect(take('a')).toBe(0);
});
