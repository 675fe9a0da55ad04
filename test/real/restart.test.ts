import { afterAll, describe, expect, it } from 'vitest';
import type { PlanView } from '../../src/api/plan.ts';
import { bigFarm } from '../support/bigFarm.ts';
import { submitJobs } from '../support/condorFarm.ts';
import { until } from '../support/runningSite.ts';
import { had, htcondorTestbed, isMissing, stopTestbeds } from '../support/testbed.ts';

const pool = await htcondorTestbed('restart');
afterAll(() => stopTestbeds(pool));

describe.skipIf(isMissing(pool))('a restart with 2,000 machines', { timeout: 120_000 }, () => {
  it('plans right as soon as it has seen its queue and its cloud, and writes nothing to the cloud', async () => {
    // An autocluster is only known to a schedd once a machine has been seen; the jobs are all that is needed here.
    await submitJobs(had(pool), { vmType: 'small', seconds: 1, count: 10 });
    const { ec2, site, stop } = await bigFarm(had(pool), 2_000);
    try {
      await site.start();
      let plan: PlanView | null = null;
      await until('the first plan', async () => {
        plan = await site.ask<PlanView>(['plan']);
        return plan.ready;
      });
      expect(plan).toMatchObject({
        launches: [],
        drains: [],
        terminations: [],
        demand: [{ jobs: 10, servedComing: 10, toLaunch: 0, unmet: 0 }],
      });
      const [status] = (await site.status()).pools;
      expect(status?.phases.joining).toBe(2_000);
      expect(ec2.writes()).toBe(0);
      expect(await site.stop()).toBe(0);
      expect(ec2.writes()).toBe(0);
    } finally {
      await stop();
    }
  });
});
