import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Billing, billedMs, perSecond } from '../../src/model/billing.ts';
import type { Budget } from '../../src/model/budget.ts';
import { windowAt } from '../../src/model/periods.ts';
import type { Machine } from '../../src/simulate/simulatedCloud.ts';
import type { SimulatedSite } from '../../src/simulate/simulatedSite.ts';
import { breaches, unowned } from '../../src/simulate/verdicts.ts';
import { startSite } from '../support/scenes.ts';
import { makeJobClass, makeOffer, makePool } from '../support/siteParts.ts';

const minute = 60_000;
const hour = 60 * minute;

/** The virtual clock begins at midnight: its hours are the calendar's. */
const perHour = (amount: number, over: Partial<Budget> = {}): Budget => ({
  scope: { kind: 'site' },
  per: 'hour',
  amount,
  currency: 'USD',
  ...over,
});

function site(budgets: readonly Budget[], price = 6, billing: Billing = perSecond) {
  return startSite({
    offers: [makeOffer({ name: 'small', perHour: price, billing })],
    pools: [makePool({ offers: ['small'], max: 10 })],
    budgets,
  });
}

const budgetOf = (of: SimulatedSite) => of.status().money.budgets[0];
const siteSpending = (of: SimulatedSite) => of.status().money.spending.find(({ kind }) => kind === 'site');
const budgetEntries = (of: SimulatedSite) =>
  of.store.journal({ kinds: ['budget'], limit: 1000 }).toReversed();

/** What the cloud would charge for all that it has made: from when it was made until it was gone. */
function trueCost(machines: readonly Machine[], price: number, billing: Billing, nowMs: number): number {
  return machines.reduce(
    (sum, { createdAtMs, goneAtMs }) =>
      sum + (price * billedMs(billing, (goneAtMs ?? nowMs) - createdAtMs)) / hour,
    0,
  );
}

describe('a budget that is used up', () => {
  test('launches nothing, lets jobs end, and says what was spent above it', async () => {
    const farm = site([perHour(1)]);
    await farm.run(15_000);
    // Each machine costs 0.1 USD a minute; jobs of 20 minutes on three of them would cost 6.
    farm.queue.submit(makeJobClass(), { count: 3, runMs: 20 * minute });
    await farm.runUntil(() => budgetOf(farm)?.usedUp === true, {
      withinMs: 20 * minute,
      what: 'it is used up',
    });
    farm.queue.submit(makeJobClass({ name: 'late' }), { count: 5, runMs: minute });
    const made = farm.made().length;
    await farm.run(25 * minute);
    expect(farm.made()).toHaveLength(made);
    expect(farm.queue.done()).toBeGreaterThan(0);
    expect(farm.alive()).toEqual([]);
    expect(farm.status().pools[0]?.unmet).toMatchObject([{ code: 'budget' }, { code: 'budget' }]);
    const { spent = 0, overspent } = budgetOf(farm) ?? {};
    expect(overspent).toBeCloseTo(spent - 1, 9);
    // With the next hour it goes on, and the journal says how the last one ended.
    await farm.run(60 * minute);
    expect(farm.made().length).toBeGreaterThan(made);
    const [reached, over] = budgetEntries(farm);
    expect(reached?.data).toMatchObject({ cap: 1, busy: made, over: false });
    expect(over?.data).toMatchObject({ cap: 1, over: true });
    expect(over?.data?.overspent).toBeCloseTo(spent - 1, 9);
    expect(
      farm
        .instances()
        .concat(farm.store.endedInstances(100))
        .map(({ endReason }) => endReason),
    ).toContain('budget');
    expect(breaches(farm)).toEqual([]);
  });

  test('drains idle machines at once, those of the min too', async () => {
    const farm = startSite({
      offers: [makeOffer({ name: 'small', perHour: 1 })],
      pools: [makePool({ offers: ['small'], min: 2 })],
      budgets: [perHour(0.5)],
    });
    await farm.runUntil(() => budgetOf(farm)?.usedUp === true, {
      withinMs: 30 * minute,
      what: 'it is used up',
    });
    await farm.runUntil(() => farm.alive().length === 0, { withinMs: 3 * minute, what: 'they are gone' });
    // Nothing had a job, so the cap holds to the cent.
    expect(budgetOf(farm)).toMatchObject({ overspent: 0 });
    expect(budgetOf(farm)?.spent).toBeGreaterThan(0.4);
    await farm.run(60 * minute);
    expect(farm.made().length).toBeGreaterThan(2);
  });

  test('is one user´s, and others go on', async () => {
    const farm = site([perHour(1, { scope: { kind: 'user', user: 'ann' } })]);
    await farm.run(15_000);
    const ann = makeJobClass({ name: 'ann', user: 'ann' });
    const bob = makeJobClass({ name: 'bob', user: 'bob' });
    farm.queue.submit(ann, { count: 1, runMs: 20 * minute });
    await farm.runUntil(() => budgetOf(farm)?.usedUp === true, {
      withinMs: 20 * minute,
      what: 'it is used up',
    });
    const made = farm.made().length;
    farm.queue.submit(ann, { count: 1, runMs: minute });
    farm.queue.submit(bob, { count: 1, runMs: 2 * hour });
    await farm.runUntil(() => farm.made().length > made, {
      withinMs: 5 * minute,
      what: 'bob gets a machine',
    });
    expect(farm.instances().find(({ endReason }) => endReason === null)?.cause).toMatchObject({
      user: 'bob',
    });
  });

  test('stays used up over a restart', async () => {
    const farm = site([perHour(1)]);
    await farm.run(15_000);
    farm.queue.submit(makeJobClass(), { count: 2, runMs: 20 * minute });
    await farm.runUntil(() => budgetOf(farm)?.usedUp === true, {
      withinMs: 20 * minute,
      what: 'it is used up',
    });
    const before = budgetOf(farm);
    farm.kill();
    farm.start();
    await farm.run(15_000);
    expect(budgetOf(farm)).toMatchObject({ usedUp: true, reachedAtMs: before?.reachedAtMs });
    expect(budgetEntries(farm)).toHaveLength(1);
  });
});

