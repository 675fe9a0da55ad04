import { describe, expect, test, vi } from 'vitest';
import { JobId, PoolName } from '../../src/model/ids.ts';
import { cloudRefuses, cloudRequestLost } from '../../src/simulate/simulatedCloud.ts';
import {
  createSimulatedSite,
  type SimulatedSite,
  type SiteOptions,
} from '../../src/simulate/simulatedSite.ts';
import { boundsBroken, breaches } from '../../src/simulate/verdicts.ts';
import { startSite, workingSite } from '../support/scenes.ts';
import { makeJobClass, makeOffer, makePool } from '../support/siteParts.ts';
import { coming, decide, demandOf, launched, longFree, named } from '../support/situation.ts';

/** Many simulated hours may take some seconds. */
vi.setConfig({ testTimeout: 60_000 });

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const pool = PoolName('pool');

/** A template that cannot boot, and more jobs than the pool may have machines. */
function brokenTemplate(options: Partial<SiteOptions> = {}): SimulatedSite {
  const site = startSite({ pools: [makePool({ offers: ['small'], max: 4 })], ...options });
  site.cloud.levers.fate = () => ({ bootMs: 5000, joinMs: null, failsToBoot: true });
  site.queue.submit(makeJobClass(), { count: 50, runMs: minuteMs });
  return site;
}

describe('a template that never boots', () => {
  test('CloudStack #9318: six hours of it make a few machines an hour, and never more than max', async () => {
    const site = brokenTemplate();
    const madeAt: number[] = [];
    for (let hour = 0; hour < 6; hour++) {
      await site.run(hourMs);
      madeAt.push(site.made().length);
    }
    const perHour = madeAt.map((made, hour) => made - (madeAt[hour - 1] ?? 0));
    expect(Math.max(...perHour)).toBeLessThanOrEqual(20);
    expect(site.status().clouds[0]?.setAside).toMatchObject([{ offer: 'small', code: 'bootFailed' }]);
    expect(boundsBroken(site)).toEqual([]);
    // It is not given up: once the template is mended the jobs run.
    site.cloud.levers.fate = () => ({ bootMs: 20_000, joinMs: 10_000 });
    await site.runUntil(() => site.queue.done() > 0, {
      withinMs: 30 * minuteMs,
      what: 'the offer is tried again',
    });
  });

  test('CloudStack #9318: corpses that the cloud will not remove count, so that there are four and no fifth', async () => {
    const site = brokenTemplate();
    site.cloud.levers.fault = (call) => (call === 'terminate' ? cloudRefuses('unavailable') : null);
    await site.run(6 * hourMs);
    expect(site.made().length).toBeLessThanOrEqual(4);
    expect(site.alive()).toHaveLength(site.made().length);
  });

  test('CloudStack #9503: a pause stops the creates within one cycle, and holds over a crash and a restart', async () => {
    const site = brokenTemplate({ policy: { setAsideFirstMs: 1000, setAsideMaxMs: 2000 } });
    await site.run(5 * minuteMs);
    await site.control.adjustPool({ kind: 'pause', pool });
    await site.run(11_000);
    const { launch } = site.cloud.calls;
    expect(launch).toBeGreaterThan(4);

    await site.run(hourMs);
    site.kill();
    site.start();
    await site.run(hourMs);
    await site.stop();
    site.start();
    await site.run(hourMs);
    expect(site.cloud.calls.launch).toBe(launch);
    expect(site.status().pools).toMatchObject([
      { name: 'pool', paused: true, unmet: [{ code: 'paused', jobs: 50 }] },
    ]);

    site.cloud.levers.fate = () => ({ bootMs: 20_000, joinMs: 10_000 });
    expect(await site.control.adjustPool({ kind: 'resume', pool })).toMatchObject({ changed: true });
    await site.runUntil(() => site.queue.done() > 0, { withinMs: 10 * minuteMs, what: 'it is resumed' });
  });

  test('CloudStack #9503: a paused pool is refilled by nothing: no min, no head-room, no operator, no second try', async () => {
    const site = createSimulatedSite({
      offers: [makeOffer({ name: 'small' })],
      pools: [makePool({ offers: ['small'], min: 2, headroom: 2, max: 9 })],
    });
    // The first creates are lost, and nobody can say yet whether they were carried out.
    site.cloud.levers.fault = (call) => {
      if (call === 'launch') return cloudRequestLost();
      return call === 'resolve' ? cloudRefuses('unavailable') : null;
    };
    site.start();
    await site.run(4000);
    const { launch } = site.cloud.calls;
    expect(launch).toBeGreaterThan(0);
    await site.control.adjustPool({ kind: 'pause', pool });
    site.cloud.levers.fault = () => null;
    await site.run(hourMs);
    expect(site.made()).toEqual([]);
    expect(site.instances()).toEqual([]);
    expect(site.cloud.calls.launch).toBe(launch);
    const byHand = site.control.launch({ pool, offer: null, count: 1, note: null });
    await expect(byHand).rejects.toMatchObject({ code: 'refused', reason: 'paused' });
  });

  test('nodepool f31a0dadf: a paused pool still declines what it could never serve', async () => {
    const site = startSite();
    await site.control.adjustPool({ kind: 'pause', pool });
    const [possible] = site.queue.submit(makeJobClass(), { count: 1, runMs: minuteMs });
    const [impossible] = site.queue.submit(makeJobClass({ name: 'huge', cpus: 64 }), {
      count: 1,
      runMs: minuteMs,
    });
    await site.run(20_000);
    const { demand, launches } = site.control.plan();
    expect(launches).toEqual([]);
    expect(demand.map(({ demand: id, unmetCode }) => [id, unmetCode])).toEqual([
      ['batch/a', 'paused'],
      ['batch/huge', 'noOffer'],
    ]);
    const signal = new AbortController().signal;
    const explain = async (job: typeof possible) => {
      const id = job?.id ?? JobId('none');
      const [explanation] = await Promise.all([site.control.explainJob(id, signal), site.run(1000)]);
      return explanation?.verdict;
    };
    expect(await explain(possible)).toContain('pool pool is paused');
    expect(await explain(impossible)).toContain('No offer and no worker fits it');
  });
});

