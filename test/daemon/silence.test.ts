import { describe, expect, test } from 'vitest';
import { cloudRefuses } from '../../src/simulate/simulatedCloud.ts';
import { queueFails } from '../../src/simulate/simulatedQueue.ts';
import type { SimulatedSite, SiteOptions } from '../../src/simulate/simulatedSite.ts';
import { breaches } from '../../src/simulate/verdicts.ts';
import { endsOf, phasesOf, startSite, workingSite } from '../support/scenes.ts';
import { east, makeJobClass, makeOffer, makePool, west } from '../support/siteParts.ts';

describe('a queue that does not answer, or lies, ends nothing', () => {
  const lies: readonly (readonly [string, (site: SimulatedSite) => void])[] = [
    ['hangs', (site) => (site.queue.levers.fault = () => ({ kind: 'hang' }))],
    ['denies', (site) => (site.queue.levers.fault = () => queueFails('denied'))],
    ['is unavailable', (site) => (site.queue.levers.fault = () => queueFails('unavailable'))],
    ['answers nonsense', (site) => (site.queue.levers.fault = () => queueFails('malformed'))],
    [
      'says that it is empty',
      (site) => (site.queue.levers.lie = (view) => ({ ...view, demand: [], workers: [] })),
    ],
    [
      'lacks half the workers',
      (site) => (site.queue.levers.lie = (view) => ({ ...view, workers: view.workers.slice(2) })),
    ],
    [
      'says what it said long ago',
      (site) => {
        let old: Parameters<NonNullable<typeof site.queue.levers.lie>>[0] | null = null;
        site.queue.levers.lie = (view) => {
          old ??= view;
          return { ...old, takenAtMs: view.takenAtMs };
        };
      },
    ],
  ];

  test.each(lies)('a queue that %s for ten polls', async (_, lie) => {
    const site = await workingSite(4);
    lie(site);
    await site.run(100_000);
    expect(new Set(phasesOf(site))).toEqual(new Set(['claimed']));
    expect({ made: site.made().length, ended: endsOf(site), drains: site.queue.calls.drain }).toEqual({
      made: 4,
      ended: 0,
      drains: 0,
    });
    site.queue.levers.fault = () => null;
    site.queue.levers.lie = null;
    await site.run(60_000);
    expect(phasesOf(site)).toEqual(['claimed', 'claimed', 'claimed', 'claimed']);
    expect(breaches(site)).toEqual([]);
  });

  test('idle machines are not drained while the queue is silent', async () => {
    const site = startSite({ pools: [makePool({ offers: ['small'], headroom: 0 })] });
    const [job] = site.queue.submit(makeJobClass(), { count: 1, runMs: 5000 });
    await site.runUntil(() => job?.state === 'done', { withinMs: 120_000, what: 'it is done' });
    await site.run(20_000);
    site.queue.levers.fault = (call) => (call === 'poll' ? { kind: 'hang' } : null);
    await site.run(180_000);
    expect(phasesOf(site)).toEqual(['idle']);
    expect(site.queue.calls.drain).toBe(0);
    expect(site.status().queues[0]?.trouble).toMatchObject({ code: 'timeout' });
    site.queue.levers.fault = () => null;
    await site.runUntil(() => site.alive().length === 0, {
      withinMs: 120_000,
      what: 'it is drained and gone',
    });
  });
});

describe('a cloud in trouble', () => {
  const two: Partial<SiteOptions> = {
    offers: [makeOffer({ name: 'e', perHour: 0.1 }), makeOffer({ name: 'w', cloud: west, perHour: 0.2 })],
    pools: [makePool({ offers: ['e', 'w'], max: 8 })],
    clouds: [{ name: east }, { name: west }],
  };

  test.each([
    ['hangs', { kind: 'hang' } as const],
    ['is unavailable', cloudRefuses('unavailable')],
    ['refuses our key', cloudRefuses('auth')],
  ])('one that %s neither stops nor delays the other, and is used again afterwards', async (_, fault) => {
    const site = startSite(two);
    await site.run(15_000);
    site.cloud.levers.fault = () => fault;
    site.queue.submit(makeJobClass(), { count: 2, runMs: 60_000 });
    await site.runUntil(() => site.queue.done() === 2, {
      withinMs: 300_000,
      what: 'the other cloud does the jobs',
    });
    expect(new Set(site.made().map(({ cloud }) => cloud))).toEqual(new Set([west]));
    site.cloud.levers.fault = () => null;
    await site.run(900_000);
    site.queue.submit(makeJobClass(), { count: 2, runMs: 60_000 });
    await site.runUntil(() => site.queue.done() === 4, { withinMs: 600_000, what: 'all are done' });
    expect(site.made().some(({ cloud }) => cloud === east)).toBe(true);
    expect(breaches(site)).toEqual([]);
  });

  test('an empty list for ten polls: nothing is launched beyond the bounds, no job dies', async () => {
    const site = await workingSite(3, { pools: [makePool({ offers: ['small'], max: 4 })] });
    site.cloud.levers.lie = () => [];
    site.queue.submit(makeJobClass(), { count: 9, runMs: 60_000 });
    await site.run(100_000);
    site.cloud.levers.lie = null;
    await site.run(300_000);
    expect(breaches(site)).toEqual([]);
    expect(site.queue.running()).toBeGreaterThanOrEqual(3);
    expect(site.queue.done()).toBeGreaterThan(0);
  });

  test('no room: the next offer is taken, and the full one is left alone for growing times', async () => {
    const site = startSite({
      offers: [makeOffer({ name: 'full', perHour: 0.1 }), makeOffer({ name: 'dear', perHour: 0.9 })],
      pools: [makePool({ offers: ['full', 'dear'], max: 2 })],
    });
    site.cloud.levers.capacity = (offer) => (offer === 'full' ? 0 : null);
    site.queue.submit(makeJobClass(), { count: 2, runMs: 5000 });
    await site.runUntil(() => site.queue.done() === 2, { withinMs: 240_000, what: 'both are done' });
    expect(site.made().map(({ offer }) => offer)).toEqual(['dear', 'dear']);
    expect(site.cloud.calls.launch).toBeLessThanOrEqual(6);
  });
});
