import { describe, expect, test, vi } from 'vitest';
import { withAttributes } from '../../src/classad/ad.ts';
import { fixedContext } from '../../src/classad/context.ts';
import { createMatchmaker } from '../../src/matchmaker/matchmaker.ts';
import type { QueueSnapshot } from '../../src/model/demand.ts';
import { DemandId } from '../../src/model/ids.ts';
import { type CloudCall, cloudRefuses, cloudRequestLost } from '../../src/simulate/simulatedCloud.ts';
import { createSimulatedSite } from '../../src/simulate/simulatedSite.ts';
import { breaches } from '../../src/simulate/verdicts.ts';
import { endsOf, phasesOf, startSite, workingSite } from '../support/scenes.ts';
import { east, makeJobClass, makeOffer, makePool } from '../support/siteParts.ts';
import { demandOf } from '../support/situation.ts';

/** Many simulated hours may take some seconds. */
vi.setConfig({ testTimeout: 60_000 });

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

/** Workers whose slots lack what their offer promises: they are there, they are free, and no job fits them. */
function withoutType(view: QueueSnapshot): QueueSnapshot {
  const workers = view.workers.map((worker) => ({
    ...worker,
    slots: worker.slots.map((slot) => ({ ...slot, ad: withAttributes(slot.ad, { VMType: 'unheard of' }) })),
  }));
  return { ...view, workers };
}

describe('one job, one machine', () => {
  test('kubernetes #43709: machines on their way answer the demand at every look, until they are late', async () => {
    const site = startSite({ pools: [makePool({ offers: ['small'], max: 9 })] });
    site.cloud.levers.fate = () => ({ bootMs: 100_000, joinMs: 100_000 });
    const [job] = site.queue.submit(makeJobClass(), { count: 1, runMs: minuteMs });
    await site.runUntil(() => job?.state === 'done', { withinMs: 10 * minuteMs, what: 'it is done' });
    expect(site.queue.calls.poll).toBeGreaterThan(20);
    expect(site.made()).toHaveLength(1);
  });

  test('autoscaler #3164: a machine that is there and not yet of use is waited for: no second one each look', async () => {
    const site = startSite({ pools: [makePool({ offers: ['small'], max: 9 })] });
    site.queue.levers.lie = withoutType;
    site.queue.levers.negotiateMs = 100_000;
    const [job] = site.queue.submit(makeJobClass(), { count: 1, runMs: minuteMs });
    await site.runUntil(() => site.made().some(({ joinedAtMs }) => joinedAtMs !== null), {
      withinMs: 2 * minuteMs,
      what: 'it has joined',
    });
    await site.run(30_000);
    expect(site.made()).toHaveLength(1);
    site.queue.levers.lie = null;
    await site.runUntil(() => job?.state === 'done', { withinMs: 5 * minuteMs, what: 'it is done' });
    expect(site.made()).toHaveLength(1);
  });

  test('karpenter-provider-aws #8536: where planner and scheduler never agree, machines are not made for ever', async () => {
    const site = startSite({ pools: [makePool({ offers: ['small'], max: 9 })], pollMs: 30_000 });
    site.queue.levers.lie = withoutType;
    // The scheduler does not start it, whatever machine is there.
    site.queue.levers.negotiateMs = 1000 * hourMs;
    site.queue.submit(makeJobClass(), { count: 1, runMs: minuteMs });
    await site.run(2 * hourMs);
    const first = site.made().length;
    await site.run(12 * hourMs);
    expect(first).toBeLessThan(25);
    expect(site.made().length - first).toBeLessThan(12 * 8);
  });

  test('karpenter #1019: steady demand for fourteen hours: a steady fleet', async () => {
    const site = await workingSite(4, {
      pools: [makePool({ offers: ['small'], min: 1, headroom: 1, max: 8 })],
    });
    const missing = () => 4 - site.queue.waiting() - site.queue.running();
    for (let done = 0; done < 56; done = site.queue.done()) {
      if (missing() > 0) site.queue.submit(makeJobClass(), { count: missing(), runMs: hourMs });
      const more = () => site.queue.done() > done;
      await site.runUntil(more, { withinMs: 2 * hourMs, what: 'a job is done' });
    }
    // Those of the start, and the head-room.
    expect(site.made().length).toBeLessThanOrEqual(6);
    expect(breaches(site)).toEqual([]);
  });
});