describe('what is on its way counts', () => {
  test('ec2-plugin PR #1149: a hundred jobs get a hundred machines, however long these take', async () => {
    const site = startSite({ pools: [makePool({ offers: ['small'], max: 1000 })] });
    site.cloud.levers.fate = () => ({ bootMs: 80_000, joinMs: 90_000 });
    site.queue.submit(makeJobClass(), { count: 100, runMs: 20 * minuteMs });
    await site.runUntil(() => site.queue.running() === 100, { withinMs: 6 * minuteMs, what: 'all run' });
    await site.run(10 * minuteMs);
    expect(site.made()).toHaveLength(100);
  });

  test('ec2-plugin #2030: calls within a moment of each other do not both pass a max of one', async () => {
    const site = startSite({ pools: [makePool({ offers: ['small'], max: 1 })] });
    await site.run(15_000);
    site.cloud.levers.delay = () => ({ requestMs: 5000, answerMs: 5000 });
    const launch = () => site.control.launch({ pool, offer: null, count: 1, note: null });
    site.queue.submit(makeJobClass(), { count: 3, runMs: minuteMs });
    const both = await Promise.allSettled([launch(), launch()]);
    await site.run(200);
    expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect(site.cloud.calls.launch).toBe(1);
    await site.run(minuteMs);
    expect(boundsBroken(site)).toEqual([]);
    expect(site.made()).toHaveLength(1);
  });

  test.each(['beforeCommit', 'afterCommit'] as const)(
    'ec2-plugin #2030: the check and the reservation are one, also where the daemon dies at it: %s',
    async (point) => {
      const site = startSite({ pools: [makePool({ offers: ['small'], max: 1 })] });
      await site.run(15_000);
      for (let n = 0; n < 3; n++) {
        site.killAtCommit(point);
        site.queue.submit(makeJobClass(), { count: 2, runMs: 30_000 });
        await site.run(20_000);
        if (!site.running) site.start();
      }
      site.killAtCommit(null);
      await site.run(20 * minuteMs);
      expect(breaches(site)).toEqual([]);
      expect(site.queue.done()).toBe(6);
    },
  );

  test('nodepool b1351389e: two groups of one tick do not get the same machine', () => {
    const demand = [demandOf(makeJobClass(), 1), demandOf(makeJobClass({ name: 'b', vmType: 'a' }), 1)];
    const { launches, demand: reports } = decide({ demand, machines: [coming('one')] });
    expect(reports.map(({ onComing, onLaunches }) => [onComing, onLaunches])).toEqual([
      [1, 0],
      [0, 1],
    ]);
    expect(launches.map(({ count }) => count)).toEqual([1]);
  });
});

