import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Bill,
  billedMs,
  billOf,
  costBetween,
  costUntil,
  paidLeftMs,
  paidUntilMs,
  perSecond,
} from '../../src/model/billing.ts';
import { makeInstance } from '../support/fleetParts.ts';

const hour = 3_600_000;
const minute = 60_000;
const hourly = { minimumMs: hour, incrementMs: hour };
const usd = (perHour: number) => ({ perHour, currency: 'USD' });
const bill = (over: Partial<Bill> = {}): Bill => ({
  price: usd(1),
  billing: perSecond,
  sinceMs: 0,
  untilMs: null,
  ...over,
});

describe('the time that is charged', () => {
  it.each([
    [perSecond, 0, 0],
    [perSecond, 1, 1000],
    [perSecond, 1000, 1000],
    [perSecond, 1001, 2000],
    [{ minimumMs: minute, incrementMs: 1000 }, 1, minute],
    [{ minimumMs: minute, incrementMs: 1000 }, 61_500, 62_000],
    [hourly, 1, hour],
    [hourly, hour, hour],
    [hourly, hour + 1, 2 * hour],
  ])('%o: %i ms of life are %i ms', (billing, livedMs, charged) => {
    expect(billedMs(billing, livedMs)).toBe(charged);
  });
});

describe('a cost', () => {
  it('grows until the machine is gone, and no further', () => {
    const ended = bill({ untilMs: 30 * minute });
    expect(costUntil(ended, 15 * minute)).toBe(0.25);
    expect(costUntil(ended, 5 * hour)).toBe(0.5);
  });

  it('is charged at the beginning of an interval', () => {
    const machine = bill({ billing: hourly });
    expect(costUntil(machine, 0)).toBe(0);
    expect(costUntil(machine, 1)).toBe(1);
    expect(costBetween(machine, { fromMs: 10 * minute, toMs: 50 * minute })).toBe(0);
    expect(costBetween(machine, { fromMs: 50 * minute, toMs: 70 * minute })).toBe(1);
  });

  it('is the sum of its parts, wherever it is cut', () => {
    fc.assert(
      fc.property(
        fc.record({
          perHour: fc.double({ min: 0, max: 100, noNaN: true }),
          minimumMs: fc.nat(2 * hour),
          incrementMs: fc.integer({ min: 1, max: 2 * hour }),
          sinceMs: fc.nat(10 * hour),
          livedMs: fc.nat(50 * hour),
        }),
        fc.array(fc.nat(100 * hour), { maxLength: 10 }),
        ({ perHour, minimumMs, incrementMs, sinceMs, livedMs }, cuts) => {
          const machine = bill({
            price: usd(perHour),
            billing: { minimumMs, incrementMs },
            sinceMs,
            untilMs: sinceMs + livedMs,
          });
          const edges = [0, ...cuts.toSorted((a, b) => a - b), 200 * hour];
          let sum = 0;
          for (const [at, toMs] of edges.slice(1).entries()) {
            const part = costBetween(machine, { fromMs: edges[at] ?? 0, toMs });
            expect(part).toBeGreaterThanOrEqual(0);
            sum += part;
          }
          expect(sum).toBeCloseTo((perHour * billedMs({ minimumMs, incrementMs }, livedMs)) / hour, 6);
        },
      ),
    );
  });

  it('is none for a machine that never was, or whose price is not known', () => {
    const terms = { market: 'onDemand' as const, price: usd(1), billing: perSecond };
    expect(billOf(makeInstance('ended', { terms, cloudId: null }))).toBeNull();
    expect(billOf(makeInstance('idle'))).toBeNull();
    // One whose create call has no answer may be there.
    expect(billOf(makeInstance('unknown', { terms }))).toMatchObject({ untilMs: null });
  });
});

describe('the interval that is paid for', () => {
  it('ends where the next is charged', () => {
    expect(paidUntilMs({ billing: hourly, sinceMs: 0 }, 0)).toBe(hour);
    expect(paidUntilMs({ billing: hourly, sinceMs: 0 }, 90 * minute)).toBe(2 * hour);
    expect(paidLeftMs({ billing: hourly, sinceMs: 0 }, 90 * minute)).toBe(30 * minute);
    expect(paidLeftMs({ billing: perSecond, sinceMs: 0 }, 1500)).toBe(500);
    const withMinimum = { minimumMs: 10 * minute, incrementMs: 1000 };
    expect(paidLeftMs({ billing: withMinimum, sinceMs: 0 }, minute)).toBe(9 * minute);
  });

  it('costs nothing more', () => {
    fc.assert(
      fc.property(
        fc.nat(hour),
        fc.integer({ min: 1, max: hour }),
        fc.nat(10 * hour),
        (minimumMs, incrementMs, nowMs) => {
          const machine = bill({ billing: { minimumMs, incrementMs } });
          const untilMs = paidUntilMs(machine, nowMs);
          expect(untilMs).toBeGreaterThanOrEqual(nowMs);
          expect(costUntil(machine, untilMs)).toBe(costUntil(machine, Math.max(1, nowMs)));
          expect(costUntil(machine, untilMs + 1)).toBeGreaterThan(costUntil(machine, untilMs));
        },
      ),
    );
  });
});