describe('a breaker opens', () => {
  test('karpenter #3198: twenty offers without room: each is asked a few times in five minutes, and the other pool is as quick', async () => {
    const names = Array.from({ length: 20 }, (_, n) => `full${n}`);
    const site = startSite({
      offers: [
        ...names.map((name) => makeOffer({ name, perHour: 1 })),
        makeOffer({ name: 'good', vmType: 'g' }),
      ],
      pools: [
        makePool({ name: 'full', offers: names, max: 500 }),
        makePool({ name: 'good', offers: ['good'], max: 50 }),
      ],
    });
    site.cloud.levers.capacity = (offer) => (offer === 'good' ? null : 0);
    await site.run(15_000);
    const calls = site.cloud.calls.launch;
    site.queue.submit(makeJobClass(), { count: 500, runMs: minuteMs });
    const waits: number[] = [];
    for (let n = 0; n < 10; n++) {
      const before = site.made().length;
      const atMs = site.clock.monotonicNow();
      site.queue.submit(makeJobClass({ vmType: 'g' }), { count: 1, runMs: hourMs });
      await site.runUntil(() => site.made().length > before, {
        withinMs: minuteMs,
        what: 'it has a machine',
      });
      waits.push(site.clock.monotonicNow() - atMs);
      await site.run(30_000 - (waits.at(-1) ?? 0));
    }
    expect((site.cloud.calls.launch - calls - 10) / names.length).toBeLessThanOrEqual(5);
    expect(Math.max(...waits)).toBeLessThanOrEqual(5000);
  });

  test('tardis #205: machines that die a moment after they have joined are not made one after the other', async () => {
    const site = createSimulatedSite({
      offers: [makeOffer({ name: 'small' })],
      pools: [makePool({ offers: ['small'], max: 5 })],
      watch: {
        joined: (machine) =>
          site.clock.at(site.clock.monotonicNow() + 5000, () => site.cloud.vanish(machine)),
      },
    });
    site.start();
    site.queue.submit(makeJobClass(), { count: 50, runMs: hourMs });
    await site.run(2 * hourMs);
    const first = site.made().length;
    await site.run(2 * hourMs);
    expect(site.made().length - first).toBeLessThan(60);
  });
});

