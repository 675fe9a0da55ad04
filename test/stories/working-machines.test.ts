import { describe, expect, test, vi } from 'vitest';
import { InstanceId, WorkerId } from '../../src/model/ids.ts';
import { cloudRefuses } from '../../src/simulate/simulatedCloud.ts';
import { queueFails } from '../../src/simulate/simulatedQueue.ts';
import type { SimulatedSite } from '../../src/simulate/simulatedSite.ts';
import { breaches, unowned } from '../../src/simulate/verdicts.ts';
import {
  found,
  makeEntry,
  makeFleet,
  makeInstance,
  makeList,
  makeView,
  makeWorker,
  t0,
} from '../support/fleetParts.ts';
import { foldedPhases, folds } from '../support/folds.ts';
import { endsOf, onlyInstance, phasesOf, startSite, workingSite } from '../support/scenes.ts';
import { makeJobClass, makeOffer, makePool } from '../support/siteParts.ts';

/** Many simulated hours may take some seconds. */
vi.setConfig({ testTimeout: 60_000 });

const minuteMs = 60_000;

/** One machine that has done a short job and is free. */
async function siteWithFreeMachine(limits = {}): Promise<SimulatedSite> {
  const site = startSite({ pools: [makePool({ offers: ['small'], limits })] });
  site.queue.submit(makeJobClass(), { count: 1, runMs: 5000 });
  await site.runUntil(() => site.queue.done() === 1, { withinMs: 2 * minuteMs, what: 'a job is done' });
  return site;
}

describe('work is not killed by a reading that was true a moment ago', () => {
  test('github-aws-runners #5085: a job that comes between the decision to end a machine and its drain lives', async () => {
    const site = await siteWithFreeMachine();
    // The scheduler hears of the drain 8 s after it was decided, and begins a job meanwhile.
    site.queue.levers.delay = (call) => ({ requestMs: call === 'drain' ? 8000 : 100, answerMs: 100 });
    await site.runUntil(() => site.queue.calls.drain === 1, {
      withinMs: 3 * minuteMs,
      what: 'a drain is sent',
    });
    const [job] = site.queue.submit(makeJobClass(), { count: 1, runMs: 3 * minuteMs });
    await site.runUntil(() => job?.state === 'running', {
      withinMs: 7000,
      what: 'the job has begun before it',
    });
    await site.runUntil(() => site.alive().length === 0, {
      withinMs: 20 * minuteMs,
      what: 'it ends at last',
    });
    expect(job).toMatchObject({ state: 'done', starts: 1 });
    expect(site.made()).toHaveLength(1);
    expect(site.made()[0]?.terminatedAtMs).toBeGreaterThan(job?.doneAtMs ?? Number.POSITIVE_INFINITY);
    expect(breaches(site)).toEqual([]);
  });

  test('github-aws-runners PR #5228: a machine that is called idle for 50 s after its job has begun', async () => {
    const site = await siteWithFreeMachine({ idleMs: 0, idleConfirmMs: minuteMs });
    site.queue.levers.jobLagMs = 50_000;
    site.queue.levers.delay = (call) => ({ requestMs: call === 'drain' ? 5000 : 100, answerMs: 100 });
    const jobs = [];
    for (let n = 0; n < 8; n++) {
      jobs.push(...site.queue.submit(makeJobClass(), { count: 1, runMs: 3 * minuteMs }));
      await site.run(2 * minuteMs + n * 1700);
    }
    await site.runUntil(() => site.queue.done() === 9, { withinMs: 60 * minuteMs, what: 'all are done' });
    expect(jobs.map(({ starts }) => starts)).toEqual(jobs.map(() => 1));
    expect(site.queue.calls.drain).toBeGreaterThan(0);
    expect(breaches(site)).toEqual([]);
  });

  test('github-aws-runners PR #5228: one idle reading in the middle of a job', async () => {
    const site = await workingSite(3, { pools: [makePool({ offers: ['small'], limits: { idleMs: 0 } })] });
    for (let n = 0; n < 10; n++) {
      let lies = 1;
      site.queue.levers.lie = (view) => {
        if (lies === 0) return view;
        lies -= 1;
        const idle = (worker: (typeof view.workers)[number]) => ({ ...worker, activity: 'idle' as const });
        return {
          ...view,
          workers: view.workers.map((worker) => ({ ...idle(worker), runningJobs: 0, jobIds: [] })),
        };
      };
      await site.run(2 * minuteMs);
    }
    expect(site.queue.running()).toBe(3);
    expect(endsOf(site)).toBe(0);
    expect(breaches(site)).toEqual([]);
  });

  test('ray #58933: a look that times out, fails or comes back empty makes no machine idle', async () => {
    const site = await workingSite(5);
    const troubles: readonly (() => void)[] = [
      () => (site.queue.levers.fault = (call) => (call === 'poll' ? { kind: 'hang' } : null)),
      () => (site.queue.levers.fault = (call) => (call === 'poll' ? queueFails('unavailable') : null)),
      () => (site.queue.levers.lie = (view) => ({ ...view, workers: [], demand: [] })),
      () => (site.queue.levers.lie = (view) => ({ ...view, workers: view.workers.slice(3) })),
      () => (site.cloud.levers.fault = (call) => (call === 'list' ? { kind: 'hang' } : null)),
      () => (site.cloud.levers.fault = (call) => (call === 'list' ? cloudRefuses('timeout') : null)),
      () => (site.cloud.levers.lie = () => []),
    ];
    for (const begin of troubles) {
      begin();
      await site.run(minuteMs);
      site.queue.levers.fault = () => null;
      site.queue.levers.lie = null;
      site.cloud.levers.fault = () => null;
      site.cloud.levers.lie = null;
      await site.run(minuteMs);
    }
    expect(phasesOf(site)).toEqual(Array.from({ length: 5 }, () => 'claimed'));
    expect({ ended: endsOf(site), drains: site.queue.calls.drain }).toEqual({ ended: 0, drains: 0 });
    expect({ jobs: site.queue.running(), daemon: site.running }).toEqual({ jobs: 5, daemon: true });
  });
});

