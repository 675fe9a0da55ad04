import { describe, expect, test } from 'vitest';
import { cloudAnswerLost } from '../../src/simulate/simulatedCloud.ts';
import type { SimulatedSite } from '../../src/simulate/simulatedSite.ts';
import { breaches, unowned } from '../../src/simulate/verdicts.ts';
import { StoreError } from '../../src/store/port.ts';
import { endsOf, phasesOf, startSite, workingSite } from '../support/scenes.ts';
import { makeJobClass, makePool } from '../support/siteParts.ts';

describe('a daemon that is killed', () => {
  test.each([
    ['before its decision is stored', (site: SimulatedSite) => site.killAtCommit('beforeCommit')],
    [
      'when the intent is stored and nothing is sent',
      (site: SimulatedSite) => site.killAtCommit('afterCommit'),
    ],
  ])('%s: nothing doubled, nothing left', async (_, arm) => {
    const site = startSite();
    await site.run(15_000);
    arm(site);
    const [job] = site.queue.submit(makeJobClass(), { count: 1, runMs: 30_000 });
    await site.run(5000);
    expect(site.running).toBe(false);
    site.start();
    await site.runUntil(() => job?.state === 'done', { withinMs: 300_000, what: 'the job is done' });
    expect(site.made()).toHaveLength(1);
    await site.run(300_000);
    expect(site.alive()).toEqual([]);
    expect(unowned(site)).toEqual([]);
    expect(breaches(site)).toEqual([]);
  });

  test('in its first tick: it is dead, and can be started again', async () => {
    const site = startSite();
    await site.run(15_000);
    const [job] = site.queue.submit(makeJobClass(), { count: 1, runMs: 30_000 });
    site.kill();
    let deaths = 0;
    site.dieAt('tick/beforeCommit', () => {
      site.kill();
      deaths += 1;
    });
    site.start();
    await site.run(1000);
    expect([deaths, site.running]).toEqual([1, false]);
    site.start();
    await site.runUntil(() => job?.state === 'done', { withinMs: 300_000, what: 'the job is done' });
    expect(site.made()).toHaveLength(1);
  });

  test.each([
    ['sent', { requestMs: 10_000, answerMs: 50 }, 3000],
    ['answered and not stored', { requestMs: 50, answerMs: 10_000 }, 3000],
  ])('when the create call is %s', async (_, delay, afterMs) => {
    const site = startSite();
    await site.run(15_000);
    site.cloud.levers.delay = (call) => (call === 'launch' ? delay : { requestMs: 50, answerMs: 50 });
    const [job] = site.queue.submit(makeJobClass(), { count: 1, runMs: 30_000 });
    await site.runUntil(() => site.cloud.calls.launch === 1, { withinMs: 20_000, what: 'it is sent' });
    await site.run(afterMs);
    site.kill();
    await site.run(2000);
    site.start();
    await site.runUntil(() => job?.state === 'done', { withinMs: 300_000, what: 'the job is done' });
    expect(site.made()).toHaveLength(1);
    await site.run(300_000);
    expect(site.alive()).toEqual([]);
    expect(unowned(site)).toEqual([]);
    expect(breaches(site)).toEqual([]);
  });

  test('an answer that is lost: the machine is found, not made again', async () => {
    const site = startSite();
    let lost = false;
    site.cloud.levers.fault = (call) => {
      if (call !== 'launch' || lost) return null;
      lost = true;
      return cloudAnswerLost();
    };
    site.queue.submit(makeJobClass(), { count: 1, runMs: 30_000 });
    await site.runUntil(() => site.queue.done() === 1, { withinMs: 300_000, what: 'the job is done' });
    expect(site.made()).toHaveLength(1);
    expect(site.store.load().intents.filter(({ state }) => state === 'unknown')).toEqual([]);
  });

  test('and comes back with nothing to do: nothing is written to the cloud', async () => {
    const site = await workingSite(3, { pools: [makePool({ offers: ['small'], min: 3 })] });
    const { launch, terminate } = site.cloud.calls;
    for (let n = 0; n < 3; n++) {
      site.kill();
      await site.run(5000);
      site.start();
      await site.run(60_000);
    }
    expect(site.cloud.calls).toMatchObject({ launch, terminate, resolve: 0 });
    expect(site.queue.calls).toMatchObject({ drain: 0, undrain: 0 });
    expect(phasesOf(site)).toEqual(['claimed', 'claimed', 'claimed']);
  });

  test('and loses its store while machines work: they are adopted, none is ended, min and max are right', async () => {
    const site = await workingSite(5, { pools: [makePool({ offers: ['small'], min: 5, max: 6 })] });
    site.kill();
    site.loseStore();
    site.start();
    site.queue.submit(makeJobClass(), { count: 5, runMs: 60_000 });
    await site.run(300_000);
    expect(site.instances().filter(({ cause }) => cause.kind === 'adopted')).toHaveLength(5);
    expect(site.queue.running()).toBeGreaterThanOrEqual(5);
    expect(endsOf(site)).toBe(0);
    expect(breaches(site)).toEqual([]);
  });
});

describe('the daemon´s own end', () => {
  test('a stop ends no instance, and gives a last word to the journal', async () => {
    const site = await workingSite(2);
    await site.stop();
    expect(site.alive()).toHaveLength(2);
    expect(endsOf(site)).toBe(0);
    expect(site.store.journal({ limit: 1 })).toMatchObject([{ kind: 'stopped' }]);
  });

  test('a launch that is under way at the stop is found by the next run, and its cloud is not blamed', async () => {
    const site = startSite();
    await site.run(15_000);
    site.cloud.levers.delay = (call) =>
      call === 'launch' ? { requestMs: 100, answerMs: 29_000 } : { requestMs: 50, answerMs: 50 };
    site.queue.submit(makeJobClass(), { count: 1, runMs: 30_000 });
    await site.runUntil(() => site.cloud.calls.launch === 1, { withinMs: 20_000, what: 'it is sent' });
    await site.stop();
    expect(phasesOf(site)).toEqual(['unknown']);
    site.start();
    await site.run(15_000);
    expect(site.status().clouds[0]?.setAside).toEqual([]);
    await site.runUntil(() => site.queue.done() === 1, { withinMs: 300_000, what: 'the job is done' });
    expect(site.made()).toHaveLength(1);
  });

  test('a decision that cannot be stored is not carried out, and ends the daemon', async () => {
    const site = startSite();
    await site.run(15_000);
    site.failCommits(new StoreError('full', 'no room on the disk'));
    site.queue.submit(makeJobClass(), { count: 1, runMs: 30_000 });
    await site.run(30_000);
    expect(site.ended).toMatchObject({ code: 'full' });
    expect(site.running).toBe(false);
    expect(site.cloud.calls.launch).toBe(0);
  });
});

test.each([3_600_000, -3_600_000])('the wall clock steps by %i ms: nothing happens', async (ms) => {
  const site = await workingSite(2, {
    pools: [makePool({ offers: ['small'], min: 4, limits: { lifetimeMs: 86_400_000 } })],
  });
  const before = { ...site.cloud.calls };
  site.clock.stepWall(ms);
  await site.run(60_000);
  expect(site.cloud.calls).toMatchObject({ launch: before.launch, terminate: before.terminate });
  expect(site.queue.calls.drain).toBe(0);
  site.kill();
  site.clock.stepWall(-2 * ms);
  site.start();
  await site.run(60_000);
  expect(site.cloud.calls).toMatchObject({ launch: before.launch, terminate: before.terminate });
});
