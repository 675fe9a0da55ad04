import { describe, expect, test, vi } from 'vitest';
import { seatId } from '../../src/fleet/fleet.ts';
import { CloudId, InstanceId, IntentId, OfferName, PoolName } from '../../src/model/ids.ts';
import { cloudAnswerLost, cloudRefuses, type SimulatedCloud } from '../../src/simulate/simulatedCloud.ts';
import { workerIdOf } from '../../src/simulate/simulatedQueue.ts';
import { breaches, unowned } from '../../src/simulate/verdicts.ts';
import { found, makeFleet, makeInstance, makeList, makeView, t0 } from '../support/fleetParts.ts';
import { folds } from '../support/folds.ts';
import { phasesOf, startSite, workingSite } from '../support/scenes.ts';
import { east, makeJobClass, makeOffer, makePool, west } from '../support/siteParts.ts';

/** Many simulated hours may take some seconds. */
vi.setConfig({ testTimeout: 60_000 });

const minuteMs = 60_000;

const onlyLaunch = (cloud: SimulatedCloud, answerMs: number) => {
  cloud.levers.delay = (call) => ({ requestMs: 50, answerMs: call === 'launch' ? answerMs : 50 });
};

describe('a machine that was made, and nobody heard of it', () => {
  test.each([
    ['the create may be sent again', true],
    ['it may not', false],
  ])(
    'skypilot #4431: killed after the create and before its answer, and the list does not show it yet; %s',
    async (_, replaySafe) => {
      const site = startSite({ clouds: [{ name: east, capabilities: { replaySafe } }] });
      await site.run(15_000);
      site.cloud.levers.lagMs = 9000;
      onlyLaunch(site.cloud, 20_000);
      const [job] = site.queue.submit(makeJobClass(), { count: 1, runMs: minuteMs });
      await site.runUntil(() => site.made().length === 1, { withinMs: 20_000, what: 'it is made' });
      site.kill();
      site.start();
      // It has been looked for, in vain, and is not forgotten.
      await site.runUntil(() => site.cloud.calls.resolve > 0, { withinMs: 5000, what: 'it is looked for' });
      await site.run(500);
      expect(site.instances()).toHaveLength(1);
      expect(site.store.load().intents).toMatchObject([{ state: 'unknown' }]);
      site.kill();
      await site.run(1000);
      site.start();
      await site.runUntil(() => job?.state === 'done', { withinMs: 10 * minuteMs, what: 'the job is done' });
      await site.run(10 * minuteMs);
      expect(site.made()).toHaveLength(1);
      expect(site.alive()).toEqual([]);
      expect([...breaches(site), ...unowned(site)]).toEqual([]);
    },
  );

  test('aws-plugin-for-slurm #16: a machine that no list shows yet is pending, not failed', async () => {
    const site = startSite();
    site.cloud.levers.lagMs = 9500;
    site.cloud.levers.fate = () => ({ bootMs: 2000, joinMs: 60_000 });
    site.queue.submit(makeJobClass(), { count: 3, runMs: minuteMs });
    await site.runUntil(() => site.queue.done() === 3, { withinMs: 10 * minuteMs, what: 'all are done' });
    expect(site.made()).toHaveLength(3);
    expect(site.made().every(({ joinedAtMs }) => joinedAtMs !== null)).toBe(true);
  });

  test('karpenter-provider-aws #549: of two hundred machines a tenth is made without an answer; none is left over', async () => {
    const site = startSite({
      pools: [makePool({ offers: ['small'], max: 200, userData: 'token {{token}}' })],
      clouds: [{ name: east, launchesInFlightMax: 50 }],
    });
    let calls = 0;
    site.cloud.levers.fault = (call) => (call === 'launch' && calls++ % 10 === 0 ? cloudAnswerLost() : null);
    site.cloud.levers.lagMs = 5000;
    site.queue.submit(makeJobClass(), { count: 200, runMs: 5 * minuteMs });
    await site.run(11_000);
    site.killAtCommit('beforeCommit');
    await site.runUntil(() => !site.running, { withinMs: minuteMs, what: 'it dies while it launches' });
    site.start();
    await site.runUntil(() => site.queue.done() === 200, { withinMs: 60 * minuteMs, what: 'all are done' });
    await site.run(20 * minuteMs);
    expect(calls).toBeGreaterThan(200);
    expect(site.alive()).toEqual([]);
    expect(site.instances()).toEqual([]);
    expect(breaches(site)).toEqual([]);
  });
});

