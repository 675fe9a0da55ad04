import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  durationBetween,
  durationMs,
  durationMsMax,
  formatDuration,
  formatPrice,
  formatSize,
  parseDuration,
  parsePrice,
  parseSize,
  price,
  sizeMiB,
  sizeMiBMax,
} from '../../src/config/units.ts';

describe('durations', () => {
  it.each([
    ['500ms', 500],
    ['10s', 10_000],
    ['10m', 600_000],
    ['2h', 7_200_000],
    ['7d', 604_800_000],
    ['1h30m', 5_400_000],
    ['1.5h', 5_400_000],
    ['0s', 0],
  ])('%s', (text, ms) => {
    expect(durationMs.parse(text)).toBe(ms);
  });

  it.each([
    [10, '10 has no unit; say ms, s, m, h or d, as in 10m'],
    ['10', '10 has no unit; say ms, s, m, h or d, as in 10m'],
    ['ten minutes', 'not a duration: "ten minutes"; a number and ms, s, m, h or d, as in 10m'],
    ['-5m', 'not a duration: "-5m"; a number and ms, s, m, h or d, as in 10m'],
    ['10min', 'unknown unit "min" in "10min"; say ms, s, m, h or d, as in 10m'],
    ['10M', 'unknown unit "M" in "10M"; say ms, s, m, h or d, as in 10m'],
    ['30m1h', 'units out of order in "30m1h"; as in 1h30m'],
    ['1h1h', 'units out of order in "1h1h"; as in 1h30m'],
    ['0.5ms', '"0.5ms" is not a whole number of ms'],
    ['99999999d', '"99999999d" is longer than 3650d'],
    [true, 'expected a duration: ms, s, m, h or d, as in 10m'],
  ])('%s is refused', (input, message) => {
    expect(durationMs.safeParse(input).error?.issues.map((issue) => issue.message)).toEqual([message]);
  });

  it('keeps bounds', () => {
    const schema = durationBetween(1000, 60_000);
    expect(schema.parse('1s')).toBe(1000);
    expect(schema.parse('1m')).toBe(60_000);
    expect(schema.safeParse('999ms').error?.issues[0]?.message).toBe('999ms is too short; at least 1s');
    expect(schema.safeParse('61s').error?.issues[0]?.message).toBe('1m1s is too long; at most 1m');
  });

  it('are written so that they are read back the same', () => {
    fc.assert(
      fc.property(fc.nat({ max: durationMsMax }), (ms) => {
        expect(parseDuration(formatDuration(ms))).toBe(ms);
      }),
    );
  });

  it('are shortened for people', () => {
    expect(formatDuration(3_723_004)).toBe('1h2m3s4ms');
    expect(formatDuration(3_723_004, 2)).toBe('1h2m');
    expect(formatDuration(3_600_004, 1)).toBe('1h');
  });
});

describe('sizes', () => {
  it.each([
    ['512MiB', 512],
    ['16GiB', 16_384],
    ['16 GiB', 16_384],
    ['1.5GiB', 1536],
    ['1TiB', 1_048_576],
    ['16GB', 15_258],
    ['1000MB', 953],
    ['1TB', 953_674],
  ])('%s', (text, mib) => {
    expect(sizeMiB.parse(text)).toBe(mib);
  });

  it.each([
    [16, '16 has no unit; say MiB, GiB, TiB, MB, GB or TB, as in 16GiB'],
    ['16', '16 has no unit; say MiB, GiB, TiB, MB, GB or TB, as in 16GiB'],
    ['16G', 'unknown unit "G" in "16G"; say MiB, GiB, TiB, MB, GB or TB, as in 16GiB'],
    ['much', 'not a size: "much"; a number and MiB, GiB, TiB, MB, GB or TB, as in 16GiB'],
    ['0.4MiB', '"0.4MiB" is less than 1MiB'],
    ['9999999999TiB', '"9999999999TiB" is more than 1048576TiB'],
  ])('%s is refused', (input, message) => {
    expect(sizeMiB.safeParse(input).error?.issues.map((issue) => issue.message)).toEqual([message]);
  });

  it('are written so that they are read back the same', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: sizeMiBMax }), (mib) => {
        expect(parseSize(formatSize(mib))).toBe(mib);
      }),
    );
    expect([formatSize(16_384), formatSize(1536), formatSize(15_258)]).toEqual([
      '16GiB',
      '1.5GiB',
      '15258MiB',
    ]);
  });
});

describe('prices', () => {
  it('are an amount, a currency and an hour', () => {
    expect(price.parse('0.12 USD/h')).toEqual({ perHour: 0.12, currency: 'USD' });
    expect(price.parse('0 EUR / h')).toEqual({ perHour: 0, currency: 'EUR' });
    expect(parsePrice(formatPrice({ perHour: 0.0116, currency: 'USD' }))).toEqual({
      perHour: 0.0116,
      currency: 'USD',
    });
  });

  it.each([
    [0.12, '0.12 has no unit; say an amount, a currency and "/h", as in 0.12 USD/h'],
    ['0.12', '"0.12" has no currency; an amount, a currency and "/h", as in 0.12 USD/h'],
    ['0.12 USD', '"0.12 USD" does not say for how long; an amount, a currency and "/h", as in 0.12 USD/h'],
    ['$0.12/h', 'not a price: "$0.12/h"; an amount, a currency and "/h", as in 0.12 USD/h'],
    ['-1 USD/h', 'not a price: "-1 USD/h"; an amount, a currency and "/h", as in 0.12 USD/h'],
  ])('%s is refused', (input, message) => {
    expect(price.safeParse(input).error?.issues.map((issue) => issue.message)).toEqual([message]);
  });
});