describe('a machine is known by its id, and missed only when it is missing for long', () => {
  test('github-aws-runners #4391: a machine that takes long to join is no orphan, however quick the others were', async () => {
    const site = await siteWithFreeMachine({ idleMs: 0 });
    for (let n = 0; n < 6; n++) {
      await site.runUntil(() => site.alive().length === 0, { withinMs: 5 * minuteMs, what: 'it is gone' });
      site.queue.submit(makeJobClass(), { count: 1, runMs: 5000 });
      await site.runUntil(() => site.queue.done() === n + 2, {
        withinMs: 5 * minuteMs,
        what: 'the job is done',
      });
    }
    await site.runUntil(() => site.alive().length === 0, {
      withinMs: 5 * minuteMs,
      what: 'the last is gone',
    });
    const before = site.made().length;
    // The cloud lists it late, and its worker comes five times later than that of the others.
    site.cloud.levers.lagMs = 9000;
    site.cloud.levers.fate = () => ({ bootMs: 20_000, joinMs: 50_000 });
    const [job] = site.queue.submit(makeJobClass(), { count: 1, runMs: 5000 });
    await site.runUntil(() => job?.state === 'done', {
      withinMs: 3 * minuteMs,
      what: 'the late one does the job',
    });
    expect(site.made()).toHaveLength(before + 1);
  });

  test('github-aws-runners #3802: whose worker it is says the instance that it was made for, not the end of its name', () => {
    const [one, other] = [
      makeInstance('joining', { name: 'one' }),
      makeInstance('joining', { name: 'other' }),
    ];
    const workers = [
      // Its own id under a foreign name, and a foreign worker under the name of ours.
      makeWorker(one.id, 'idle', { id: WorkerId('slot1@ip-10-0-0-7') }),
      makeWorker(null, 'idle', { id: WorkerId(`slot1@${other.id}`) }),
      makeWorker(InstanceId(`x-${other.id}`), 'idle'),
    ];
    const change = folds(makeFleet([makeEntry(one), makeEntry(other)]), [
      t0 + 1000,
      { views: [makeView(t0 + 500, { workers })] },
    ]);
    expect(foldedPhases(change)).toEqual({ 'one-0': 'idle', 'other-0': 'joining' });
  });

  test('pcluster-node PR #613: one missing reading, again and again, replaces nothing', async () => {
    const site = await workingSite(3, { pools: [makePool({ offers: ['small'], min: 3 })] });
    let [lists, polls] = [0, 0];
    site.cloud.levers.lie = (rows) => (lists++ % 2 === 0 ? rows.slice(1) : rows);
    site.queue.levers.lie = (view) =>
      polls++ % 2 === 0 ? { ...view, workers: view.workers.slice(1) } : view;
    await site.run(30 * minuteMs);
    expect(Math.min(lists, polls)).toBeGreaterThan(100);
    expect(site.made()).toHaveLength(3);
    expect(endsOf(site)).toBe(0);
  });

  test('pcluster-node PR #613: the successor of a machine that vanished begins with no misses of its own', async () => {
    const site = await workingSite(1, { pools: [makePool({ offers: ['small'], min: 1, max: 1 })] });
    const [first] = site.made();
    if (first !== undefined) site.cloud.vanish(first);
    await site.runUntil(() => site.queue.running() === 1, {
      withinMs: 5 * minuteMs,
      what: 'another has the job',
    });
    await site.run(20_000);
    let lies = 1;
    site.cloud.levers.lie = (rows) => (lies-- > 0 ? [] : rows);
    await site.run(2 * minuteMs);
    expect(site.made()).toHaveLength(2);
    expect(phasesOf(site)).toEqual(['claimed']);
    expect(endsOf(site)).toBe(1);
  });

  test('autoscaler #2386: a stale list shows dead machines for an hour: what is ended again is they and no other', async () => {
    const site = startSite({ pools: [makePool({ offers: ['small'], max: 6 })] });
    let made = 0;
    site.cloud.levers.fate = () => ({ bootMs: 10_000, joinMs: 5000, failsToBoot: made++ < 2 });
    site.queue.submit(makeJobClass(), { count: 3, runMs: 90 * minuteMs });
    await site.runUntil(() => site.made().some(({ fault }) => fault !== null), {
      withinMs: minuteMs,
      what: 'some fail',
    });
    let stale: Parameters<NonNullable<typeof site.cloud.levers.lie>>[0] | null = null;
    site.cloud.levers.lie = (rows) => {
      stale ??= rows.filter(({ state }) => state === 'error');
      return [...stale, ...rows.filter(({ cloudId }) => !stale?.some((old) => old.cloudId === cloudId))];
    };
    await site.run(60 * minuteMs);
    expect(site.queue.running()).toBe(3);
    const ended = site.made().filter(({ terminatedAtMs }) => terminatedAtMs !== null);
    expect(ended.map(({ fault }) => fault === null)).toEqual([false, false]);
    expect(breaches(site)).toEqual([]);
  });

  test('autoscaler #5465: what the cloud was told to end is what the journal says was decided', async () => {
    const site = startSite({ pools: [makePool({ offers: ['small'], max: 12 })] });
    // Two of five never join, so that there are always placeholders beside machines that work.
    let made = 0;
    site.cloud.levers.fate = () => ({ bootMs: 10_000, joinMs: made++ % 5 < 2 ? null : 5000 });
    for (let n = 0; n < 6; n++) {
      site.queue.submit(makeJobClass(), { count: 4, runMs: 4 * minuteMs });
      await site.run(10 * minuteMs);
    }
    await site.run(30 * minuteMs);
    const decided = site.store
      .journal({ limit: 10_000, kinds: ['phase'] })
      .flatMap(({ instance, data }) =>
        data?.to === 'terminating' && instance !== undefined ? [instance] : [],
      );
    const ended = site.made().filter(({ terminatedAtMs }) => terminatedAtMs !== null);
    expect(new Set(ended.map(({ instance }) => instance))).toEqual(new Set(decided));
    expect(decided).toHaveLength(new Set(decided).size);
    expect(ended.some(({ joinedAtMs }) => joinedAtMs === null)).toBe(true);
    expect(site.queue.done()).toBe(24);
    expect([...breaches(site), ...unowned(site)]).toEqual([]);
  });
});

