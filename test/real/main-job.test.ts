import { readdirSync } from 'node:fs';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobExplanation } from '../../src/api/control.ts';
import type { PlanView } from '../../src/api/plan.ts';
import {
  cloudInstances,
  type FarmOptions,
  farmConfig,
  forgetMachines,
  isAlive,
  jobStarts,
  queueIsEmpty,
  submitJobs,
  tagOf,
} from '../support/condorFarm.ts';
import { createSite, type RunningSite, until } from '../support/runningSite.ts';
import {
  booterTestbed,
  ec2Testbed,
  had,
  htcondorTestbed,
  isMissing,
  stopTestbeds,
} from '../support/testbed.ts';

/** The main job on real servers: a real HTCondor pool, a real EC2 API, machines that boot by their user data. */
const pool = await htcondorTestbed('main-job');
const ec2 = await ec2Testbed('main-job');
const booter = isMissing(ec2) ? ec2 : await booterTestbed('main-job', { endpoint: ec2.endpoint });
const missing = [pool, ec2, booter].some(isMissing);
afterAll(() => stopTestbeds(booter, ec2, pool));

const vmTypes = {
  small: { cpus: 1, type: 't3.micro' },
  medium: { cpus: 2, type: 't3.medium' },
  large: { cpus: 4, type: 'c5.xlarge' },
} as const;
const bootMs = 60_000;