describe('more than may be', () => {
  test('github-runners 9ab741021: with more machines than max the target is not negative', async () => {
    const site = await workingSite(4, { pools: [makePool({ offers: ['small'], min: 1, max: 4 })] });
    await site.control.adjustPool({ kind: 'scale', pool, max: 2 });
    site.queue.submit(makeJobClass(), { count: 5, runMs: minuteMs });
    await site.run(10 * minuteMs);
    expect(site.made()).toHaveLength(4);
    expect(site.queue.running()).toBe(4);
    expect(site.control.plan().launches).toEqual([]);

    const over = decide({
      machines: named(['a', 'b', 'c', 'd'], longFree),
      pools: [makePool({ offers: ['small'], max: 2, min: 2 })],
    });
    expect(launched(over)).toEqual([]);
    expect(over.drains).toHaveLength(2);
  });

  test('github-runners a4ecd111c: filling up to min and head-room keeps to max', async () => {
    const site = startSite({ pools: [makePool({ offers: ['small'], min: 2, headroom: 5, max: 3 })] });
    await site.run(minuteMs);
    site.queue.submit(makeJobClass(), { count: 3, runMs: 10 * minuteMs });
    await site.run(5 * minuteMs);
    expect(site.made()).toHaveLength(3);
    expect(site.queue.running()).toBe(3);
  });

  test('pcluster 2.6.1: no replacement is made before the bad machine is gone', async () => {
    const site = startSite({ pools: [makePool({ offers: ['small'], max: 1 })] });
    let made = 0;
    site.cloud.levers.fate = () => ({ bootMs: 10_000, joinMs: made++ === 0 ? null : 10_000 });
    site.cloud.levers.endMs = 10 * minuteMs;
    site.queue.submit(makeJobClass(), { count: 1, runMs: minuteMs });
    await site.runUntil(() => site.queue.done() === 1, {
      withinMs: 30 * minuteMs,
      what: 'the second does the job',
    });
    const [bad, good] = site.made();
    expect(good?.createdAtMs).toBeGreaterThanOrEqual(bad?.goneAtMs ?? Number.POSITIVE_INFINITY);
  });
});

describe('machines that are of no use', () => {
  /** The first two never join, and the cloud does not remove them. */
  function siteWithCorpses(max: number): SimulatedSite {
    const site = startSite({
      pools: [makePool({ offers: ['small'], min: 2, max, limits: { joinMaxMs: minuteMs } })],
    });
    let made = 0;
    site.cloud.levers.fate = () => ({ bootMs: 10_000, joinMs: made++ < 2 ? null : 10_000 });
    site.cloud.levers.fault = (call) => (call === 'terminate' ? cloudRefuses('unavailable') : null);
    return site;
  }

  test('autoscaler #369: they fill no minimum', async () => {
    const site = siteWithCorpses(6);
    await site.run(15 * minuteMs);
    expect(site.status().pools[0]?.states).toEqual({ Free: 2, Busy: 0, Unusable: 2 });
  });

  test('autoscaler #803: they count toward max until they are gone', async () => {
    const site = siteWithCorpses(2);
    await site.run(hourMs);
    expect(site.made()).toHaveLength(2);
    site.cloud.levers.fault = () => null;
    await site.runUntil(() => site.status().pools[0]?.states.Free === 2, {
      withinMs: 20 * minuteMs,
      what: 'the minimum is full of machines that work',
    });
    expect(boundsBroken(site)).toEqual([]);
  });
});
