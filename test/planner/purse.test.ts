import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FleetEntry } from '../../src/fleet/entry.ts';
import { type Billing, perSecond } from '../../src/model/billing.ts';
import { type Budget, type ReachedBudgets, reachedKey } from '../../src/model/budget.ts';
import { DemandId, PoolName } from '../../src/model/ids.ts';
import type { Instance, LaunchCause } from '../../src/model/instance.ts';
import { windowAt } from '../../src/model/periods.ts';
import { book, spentIn } from '../../src/planner/ledger.ts';
import { createPurse, type MoneyOutlook, type PurseInput } from '../../src/planner/purse.ts';
import { makeEntry, makeFleet, makeInstance } from '../support/fleetParts.ts';
import { makeOffer, makePool } from '../support/siteParts.ts';

const minute = 60_000;
const hour = 60 * minute;
/** 2026-11-22T07:00Z. */
const seven = Date.UTC(2026, 10, 22, 7);
const hourly = { minimumMs: hour, incrementMs: hour };
const small = makeOffer({ name: 'small', perHour: 1 });
const pool = makePool({ offers: ['small'] });
const launch = { pool, offer: small, user: null };
/** Ten minutes to come, two to go. */
const times = { comingMs: () => 10 * minute, windDownMs: () => 2 * minute, lostPerHour: () => 0 };

const perHour = (amount: number, over: Partial<Budget> = {}): Budget => ({
  scope: { kind: 'site' },
  per: 'hour',
  amount,
  currency: 'USD',
  ...over,
});

const cause = (user: string | null): LaunchCause => ({
  kind: 'demand',
  demand: DemandId('d'),
  job: null,
  user,
  group: null,
});

function machine(name: string, over: Partial<Instance> = {}, billing: Billing = perSecond): FleetEntry {
  const terms = { market: 'onDemand' as const, price: { perHour: 1, currency: 'USD' }, billing };
  return makeEntry(makeInstance('claimed', { name, terms, createdAtMs: seven, cause: cause(null), ...over }));
}

function purse(
  budgets: readonly Budget[],
  machines: readonly FleetEntry[],
  { nowMs = seven, reached = new Map() }: { nowMs?: number; reached?: ReachedBudgets } = {},
) {
  const money: MoneyOutlook = { budgets, ledger: new Map(), reached, ...times };
  const input: PurseInput = {
    nowMs,
    fleet: makeFleet(machines),
    offers: new Map([[small.name, small]]),
    money,
  };
  return createPurse(input);
}

describe('what a budget bears', () => {
  it('is asked of nobody where there is none', () => {
    expect(purse([], [machine('a')]).left(launch)).toBeNull();
    const others = perHour(1, { scope: { kind: 'pool', pool: PoolName('other') } });
    expect(purse([others], []).left(launch)).toBeNull();
  });

  it('is as many machines as it can pay until each has come and gone', () => {
    // Twelve minutes of each: 0.2 USD.
    expect(purse([perHour(1)], []).left(launch)?.left).toBe(5);
    expect(purse([perHour(0.19)], []).left(launch)?.left).toBe(0);
  });

  it('is less by what is spent, by what is there, and by what the plan takes', () => {
    const nowMs = seven + 30 * minute;
    const asked = purse([perHour(1)], [machine('a')], { nowMs });
    // Half an hour is spent, and while a new one comes and goes the old one stays: 0.5 + 0.2.
    expect(asked.left(launch)?.left).toBe(1);
    asked.take(launch, 1);
    expect(asked.left(launch)).toMatchObject({
      left: 0,
      figures: { spent: 0.5, cap: 1, freesAtMs: seven + hour },
      why: 'the budget of the site per hour does not bear another machine: 0.50 spent and 0.03 committed of 1 USD; a new hour begins at 2026-11-22T08:00Z',
    });
  });

  it('holds in the next window, too, where a launch would reach into it', () => {
    const late = seven + 59 * minute;
    const machines = Array.from({ length: 5 }, (_, at) =>
      machine(`m${at}`, { createdAtMs: seven + 50 * minute }),
    );
    // In the new hour, eleven minutes of all five and of the new one: 1.1 USD.
    expect(purse([perHour(1.09)], machines, { nowMs: late }).left(launch)?.left).toBe(0);
    expect(purse([perHour(1.11)], machines, { nowMs: late }).left(launch)?.left).toBe(1);
  });

  it('counts whole intervals where the cloud does', () => {
    const offer = makeOffer({ name: 'small', perHour: 1, billing: hourly });
    expect(purse([perHour(0.99)], []).left({ ...launch, offer })?.left).toBe(0);
    expect(purse([perHour(1)], []).left({ ...launch, offer })?.left).toBe(1);
  });

  it('is nothing for an offer without a price', () => {
    const offer = makeOffer({ name: 'small' });
    expect(purse([perHour(9)], []).left({ ...launch, offer })?.left).toBe(0);
  });

  it('is counted for each user by himself, or by a budget of his own', () => {
    const budgets = [
      perHour(0.2, { scope: { kind: 'user', user: null } }),
      perHour(0.4, { scope: { kind: 'user', user: 'ann' } }),
    ];
    const asked = purse(budgets, [machine('a', { cause: cause('bob') })]);
    expect(asked.left({ ...launch, user: 'ann' })?.left).toBe(2);
    expect(asked.left({ ...launch, user: 'bob' })?.left).toBe(0);
    expect(asked.left({ ...launch, user: 'eve' })?.left).toBe(1);
    expect(asked.left(launch)).toBeNull();
  });
});

