import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SiteConfig } from '../../src/config/site.ts';
import { createDice, type Dice } from '../../src/simulate/dice.ts';
import type { SimulatedSite } from '../../src/simulate/simulatedSite.ts';
import { breaches } from '../../src/simulate/verdicts.ts';
import { createRoughSite, judge, roughOptions } from '../support/roughSite.ts';
import { type Happening, scenarios } from '../support/scenario.ts';
import { phasesOf, startSite, workingSite } from '../support/scenes.ts';
import { east, makeJobClass, makeOffer, makePool, west } from '../support/siteParts.ts';

const minute = 60_000;

/** Another config, never more than the site's own has: pools, clouds and offers go and come back, bounds and modes change. */
function variant(config: SiteConfig, dice: Dice): SiteConfig {
  const clouds = config.clouds
    .filter(({ name }) => name === east || dice.chance(0.7))
    .map((cloud) => ({ ...cloud, mode: dice.chance(0.1) ? ('observe' as const) : ('act' as const) }));
  const reachable = config.offers.filter(({ cloud }) => clouds.some(({ name }) => name === cloud));
  const pools = config.pools
    .filter(({ name }) => name === 'small' || dice.chance(0.7))
    .map((pool) => {
      const max = dice.whole(1, pool.max);
      return {
        ...pool,
        max,
        min: Math.min(max, dice.whole(0, pool.min)),
        mode: dice.chance(0.1) ? ('observe' as const) : ('act' as const),
        offers: pool.offers.filter((offer) => reachable.some(({ name }) => name === offer)),
        limits: { ...pool.limits, idleMs: dice.whole(20, 120) * 1000 },
      };
    });
  return { ...config, mode: dice.chance(0.05) ? 'observe' : 'act', clouds, offers: reachable, pools };
}

const reloads = 20;

/** The config of now in the whole site's place: launches keep to it, whatever there was before. */
async function playWithReloads(happenings: readonly Happening[], seed: number): Promise<readonly string[]> {
  const dice = createDice(seed, 'reloads');
  const { config } = createRoughSite();
  const moments = new Set(Array.from({ length: reloads }, () => dice.whole(0, roughOptions.seconds)));
  const wrong: string[] = [];
  let now: SiteConfig = config;
  const site: SimulatedSite = createRoughSite({
    committed: ({ intents }) => {
      for (const { id, pool, cloud, state } of intents) {
        if (state !== 'open') continue;
        const max = now.pools.find(({ name }) => name === pool)?.max ?? 0;
        const count = site.instances().filter((instance) => instance.pool === pool).length;
        if (count > max) wrong.push(`${id}: pool ${pool} has ${count} machines, its max is ${max} now`);
        const modes = [
          now.mode,
          ...[...now.pools, ...now.clouds]
            .filter(({ name }) => name === pool || name === cloud)
            .map(({ mode }) => mode),
        ];
        if (modes.includes('observe')) wrong.push(`${id} was launched where all is only observed`);
      }
    },
  });
  let second = 0;
  const verdict = await judge(site, happenings, {
    atEverySecond: async () => {
      second += 1;
      if (!moments.has(second)) return;
      now = variant(config, dice);
      await site.reload(now);
    },
    atEnd: async () => {
      now = config;
      await site.reload(config);
    },
  });
  return [...wrong, ...verdict];
}

const seed = Number(process.env.SPILLWAY_SEED ?? 20_261_122);
const numRuns = Number(process.env.SPILLWAY_RUNS ?? 12);
const limitMs = Number(process.env.SPILLWAY_LIMIT_MS ?? 15_000);

test('20 reloads at random moments, and the invariants hold whatever happens', {
  timeout: 4 * limitMs,
}, async () => {
  const property = fc.asyncProperty(scenarios(roughOptions), fc.nat(), async (happenings, dice) => {
    expect(await playWithReloads(happenings, dice)).toEqual([]);
  });
  await fc.assert(property, { seed, numRuns, interruptAfterTimeLimit: limitMs });
});

describe('a reload', () => {
  test('with the same config does nothing', async () => {
    const site = await workingSite(3);
    const before = site.instances();
    await site.reload(site.config);
    await site.run(10 * minute);
    expect(site.instances().map(({ id, phase }) => [id, phase])).toEqual(
      before.map(({ id, phase }) => [id, phase]),
    );
    expect(site.made()).toHaveLength(3);
    expect(breaches(site)).toEqual([]);
  });

  test('a pool that was taken out by mistake and is back keeps its machines for the jobs that wait', async () => {
    const site = await workingSite(2, {
      pools: [
        makePool({ offers: ['small'], max: 2 }),
        makePool({ name: 'other', offers: ['small'], max: 1, mode: 'observe' }),
      ],
    });
    const [, other] = site.config.pools;
    if (other === undefined) throw new Error('a site with one pool');
    await site.reload({ ...site.config, pools: [other] });
    await site.run(2 * minute);
    expect(phasesOf(site)).toEqual(['draining', 'draining']);
    site.queue.submit(makeJobClass(), { count: 2, runMs: 10 * minute });
    await site.reload(site.config);
    await site.runUntil(() => site.queue.done() === 4, { withinMs: 120 * minute, what: 'all are done' });
    expect(site.made()).toHaveLength(2);
    expect(breaches(site)).toEqual([]);
  });

  test('a cloud that leaves the config drains: jobs there end, then its machines, and no other is launched there', async () => {
    const site = startSite({
      offers: [makeOffer({ name: 'near' }), makeOffer({ name: 'far', cloud: west })],
      pools: [makePool({ offers: ['near', 'far'], max: 10 })],
      clouds: [{ name: east, max: 2 }, { name: west }],
    });
    site.queue.submit(makeJobClass(), { count: 4, runMs: 10 * minute });
    await site.runUntil(() => site.queue.running() === 4, { withinMs: 10 * minute, what: 'all run' });
    const { config } = site;
    await site.reload({
      ...config,
      clouds: config.clouds.filter(({ name }) => name === east),
      offers: config.offers.filter(({ cloud }) => cloud === east),
      pools: [makePool({ offers: ['near'], max: 10 })],
    });
    await site.run(minute);
    expect(site.status().clouds).toMatchObject([
      { name: east, retiring: false },
      { name: west, retiring: true },
    ]);
    site.queue.submit(makeJobClass(), { count: 4, runMs: minute });
    await site.stop();
    site.start();
    await site.runUntil(() => site.queue.done() === 8, { withinMs: 40 * minute, what: 'all are done' });
    await site.runUntil(() => site.alive().length === 0, { withinMs: 20 * minute, what: 'all are gone' });
    expect(site.made().filter(({ cloud }) => cloud === west)).toHaveLength(2);
    expect(site.store.endedInstances(10).filter(({ cloud }) => cloud === west)).toMatchObject([
      { endReason: 'removed' },
      { endReason: 'removed' },
    ]);
    expect(breaches(site)).toEqual([]);
  });
});