test('a machine keeps the price that it was launched at', async () => {
  const farm = site([]);
  await farm.run(15_000);
  farm.queue.submit(makeJobClass(), { count: 1, runMs: 5 * minute });
  await farm.runUntil(() => farm.made().length === 1, { withinMs: minute, what: 'it is made' });
  await farm.run(10 * minute);
  const [ended] = farm.store.endedInstances(1);
  expect(ended?.terms).toEqual({
    market: 'onDemand',
    price: { perHour: 6, currency: 'USD' },
    billing: perSecond,
  });
  const spent = siteSpending(farm)?.hour ?? 0;
  const truth = trueCost(farm.made(), 6, perSecond, farm.clock.monotonicNow());
  expect(spent).toBeGreaterThanOrEqual(truth);
  expect(spent).toBeLessThan(truth * 1.1);
});

test('a spot machine that is taken back is lost, and no failure of its offer', async () => {
  const offers = [makeOffer({ name: 'spot', perHour: 0.3, market: 'spot' })];
  const farm = startSite({ offers, pools: [makePool({ offers: ['spot'] })] });
  farm.cloud.levers.fate = ({ cloudId }) => ({
    bootMs: 20_000,
    joinMs: 10_000,
    ...(cloudId === 'east-0' ? { lostAfterMs: 5 * minute } : {}),
  });
  const [job] = farm.queue.submit(makeJobClass(), { count: 1, runMs: 20 * minute });
  await farm.runUntil(() => job?.state === 'done', { withinMs: hour, what: 'it is done' });
  expect(job?.starts).toBe(2);
  const [ended] = farm.store.journal({ kinds: ['ended'], limit: 1 });
  expect(ended?.data).toMatchObject({ endReason: 'lost', market: 'spot' });
  expect(farm.status().clouds[0]?.setAside).toEqual([]);
  const [losses] = farm.status().money.losses;
  expect(losses).toMatchObject({ offer: 'spot', market: 'spot', lost: 1 });
  // One loss in 20 hours to begin with, and one more.
  expect(losses?.lostPerHour).toBeGreaterThan(0.08);
  expect(losses?.lostPerHour).toBeLessThan(0.1);
  expect(breaches(farm)).toEqual([]);
});

test('spot without capacity: on-demand machines after a time, spot again when there is room', async () => {
  const offers = [
    makeOffer({ name: 'steady', perHour: 1 }),
    makeOffer({ name: 'spot', perHour: 0.3, market: 'spot' }),
  ];
  const pools = [makePool({ offers: ['steady', 'spot'], max: 10, fallbackAfterMs: 5 * minute })];
  const farm = startSite({ offers, pools });
  farm.cloud.levers.capacity = (offer) => (offer === 'spot' ? 0 : null);
  await farm.run(15_000);
  farm.queue.submit(makeJobClass(), { count: 2, runMs: 30 * minute });
  await farm.run(4 * minute);
  expect(farm.made()).toEqual([]);
  await farm.run(4 * minute);
  expect(farm.made().map(({ offer }) => offer)).toEqual(['steady', 'steady']);
  farm.cloud.levers.capacity = () => null;
  await farm.run(15 * minute);
  farm.queue.submit(makeJobClass({ name: 'more' }), { count: 1, runMs: minute });
  await farm.run(5 * minute);
  expect(farm.made().at(-1)?.offer).toBe('spot');
});

