import type { PlanView } from '../../src/api/plan.ts';
import { bigFarm } from '../support/bigFarm.ts';
import { submitJobs } from '../support/condorFarm.ts';
import { until } from '../support/runningSite.ts';
import { htcondorTestbed } from '../support/testbed.ts';
import { quantile, round } from './figures.ts';

/**
 * From exec of the daemon to its first plan that is ready, with 2,000 machines in the store and in the cloud and ten
 * waiting jobs in a real HTCondor pool.
 */
const machines = 2_000;
const runs = 5;

export async function run() {
  const pool = await htcondorTestbed('bench');
  if (pool.kind === 'missing') return { skipped: pool.reason };
  try {
    await submitJobs(pool, { vmType: 'small', seconds: 1, count: 10 });
    const tookMs: number[] = [];
    let writes = 0;
    for (let n = 0; n < runs; n++) {
      const { ec2, site, stop } = await bigFarm(pool, machines);
      const began = performance.now();
      await site.start();
      await until('the first plan', async () => (await site.get<PlanView>('/v1/plan'))?.ready === true, {
        everyMs: 20,
      });
      tookMs.push(performance.now() - began);
      writes += ec2.writes();
      await stop();
    }
    return { machines, runs, p50Ms: round(quantile(tookMs, 0.5)), maxMs: round(quantile(tookMs, 1)), writes };
  } finally {
    await pool.stop();
  }
}
