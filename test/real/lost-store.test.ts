import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  cloudInstances,
  farmConfig,
  isAlive,
  jobStarts,
  queueIsEmpty,
  submitJobs,
} from '../support/condorFarm.ts';
import { watchCloud } from '../support/crash/watch.ts';
import { createSite, until } from '../support/runningSite.ts';
import {
  booterTestbed,
  ec2Testbed,
  had,
  htcondorTestbed,
  isMissing,
  stopTestbeds,
} from '../support/testbed.ts';

/** What the store knew and nobody else is lost with it; the machines, their jobs and the bounds are not. */
const pool = await htcondorTestbed('lost-store');
const ec2 = await ec2Testbed('lost-store');
const booter = isMissing(ec2) ? ec2 : await booterTestbed('lost-store', { endpoint: ec2.endpoint });
const missing = [pool, ec2, booter].some(isMissing);
afterAll(() => stopTestbeds(booter, ec2, pool));

const count = 5;
const bounds = { min: 2, max: count };

describe.skipIf(missing)('a store that is lost while machines run jobs', { timeout: 180_000 }, () => {
  it('is made up for by what the cloud and the queue show: all adopted, no job evicted, bounds kept', async () => {
    had(ec2).setLevers({ boot_seconds: 1, stop_seconds: 1 });
    const { endpoint } = had(ec2);
    const site = createSite(
      farmConfig({
        pool: had(pool),
        ec2: had(ec2),
        endpoint,
        site: 'lost-store',
        vmTypes: { small: { cpus: 1, type: 't3.micro' } },
        pools: [{ name: 'main', offers: ['small'], ...bounds }],
      }),
    );
    const watch = watchCloud(endpoint, { main: bounds });
    try {
      await site.start();
      const cluster = await submitJobs(had(pool), { vmType: 'small', seconds: 25, count });
      await until('every machine runs a job', async () => {
        const instances = await site.instances();
        return instances.length === count && instances.every(({ runningJobs }) => runningJobs === 1);
      });
      const before = new Map((await site.instances()).map(({ cloudId, id }) => [cloudId, id]));
      // More jobs than machines: a daemon that took its fleet for empty would launch for them.
      const waiting = await submitJobs(had(pool), { vmType: 'small', seconds: 1, count: 3 });
      await site.kill();
      const state = join(site.folder, 'state');
      for (const file of readdirSync(state)) rmSync(join(state, file), { recursive: true });
      await site.start();

      const all = () => site.instances({ ended: true });
      await until('all are adopted', async () => (await all()).length === count);
      const adopted = await all();
      expect(new Map(adopted.map(({ cloudId, id }) => [cloudId, id]))).toEqual(before);
      expect(adopted.map(({ cause }) => cause.kind)).toEqual(Array.from({ length: count }, () => 'adopted'));

      await until('the jobs are done', () => queueIsEmpty(had(pool)));
      expect(await jobStarts(had(pool), cluster)).toEqual(Array.from({ length: count }, () => 1));
      expect(await jobStarts(had(pool), waiting)).toEqual([1, 1, 1]);
      const alive = async () => (await cloudInstances(endpoint)).filter(isAlive);
      await until('the pool is at its min', async () => (await alive()).length === bounds.min);
      expect(await cloudInstances(endpoint)).toHaveLength(count);
      expect(watch.violations).toEqual([]);
      expect(watch.most('main')).toBe(count);
      await until('the books are closed', async () => (await site.instances()).length === bounds.min);
    } finally {
      await watch.stop();
      await site.dispose();
    }
  });
});
