import { expect, test } from 'vitest';
import { createSimulatedSite } from '../../src/simulate/simulatedSite.ts';
import { east, makeJobClass, makeOffer, makePool } from '../support/siteParts.ts';

/** A create call that was stored and never sent: the daemon was killed in between. Its cloud's list may lag for long. */
async function killedBeforeTheCall(replaySafe: boolean) {
  const site = createSimulatedSite({
    offers: [makeOffer({ name: 'small' })],
    pools: [makePool({ offers: ['small'] })],
    clouds: [{ name: east, capabilities: { replaySafe, listLagMs: 300_000 } }],
  });
  site.killAtCommit('afterCommit');
  site.start();
  const [job] = site.queue.submit(makeJobClass(), { count: 1, runMs: 10_000 });
  await site.runUntil(() => !site.running, { withinMs: 30_000, what: 'the daemon is killed' });
  expect(site.made()).toEqual([]);
  expect(site.instances()).toMatchObject([{ phase: 'requested' }]);
  site.start();
  return { site, job };
}

test('is sent again at once where the cloud makes no second machine of it', async () => {
  const { site, job } = await killedBeforeTheCall(true);
  await site.runUntil(() => job?.state === 'done', { withinMs: 120_000, what: 'the job is done' });
  expect(site.made()).toHaveLength(1);
  expect(site.errors).toEqual([]);
});

test('is not sent again elsewhere: nothing is launched until the list has had its time', async () => {
  const { site, job } = await killedBeforeTheCall(false);
  await site.run(100_000);
  expect(site.made()).toEqual([]);
  await site.runUntil(() => job?.state === 'done', { withinMs: 600_000, what: 'the job is done' });
  expect(site.made()).toHaveLength(1);
  expect(site.errors).toEqual([]);
});
