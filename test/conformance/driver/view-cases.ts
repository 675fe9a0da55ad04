import { expect } from 'vitest';
import type { CloudId } from '../../../src/model/ids.ts';
import { type Case, ourSite } from './bench.ts';

/** Lists: whole, of our own, and late. */
export const viewCases = {
  'lists nothing where there is nothing': async (bench) => {
    expect(await bench.cloud.list(bench.signal)).toEqual([]);
  },

  'lists 1,000 machines and more, each once': async (bench) => {
    await bench.test.preload(ourSite, 2345);
    const listed = await bench.cloud.list(bench.signal);
    expect(listed).toHaveLength(2345);
    expect(new Set(listed.map((instance) => instance.cloudId)).size).toBe(2345);
  },

  'lists every machine of a call that made many': async (bench) => {
    const { instances } = await bench.cloud.launch(bench.order(60), bench.signal);
    const ids = (await bench.cloud.list(bench.signal)).map((instance) => instance.cloudId);
    expect(ids.toSorted()).toEqual(instances.map((instance) => instance.cloudId).toSorted());
  },

  'misses no machine that stays while others come and go': async (bench) => {
    await bench.test.preload(ourSite, 2100);
    const staying = (await bench.cloud.list(bench.signal)).map((instance) => instance.cloudId);
    const leaving = staying.splice(0, 50);
    const [during] = await Promise.all([
      bench.cloud.list(bench.signal),
      ...leaving.map((id) => bench.cloud.terminate(id, bench.signal)),
      ...Array.from({ length: 10 }, () => bench.cloud.launch(bench.order(3), bench.signal)),
    ]);
    const seen = during.map((instance) => instance.cloudId);
    expect(staying.filter((id) => !seen.includes(id))).toEqual([]);
    expect(new Set(seen).size).toBe(seen.length);
  },

  'leaves out machines of others, whatever their site is called': async (bench) => {
    await bench.test.stranger();
    const sites = [ourSite, `${ourSite}2`, 'site-*', 'site-?', 'SITE-A', 'site'];
    for (const site of sites) {
      const cloud = bench.connect('cloud', site);
      await cloud.launch(bench.order(1), bench.signal);
      await cloud.close();
    }
    for (const site of sites) {
      const cloud = bench.connect('cloud', site);
      const order = await cloud.list(bench.signal);
      await cloud.close();
      expect(order, site).toHaveLength(1);
    }
  },

  'resolves no machine of another site with the same intent': async (bench) => {
    const order = bench.order(1);
    await bench.connect('cloud', 'site-b').launch(order, bench.signal);
    expect(await bench.cloud.resolve(order.intent, bench.signal)).toEqual([]);
  },

  'bears a view that lags, and calls nothing gone for it': async (bench) => {
    await bench.test.lag(2000);
    // One by one: where a call for several is answered without their ids, they are known when they are seen.
    const orders = [bench.order(1), bench.order(1)];
    const ids: CloudId[] = [];
    for (const order of orders) {
      const { instances } = await bench.cloud.launch(order, bench.signal);
      ids.push(...instances.map((instance) => instance.cloudId));
      expect(await bench.cloud.resolve(order.intent, bench.signal)).toEqual([]);
    }
    expect(await bench.cloud.list(bench.signal)).toEqual([]);
    for (const id of ids) expect(await bench.cloud.terminate(id, bench.signal)).toBe('ending');
    await bench.elapse(2500);
    for (const order of orders) expect(await bench.cloud.resolve(order.intent, bench.signal)).toHaveLength(1);
    expect(await bench.cloud.list(bench.signal)).toHaveLength(2);
  },

  'gives a catalog of sizes, images and zones': async (bench) => {
    const { flavors, images, zones } = await bench.cloud.catalog(bench.signal);
    expect(flavors.length).toBeGreaterThan(0);
    for (const { name, resources, arch } of flavors) {
      expect(name).not.toBe('');
      expect(resources.cpus, name).toBeGreaterThan(0);
      expect(resources.memoryMiB, name).toBeGreaterThan(0);
      expect(arch, name).toMatch(/^[a-z0-9_]+$/);
    }
    expect(images.every((image) => image.id !== '')).toBe(true);
    expect(zones.length).toBeGreaterThan(0);
  },

  'gives a quota of whole figures, or says that there is none': async (bench) => {
    const quota = await bench.cloud.quota(bench.signal);
    for (const figure of Object.values(quota ?? {})) {
      if (figure !== null) expect(Number.isInteger(figure) && figure >= 0).toBe(true);
    }
  },
} satisfies Record<string, Case>;
