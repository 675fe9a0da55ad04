import fc from 'fast-check';
import { expect, it } from 'vitest';
import { momentText, periods, windowAt, windowNumbered } from '../../src/model/periods.ts';

const at = (text: string) => Date.parse(text);

it.each([
  ['hour', '2026-11-22T07:59:59.999Z', '2026-11-22T07:00Z', '2026-11-22T08:00Z'],
  ['day', '2026-11-22T07:59:59.999Z', '2026-11-22T00:00Z', '2026-11-23T00:00Z'],
  ['month', '2024-02-29T23:00:00Z', '2024-02-01T00:00Z', '2024-03-01T00:00Z'],
  ['month', '2026-12-31T23:59:59Z', '2026-12-01T00:00Z', '2027-01-01T00:00Z'],
] as const)('the %s of %s is from %s to %s', (period, moment, start, end) => {
  const { startMs, endMs } = windowAt(period, at(moment));
  expect([momentText(startMs), momentText(endMs)]).toEqual([start, end]);
});

it('every moment is in one window, and the windows follow on one another', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...periods),
      fc.integer({ min: 0, max: at('2100-01-01T00:00:00Z') }),
      (period, moment) => {
        const window = windowAt(period, moment);
        expect(window.startMs).toBeLessThanOrEqual(moment);
        expect(moment).toBeLessThan(window.endMs);
        expect(windowNumbered(period, window.index)).toEqual(window);
        expect(windowAt(period, window.endMs)).toEqual(windowNumbered(period, window.index + 1));
        expect(windowNumbered(period, window.index + 1).startMs).toBe(window.endMs);
      },
    ),
  );
});