describe('the cloud, the store and the scheduler are held together, two by two', () => {
  test('karpenter-provider-aws #2734: what one of them lacks is found, whichever it is', async () => {
    const site = await workingSite(4, {
      pools: [makePool({ offers: ['small'], max: 6, limits: { silentMs: minuteMs } })],
    });
    const [vanished, mute] = site.made();
    // In the cloud, and neither in the store nor in the queue.
    const intent = IntentId('farm-lost');
    const [planted] = site.cloud.plant({
      intent,
      instances: [seatId(intent, 0)],
      pool: PoolName('pool'),
      offer: OfferName('small'),
    });
    if (planted !== undefined) site.cloud.levers.fate = () => ({ bootMs: 20_000, joinMs: 10_000 });
    // In the store and in the queue, and no longer in the cloud.
    if (vanished !== undefined) site.cloud.vanish(vanished);
    // In the store and in the cloud, and no longer in the queue.
    const silent = mute === undefined ? null : workerIdOf(mute.instance);
    site.queue.levers.lie = (view) => ({ ...view, workers: view.workers.filter(({ id }) => id !== silent) });
    await site.run(10 * minuteMs);
    site.queue.levers.lie = null;
    expect(vanished?.goneAtMs).not.toBeNull();
    expect(mute?.terminatedAtMs).not.toBeNull();
    const why = (instance: InstanceId | undefined) =>
      site.store.instance(instance ?? InstanceId('none'))?.endReason;
    expect([why(vanished?.instance), why(mute?.instance)]).toEqual(['lost', 'unreachable']);
    // The planted one has joined in time: it is ours again.
    expect(site.instances().map(({ cloudId }) => cloudId)).toContain(planted?.cloudId);
    expect(unowned(site)).toEqual([]);
  });

  test('karpenter-provider-aws #2734: a machine that is in neither is ended after the reap period, again and again', async () => {
    const site = await workingSite(1);
    site.cloud.levers.fate = () => ({ bootMs: 5000, joinMs: null });
    for (let n = 0; n < 3; n++) {
      const intent = IntentId(`farm-left${n}`);
      const order = {
        intent,
        instances: [seatId(intent, 0)],
        pool: PoolName('pool'),
        offer: OfferName('small'),
      };
      const [left] = site.cloud.plant(order);
      await site.runUntil(() => left?.goneAtMs != null, { withinMs: 4 * minuteMs, what: 'it is ended' });
    }
    await site.run(minuteMs);
    expect(phasesOf(site)).toEqual(['claimed']);
    expect(site.queue.kills).toEqual([]);
  });

  test('nodepool fc9572460: two clouds that name their machines alike: each leak is found at its own', () => {
    const same = (name: string) => found({ ...makeInstance('joining', { name }), cloudId: CloudId('i-1') });
    const lists = (atMs: number) => [
      { ...makeList(atMs, [same('left')]), cloud: east },
      { ...makeList(atMs, [same('right')]), cloud: west },
    ];
    const quiet = (atMs: number) => [atMs, { lists: lists(atMs), views: [makeView(atMs)] }] as const;
    const change = folds(makeFleet([]), quiet(t0), quiet(t0 + 60_000), quiet(t0 + 120_000));
    const ending = [...change.entries.values()].map(({ instance: { cloud, id, phase } }) => [
      cloud,
      id,
      phase,
    ]);
    expect(ending).toEqual([
      [east, 'left-0', 'terminating'],
      [west, 'right-0', 'terminating'],
    ]);
  });
});

