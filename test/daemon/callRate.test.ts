import { expect, test } from 'vitest';
import { createCallRate } from '../../src/daemon/callRate.ts';

function bench(perMinute: number | null) {
  let nowMs = 1_000_000;
  const rate = createCallRate(perMinute, { now: () => nowMs });
  const passes = (ms: number) => {
    nowMs += ms;
  };
  return { rate, passes, now: () => nowMs };
}

test('a sixth of a minute´s calls may come at once, then each when its time has come', () => {
  const { rate, passes, now } = bench(60);
  for (let n = 0; n < 10; n++) expect(rate.take()).toBeNull();
  expect(rate.take()).toBe(now() + 1000);
  passes(1000);
  expect(rate.take()).toBeNull();
  expect(rate.take()).toBe(now() + 1000);
  passes(3_600_000);
  expect(rate.left()).toBe(10);
});

test('calls that are made in any case are owed by those that come later', () => {
  const { rate, passes, now } = bench(60);
  for (let n = 0; n < 15; n++) rate.spend();
  expect(rate.left()).toBe(0);
  expect(rate.take()).toBe(now() + 6000);
  passes(6000);
  expect(rate.take()).toBeNull();
});

test('a bound of less than one at once lets one through', () => {
  const { rate, now } = bench(1);
  expect(rate.take()).toBeNull();
  expect(rate.take()).toBe(now() + 60_000);
});

test('without a bound there is always one', () => {
  const { rate } = bench(null);
  for (let n = 0; n < 10_000; n++) expect(rate.take()).toBeNull();
  rate.spend();
  expect(rate.left()).toBe(Number.POSITIVE_INFINITY);
});
