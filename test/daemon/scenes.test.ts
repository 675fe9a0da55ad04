import { describe, expect, test } from 'vitest';
import { InstanceId, JobId, PoolName } from '../../src/model/ids.ts';
import { StoreError } from '../../src/store/port.ts';
import { cloudAnswerLost, cloudRefuses } from '../support/simulatedCloud.ts';
import { queueFails } from '../support/simulatedQueue.ts';
import { createSimulatedSite, type SimulatedSite, type SiteOptions } from '../support/simulatedSite.ts';
import { east, makeJobClass, makeOffer, makePool, west } from '../support/siteParts.ts';
import { breaches, unowned } from '../support/verdicts.ts';

const offers = [makeOffer({ name: 'small' })];
const pools = [makePool({ offers: ['small'] })];

function start(options: Partial<SiteOptions> = {}): SimulatedSite {
  const site = createSimulatedSite({ offers, pools, ...options });
  site.start();
  return site;
}

/** A site on which so many machines have joined and work for long. */
async function working(count: number, options: Partial<SiteOptions> = {}): Promise<SimulatedSite> {
  const site = start(options);
  site.queue.submit(makeJobClass(), { count, runMs: 3_600_000 });
  await site.runUntil(() => site.queue.running() === count, { withinMs: 120_000, what: 'all run' });
  await site.run(20_000);
  return site;
}

const phases = (site: SimulatedSite) => site.instances().map(({ phase }) => phase);
const ends = (site: SimulatedSite) =>
  site.made().filter(({ terminatedAtMs }) => terminatedAtMs !== null).length;
const only = (site: SimulatedSite): InstanceId => {
  const [instance] = site.instances();
  if (instance === undefined) throw new Error('no instance');
  return instance.id;
};

