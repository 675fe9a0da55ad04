import { expect } from 'vitest';
import { OfferName, PoolName } from '../../../src/model/ids.ts';
import { type Bench, type Case, neverSeen, ourSite } from './bench.ts';

const living = async ({ test }: Bench) => (await test.truth()).filter((instance) => instance.living);

/** Launch, resolve, terminate: what an instance goes through. */
export const lifeCases = {
  'launches one machine': async (bench) => {
    const order = bench.order(1);
    const { instances } = await bench.cloud.launch(order, bench.signal);
    expect(instances).toMatchObject([
      { intent: order.intent, seat: 0, pool: order.pool, offer: order.offer },
    ]);
    expect((await living(bench)).map((instance) => instance.cloudId)).toEqual([instances[0]?.cloudId]);
  },

  'launches several in one call, in the order of their seats': async (bench) => {
    const order = bench.order(5);
    const { instances } = await bench.cloud.launch(order, bench.signal);
    expect(instances.map((instance) => instance.seat)).toEqual([0, 1, 2, 3, 4]);
    expect(new Set(instances.map((instance) => instance.cloudId)).size).toBe(5);
    expect(await living(bench)).toHaveLength(5);
  },

  'sends one create call for all seats': async (bench) => {
    await bench.cloud.launch(bench.order(5), bench.signal);
    expect(await bench.test.calls('create')).toBe(1);
  },

  'takes fewer machines where there is room for fewer': async (bench) => {
    await bench.test.room(2);
    const { instances } = await bench.cloud.launch(bench.order(5), bench.signal);
    expect(instances.map((instance) => instance.seat)).toEqual([0, 1]);
    expect(await living(bench)).toHaveLength(2);
  },

  'writes the mark in the create call': async (bench) => {
    const order = bench.order(2);
    await bench.cloud.launch(order, bench.signal);
    const mark = { site: ourSite, intent: order.intent, pool: order.pool, offer: order.offer };
    expect(await living(bench)).toMatchObject(order.instances.map(() => mark));
    expect(await bench.test.calls('create')).toBe(1);
  },

  'lists what it launched, as it launched it': async (bench) => {
    const order = bench.order(2);
    const { instances } = await bench.cloud.launch(order, bench.signal);
    const listed = await bench.cloud.list(bench.signal);
    const still = ({ cloudId, intent, seat, pool, offer }: (typeof instances)[number]) => ({
      cloudId,
      intent,
      seat,
      pool,
      offer,
    });
    expect(listed.map(still).toSorted((a, b) => a.seat - b.seat)).toEqual(instances.map(still));
  },

  'makes nothing more when the same intent is sent again': async (bench) => {
    const order = bench.order(3);
    const first = await bench.cloud.launch(order, bench.signal);
    const second = await bench.cloud.launch(order, bench.signal);
    const ids = (accepted: typeof first) => accepted.instances.map((instance) => instance.cloudId);
    expect(ids(second)).toEqual(ids(first));
    expect(await living(bench)).toHaveLength(order.instances.length);
  },

  'makes nothing more when the same intent is sent side by side': async (bench) => {
    const order = bench.order(2);
    await Promise.all(Array.from({ length: 6 }, () => bench.cloud.launch(order, bench.signal)));
    expect(await living(bench)).toHaveLength(order.instances.length);
  },

  'leaves an intent in doubt when it is sent again with other contents': async (bench) => {
    const order = bench.order(2);
    const { instances } = await bench.cloud.launch(order, bench.signal);
    const other = { ...order, userData: '#!/bin/sh\n# another\n' };
    await bench.fails(bench.cloud.launch(other, bench.signal), { code: 'invalid', inDoubt: true });
    expect(await living(bench)).toHaveLength(order.instances.length);
    const found = await bench.cloud.resolve(order.intent, bench.signal);
    expect(found.map((instance) => instance.cloudId)).toEqual(instances.map((instance) => instance.cloudId));
  },

  'resolves an intent to its machines, in the order of their seats': async (bench) => {
    const order = bench.order(3);
    const { instances } = await bench.cloud.launch(order, bench.signal);
    await bench.cloud.launch(bench.order(2), bench.signal);
    const found = await bench.cloud.resolve(order.intent, bench.signal);
    expect(found.map((instance) => instance.cloudId)).toEqual(instances.map((instance) => instance.cloudId));
    expect(found).toMatchObject(instances.map(({ seat, pool, offer }) => ({ seat, pool, offer })));
  },

  'resolves an intent that was never sent to nothing': async (bench) => {
    await bench.cloud.launch(bench.order(1), bench.signal);
    expect(await bench.cloud.resolve(bench.order(1).intent, bench.signal)).toEqual([]);
  },

  'finds what was made when the answer was lost': async (bench) => {
    const order = bench.order(3);
    await bench.test.fault('create', 'cutAfter');
    await bench.fails(bench.cloud.launch(order, bench.signal), {
      code: ['unavailable', 'timeout'],
      inDoubt: true,
    });
    const found = await bench.cloud.resolve(order.intent, bench.signal);
    expect(found.map((instance) => instance.seat)).toEqual(order.instances.map((_, seat) => seat));
    expect(await living(bench)).toHaveLength(order.instances.length);
  },

  'a lost answer and the same intent again make each machine once': async (bench) => {
    const order = bench.order(2);
    await bench.test.fault('create', 'cutAfter');
    await bench.fails(bench.cloud.launch(order, bench.signal), {
      code: ['unavailable', 'timeout'],
      inDoubt: true,
    });
    await bench.cloud.launch(order, bench.signal);
    expect(await living(bench)).toHaveLength(order.instances.length);
  },

  'terminates until the machine is gone, and once more': async (bench) => {
    const launchOne = async () =>
      (await bench.cloud.launch(bench.order(1), bench.signal)).instances[0]?.cloudId;
    const [id, other] = [await launchOne(), await launchOne()];
    if (id === undefined) throw new Error('nothing was launched');
    await bench.test.slow({ bootMs: 0, stopMs: 1000 });
    expect(await bench.cloud.terminate(id, bench.signal)).toBe('ending');
    expect(await bench.cloud.terminate(id, bench.signal)).toBe('ending');
    await bench.elapse(1500);
    expect(await bench.cloud.terminate(id, bench.signal)).toBe('gone');
    expect(await bench.cloud.terminate(id, bench.signal)).toBe('gone');
    expect((await living(bench)).map((instance) => instance.cloudId)).toEqual([other]);
  },

  'says of a machine on its way what it is, and ends it': async (bench) => {
    await bench.test.slow({ bootMs: 60_000, stopMs: 0 });
    const { instances } = await bench.cloud.launch(bench.order(1), bench.signal);
    expect(await bench.cloud.list(bench.signal)).toMatchObject([{ state: 'pending' }]);
    const [id] = instances.map((instance) => instance.cloudId);
    if (id === undefined) throw new Error('nothing was launched');
    await bench.cloud.terminate(id, bench.signal);
    expect(await living(bench)).toEqual([]);
    expect(await bench.cloud.terminate(id, bench.signal)).toBe('gone');
  },

  'shows a machine that has ended as gone, or not at all': async (bench) => {
    const { instances } = await bench.cloud.launch(bench.order(1), bench.signal);
    for (const { cloudId } of instances) await bench.cloud.terminate(cloudId, bench.signal);
    const states = (await bench.cloud.list(bench.signal)).map((instance) => instance.state);
    expect(states.filter((state) => state !== 'gone')).toEqual([]);
  },

  'does not call an unknown machine gone before the views can have caught up': async (bench) => {
    const { listLagMs } = bench.test.driver.capabilities;
    expect(await bench.cloud.terminate(neverSeen, bench.signal)).toBe('ending');
    await bench.elapse(listLagMs - 1);
    expect(await bench.cloud.terminate(neverSeen, bench.signal)).toBe('ending');
    await bench.elapse(1);
    expect(await bench.cloud.terminate(neverSeen, bench.signal)).toBe('gone');
    expect(await bench.cloud.terminate(neverSeen, bench.signal)).toBe('gone');
  },

  'ends no machine when it is closed': async (bench) => {
    const { instances } = await bench.cloud.launch(bench.order(2), bench.signal);
    await bench.cloud.close();
    await bench.cloud.close();
    expect(await living(bench)).toHaveLength(instances.length);
  },

  'carries names that are hostile': async (bench) => {
    const pool = PoolName(`a&b <pool>'"; rm -rf / $(x) %2B+*?\\ é漢🙂`);
    const offer = OfferName(' ../..\tlast ');
    const order = bench.order(1, { pool, offer });
    await bench.cloud.launch(order, bench.signal);
    expect(await bench.cloud.list(bench.signal)).toMatchObject([{ pool, offer, intent: order.intent }]);
    expect(await living(bench)).toMatchObject([{ pool, offer }]);
  },
} satisfies Record<string, Case>;
