import { describe, expect, test } from 'vitest';
import { east } from '../../src/simulate/simulatedConfig.ts';
import { endsOf, phasesOf, startSite, workingSite } from '../support/scenes.ts';
import { makeJobClass, makePool } from '../support/siteParts.ts';

const minute = 60_000;
const hour = 60 * minute;
const ofEast = { kind: 'cloud', cloud: east } as const;
const request = { scope: ofEast, reason: 'works', force: false, drainAheadMs: null };

describe('a downtime of the only cloud', () => {
  test('drains ahead by the walltimes of jobs: the cloud is empty when it begins, and no job is lost', async () => {
    const site = startSite();
    const jobs = makeJobClass({ walltimeMs: 10 * minute });
    site.queue.submit(jobs, { count: 25, runMs: 9 * minute });
    await site.runUntil(() => site.queue.running() === 5, { withinMs: 5 * minute, what: 'all busy' });
    const from = site.clock.wallNow() + 35 * minute;
    await site.control.addDowntime({ ...request, fromWallMs: from, toWallMs: from + 20 * minute });
    await site.run(from - site.clock.wallNow());
    expect(phasesOf(site)).toEqual([]);
    expect(site.queue.kills).toEqual([]);
    expect(site.queue.done()).toBeGreaterThanOrEqual(10);
    await site.run(10 * minute);
    expect(site.alive()).toEqual([]);
    const [unmet] = site.status().pools[0]?.unmet ?? [];
    expect(unmet).toMatchObject({ code: 'downtime', why: expect.stringContaining('works') });
    await site.run(50 * minute);
    expect(site.queue.done()).toBe(25);
    expect(site.queue.kills).toEqual([]);
  });

  test('lets what still works finish; forced, it is ended when it begins and the journal says why', async () => {
    for (const force of [false, true]) {
      const site = await workingSite(1);
      const fromWallMs = site.clock.wallNow() + 10 * minute;
      await site.control.addDowntime({ ...request, fromWallMs, toWallMs: fromWallMs + 3 * hour, force });
      await site.run(9 * minute);
      expect(phasesOf(site)).toEqual(['draining']);
      await site.run(3 * minute);
      expect(endsOf(site)).toBe(force ? 1 : 0);
      expect(site.queue.kills).toHaveLength(force ? 1 : 0);
      if (force) {
        const ends = site.store.journal({ kinds: ['phase'], limit: 50 });
        expect(ends.some(({ why }) => why.startsWith('downtime: '))).toBe(true);
      }
    }
  });

  test('outlives a restart, and is told once for each of its stages', async () => {
    const site = startSite();
    await site.run(minute);
    const from = site.clock.wallNow() + 30 * minute;
    await site.control.addDowntime({ ...request, fromWallMs: from, toWallMs: from + hour });
    await site.run(minute);
    await site.stop();
    site.start();
    await site.run(3 * hour);
    const told = site.store.journal({ kinds: ['downtime'], limit: 50 }).map(({ why }) => why);
    expect(told.toReversed()).toEqual([
      'downtime d1 of cloud east is declared: works',
      'downtime d1 of cloud east comes: its machines take no new jobs: works',
      'downtime d1 of cloud east has begun: works',
      'downtime d1 of cloud east is over: works',
    ]);
    expect(site.control.downtimes().downtimes).toEqual([]);
  });

  test('taken back: a machine that drained for it works again', async () => {
    const site = await workingSite(1);
    const from = site.clock.wallNow() + 5 * minute;
    const { downtime } = await site.control.addDowntime({
      ...request,
      fromWallMs: from,
      toWallMs: from + hour,
    });
    await site.run(minute);
    expect(phasesOf(site)).toEqual(['draining']);
    await site.control.endDowntime(downtime.id);
    site.queue.submit(makeJobClass(), { count: 1, runMs: minute });
    await site.run(2 * minute);
    expect(phasesOf(site)).toContain('claimed');
    expect(site.queue.kills).toEqual([]);
    expect(endsOf(site)).toBe(0);
  });

  test('is refused where it is over already, or of a cloud that is not there', async () => {
    const site = startSite({ pools: [makePool({ offers: ['small'] })] });
    const wallMs = site.clock.wallNow();
    await expect(
      site.control.addDowntime({ ...request, fromWallMs: wallMs - hour, toWallMs: wallMs - 1 }),
    ).rejects.toMatchObject({ code: 'refused', reason: 'bounds' });
    await expect(site.control.endDowntime('d7')).rejects.toMatchObject({ code: 'unknownDowntime' });
  });
});
