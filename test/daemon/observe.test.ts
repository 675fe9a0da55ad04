import { describe, expect, test } from 'vitest';
import type { SiteConfig } from '../../src/config/site.ts';
import type { Mode } from '../../src/model/mode.ts';
import type { SimulatedSite } from '../../src/simulate/simulatedSite.ts';
import { breaches } from '../../src/simulate/verdicts.ts';
import { startSite } from '../support/scenes.ts';
import { east, makeJobClass, makeOffer, makePool, west } from '../support/siteParts.ts';

const minute = 60_000;
const hour = 60 * minute;

const as = (config: SiteConfig, mode: Mode): SiteConfig => ({ ...config, mode });
const said = (site: SimulatedSite) =>
  site.store
    .journal({ kinds: ['observe'], limit: 1000 })
    .toReversed()
    .map(({ why }) => why);

/** One cloud, six dollars an hour for a machine: ten cents a minute. */
async function watched(over: { min?: number; max?: number } = {}) {
  const site = startSite({
    offers: [makeOffer({ name: 'small', perHour: 6 })],
    pools: [makePool({ offers: ['small'], max: 10, ...over })],
  });
  await site.reload(as(site.config, 'observe'));
  await site.run(15_000);
  return site;
}

describe('a site that only observes', () => {
  test('boots nothing, and says once what it would have booted and what that would have cost', async () => {
    const site = await watched();
    site.queue.submit(makeJobClass(), { count: 3, runMs: 20 * minute });
    await site.run(10 * minute);
    expect(site.made()).toEqual([]);
    expect(site.instances()).toEqual([]);
    expect(site.store.load().intents).toEqual([]);
    const { observe, pools } = site.status();
    expect(pools).toMatchObject([{ mode: 'observe' }]);
    expect(observe).toMatchObject({ site: true, booted: 3, machines: [{ offer: 'small', count: 3 }] });
    expect(observe?.cost).toMatchObject([{ currency: 'USD', perHour: 18 }]);
    expect(observe?.cost[0]?.soFar).toBeCloseTo(3, 0);
    expect(said(site)).toEqual([
      expect.stringContaining('would boot 3 machines, 6 USD/h each: waiting jobs'),
    ]);
  });

  test('the jobs are told why they wait, and a plan has what would be done beside what is', async () => {
    const site = await watched({ max: 2 });
    site.queue.submit(makeJobClass(), { count: 3, runMs: minute });
    const { launches, demand, observe } = site.control.plan();
    expect(launches).toEqual([]);
    expect(observe?.launches).toEqual([]);
    await site.run(minute);
    expect(site.control.plan().demand).toMatchObject([{ unmet: 3, unmetCode: 'observe' }]);
    expect(site.control.plan().observe?.machines).toMatchObject([{ count: 2 }]);
    expect(demand).toEqual([]);
  });

  test('a would-be machine that nothing needs any more ends after its pool’s idle time, with its cost', async () => {
    const site = await watched();
    site.queue.submit(makeJobClass(), { count: 1, runMs: minute });
    await site.run(5 * minute);
    // Whoever submitted it takes it back.
    site.queue.levers.lie = (view) => ({ ...view, demand: [] });
    await site.run(3 * minute);
    expect(site.status().observe).toMatchObject({ booted: 1, machines: [] });
    expect(site.status().observe?.cost).toMatchObject([{ perHour: 0 }]);
    expect(said(site).at(-1)).toMatch(
      /would end a machine again: no waiting job needs it; it would have cost 0\.[56]\d USD/,
    );
  });

  test('what it has come to outlives a restart, and is not said again', async () => {
    const site = await watched({ min: 2 });
    await site.run(10 * minute);
    await site.stop();
    site.start();
    await site.run(10 * minute);
    expect(site.status().observe).toMatchObject({ booted: 2, machines: [{ count: 2 }] });
    expect(site.status().observe?.cost[0]?.soFar).toBeCloseTo(4, 0);
    expect(said(site)).toHaveLength(1);
  });

  test('does the quiet hour of a busy site leave the journal as it was', async () => {
    const site = await watched();
    site.queue.submit(makeJobClass(), { count: 3, runMs: minute });
    await site.run(5 * minute);
    const before = site.store.journal({ limit: 1000 }).length;
    await site.run(hour);
    expect(site.store.journal({ limit: 1000 })).toHaveLength(before);
  });

  test('leaves machines that it has as they are: it looks at them, and ends none', async () => {
    const site = startSite({
      offers: [makeOffer({ name: 'small' })],
      pools: [makePool({ offers: ['small'], max: 4 })],
    });
    await site.run(15_000);
    site.queue.submit(makeJobClass(), { count: 2, runMs: 5 * minute });
    await site.runUntil(() => site.queue.running() === 2, { withinMs: 10 * minute, what: 'both run' });
    await site.reload(as(site.config, 'observe'));
    await site.run(hour);
    expect(site.queue.done()).toBe(2);
    expect(site.alive()).toHaveLength(2);
    expect(site.instances().map(({ phase }) => phase)).toEqual(['idle', 'idle']);
    expect(said(site)).toEqual([
      expect.stringContaining('would drain it: no waiting job needs it'),
      expect.stringContaining('would drain it: no waiting job needs it'),
    ]);
    await site.reload(as(site.config, 'act'));
    await site.runUntil(() => site.alive().length === 0, { withinMs: 20 * minute, what: 'they are gone' });
    expect(breaches(site)).toEqual([]);
  });

  test('takes no machine into its books in order to end it', async () => {
    const site = startSite({ pools: [makePool({ offers: ['small'], max: 4 })] });
    site.cloud.levers.fate = () => ({ bootMs: 10_000, joinMs: null });
    await site.run(15_000);
    site.queue.submit(makeJobClass(), { count: 1, runMs: minute });
    await site.runUntil(() => site.alive().length === 1, { withinMs: minute, what: 'it is made' });
    site.kill();
    site.loseStore();
    await site.reload(as(site.config, 'observe'));
    site.start();
    await site.run(hour);
    expect(site.alive()).toHaveLength(1);
    expect(site.instances()).toEqual([]);
    site.queue.levers.lie = (view) => ({ ...view, demand: [] });
    await site.reload(as(site.config, 'act'));
    await site.runUntil(() => site.alive().length === 0, { withinMs: hour, what: 'it is ended' });
  });

  test('refuses what an operator asks for by hand', async () => {
    const site = await watched();
    const launch = site.control.launch({
      pool: makePool({ offers: [] }).name,
      offer: null,
      count: 1,
      note: null,
    });
    await expect(launch).rejects.toMatchObject({ code: 'refused', reason: 'observe' });
  });

  test('set to act, says what it has come to and does what is due', async () => {
    const site = await watched();
    site.queue.submit(makeJobClass(), { count: 2, runMs: minute });
    await site.run(5 * minute);
    await site.reload(as(site.config, 'act'));
    await site.runUntil(() => site.queue.done() === 2, { withinMs: 20 * minute, what: 'the jobs are done' });
    expect(site.status().observe).toBeNull();
    expect(said(site).at(-1)).toMatch(
      /nothing is observed any more: 2 machines would have been booted, for 1\.\d\d USD/,
    );
    expect(breaches(site)).toEqual([]);
  });
});

test('a cloud that is only observed is passed over, and what it would have got is said', async () => {
  const site = startSite({
    offers: [makeOffer({ name: 'near', perHour: 1 }), makeOffer({ name: 'far', cloud: west, perHour: 2 })],
    pools: [makePool({ offers: ['near', 'far'], max: 10 })],
    clouds: [{ name: east }, { name: west }],
  });
  const clouds = site.config.clouds.map((cloud) =>
    cloud.name === east ? { ...cloud, mode: 'observe' as const } : cloud,
  );
  await site.reload({ ...site.config, clouds });
  await site.run(15_000);
  site.queue.submit(makeJobClass(), { count: 2, runMs: 5 * minute });
  await site.runUntil(() => site.queue.done() === 2, { withinMs: 30 * minute, what: 'the jobs are done' });
  expect(new Set(site.made().map(({ cloud }) => cloud))).toEqual(new Set([west]));
  expect(site.status().observe).toMatchObject({ site: false, clouds: [east], booted: 2 });
});
