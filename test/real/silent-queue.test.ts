import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { cloudInstances, farmConfig, isAlive, queueIsEmpty, submitJobs } from '../support/condorFarm.ts';
import { createSite, until } from '../support/runningSite.ts';
import {
  booterTestbed,
  ec2Testbed,
  type HTCondorLever,
  had,
  htcondorTestbed,
  isMissing,
  stopTestbeds,
} from '../support/testbed.ts';

/** A schedd that does not answer says nothing about its jobs: for a minute of it, nothing is done. */
const silenceMs = 60_000;

const silences: readonly { how: string; begin: HTCondorLever; end: HTCondorLever }[] = [
  { how: 'stopped', begin: 'schedd-stop', end: 'schedd-start' },
  { how: 'hung', begin: 'schedd-hang', end: 'schedd-resume' },
  { how: 'denied', begin: 'schedd-deny', end: 'schedd-allow' },
];

/** A pool, a cloud and a booter for each, so that the minutes pass side by side. */
const farms = await Promise.all(
  silences.map(async (silence) => {
    const name = `silent-${silence.how}`;
    const [pool, ec2] = await Promise.all([htcondorTestbed(name), ec2Testbed(name)]);
    const booter = isMissing(ec2) ? ec2 : await booterTestbed(name, { endpoint: ec2.endpoint });
    return { ...silence, pool, ec2, booter };
  }),
);
afterAll(async () => {
  await Promise.all(farms.map(({ pool, ec2, booter }) => stopTestbeds(booter, ec2, pool)));
});
const missing = farms.some(({ pool, ec2, booter }) => [pool, ec2, booter].some(isMissing));

describe.skipIf(missing)('a schedd that is silent for a minute', { timeout: 300_000 }, () => {
  it.concurrent.each(farms)('$how: no machine is launched, drained or ended', async (farm) => {
    const { how, begin, end, pool, ec2 } = farm;
    had(ec2).setLevers({ boot_seconds: 1, stop_seconds: 1 });
    const site = createSite(
      farmConfig({
        pool: had(pool),
        ec2: had(ec2),
        endpoint: had(ec2).endpoint,
        site: `silent-${how}`,
        vmTypes: { small: { cpus: 1, type: 't3.micro' } },
        pools: [{ name: 'main', offers: ['small'], max: 2, idle: '8s' }],
      }),
    );
    try {
      await site.start();
      await submitJobs(had(pool), { vmType: 'small', seconds: 1 });
      await until('a machine is free', async () => (await site.instances())[0]?.phase === 'idle', {
        everyMs: 50,
      });
      await had(pool).lever(begin);
      // What was seen before the silence may still be acted on; what follows may not.
      await until('the silence is noticed', async () => (await site.status()).queues[0]?.trouble != null, {
        withinMs: 45_000,
      });
      const before = await site.instances();
      const calls = had(ec2).calls().length;
      await delay(silenceMs);
      expect((await site.instances()).map(({ id, phase }) => [id, phase])).toEqual(
        before.map(({ id, phase }) => [id, phase]),
      );
      const writes = had(ec2)
        .calls()
        .slice(calls)
        .filter(({ action }) => action === 'RunInstances' || action === 'TerminateInstances');
      expect(writes).toEqual([]);

      await had(pool).lever(end);
      await until('the idle machine is ended after all', async () => {
        const machines = await cloudInstances(had(ec2).endpoint);
        return machines.length === 1 && !machines.some(isAlive);
      });
      expect(await queueIsEmpty(had(pool))).toBe(true);
    } finally {
      await had(pool).lever(end);
      await site.dispose();
    }
  });
});