/** Something that happens, and for how long things then go their way. */
const happening = fc.record({
  kind: fc.constantFrom('jobs', 'jobs', 'kill', 'crash', 'vanish', 'slow', 'refuse'),
  count: fc.integer({ min: 1, max: 4 }),
  runMs: fc.integer({ min: 1, max: 40 }).map((minutes) => minutes * minute),
  forMs: fc.integer({ min: 1, max: 20 }).map((minutes) => minutes * minute),
  crashAt: fc.constantFrom('beforeCommit' as const, 'afterCommit' as const),
});

test('no sequence of prices, delays and crashes spends above a cap by more than what ran when it was reached', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        cap: fc.double({ min: 0.5, max: 5, noNaN: true }),
        price: fc.double({ min: 0.1, max: 20, noNaN: true }),
        billing: fc.constantFrom(perSecond, { minimumMs: 10 * minute, incrementMs: minute }),
        bootMs: fc.integer({ min: 5_000, max: 60_000 }),
      }),
      fc.array(happening, { minLength: 3, maxLength: 10 }),
      async ({ cap, price, billing, bootMs }, happenings) => {
        const farm = site([perHour(cap)], price, billing);
        farm.cloud.levers.fate = () => ({ bootMs, joinMs: 10_000 });
        await farm.run(15_000);
        for (const { kind, count, runMs, forMs, crashAt } of happenings) {
          farm.cloud.levers.delay = () => ({ requestMs: kind === 'slow' ? 20_000 : 50, answerMs: 50 });
          farm.cloud.levers.capacity = () => (kind === 'refuse' ? 0 : null);
          if (kind === 'jobs') farm.queue.submit(makeJobClass(), { count, runMs });
          if (kind === 'kill') farm.kill();
          if (kind === 'crash') farm.killAtCommit(crashAt);
          const [first] = farm.alive();
          if (kind === 'vanish' && first !== undefined) farm.cloud.vanish(first);
          await farm.run(forMs);
          if (!farm.running) farm.start();
          farm.killAtCommit(null);
        }
        await farm.run(hour);
        judge(farm, { cap, price, billing });
      },
    ),
    { numRuns: 12, endOnFailure: true },
  );
}, 120_000);

function judge(
  farm: SimulatedSite,
  { cap, price, billing }: { cap: number; price: number; billing: Billing },
): void {
  expect(breaches(farm)).toEqual([]);
  const nowMs = farm.clock.wallNow();
  const zeroMs = nowMs - farm.clock.monotonicNow();
  const entries = budgetEntries(farm).map(({ data, atMs }) => ({
    atMs,
    over: data?.over === true,
    windowStartMs: Number(data?.windowStartMs),
    overspent: Number(data?.overspent),
  }));
  const all = [...farm.instances(), ...farm.store.endedInstances(1000)];
  const toCost = (
    machine: { createdAtMs: number; endedAtMs: number | null },
    fromMs: number,
    toMs: number,
  ) => {
    const until = (atMs: number) =>
      (price * billedMs(billing, Math.min(atMs, machine.endedAtMs ?? atMs) - machine.createdAtMs)) / hour;
    return Math.max(0, until(toMs) - until(fromMs));
  };
  const paid = all.filter(({ cloudId, endedAtMs }) => endedAtMs === null || cloudId !== null);
  for (let { startMs, endMs } = windowAt('hour', zeroMs); startMs < nowMs; startMs = endMs, endMs += hour) {
    const spent = paid.reduce((sum, machine) => sum + toCost(machine, startMs, Math.min(endMs, nowMs)), 0);
    // Nothing was launched that could pass the cap, so what is above it is of machines that there were then.
    const spentUntil = (atMs: number) =>
      paid.reduce((sum, machine) => sum + toCost(machine, startMs, atMs), 0);
    const launched = all.filter(({ createdAtMs }) => createdAtMs >= startMs && createdAtMs < endMs);
    for (const { createdAtMs } of launched) expect(spentUntil(createdAtMs)).toBeLessThan(cap * (1 + 1e-6));
    const reached = entries.find(({ over, atMs }) => !over && atMs >= startMs && atMs < endMs);
    if (reached !== undefined)
      expect(launched.filter(({ createdAtMs }) => createdAtMs > reached.atMs)).toEqual([]);
    // And how much it was is told, whether or not a daemon ran when it came about.
    const closing = entries.find(({ over, windowStartMs }) => over && windowStartMs === startMs);
    if (endMs > nowMs - 2 * minute) continue;
    expect(closing?.overspent ?? 0).toBeCloseTo(Math.max(0, spent - cap), 6);
  }
  // The ledger counts no less than the cloud does, crashes or not, and not much more.
  const truth = trueCost(farm.made(), price, billing, farm.clock.monotonicNow());
  const spent = farm.status().money.spending.find(({ kind }) => kind === 'site')?.day ?? 0;
  expect(spent).toBeGreaterThanOrEqual(truth * (1 - 1e-9));
  // One may just be on its way out.
  expect(unowned(farm).filter((line) => line.startsWith('nobody'))).toEqual([]);
}
