import { describe, expect, test } from 'vitest';
import { usualFairness } from '../../src/model/fairness.ts';
import { JobId } from '../../src/model/ids.ts';
import { onlyInstance, startSite } from '../support/scenes.ts';
import { east, makeJobClass, makePool } from '../support/siteParts.ts';

describe('what it tells', () => {
  test('why a job waits that no offer fits, with the clause', async () => {
    const site = startSite();
    const [job] = site.queue.submit(makeJobClass({ vmType: 'gpu' }), { count: 1, runMs: 1000 });
    await site.run(15_000);
    const asked = site.control.explainJob(job?.id ?? JobId(''), new AbortController().signal);
    await site.run(1000);
    const told = await asked;
    expect(told?.verdict).toContain('TARGET.VMType == "gpu"');
    expect(told?.offers).toMatchObject([
      { offer: 'small', matches: false, side: 'job', clause: 'TARGET.VMType == "gpu"' },
    ]);
    expect(site.made()).toEqual([]);
    expect(site.status().pools[0]?.unmet).toMatchObject([{ jobs: 1, code: 'noOffer' }]);
  });

  test('when a job is served, what stops it, and what would help', async () => {
    const caps = [{ of: 'user', name: 'bob', cpus: 0, machines: null } as const];
    const site = startSite({
      pools: [makePool({ offers: ['small'], max: 2 })],
      policy: { fairness: { ...usualFairness, caps } },
    });
    const classes = [
      makeJobClass({ name: 'wide', workers: 3 }),
      makeJobClass({ name: 'capped', user: 'bob', priority: 4 }),
    ];
    const ids = classes.map((jobClass) => site.queue.submit(jobClass, { count: 1, runMs: 1000 })[0]?.id);
    await site.run(15_000);
    const explain = async (id: JobId | undefined) => {
      const asked = site.control.explainJob(id ?? JobId(''), new AbortController().signal);
      await site.run(1000);
      return asked;
    };
    const [wide, capped] = [await explain(ids[0]), await explain(ids[1])];
    expect(wide).toMatchObject({
      turn: { place: 2, of: 2, priority: 0, share: 20 },
      shortage: { code: 'tooLarge', figures: { workers: 3, most: 2 } },
      next: expect.stringContaining('fewer machines'),
    });
    expect(capped).toMatchObject({
      turn: { place: 1, of: 2, priority: 4 },
      shortage: { code: 'userCap', figures: { cpusMax: 0, cpusInUse: 0 } },
      verdict: expect.stringContaining('user bob may have 0 cpus at a time'),
    });
    expect(site.control.plan().demand).toMatchObject([
      { user: 'bob', workers: 1, unmet: 1, unmetCode: 'userCap' },
      { user: null, workers: 3, unmet: 1, unmetFigures: { workers: 3, most: 2 } },
    ]);
    expect(site.made()).toEqual([]);
  });

  test('a job that nobody knows is no job', async () => {
    const site = startSite();
    await site.run(15_000);
    const asked = site.control.explainJob(JobId('no#1.0'), new AbortController().signal);
    await site.run(1000);
    expect(await asked).toBeNull();
  });

  test('why a machine was booted and why it ended', async () => {
    const site = startSite();
    const [job] = site.queue.submit(makeJobClass(), { count: 1, runMs: 1000 });
    await site.runUntil(() => job?.state === 'done', { withinMs: 120_000, what: 'it is done' });
    const id = onlyInstance(site);
    await site.runUntil(() => site.alive().length === 0, { withinMs: 240_000, what: 'it is gone' });
    await site.run(30_000);
    const told = site.control.explainInstance(id);
    expect(told?.bootedBecause).toContain(String(job?.id));
    expect(told?.endedBecause).toContain('idle');
    expect(told?.instance).toMatchObject({ phase: 'ended', state: null, endReason: 'idle' });
  });

  test('a dry plan says what would be done, and does nothing', async () => {
    const site = startSite({ pools: [makePool({ offers: ['small'], max: 1 })] });
    await site.run(15_000);
    site.queue.submit(makeJobClass(), { count: 3, runMs: 600_000 });
    await site.run(90_000);
    const before = { ...site.cloud.calls };
    const { ready, demand, launches } = site.control.plan();
    expect(ready).toBe(true);
    expect(launches).toEqual([]);
    expect(demand).toMatchObject([{ jobs: 2, unmet: 2, unmetCode: 'poolMax' }]);
    expect(site.cloud.calls.launch).toBe(before.launch);
  });

  test('before the first views it says what is missing', async () => {
    const site = startSite();
    expect(site.control.plan()).toMatchObject({ ready: false, launches: [] });
    expect(site.status().mode).toBe('starting');
    await site.run(15_000);
    expect(site.status()).toMatchObject({
      mode: 'running',
      queues: [{ complete: true, trouble: null }],
      clouds: [{ name: east, trouble: null }],
    });
  });
});