describe.skipIf(missing)('the main job', { timeout: 180_000 }, () => {
  let site: RunningSite | null = null;
  let sites = 0;

  async function farm(pools: FarmOptions['pools'], more: Partial<FarmOptions> = {}): Promise<RunningSite> {
    sites += 1;
    const options = {
      pool: had(pool),
      ec2: had(ec2),
      endpoint: had(ec2).endpoint,
      site: `farm-${sites}`,
      vmTypes,
      pools,
    };
    site = createSite(farmConfig({ ...options, ...more }));
    await site.start();
    return site;
  }

  beforeEach(async () => {
    await had(ec2).reset();
    had(ec2).setLevers({ boot_seconds: 1, stop_seconds: 1 });
    had(booter).setLevers({});
  });

  afterEach(async () => {
    await had(pool)
      .run('condor_rm', ['-all'])
      .catch(() => {});
    await site?.dispose();
    site = null;
    await had(ec2).reset();
    await until('the queue is empty', () => queueIsEmpty(had(pool)));
    await until('no machine runs', () => readdirSync(had(booter).machinesPath).length === 0);
    await forgetMachines(had(pool));
  });

  const made = () => cloudInstances(had(ec2).endpoint);
  const alive = async () => (await made()).filter(isAlive);
  const done = () => queueIsEmpty(had(pool));
  const gone = (count: number) =>
    until(
      'every machine has ended',
      async () => (await alive()).length === 0 && (await made()).length === count,
    );

  it('gives each kind of job a machine of the right offer, then ends the machines', async () => {
    const { ask } = await farm([{ name: 'main', offers: ['small', 'medium', 'large'], max: 6 }]);
    for (const vmType of Object.keys(vmTypes)) await submitJobs(had(pool), { vmType, seconds: 1 });

    await until('the jobs are done', done, { withinMs: bootMs });
    const machines = await made();
    const byOffer = Object.fromEntries(
      machines.map((machine) => [tagOf(machine, 'spillway:offer'), machine.InstanceType]),
    );
    expect(machines).toHaveLength(3);
    expect(byOffer).toEqual(
      Object.fromEntries(Object.entries(vmTypes).map(([name, { type }]) => [name, type])),
    );
    await gone(3);

    const { instances } = await ask<{ instances: { id: string; endReason: string }[] }>([
      'instance',
      'list',
      '--ended',
    ]);
    expect(instances.map(({ endReason }) => endReason)).toEqual(['idle', 'idle', 'idle']);
  });

  it('runs 30 jobs on at most 5 machines and never passes the max', async () => {
    const { status } = await farm([{ name: 'main', offers: ['small'], max: 5 }]);
    const cluster = await submitJobs(had(pool), { vmType: 'small', seconds: 1, count: 30 });

    let most = 0;
    await until(
      'the jobs are done',
      async () => {
        most = Math.max(most, (await alive()).length);
        return done();
      },
      { withinMs: 120_000 },
    );
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(5);
    expect(await jobStarts(had(pool), cluster)).toEqual(Array.from({ length: 30 }, () => 1));
    expect((await status()).totals.sinceStore.reused).toBeGreaterThanOrEqual(1);
    const { length } = await made();
    expect(length).toBeLessThanOrEqual(5);
    await gone(length);
  });

  it('launches nothing for a job that no offer fits, and names the clause', async () => {
    const { ask, log } = await farm([{ name: 'main', offers: ['small', 'medium', 'large'], max: 6 }]);
    const cluster = await submitJobs(had(pool), { seconds: 1, requirements: 'TARGET.VMType == "huge"' });
    const id = `${had(pool).schedds[0]}#${cluster}.0`;

    await until('a plan has seen the job', async () => {
      const { demand } = await ask<PlanView>(['plan']);
      return demand.some(({ sampleJobs }) => sampleJobs.includes(id));
    });
    const explained = await ask<JobExplanation>(['explain', 'job', id]);
    expect(explained.state).toBe('waiting');
    expect(explained.offers).toHaveLength(3);
    for (const offer of explained.offers) {
      expect(offer).toMatchObject({ matches: false, side: 'job' });
      expect(offer.clause).toContain('TARGET.VMType == "huge"');
    }
    expect(explained.verdict).toContain('No offer and no worker fits it');
    expect(await made()).toEqual([]);
    expect(log().some(({ kind, why }) => kind === 'decision' && String(why).includes('no offer'))).toBe(true);
  });

  it('un-drains a machine for a job that arrives while it drains, and launches nothing', async () => {
    const { instances } = await farm([
      { name: 'main', offers: ['medium'], max: 2, idle: '2s', idleConfirm: '20s' },
    ]);
    await submitJobs(had(pool), { vmType: 'medium', seconds: 1 });
    await until('the machine drains', async () => (await instances())[0]?.phase === 'draining', {
      withinMs: bootMs,
    });
    const [first] = await instances();
    const cluster = await submitJobs(had(pool), { vmType: 'medium', seconds: 1 });

    await until('the job is done', done, { withinMs: bootMs });
    expect(await made()).toHaveLength(1);
    expect((await instances({ ended: true })).map(({ id }) => id)).toEqual([first?.id]);
    expect(await jobStarts(had(pool), cluster)).toEqual([1]);
    await gone(1);
  });

  it('keeps its min while machines boot, and launches none beyond it', async () => {
    had(ec2).setLevers({ boot_seconds: 4, stop_seconds: 1 });
    const { status } = await farm([{ name: 'main', offers: ['small'], min: 2, max: 4 }]);
    await until('the pool has its min in service', async () => (await status()).pools[0]?.states.Free === 2, {
      withinMs: bootMs,
    });
    expect(await made()).toHaveLength(2);
    expect(
      had(ec2)
        .calls()
        .filter(({ action }) => action === 'RunInstances'),
    ).toHaveLength(2);
  });

  it('boots by cloud-config as well as by script', async () => {
    await farm([{ name: 'main', offers: ['small'], max: 1 }], { template: 'htcondor.cloud-config.yaml' });
    await submitJobs(had(pool), { vmType: 'small', seconds: 1 });
    await until('the job is done', done, { withinMs: bootMs });
    expect(await made()).toHaveLength(1);
    await gone(1);
  });

  describe('killed with SIGKILL', () => {
    it('after the create was sent and before it was answered: nothing is doubled, nothing is left', async () => {
      had(ec2).setLevers({ boot_seconds: 1, stop_seconds: 1, actions: { RunInstances: { delay_after: 3 } } });
      const { start, kill, instances } = await farm([{ name: 'main', offers: ['small'], max: 3 }]);
      await submitJobs(had(pool), { vmType: 'small', seconds: 1 });
      await until('the create call has been carried out', async () => (await made()).length === 1);
      await kill();
      had(ec2).setLevers({ boot_seconds: 1, stop_seconds: 1 });
      await start();

      await until('the job is done', done, { withinMs: bootMs });
      await gone(1);
      await until('the books are closed', async () => (await instances()).length === 0);
    });

    it('after the create was answered: the machine is used, and ended in the end', async () => {
      const { start, kill, instances } = await farm([{ name: 'main', offers: ['small'], max: 3 }]);
      await submitJobs(had(pool), { vmType: 'small', seconds: 1 });
      await until('the answer is stored', async () => (await instances())[0]?.cloudId != null);
      await kill();
      await start();

      await until('the job is done', done, { withinMs: bootMs });
      await gone(1);
      await until('the books are closed', async () => (await instances()).length === 0);
    });

    it('while jobs run: no job is evicted and no machine is launched', async () => {
      const { start, kill, instances } = await farm([{ name: 'main', offers: ['medium'], max: 3 }]);
      const cluster = await submitJobs(had(pool), { vmType: 'medium', seconds: 12, count: 2 });
      await until('both run', async () => (await instances())[0]?.runningJobs === 2, { withinMs: bootMs });
      await kill();
      await start();
      await until('the jobs are done', done, { withinMs: bootMs });
      expect(await jobStarts(had(pool), cluster)).toEqual([1, 1]);
      await gone(1);
    });
  });
});
