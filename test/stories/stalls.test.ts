import { describe, expect, test, vi } from 'vitest';
import { seatId } from '../../src/fleet/fleet.ts';
import { deadlineOf } from '../../src/fleet/transition.ts';
import { IntentId, OfferName, PoolName } from '../../src/model/ids.ts';
import { phases } from '../../src/model/instance.ts';
import { cloudRefuses, cloudRequestLost } from '../../src/simulate/simulatedCloud.ts';
import { workerIdOf } from '../../src/simulate/simulatedQueue.ts';
import { breaches, unowned } from '../../src/simulate/verdicts.ts';
import { makeInstance, stepContext, t0 } from '../support/fleetParts.ts';
import { phasesOf, startSite, workingSite } from '../support/scenes.ts';
import { east, makeJobClass, makeOffer, makePool, west } from '../support/siteParts.ts';

/** Many simulated hours may take some seconds. */
vi.setConfig({ testTimeout: 60_000 });

const minuteMs = 60_000;

describe('what never comes is not waited for', () => {
  test('ec2-plugin PR #2037: a request that is never fulfilled stops counting at its deadline, and is cancelled', async () => {
    const site = startSite({
      offers: [makeOffer({ name: 'spot', perHour: 0.1 }), makeOffer({ name: 'dear', perHour: 0.9 })],
      pools: [makePool({ offers: ['spot', 'dear'], max: 4 })],
    });
    site.cloud.levers.fate = ({ offer }) =>
      offer === 'spot' ? { bootMs: null, joinMs: null } : { bootMs: 20_000, joinMs: 10_000 };
    site.queue.submit(makeJobClass(), { count: 2, runMs: minuteMs });
    await site.runUntil(() => site.queue.done() === 2, {
      withinMs: 15 * minuteMs,
      what: 'the other offer does them',
    });
    const unfulfilled = site.made().filter(({ offer }) => offer === 'spot');
    expect(unfulfilled.length).toBeGreaterThan(0);
    expect(unfulfilled.map(({ terminatedAtMs }) => terminatedAtMs !== null)).toEqual(
      unfulfilled.map(() => true),
    );
    await site.run(10 * minuteMs);
    expect([...breaches(site), ...unowned(site)]).toEqual([]);
  });

  test('buildkite #587: a machine whose worker is dead is no capacity, though the machine runs', async () => {
    const site = startSite({ pools: [makePool({ offers: ['small'], max: 3 })] });
    site.queue.submit(makeJobClass(), { count: 1, runMs: 5000 });
    await site.runUntil(() => site.queue.done() === 1, { withinMs: 3 * minuteMs, what: 'the job is done' });
    await site.run(15_000);
    expect(phasesOf(site)).toEqual(['idle']);
    const [dead] = site.instances();
    const id = dead === undefined ? null : workerIdOf(dead.id);
    site.queue.levers.lie = (view) => ({
      ...view,
      workers: view.workers.filter((worker) => worker.id !== id),
    });
    site.queue.levers.negotiateMs = 10 * minuteMs;
    site.queue.submit(makeJobClass(), { count: 1, runMs: 5000 });
    await site.runUntil(() => site.made().length === 2, { withinMs: minuteMs, what: 'another is made' });
  });
});

describe('trouble of one row is no trouble of another', () => {
  test('karpenter #3176: whatever is stuck, new jobs have a machine within a quarter of a minute', async () => {
    const site = startSite({
      clouds: [{ name: east }, { name: west }],
      offers: [makeOffer({ name: 'e', vmType: 'e' }), makeOffer({ name: 'w', cloud: west, vmType: 'w' })],
      pools: [
        makePool({ name: 'eastern', offers: ['e'], max: 9 }),
        makePool({ name: 'western', offers: ['w'], max: 9 }),
      ],
    });
    const [here, there] = [site.clouds.get(east), site.clouds.get(west)];
    if (here === undefined || there === undefined) throw new Error('not two clouds');
    // In the west: create calls without an answer that cannot be looked for, and machines that cannot be ended.
    there.levers.fault = (call) => {
      if (call === 'launch') return cloudRequestLost();
      return call === 'list' ? null : { kind: 'hang' };
    };
    site.queue.submit(makeJobClass({ vmType: 'w' }), { count: 3, runMs: minuteMs });
    // In the east: machines that never boot, that never join, and one of a pool that nobody knows.
    let made = 0;
    here.levers.fate = () => ({ bootMs: made++ % 2 === 0 ? null : 5000, joinMs: null });
    for (const name of ['one', 'two', 'three']) {
      const intent = IntentId(`farm-${name}`);
      const instances = [seatId(intent, 0)];
      here.plant({ intent, instances, pool: PoolName('forgotten'), offer: OfferName('e') });
    }
    here.levers.fault = (call) => (call === 'terminate' ? cloudRefuses('invalid') : null);
    await site.run(20 * minuteMs);
    expect(phasesOf(site)).toContain('unknown');

    here.levers.fate = () => ({ bootMs: 10_000, joinMs: 5000 });
    for (let n = 0; n < 3; n++) {
      const before = here.machines.length;
      site.queue.submit(makeJobClass({ vmType: 'e' }), { count: 1, runMs: 20 * minuteMs });
      await site.runUntil(() => here.machines.length > before, {
        withinMs: 15_000,
        what: 'it has a machine',
      });
      await site.run(minuteMs);
    }
    expect(site.queue.running()).toBe(3);
  });
});

