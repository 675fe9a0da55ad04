import { describe, expect, test } from 'vitest';
import { usualFairness } from '../../src/model/fairness.ts';
import { boundsBroken, breaches, unowned } from '../../src/simulate/verdicts.ts';
import { startSite } from '../support/scenes.ts';
import { makeJobClass, makeOffer, makePool } from '../support/siteParts.ts';

const minute = 60_000;

describe('multi-node jobs', () => {
  const gang = (name: string, workers: number) => makeJobClass({ name, workers });

  test('two that do not fit together run one after the other, each with all of its machines', async () => {
    const site = startSite({ pools: [makePool({ offers: ['small'], max: 4 })] });
    const jobs = [gang('a', 3), gang('b', 3)].flatMap((jobClass) =>
      site.queue.submit(jobClass, { count: 1, runMs: 2 * minute }),
    );
    await site.runUntil(() => jobs.every(({ state }) => state === 'done'), {
      withinMs: 20 * minute,
      what: 'both are done',
    });
    expect(jobs.map(({ starts }) => starts)).toEqual([1, 1]);
    expect(site.made()).toHaveLength(3);
    await site.runUntil(() => site.alive().length === 0, { withinMs: 10 * minute, what: 'all are gone' });
    await site.run(30_000);
    expect([...breaches(site), ...unowned(site), ...boundsBroken(site)]).toEqual([]);
  });

  test('beside single jobs and slow create calls it is put together, and nothing of it is drained meanwhile', async () => {
    const site = startSite({ pools: [makePool({ offers: ['small'], max: 6 })] });
    const cloud = [...site.clouds.values()][0];
    let made = 0;
    // The last machine takes three times the idle time of the first.
    if (cloud !== undefined)
      cloud.levers.fate = () => {
        made += 1;
        return { bootMs: made === 4 ? 100_000 : 5_000, joinMs: 5_000, failsToBoot: false };
      };
    const [job] = site.queue.submit(gang('wide', 4), { count: 1, runMs: minute });
    site.queue.submit(makeJobClass({ name: 'single' }), { count: 2, runMs: minute });
    await site.runUntil(() => job?.state === 'done', { withinMs: 10 * minute, what: 'it is done' });
    expect(site.made().length).toBeLessThanOrEqual(6);
    expect(breaches(site)).toEqual([]);
  });

  test('one that is too large makes no machine, and holds up nobody', async () => {
    const offers = ['a', 'b'].map((vmType) => makeOffer({ name: vmType, vmType }));
    const site = startSite({ offers, pools: [makePool({ offers: ['a', 'b'], max: 2 })] });
    site.queue.submit(gang('huge', 3), { count: 1, runMs: minute });
    await site.run(5 * minute);
    expect(site.made()).toEqual([]);
    const [other] = site.queue.submit(makeJobClass({ vmType: 'b' }), { count: 1, runMs: minute });
    await site.runUntil(() => other?.state === 'done', { withinMs: 10 * minute, what: 'the other is done' });
    await site.runUntil(() => site.alive().length === 0, { withinMs: 10 * minute, what: 'it is gone' });
  });

  test('one that cannot be completed for long gives back what is free', async () => {
    const site = startSite({
      pools: [makePool({ offers: ['small'], max: 3 })],
      policy: { fairness: { ...usualFairness, gangHoldMs: 5 * minute } },
    });
    const [long] = site.queue.submit(makeJobClass({ name: 'long' }), { count: 1, runMs: 120 * minute });
    const [short] = site.queue.submit(makeJobClass({ name: 'short' }), { count: 1, runMs: 3 * minute });
    await site.runUntil(() => short?.state === 'running' && long?.state === 'running', {
      withinMs: 5 * minute,
      what: 'both run',
    });
    site.queue.submit(gang('wide', 3), { count: 1, runMs: minute });
    await site.runUntil(() => short?.state === 'done', {
      withinMs: 5 * minute,
      what: 'the short one is done',
    });
    await site.run(3 * minute);
    expect(site.alive()).toHaveLength(2);
    await site.run(10 * minute);
    expect(site.alive()).toHaveLength(1);
    expect(site.made()).toHaveLength(2);
  });
});

describe('users', () => {
  test('a cap holds through the whole life of their jobs', async () => {
    const cap = { of: 'user', name: 'alice', cpus: null, machines: 2 } as const;
    const site = startSite({ policy: { fairness: { ...usualFairness, caps: [cap] } } });
    site.queue.submit(makeJobClass({ user: 'alice' }), { count: 8, runMs: minute });
    let most = 0;
    for (let step = 0; step < 60 * 12 && site.queue.done() < 8; step++) {
      await site.run(1000);
      most = Math.max(most, site.alive().length);
    }
    expect(site.queue.done()).toBe(8);
    expect(most).toBe(2);
    expect(site.made()).toHaveLength(2);
  });

  test('who has used less goes first, after a restart as well', async () => {
    const offers = ['a', 'b'].map((vmType) => makeOffer({ name: vmType, vmType }));
    const site = startSite({
      offers,
      pools: [makePool({ offers: ['a', 'b'], max: 1, limits: { idleMs: 20_000 } })],
    });
    site.queue.submit(makeJobClass({ user: 'alice', vmType: 'a' }), { count: 1, runMs: 20 * minute });
    await site.runUntil(() => site.queue.done() === 1, { withinMs: 30 * minute, what: 'the first is done' });
    await site.runUntil(() => site.alive().length === 0, { withinMs: 10 * minute, what: 'it is gone' });
    site.kill();
    const [hers] = site.queue.submit(makeJobClass({ user: 'alice', vmType: 'a' }), {
      count: 1,
      runMs: minute,
    });
    await site.run(1000);
    const [his] = site.queue.submit(makeJobClass({ user: 'bob', vmType: 'b' }), { count: 1, runMs: minute });
    site.start();
    await site.runUntil(() => his?.state === 'done', { withinMs: 20 * minute, what: 'his is done' });
    expect(hers?.state).toBe('waiting');
    await site.runUntil(() => hers?.state === 'done', { withinMs: 20 * minute, what: 'hers is done' });
    expect(breaches(site)).toEqual([]);
  });
});
