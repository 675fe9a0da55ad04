import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nothingSpent, rememberSpending, spendingFacts } from '../../src/daemon/spending.ts';
import { perSecond } from '../../src/model/billing.ts';
import { DemandId, PoolName } from '../../src/model/ids.ts';
import type { Instance, LaunchCause } from '../../src/model/instance.ts';
import { periods, windowAt } from '../../src/model/periods.ts';
import { amountKey, book, spentIn } from '../../src/planner/ledger.ts';
import { makeInstance } from '../support/fleetParts.ts';

const hour = 3_600_000;
/** 2026-11-30T22:00Z: two hours before a month ends. */
const evening = Date.UTC(2026, 10, 30, 22);

const ofUser = (user: string | null): LaunchCause => ({
  kind: 'demand',
  demand: DemandId('d'),
  job: null,
  user,
  group: null,
});

function machine(over: Partial<Instance> & { readonly name: string }, perHour = 1): Instance {
  const terms = { market: 'onDemand' as const, price: { perHour, currency: 'USD' }, billing: perSecond };
  return makeInstance(over.endedAtMs == null ? 'claimed' : 'ended', { terms, ...over });
}

function spent(ledger: ReturnType<typeof book>, live: readonly Instance[], nowMs: number) {
  const of = (period: (typeof periods)[number]) =>
    Object.fromEntries(spentIn(ledger, live, { window: windowAt(period, nowMs), nowMs }));
  return { hour: of('hour'), day: of('day'), month: of('month') };
}

describe('the ledger', () => {
  it('counts a machine for the site, its pool, and the user whose jobs it was launched for', () => {
    const one = machine({ name: 'a', pool: PoolName('gpu'), cause: ofUser('ann'), createdAtMs: evening });
    expect(spent(new Map(), [one], evening + hour / 2).hour).toEqual({
      'USD site': 0.5,
      'USD pool gpu': 0.5,
      'USD user ann': 0.5,
    });
  });

  it('counts each hour, day and month for itself', () => {
    const one = machine({ name: 'a', createdAtMs: evening, cause: ofUser(null) });
    const at = spent(new Map(), [one], evening + 3 * hour);
    expect([at.hour['USD site'], at.day['USD site'], at.month['USD site']]).toEqual(
      [0, 1, 1].map((n) => n || undefined),
    );
  });

  it('does not change by a machine´s end, by a restart, or by the record´s being pruned', () => {
    const life = fc.record({
      startMs: fc.nat(60 * hour),
      livedMs: fc.integer({ min: 1, max: 40 * hour }),
      perHour: fc.double({ min: 0.01, max: 10, noNaN: true }),
      user: fc.constantFrom('ann', 'bob', null),
    });
    fc.assert(
      fc.property(fc.array(life, { maxLength: 12 }), fc.nat(110 * hour), (lives, afterMs) => {
        const nowMs = evening + afterMs;
        const started = lives
          .map(({ startMs, livedMs, perHour, user }, at) => {
            const createdAtMs = evening + startMs;
            const over = { name: `m${at}`, createdAtMs, cause: ofUser(user) };
            return { whole: machine({ ...over, endedAtMs: createdAtMs + livedMs }, perHour), perHour };
          })
          .filter(({ whole }) => whole.createdAtMs < nowMs);
        const hasEnded = ({ endedAtMs }: Instance) => endedAtMs !== null && endedAtMs <= nowMs;
        const ended = started.filter(({ whole }) => hasEnded(whole)).map(({ whole }) => whole);
        const live = started
          .filter(({ whole }) => !hasEnded(whole))
          .map(({ whole }) => ({ ...whole, endedAtMs: null }));

        let spending = nothingSpent;
        for (const instance of ended.toSorted((a, b) => (a.endedAtMs ?? 0) - (b.endedAtMs ?? 0))) {
          const ledger = book(spending.ledger, [instance]);
          const facts = spendingFacts(spending, { ...spending, ledger });
          // What the store has is what the next life begins with; it keeps the facts that were not written anew.
          const before = spendingFacts(nothingSpent, spending).filter(
            ({ key }) => !facts.some((fact) => fact.key === key),
          );
          spending = rememberSpending(JSON.parse(JSON.stringify([...before, ...facts])));
        }
        for (const period of periods) {
          const window = windowAt(period, nowMs);
          const booked = spentIn(spending.ledger, live, { window, nowMs });
          const derived = spentIn(new Map(), [...ended, ...live], { window, nowMs });
          expect([...booked.keys()].toSorted()).toEqual([...derived.keys()].toSorted());
          for (const [key, amount] of derived) expect(booked.get(key)).toBeCloseTo(amount, 9);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('keeps so many windows and no more, however long it is kept', () => {
    let ledger: ReturnType<typeof book> = new Map();
    for (let day = 0; day < 1000; day++) {
      const createdAtMs = evening + day * 24 * hour;
      ledger = book(ledger, [machine({ name: `m${day}`, createdAtMs, endedAtMs: createdAtMs + 20 * hour })]);
    }
    expect(ledger.size).toBeLessThanOrEqual(49 + 63 + 25);
    const nowMs = evening + 999 * 24 * hour + 20 * hour;
    const month = spentIn(ledger, [], { window: windowAt('month', nowMs), nowMs });
    expect(month.get(amountKey('site', 'USD'))).toBeGreaterThan(20);
  });
});
