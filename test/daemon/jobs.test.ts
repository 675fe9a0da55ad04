import { describe, expect, test } from 'vitest';
import { breaches, unowned } from '../../src/simulate/verdicts.ts';
import { phasesOf, startSite, workingSite } from '../support/scenes.ts';
import { makeJobClass, makePool } from '../support/siteParts.ts';

describe('the main job', () => {
  test('a waiting job gets a machine; it is reused, drained when idle, and ended', async () => {
    const site = startSite();
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

  test('thirty jobs on at most five machines', async () => {
    const site = startSite();
    site.queue.submit(makeJobClass(), { count: 30, runMs: 60_000 });
    await site.runUntil(() => site.queue.done() === 30, { withinMs: 900_000, what: 'all are done' });
    expect(site.made()).toHaveLength(5);
    await site.runUntil(() => site.alive().length === 0, {
      withinMs: 300_000,
      what: 'all machines are gone',
    });
    await site.run(30_000);
    expect(breaches(site)).toEqual([]);
    expect(unowned(site)).toEqual([]);
  });

  test('a job that arrives while a machine drains un-drains it, and nothing is launched', async () => {
    const site = startSite();
    const [first] = site.queue.submit(makeJobClass(), { count: 1, runMs: 5000 });
    await site.runUntil(() => first?.state === 'done', { withinMs: 120_000, what: 'the first is done' });
    await site.runUntil(() => phasesOf(site).includes('draining'), { withinMs: 120_000, what: 'it drains' });
    const [second] = site.queue.submit(makeJobClass(), { count: 1, runMs: 5000 });
    await site.runUntil(() => second?.state === 'done', { withinMs: 60_000, what: 'the second is done' });
    expect(site.made()).toHaveLength(1);
    expect(site.queue.calls.undrain).toBe(1);
    expect(breaches(site)).toEqual([]);
  });

  test('a drain that takes long and lands after the demand is back is taken back, too', async () => {
    const site = startSite();
    const [first] = site.queue.submit(makeJobClass(), { count: 1, runMs: 5000 });
    await site.runUntil(() => first?.state === 'done', { withinMs: 120_000, what: 'the first is done' });
    // The next job is not begun before the drain lands.
    site.queue.levers.negotiateMs = 3_600_000;
    site.queue.levers.delay = (call) =>
      call === 'drain' ? { requestMs: 25_000, answerMs: 0 } : { requestMs: 100, answerMs: 100 };
    await site.runUntil(() => phasesOf(site).includes('draining'), {
      withinMs: 120_000,
      what: 'it is to drain',
    });
    site.queue.submit(makeJobClass(), { count: 1, runMs: 5000 });
    await site.run(120_000);
    expect(phasesOf(site)).toEqual(['idle']);
    expect(site.made()).toHaveLength(1);
  });

  test('min is kept while machines boot, and no machine is launched beyond it', async () => {
    const site = startSite({ pools: [makePool({ offers: ['small'], min: 3 })] });
    await site.run(5000);
    expect(site.made()).toHaveLength(3);
    await site.run(600_000);
    expect(site.made()).toHaveLength(3);
    expect(phasesOf(site)).toEqual(['idle', 'idle', 'idle']);
  });

  test('a machine that vanishes is replaced, and its job runs again', async () => {
    const site = await workingSite(1);
    const [machine] = site.alive();
    if (machine === undefined) throw new Error('one machine');
    site.cloud.vanish(machine);
    await site.runUntil(() => site.queue.running() === 1, { withinMs: 240_000, what: 'the job runs again' });
    await site.run(60_000);
    expect(site.made()).toHaveLength(2);
    expect(site.control.explainInstance(machine.instance)?.instance).toMatchObject({
      phase: 'ended',
      endReason: 'lost',
    });
    expect(breaches(site)).toEqual([]);
  });

  test('machines that never join are ended at their deadline, and the offer is set aside', async () => {
    const site = startSite();
    site.cloud.levers.fate = () => ({ bootMs: 5000, joinMs: null });
    site.queue.submit(makeJobClass(), { count: 1, runMs: 5000 });
    await site.run(600_000);
    expect(site.made().length).toBeLessThanOrEqual(5);
    expect(site.status().clouds[0]?.setAside).toMatchObject([{ offer: 'small', code: 'joinDeadline' }]);
    site.cloud.levers.fate = () => ({ bootMs: 5000, joinMs: 5000 });
    await site.runUntil(() => site.queue.done() === 1, {
      withinMs: 1_200_000,
      what: 'the probe takes the job',
    });
    expect(breaches(site)).toEqual([]);
  });
});