describe('the account has a limit on calls', () => {
  async function callsInAnHour(machines: number): Promise<Readonly<Record<CloudCall, number>>> {
    const site = await workingSite(machines, { pools: [makePool({ offers: ['small'], max: machines })] });
    const before = { ...site.cloud.calls };
    await site.run(50 * minuteMs);
    const after = site.cloud.calls;
    return {
      list: after.list - before.list,
      launch: after.launch - before.launch,
      resolve: after.resolve - before.resolve,
      terminate: after.terminate - before.terminate,
    };
  }

  test('ray #1346: as many calls for sixty machines as for two: one list for all', async () => {
    const [few, many] = [await callsInAnHour(2), await callsInAnHour(60)];
    expect(many).toEqual(few);
    expect(few).toMatchObject({ launch: 0, resolve: 0, terminate: 0 });
    expect(few.list).toBeLessThanOrEqual(300);
  });

  test('autoscaler #252: throttled from the start it keeps its pace, does not die, and goes on when it is let in', async () => {
    const site = createSimulatedSite({
      offers: [makeOffer({ name: 'small' })],
      pools: [makePool({ offers: ['small'], min: 1 })],
    });
    site.cloud.levers.fault = () => cloudRefuses('rateLimited');
    site.start();
    await site.run(hourMs);
    expect(site.running).toBe(true);
    expect(site.cloud.calls.list).toBeLessThanOrEqual(361);
    expect(site.cloud.calls.launch).toBe(0);
    site.cloud.levers.fault = () => null;
    await site.runUntil(() => phasesOf(site).includes('idle'), {
      withinMs: 5 * minuteMs,
      what: 'its min is there',
    });
  });

  test('ec2-fleet #258: creates that are throttled are not sent again each second', async () => {
    const site = startSite({ pools: [makePool({ offers: ['small'], max: 50 })] });
    await site.run(15_000);
    site.cloud.levers.fault = (call) => (call === 'launch' ? cloudRefuses('rateLimited') : null);
    site.queue.submit(makeJobClass(), { count: 50, runMs: minuteMs });
    await site.run(30 * minuteMs);
    expect(site.cloud.calls.launch).toBeLessThan(20);
    site.cloud.levers.fault = (call) => (call === 'launch' ? cloudRequestLost() : null);
    const { launch } = site.cloud.calls;
    await site.run(30 * minuteMs);
    expect(site.cloud.calls.launch - launch).toBeLessThan(120);
  });

  test('kubernetes #31858: ends that are throttled back off, however many there are', async () => {
    const site = await workingSite(40, { pools: [makePool({ offers: ['small'], max: 40 })] });
    site.cloud.levers.fault = (call) => (call === 'terminate' ? cloudRefuses('rateLimited') : null);
    for (const job of site.queue.jobs) site.queue.removeJob(job);
    await site.run(10 * minuteMs);
    expect(phasesOf(site)).toEqual(Array.from({ length: 40 }, () => 'terminating'));
    const before = site.cloud.calls.terminate;
    await site.run(10 * minuteMs);
    expect((site.cloud.calls.terminate - before) / 10).toBeLessThanOrEqual(60);
    site.cloud.levers.fault = () => null;
    await site.runUntil(() => site.alive().length === 0, { withinMs: 5 * minuteMs, what: 'all are gone' });
    expect(endsOf(site)).toBe(40);
  });

  test('kubernetes #31858: what is done with eighty machines keeps to the calls that the account has, whatever fails', async () => {
    const callsPerMinute = 30;
    const site = startSite({
      pools: [makePool({ offers: ['small'], max: 80, userData: '{{token}}' })],
      clouds: [{ name: east, callsPerMinute }],
    });
    const calledAtMs: number[] = [];
    site.cloud.levers.delay = (call) => {
      if (call !== 'list') calledAtMs.push(site.clock.monotonicNow());
      return { requestMs: 50, answerMs: 50 };
    };
    site.cloud.levers.endMs = 3 * minuteMs;
    let calls = 0;
    site.cloud.levers.fault = (call) => {
      if (call === 'list') return null;
      return calls++ % 5 === 0 ? cloudRefuses('unavailable') : null;
    };
    site.queue.submit(makeJobClass(), { count: 80, runMs: 2 * minuteMs });
    await site.runUntil(() => site.queue.done() === 80, { withinMs: 30 * minuteMs, what: 'all are done' });
    await site.runUntil(() => site.alive().length === 0, { withinMs: 60 * minuteMs, what: 'all are gone' });
    expect(calledAtMs.length).toBeGreaterThan(160);
    const within = (fromMs: number) =>
      calledAtMs.filter((atMs) => atMs >= fromMs && atMs < fromMs + minuteMs);
    // A minute's calls, and those that may come at once.
    const most = Math.max(...calledAtMs.map((atMs) => within(atMs).length));
    expect(most).toBeLessThanOrEqual(callsPerMinute * (1 + 1 / 6));
  });
});

describe('the plan has its price', () => {
  test('karpenter-provider-aws #5505: what is matched does not grow with the jobs, and is not matched again', () => {
    const offers = Array.from({ length: 40 }, (_, n) => makeOffer({ name: `offer${n}`, cpus: 1 + (n % 8) }));
    /** Evaluations of Requirements and Rank that one plan of 500 classes asks for, and that the next does. */
    const evaluations = (jobsOfEach: number): readonly [number, number] => {
      let asked = 0;
      const matchmaker = createMatchmaker(offers, () => {
        asked += 1;
        return fixedContext;
      });
      const groups = Array.from({ length: 500 }, (_, n) => {
        const jobClass = makeJobClass({ name: `class${n}`, cpus: 1 + (n % 4) });
        return demandOf(jobClass, jobsOfEach, { id: DemandId(`class${n}`) });
      });
      const all = () => {
        const from = asked;
        for (const group of groups) matchmaker.matches(group);
        return asked - from;
      };
      return [all(), all()];
    };
    const [cold, warm] = evaluations(1);
    const [coldOfMany, warmOfMany] = evaluations(200);
    expect([coldOfMany, warmOfMany]).toEqual([cold, warm]);
    expect(cold).toBeLessThanOrEqual(500 * (1 + 8 * offers.length));
    expect(warm).toBeLessThanOrEqual(500);
  });
});