describe('the main job', () => {
  test('thirty jobs on at most five machines', async () => {
    const site = start();
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
    const site = start();
    const [first] = site.queue.submit(makeJobClass(), { count: 1, runMs: 5000 });
    await site.runUntil(() => first?.state === 'done', { withinMs: 120_000, what: 'the first is done' });
    await site.runUntil(() => phases(site).includes('draining'), { withinMs: 120_000, what: 'it drains' });
    const [second] = site.queue.submit(makeJobClass(), { count: 1, runMs: 5000 });
    await site.runUntil(() => second?.state === 'done', { withinMs: 60_000, what: 'the second is done' });
    expect(site.made()).toHaveLength(1);
    expect(site.queue.calls.undrain).toBe(1);
    expect(breaches(site)).toEqual([]);
  });

  test('a drain that takes long and lands after the demand is back is taken back, too', async () => {
    const site = start();
    const [first] = site.queue.submit(makeJobClass(), { count: 1, runMs: 5000 });
    await site.runUntil(() => first?.state === 'done', { withinMs: 120_000, what: 'the first is done' });
    // The next job is not begun before the drain lands.
    site.queue.levers.negotiateMs = 3_600_000;
    site.queue.levers.delay = (call) =>
      call === 'drain' ? { requestMs: 25_000, answerMs: 0 } : { requestMs: 100, answerMs: 100 };
    await site.runUntil(() => phases(site).includes('draining'), {
      withinMs: 120_000,
      what: 'it is to drain',
    });
    site.queue.submit(makeJobClass(), { count: 1, runMs: 5000 });
    await site.run(120_000);
    expect(phases(site)).toEqual(['idle']);
    expect(site.made()).toHaveLength(1);
  });

  test('min is kept while machines boot, and no machine is launched beyond it', async () => {
    const site = start({ pools: [makePool({ offers: ['small'], min: 3 })] });
    await site.run(5000);
    expect(site.made()).toHaveLength(3);
    await site.run(600_000);
    expect(site.made()).toHaveLength(3);
    expect(phases(site)).toEqual(['idle', 'idle', 'idle']);
  });

  test('a machine that vanishes is replaced, and its job runs again', async () => {
    const site = await working(1);
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
    const site = start();
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

describe('a queue that does not answer, or lies, ends nothing', () => {
  const lies: readonly (readonly [string, (site: SimulatedSite) => void])[] = [
    ['hangs', (site) => (site.queue.levers.fault = () => ({ kind: 'hang' }))],
    ['denies', (site) => (site.queue.levers.fault = () => queueFails('denied'))],
    ['is unavailable', (site) => (site.queue.levers.fault = () => queueFails('unavailable'))],
    ['answers nonsense', (site) => (site.queue.levers.fault = () => queueFails('malformed'))],
    [
      'says that it is empty',
      (site) => (site.queue.levers.lie = (view) => ({ ...view, demand: [], workers: [] })),
    ],
    [
      'lacks half the workers',
      (site) => (site.queue.levers.lie = (view) => ({ ...view, workers: view.workers.slice(2) })),
    ],
    [
      'says what it said long ago',
      (site) => {
        let old: Parameters<NonNullable<typeof site.queue.levers.lie>>[0] | null = null;
        site.queue.levers.lie = (view) => {
          old ??= view;
          return { ...old, takenAtMs: view.takenAtMs };
        };
      },
    ],
  ];

  test.each(lies)('a queue that %s for ten polls', async (_, lie) => {
    const site = await working(4);
    lie(site);
    await site.run(100_000);
    expect(new Set(phases(site))).toEqual(new Set(['claimed']));
    expect({ made: site.made().length, ended: ends(site), drains: site.queue.calls.drain }).toEqual({
      made: 4,
      ended: 0,
      drains: 0,
    });
    site.queue.levers.fault = () => null;
    site.queue.levers.lie = null;
    await site.run(60_000);
    expect(phases(site)).toEqual(['claimed', 'claimed', 'claimed', 'claimed']);
    expect(breaches(site)).toEqual([]);
  });

  test('idle machines are not drained while the queue is silent', async () => {
    const site = start({ pools: [makePool({ offers: ['small'], headroom: 0 })] });
    const [job] = site.queue.submit(makeJobClass(), { count: 1, runMs: 5000 });
    await site.runUntil(() => job?.state === 'done', { withinMs: 120_000, what: 'it is done' });
    await site.run(20_000);
    site.queue.levers.fault = (call) => (call === 'poll' ? { kind: 'hang' } : null);
    await site.run(180_000);
    expect(phases(site)).toEqual(['idle']);
    expect(site.queue.calls.drain).toBe(0);
    expect(site.status().queues[0]?.trouble).toMatchObject({ code: 'timeout' });
    site.queue.levers.fault = () => null;
    await site.runUntil(() => site.alive().length === 0, {
      withinMs: 120_000,
      what: 'it is drained and gone',
    });
  });
});

describe('a cloud in trouble', () => {
  const two: Partial<SiteOptions> = {
    offers: [makeOffer({ name: 'e', perHour: 0.1 }), makeOffer({ name: 'w', cloud: west, perHour: 0.2 })],
    pools: [makePool({ offers: ['e', 'w'], max: 8 })],
    clouds: [{ name: east }, { name: west }],
  };

  test.each([
    ['hangs', { kind: 'hang' } as const],
    ['is unavailable', cloudRefuses('unavailable')],
    ['refuses our key', cloudRefuses('auth')],
  ])('one that %s neither stops nor delays the other, and is used again afterwards', async (_, fault) => {
    const site = start(two);
    await site.run(15_000);
    site.cloud.levers.fault = () => fault;
    site.queue.submit(makeJobClass(), { count: 2, runMs: 60_000 });
    await site.runUntil(() => site.queue.done() === 2, {
      withinMs: 300_000,
      what: 'the other cloud does the jobs',
    });
    expect(new Set(site.made().map(({ cloud }) => cloud))).toEqual(new Set([west]));
    site.cloud.levers.fault = () => null;
    await site.run(900_000);
    site.queue.submit(makeJobClass(), { count: 2, runMs: 60_000 });
    await site.runUntil(() => site.queue.done() === 4, { withinMs: 600_000, what: 'all are done' });
    expect(site.made().some(({ cloud }) => cloud === east)).toBe(true);
    expect(breaches(site)).toEqual([]);
  });

  test('an empty list for ten polls: nothing is launched beyond the bounds, no job dies', async () => {
    const site = await working(3, { pools: [makePool({ offers: ['small'], max: 4 })] });
    site.cloud.levers.lie = () => [];
    site.queue.submit(makeJobClass(), { count: 9, runMs: 60_000 });
    await site.run(100_000);
    site.cloud.levers.lie = null;
    await site.run(300_000);
    expect(breaches(site)).toEqual([]);
    expect(site.queue.running()).toBeGreaterThanOrEqual(3);
    expect(site.queue.done()).toBeGreaterThan(0);
  });

  test('no room: the next offer is taken, and the full one is left alone for growing times', async () => {
    const site = start({
      offers: [makeOffer({ name: 'full', perHour: 0.1 }), makeOffer({ name: 'dear', perHour: 0.9 })],
      pools: [makePool({ offers: ['full', 'dear'], max: 2 })],
    });
    site.cloud.levers.capacity = (offer) => (offer === 'full' ? 0 : null);
    site.queue.submit(makeJobClass(), { count: 2, runMs: 5000 });
    await site.runUntil(() => site.queue.done() === 2, { withinMs: 240_000, what: 'both are done' });
    expect(site.made().map(({ offer }) => offer)).toEqual(['dear', 'dear']);
    expect(site.cloud.calls.launch).toBeLessThanOrEqual(6);
  });
});

describe('a daemon that is killed', () => {
  test.each([
    ['before its decision is stored', (site: SimulatedSite) => site.killAtCommit('beforeCommit')],
    [
      'when the intent is stored and nothing is sent',
      (site: SimulatedSite) => site.killAtCommit('afterCommit'),
    ],
  ])('%s: nothing doubled, nothing left', async (_, arm) => {
    const site = start();
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
    expect(breaches(site)).toEqual([]);
  });

  test.each([
    ['sent', { requestMs: 10_000, answerMs: 50 }, 3000],
    ['answered and not stored', { requestMs: 50, answerMs: 10_000 }, 3000],
  ])('when the create call is %s', async (_, delay, afterMs) => {
    const site = start();
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
    expect(breaches(site)).toEqual([]);
  });

  test('an answer that is lost: the machine is found, not made again', async () => {
    const site = start();
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
    const site = await working(3, { pools: [makePool({ offers: ['small'], min: 3 })] });
    const { launch, terminate } = site.cloud.calls;
    for (let n = 0; n < 3; n++) {
      site.kill();
      await site.run(5000);
      site.start();
      await site.run(60_000);
    }
    expect(site.cloud.calls).toMatchObject({ launch, terminate, resolve: 0 });
    expect(site.queue.calls).toMatchObject({ drain: 0, undrain: 0 });
    expect(phases(site)).toEqual(['claimed', 'claimed', 'claimed']);
  });

  test('and loses its store while machines work: they are adopted, none is ended, min and max are right', async () => {
    const site = await working(5, { pools: [makePool({ offers: ['small'], min: 5, max: 6 })] });
    site.kill();
    site.loseStore();
    site.start();
    site.queue.submit(makeJobClass(), { count: 5, runMs: 60_000 });
    await site.run(300_000);
    expect(site.instances().filter(({ cause }) => cause.kind === 'adopted')).toHaveLength(5);
    expect(site.queue.running()).toBeGreaterThanOrEqual(5);
    expect(ends(site)).toBe(0);
    expect(breaches(site)).toEqual([]);
  });
});

describe('the daemon´s own end', () => {
  test('a stop ends no instance, and gives a last word to the journal', async () => {
    const site = await working(2);
    await site.stop();
    expect(site.alive()).toHaveLength(2);
    expect(ends(site)).toBe(0);
    expect(site.store.journal({ limit: 1 })).toMatchObject([{ kind: 'stopped' }]);
  });

  test('a launch that is under way at the stop is found by the next run, and its cloud is not blamed', async () => {
    const site = start();
    await site.run(15_000);
    site.cloud.levers.delay = (call) =>
      call === 'launch' ? { requestMs: 100, answerMs: 29_000 } : { requestMs: 50, answerMs: 50 };
    site.queue.submit(makeJobClass(), { count: 1, runMs: 30_000 });
    await site.runUntil(() => site.cloud.calls.launch === 1, { withinMs: 20_000, what: 'it is sent' });
    await site.stop();
    expect(phases(site)).toEqual(['unknown']);
    site.start();
    await site.run(15_000);
    expect(site.status().clouds[0]?.setAside).toEqual([]);
    await site.runUntil(() => site.queue.done() === 1, { withinMs: 300_000, what: 'the job is done' });
    expect(site.made()).toHaveLength(1);
  });

  test('a decision that cannot be stored is not carried out, and ends the daemon', async () => {
    const site = start();
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
  const site = await working(2, {
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

describe('an operator', () => {
  test('launches within the bounds, all or nothing', async () => {
    const site = start();
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
    const site = start();
    const [job] = site.queue.submit(makeJobClass(), { count: 1, runMs: 90_000 });
    await site.runUntil(() => job?.state === 'running', { withinMs: 120_000, what: 'it runs' });
    await site.run(10_000);
    const receipt = await site.control.drain(only(site));
    expect(receipt).toMatchObject({ changed: true, instance: { phase: 'draining', endReason: 'operator' } });
    await site.runUntil(() => site.alive().length === 0, { withinMs: 240_000, what: 'it is gone' });
    expect(job?.state).toBe('done');
    expect(breaches(site)).toEqual([]);
  });

  test('takes a drain back', async () => {
    const site = await working(1);
    await site.control.drain(only(site));
    await site.run(30_000);
    await site.control.undrain(only(site));
    await site.run(30_000);
    expect(phases(site)).toEqual(['claimed']);
    await expect(site.control.undrain(only(site))).rejects.toMatchObject({
      code: 'refused',
      reason: 'notDraining',
    });
  });

  test('ends one by force, whatever runs on it, and the journal says so', async () => {
    const site = await working(1);
    const id = only(site);
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
    const site = await working(1);
    await site.control.terminate(only(site), { force: false });
    await site.run(60_000);
    expect(phases(site)).toEqual(['draining']);
    expect(site.queue.kills).toEqual([]);
  });
});

describe('what it tells', () => {
  test('why a job waits that no offer fits, with the clause', async () => {
    const site = start();
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

  test('a job that nobody knows is no job', async () => {
    const site = start();
    await site.run(15_000);
    const asked = site.control.explainJob(JobId('no#1.0'), new AbortController().signal);
    await site.run(1000);
    expect(await asked).toBeNull();
  });

  test('why a machine was booted and why it ended', async () => {
    const site = start();
    const [job] = site.queue.submit(makeJobClass(), { count: 1, runMs: 1000 });
    await site.runUntil(() => job?.state === 'done', { withinMs: 120_000, what: 'it is done' });
    const id = only(site);
    await site.runUntil(() => site.alive().length === 0, { withinMs: 240_000, what: 'it is gone' });
    await site.run(30_000);
    const told = site.control.explainInstance(id);
    expect(told?.bootedBecause).toContain(String(job?.id));
    expect(told?.endedBecause).toContain('idle');
    expect(told?.instance).toMatchObject({ phase: 'ended', state: null, endReason: 'idle' });
  });

  test('a dry plan says what would be done, and does nothing', async () => {
    const site = start({ pools: [makePool({ offers: ['small'], max: 1 })] });
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
    const site = start();
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
