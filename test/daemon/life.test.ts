import { expect, test } from 'vitest';
import { createSimulatedSite } from '../support/simulatedSite.ts';
import { makeJobClass, makeOffer, makePool } from '../support/siteParts.ts';

const offers = [makeOffer({ name: 'small' })];

test('a waiting job gets a machine; it is reused, drained when idle, and ended', async () => {
  const site = createSimulatedSite({ offers, pools: [makePool({ offers: ['small'] })] });
  site.start();
  const [job] = site.queue.submit(makeJobClass(), { count: 1, runMs: 30_000 });
  await site.runUntil(() => job?.state === 'done', { withinMs: 180_000, what: 'the job is done' });
  const [next] = site.queue.submit(makeJobClass(), { count: 1, runMs: 30_000 });
  await site.runUntil(() => next?.state === 'done', { withinMs: 60_000, what: 'the next is done' });
  expect(site.made()).toHaveLength(1);
  expect(site.status().totals.sinceStore).toMatchObject({ launched: 1, reused: 1, ended: 0 });
  await site.runUntil(() => site.alive().length === 0, { withinMs: 240_000, what: 'the machine is gone' });
  await site.run(30_000);
  expect(site.instances()).toEqual([]);
  expect(site.queue.kills).toEqual([]);
  expect(site.errors).toEqual([]);
  expect(site.status().totals.sinceStore).toMatchObject({ launched: 1, reused: 1, ended: 1 });
});
