import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatMoment, parseMoment } from '../../src/config/moment.ts';

describe('moments', () => {
  test.each([
    ['1970-01-01T00:00Z', 0],
    ['2027-03-01T08:00:30Z', Date.UTC(2027, 2, 1, 8, 0, 30)],
    ['2027-03-01 08:00+01:00', Date.UTC(2027, 2, 1, 7)],
    ['2027-12-31 23:30 -05:30', Date.UTC(2028, 0, 1, 5)],
    ['2028-02-29T00:00Z', Date.UTC(2028, 1, 29)],
  ])('%s', (text, wallMs) => {
    expect(parseMoment(text)).toBe(wallMs);
  });

  test.each([
    '2027-02-29T00:00Z',
    '2027-13-01T00:00Z',
    '2027-01-01T24:00Z',
    '2027-01-01T00:60Z',
    '2027-01-01T00:00',
    '2027-01-01T00:00+15:00',
    'tomorrow',
  ])('%s is none', (text) => {
    expect(parseMoment(text)).toHaveProperty('wrong');
  });

  test('what is written is read back, to the second', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4_000_000_000 }), (seconds) => {
        expect(parseMoment(formatMoment(seconds * 1000))).toBe(seconds * 1000);
      }),
    );
  });
});