describe('a restart changes nothing', () => {
  test('karpenter-provider-aws #5373: the daemon comes back with other settings of its offers: no machine is replaced', async () => {
    const settings = { image: 'ami-1' };
    const offers = [{ ...makeOffer({ name: 'small' }), settings }];
    const site = await workingSite(4, { offers, pools: [makePool({ offers: ['small'], min: 4 })] });
    const { launch, terminate } = site.cloud.calls;
    for (const image of ['ami-1', 'ami-2', 'ami-2']) {
      await site.stop();
      settings.image = image;
      site.start();
      await site.run(10 * minuteMs);
    }
    expect(site.cloud.calls).toMatchObject({ launch, terminate, resolve: 0 });
    expect(site.queue.calls).toMatchObject({ drain: 0, undrain: 0, remove: 0 });
    expect(phasesOf(site)).toEqual(['claimed', 'claimed', 'claimed', 'claimed']);
  });
});

describe('time is our own', () => {
  test('kubernetes #6193: a scheduler whose clock is a day off, a wall clock that steps: nothing is ended early', async () => {
    const site = await siteWithFreeMachine({ idleMs: 10 * minuteMs });
    const dayMs = 24 * 60 * minuteMs;
    site.queue.levers.lie = (view) => ({
      ...view,
      demand: view.demand.map((group) => ({ ...group, oldestSubmittedAtMs: site.clock.wallNow() + dayMs })),
    });
    for (const stepMs of [dayMs, -2 * dayMs, dayMs]) {
      site.clock.stepWall(stepMs);
      await site.run(2 * minuteMs);
    }
    expect(phasesOf(site)).toEqual(['idle']);
    const [job] = site.queue.submit(makeJobClass(), { count: 1, runMs: 5000 });
    await site.runUntil(() => job?.state === 'done', { withinMs: minuteMs, what: 'it is used again' });
    expect(site.made()).toHaveLength(1);
    expect(onlyInstance(site)).toBe(site.made()[0]?.instance);
  });
});

test('github-aws-runners #4391: a machine of ours that a lost store forgot has its reap period to join', () => {
  const machine = makeInstance('joining', { name: 'late' });
  const listed = (atMs: number) => makeList(atMs, [found(machine, { state: 'running' })]);
  const quiet = (atMs: number) => [atMs, { lists: [listed(atMs)], views: [makeView(atMs)] }] as const;
  const early = folds(makeFleet([]), quiet(t0), quiet(t0 + 60_000), quiet(t0 + 110_000));
  expect(foldedPhases(early)).toEqual({});
  const joined = makeView(t0 + 115_000, { workers: [makeWorker(machine.id, 'claimed')] });
  const late = folds(early.result(), [t0 + 115_000, { lists: [listed(t0 + 115_000)], views: [joined] }]);
  expect([...late.entries.values()].map(({ instance }) => instance.endReason)).toEqual([null]);
});
