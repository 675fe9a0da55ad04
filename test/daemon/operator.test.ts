import { describe, expect, test } from 'vitest';
import { InstanceId, PoolName } from '../../src/model/ids.ts';
import { breaches } from '../../src/simulate/verdicts.ts';
import { onlyInstance, phasesOf, startSite, workingSite } from '../support/scenes.ts';
import { makeJobClass } from '../support/siteParts.ts';

describe('an operator', () => {
  test('launches within the bounds, all or nothing', async () => {
    const site = startSite();
    await site.run(15_000);
    const launch = (count: number) =>
      site.control.launch({ pool: PoolName('pool'), offer: null, count, note: null });
    await expect(launch(6)).rejects.toMatchObject({ code: 'refused', reason: 'poolMax' });
    const receipt = await launch(3);
    expect(receipt.instances).toHaveLength(3);
    await site.run(1000);
    expect(site.made()).toHaveLength(3);
    await expect(launch(3)).rejects.toMatchObject({ code: 'refused' });
    await expect(
      site.control.launch({ pool: PoolName('no'), offer: null, count: 1, note: null }),
    ).rejects.toMatchObject({ code: 'unknownPool' });
  });

  test('drains: the job runs on, then the machine ends', async () => {
    const site = startSite();
    const [job] = site.queue.submit(makeJobClass(), { count: 1, runMs: 90_000 });
    await site.runUntil(() => job?.state === 'running', { withinMs: 120_000, what: 'it runs' });
    await site.run(10_000);
    const receipt = await site.control.drain(onlyInstance(site));
    expect(receipt).toMatchObject({ changed: true, instance: { phase: 'draining', endReason: 'operator' } });
    await site.runUntil(() => site.alive().length === 0, { withinMs: 240_000, what: 'it is gone' });
    expect(job?.state).toBe('done');
    expect(breaches(site)).toEqual([]);
  });

  test('takes a drain back', async () => {
    const site = await workingSite(1);
    await site.control.drain(onlyInstance(site));
    await site.run(30_000);
    await site.control.undrain(onlyInstance(site));
    await site.run(30_000);
    expect(phasesOf(site)).toEqual(['claimed']);
    await expect(site.control.undrain(onlyInstance(site))).rejects.toMatchObject({
      code: 'refused',
      reason: 'notDraining',
    });
  });

  test('ends one by force, whatever runs on it, and the journal says so', async () => {
    const site = await workingSite(1);
    const id = onlyInstance(site);
    await site.control.terminate(id, { force: true });
    await site.run(30_000);
    expect(site.queue.kills).toHaveLength(1);
    expect(site.control.explainInstance(id)).toMatchObject({
      endedBecause: expect.stringContaining('operator'),
    });
    await expect(site.control.terminate(InstanceId('no'), { force: true })).rejects.toMatchObject({
      code: 'unknownInstance',
    });
  });

  test('without force the job lives', async () => {
    const site = await workingSite(1);
    await site.control.terminate(onlyInstance(site), { force: false });
    await site.run(60_000);
    expect(phasesOf(site)).toEqual(['draining']);
    expect(site.queue.kills).toEqual([]);
  });
});