describe('every end comes to an end', () => {
  test.each([
    ['whose create call was never carried out', cloudRequestLost()],
    ['whose create call was refused', cloudRefuses('invalid')],
    ['whose create call hangs', { kind: 'hang' } as const],
  ])('karpenter #2169: a machine %s is ended without an id to end it by', async (_, fault) => {
    const site = startSite();
    await site.run(15_000);
    site.cloud.levers.fault = (call) => (call === 'launch' ? fault : null);
    site.queue.submit(makeJobClass(), { count: 1, runMs: minuteMs });
    await site.runUntil(() => site.cloud.calls.launch > 0, { withinMs: 15_000, what: 'a create is sent' });
    for (const { id } of site.instances()) await site.control.terminate(id, { force: true });
    for (const job of site.queue.jobs) site.queue.removeJob(job);
    await site.run(10 * minuteMs);
    expect(site.instances()).toEqual([]);
    expect(site.cloud.calls.terminate).toBe(0);
    expect(site.store.load().intents.filter(({ state }) => state === 'open' || state === 'unknown')).toEqual(
      [],
    );
    expect(site.errors).toEqual([]);
  });

  test('azure #525: every phase but those in service has a deadline', () => {
    const inService = new Set(['idle', 'claimed', 'leased', 'ended']);
    const endless = phases.filter(
      (phase) => deadlineOf(phase, makeInstance(phase), stepContext(t0)) === null,
    );
    expect(new Set(endless)).toEqual(inService);
  });

  test('ray #65416: lists that show each machine twice, ends that fail each second time: all of them end', async () => {
    const site = startSite({ pools: [makePool({ offers: ['small'], max: 12 })] });
    site.queue.submit(makeJobClass(), { count: 12, runMs: 2 * minuteMs });
    await site.runUntil(() => site.queue.running() === 12, { withinMs: 5 * minuteMs, what: 'all run' });
    let asked = 0;
    site.cloud.levers.lie = (rows) => [...rows, ...rows];
    site.cloud.levers.fault = (call) =>
      call === 'terminate' && asked++ % 2 === 0 ? cloudRefuses('invalid') : null;
    await site.runUntil(() => site.alive().length === 0, { withinMs: 15 * minuteMs, what: 'all are gone' });
    await site.run(2 * minuteMs);
    expect(site.instances()).toEqual([]);
    expect(site.errors).toEqual([]);
  });

  test('nomad #571: a drain that a job holds up is told of after its time, and ends when the job does', async () => {
    const site = await workingSite(1, {
      pools: [makePool({ offers: ['small'], limits: { drainMaxMs: 10 * minuteMs } })],
    });
    const [instance] = site.instances();
    if (instance === undefined) throw new Error('no machine');
    await site.control.drain(instance.id);
    await site.run(30 * minuteMs);
    expect(phasesOf(site)).toEqual(['draining']);
    const told = site.control
      .explainInstance(instance.id)
      ?.journal.filter(({ why }) => why.includes('drainMax'));
    expect(told).toHaveLength(1);
    await site.runUntil(() => site.queue.done() === 1, { withinMs: 60 * minuteMs, what: 'its job is done' });
    await site.runUntil(() => site.alive().length === 0, { withinMs: 2 * minuteMs, what: 'it is gone' });
    expect(breaches(site)).toEqual([]);
  });

  test('pcluster #1145: a drain has an end, where the pool gives its machines one: the lifetime and its grace', async () => {
    const limits = { lifetimeMs: 20 * minuteMs, lifetimeGraceMs: 10 * minuteMs };
    const site = startSite({ pools: [makePool({ offers: ['small'], limits })] });
    site.queue.submit(makeJobClass(), { count: 1, runMs: 600 * minuteMs });
    await site.runUntil(() => site.queue.kills.length > 0, { withinMs: 40 * minuteMs, what: 'it is ended' });
    const [ended] = site.made();
    expect(ended?.terminatedAtMs).toBeGreaterThanOrEqual((ended?.createdAtMs ?? 0) + 30 * minuteMs);
    const why = site.control.explainInstance(ended?.instance ?? seatId(IntentId('none'), 0))?.endedBecause;
    expect(why).toContain('lifetime');
  });
});