describe('a budget is used up', () => {
  const at = (minutes: number) => purse([perHour(0.5)], [machine('a')], { nowMs: seven + minutes * minute });

  it('when what is spent and what must yet be spent pass its cap', () => {
    expect(at(28).reports[0]?.reached).toBeNull();
    const over = at(28.5);
    expect(over.reports[0]?.reached).toMatchObject({ machines: 1, busy: 1, cap: 0.5 });
    expect(over.usedUp(machine('a').instance)).not.toBeNull();
    expect(over.left(launch)?.left).toBe(0);
  });

  it('not when a machine is paid for until the window ends', () => {
    const one = machine('a', {}, hourly);
    expect(purse([perHour(1)], [one], { nowMs: seven + 59 * minute }).reports[0]?.reached).toBeNull();
  });

  it('until the window ends, or its amount is another one', () => {
    const reached = at(29).reports[0]?.reached;
    if (reached == null) throw new Error('not reached');
    const known = new Map([[reachedKey(reached), reached]]);
    const later = (budget: Budget, minutes: number) =>
      purse([budget], [], { nowMs: seven + minutes * minute, reached: known });
    expect(later(perHour(0.5), 40).left(launch)?.left).toBe(0);
    expect(later(perHour(0.6), 40).left(launch)?.left).toBe(3);
    expect(later(perHour(0.5), 60).left(launch)?.left).toBe(2);
  });
});

interface Step {
  readonly waitMs: number;
  readonly perHour: number;
  readonly billing: Billing;
  readonly wanted: number;
  readonly staysMs: number;
}

/**
 * By arithmetic alone, without a daemon: at each step as many machines are launched as the purse allows, and each ends
 * `staysMs` after it could have been ended.
 */
function spend(cap: number, steps: readonly Step[]) {
  const made: Instance[] = [];
  const launches: { readonly atMs: number; readonly spent: number }[] = [];
  const chargedIn = (windowMs: number, untilMs: number) => {
    const window = windowAt('hour', windowMs);
    return spentIn(new Map(), made, { window, nowMs: untilMs }).get('USD site') ?? 0;
  };
  let nowMs = seven;
  for (const { waitMs, perHour: price, billing, wanted, staysMs } of steps) {
    nowMs += waitMs;
    const isGone = ({ endedAtMs }: Instance) => (endedAtMs ?? 0) <= nowMs;
    const live = made.filter((instance) => !isGone(instance));
    const asked = createPurse({
      nowMs,
      fleet: makeFleet(live.map((instance) => makeEntry({ ...instance, endedAtMs: null }))),
      offers: new Map(),
      money: {
        budgets: [perHour(cap)],
        ledger: book(new Map(), made.filter(isGone)),
        reached: new Map(),
        ...times,
      },
    });
    const offer = makeOffer({ name: 'small', perHour: price, billing });
    const count = Math.min(wanted, asked.left({ pool, offer, user: null })?.left ?? 0);
    if (count > 0) launches.push({ atMs: nowMs, spent: asked.reports[0]?.spent ?? 0 });
    for (let n = 0; n < count; n++)
      made.push(
        makeInstance('building', {
          name: `m${made.length}`,
          terms: { market: 'onDemand', price: { perHour: price, currency: 'USD' }, billing },
          createdAtMs: nowMs,
          deadlineMs: nowMs + 10 * minute,
          endedAtMs: nowMs + 12 * minute + staysMs,
        }),
      );
  }
  return { launches, chargedIn, endMs: nowMs };
}

const caps = fc.double({ min: 0.1, max: 20, noNaN: true });
const stepsWith = (staysMs: fc.Arbitrary<number>) =>
  fc.array(
    fc.record({
      waitMs: fc.nat(20 * minute),
      perHour: fc.double({ min: 0.01, max: 20, noNaN: true }),
      billing: fc.constantFrom(perSecond, hourly, { minimumMs: minute, incrementMs: 1000 }),
      wanted: fc.integer({ min: 1, max: 5 }),
      staysMs,
    }),
    { maxLength: 25 },
  );

describe('no sequence of prices', () => {
  it('passes a cap where each machine is ended as soon as can be', () => {
    fc.assert(
      fc.property(caps, stepsWith(fc.constant(0)), (cap, steps) => {
        const { chargedIn, endMs } = spend(cap, steps);
        for (let atMs = seven; atMs < endMs + hour; atMs += hour)
          expect(chargedIn(atMs, Number.POSITIVE_INFINITY)).toBeLessThanOrEqual(cap * (1 + 1e-6));
      }),
      { numRuns: 300 },
    );
  });

  it('passes a cap by more than what ran when it was reached, however long machines stay', () => {
    fc.assert(
      fc.property(caps, stepsWith(fc.nat(3 * hour)), (cap, steps) => {
        const { launches, chargedIn, endMs } = spend(cap, steps);
        // What is above the cap was charged after the cap was reached; nothing was launched then.
        for (const { spent } of launches) expect(spent).toBeLessThanOrEqual(cap * (1 + 1e-6));
        for (let windowMs = seven; windowMs < endMs + hour; windowMs += hour) {
          const isOver = (atMs: number) => chargedIn(windowMs, atMs) > cap * (1 + 1e-6);
          const late = launches.filter(
            ({ atMs }) => windowAt('hour', atMs).startMs === windowMs && isOver(atMs),
          );
          expect(late).toEqual([]);
        }
      }),
      { numRuns: 300 },
    );
  });
});