describe('an end that does not come off', () => {
  test('skypilot #4605: credentials that may not end machines: it is seen, counted and tried until it has worked', async () => {
    const site = startSite({ pools: [makePool({ offers: ['small'], max: 1 })] });
    site.cloud.levers.fault = (call) => (call === 'terminate' ? cloudRefuses('auth') : null);
    site.queue.submit(makeJobClass(), { count: 1, runMs: 5000 });
    await site.runUntil(() => phasesOf(site).includes('terminating'), {
      withinMs: 5 * minuteMs,
      what: 'it ends',
    });
    site.queue.submit(makeJobClass(), { count: 1, runMs: 5000 });
    await site.run(60 * minuteMs);
    expect(phasesOf(site)).toEqual(['terminating']);
    expect(site.made()).toHaveLength(1);
    expect(site.status().pools[0]).toMatchObject({
      phases: { terminating: 1 },
      unmet: [{ code: 'poolMax' }],
    });
    expect(site.cloud.calls.terminate).toBeGreaterThan(30);
    site.cloud.levers.fault = () => null;
    await site.runUntil(() => site.queue.done() === 2, {
      withinMs: 5 * minuteMs,
      what: 'it is gone, and the job done',
    });
  });

  test('skypilot #2169: falling back to another offer ends nothing that was there before', async () => {
    const site = startSite({
      offers: [makeOffer({ name: 'full', perHour: 0.1 }), makeOffer({ name: 'dear', perHour: 0.9 })],
      pools: [makePool({ offers: ['full', 'dear'], max: 6 })],
    });
    site.queue.submit(makeJobClass(), { count: 2, runMs: 60 * minuteMs });
    await site.runUntil(() => site.queue.running() === 2, { withinMs: 5 * minuteMs, what: 'both run' });
    site.cloud.levers.capacity = (offer) => (offer === 'full' ? 2 : null);
    site.queue.submit(makeJobClass(), { count: 3, runMs: 30 * minuteMs });
    await site.runUntil(() => site.queue.running() === 5, { withinMs: 5 * minuteMs, what: 'all run' });
    expect(site.made().map(({ offer }) => offer)).toEqual(['full', 'full', 'dear', 'dear', 'dear']);
    expect(site.cloud.calls.terminate).toBe(0);
  });
});

describe('an account at its limit', () => {
  test('wr #38: a quota is asked again after 30 s and more, and no machine and no offer is blamed', async () => {
    const site = startSite({ policy: { setAsideFirstMs: 1000, setAsideMaxMs: 10 * minuteMs } });
    site.cloud.levers.quota = 0;
    const askedAtMs: number[] = [];
    site.cloud.levers.delay = (call) => {
      if (call === 'launch') askedAtMs.push(site.clock.monotonicNow());
      return { requestMs: 50, answerMs: 50 };
    };
    site.queue.submit(makeJobClass(), { count: 1, runMs: minuteMs });
    await site.run(30 * minuteMs);
    const gaps = askedAtMs.slice(1).map((atMs, at) => atMs - (askedAtMs[at] ?? 0));
    expect(gaps.length).toBeGreaterThan(1);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(30_000);
    expect(gaps.length).toBeLessThan(10);
    expect(site.status().clouds[0]?.setAside).toMatchObject([{ code: 'quota' }]);
    expect(site.store.endedInstances(100).every(({ endReason }) => endReason === 'refused')).toBe(true);
    site.cloud.levers.quota = null;
    await site.runUntil(() => site.queue.done() === 1, { withinMs: 20 * minuteMs, what: 'the job is done' });
    expect(site.made()).toHaveLength(1);
  });

  test('nodepool 2c632af42: a fault of ours beside it does not hide that the account is at its limit', async () => {
    const site = startSite();
    await site.run(15_000);
    site.cloud.levers.quota = 0;
    site.cloud.levers.lie = () => {
      throw new TypeError('simulated: the cache is null');
    };
    site.queue.submit(makeJobClass(), { count: 1, runMs: minuteMs });
    await site.run(20_000);
    const [cloud] = site.status().clouds;
    expect(cloud?.setAside).toMatchObject([{ code: 'quota', why: expect.stringContaining('limit') }]);
    expect(cloud?.trouble).toMatchObject({ code: 'internal', message: expect.stringContaining('TypeError') });
  });
});
