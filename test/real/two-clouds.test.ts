import { join, resolve } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import {
  cloudInstances,
  condorQueue,
  forgetMachines,
  isAlive,
  jobStarts,
  queueIsEmpty,
  submitJobs,
} from '../support/condorFarm.ts';
import { createSite, type RunningSite, until } from '../support/runningSite.ts';
import {
  booterTestbed,
  ec2Testbed,
  had,
  htcondorTestbed,
  isMissing,
  openstackTestbed,
  stopTestbeds,
} from '../support/testbed.ts';

/**
 * A real HTCondor pool with machines of two clouds at once: a real Nova, cheap, whose project may have two servers, and an EC2
 * endpoint, dear. The machines of both boot by their user data. OpenStack is for who asks for it (test/support/testbed.ts).
 */
const nova = await openstackTestbed('two-clouds');
const pool = isMissing(nova) ? nova : await htcondorTestbed('two-clouds');
const ec2 = isMissing(nova) ? nova : await ec2Testbed('two-clouds');
const ec2Booter = isMissing(ec2) ? ec2 : await booterTestbed('two-clouds-e', { endpoint: ec2.endpoint });
const novaBooter = isMissing(nova)
  ? nova
  : await booterTestbed('two-clouds-n', {
      endpoint: nova.authUrl,
      adminPassword: nova.adminPassword,
      block: 100,
    });
const isWanting = [nova, pool, ec2, ec2Booter, novaBooter].some(isMissing);
afterAll(() => stopTestbeds(novaBooter, ec2Booter, ec2, pool, nova));

const novaQuota = 2;
const jobs = 5;
const templates = resolve(import.meta.dirname, '../../config/user-data');
const patient = { withinMs: 600_000 };

function config(): string {
  const small = { cpus: 1, disk: '10GiB', attributes: { VMType: 'small' } };
  return JSON.stringify({
    site: 'two-clouds',
    stateDir: 'FOLDER/state',
    queues: [condorQueue(had(pool), { deadline: '1m' })],
    clouds: [
      {
        name: 'dear',
        driver: 'ec2',
        poll: '1s',
        deadline: '30s',
        region: had(ec2).region,
        endpoint: had(ec2).endpoint,
        credentials: { accessKeyId: 'file:FOLDER/access-key', secretAccessKey: 'file:FOLDER/secret-key' },
      },
      {
        name: 'cheap',
        driver: 'openstack',
        poll: '2s',
        deadline: '1m',
        authUrl: had(nova).authUrl,
        region: had(nova).region,
        password: {
          user: had(nova).user,
          project: had(nova).smallProject,
          password: 'file:FOLDER/nova-password',
        },
      },
    ],
    offers: [
      {
        ...small,
        name: 'dear-small',
        cloud: 'dear',
        memory: '2GiB',
        price: '0.10 EUR/h',
        boot: { image: had(ec2).imageId, type: 't3.micro' },
      },
      {
        ...small,
        name: 'cheap-small',
        cloud: 'cheap',
        memory: '2GiB',
        price: '0.02 EUR/h',
        boot: { image: had(nova).image, flavor: 'm1.small', networks: 'none' },
      },
    ],
    pools: [
      {
        name: 'main',
        queue: 'condor',
        // The dear one first: it is the price that decides.
        offers: ['dear-small', 'cheap-small'],
        max: 8,
        userData: join(templates, 'htcondor.sh'),
        limits: { idle: '3s', idleConfirm: '2s', bootMax: '5m', joinMax: '5m', silent: '5m' },
      },
    ],
    policy: { reap: '5m', setAsideFirst: '2s', setAsideMax: '10s' },
  });
}

describe.skipIf(isWanting)('two clouds', { timeout: 1_200_000 }, () => {
  let site: RunningSite | null = null;
  afterEach(async () => {
    await had(pool).run('condor_rm', ['-all']);
    await site?.dispose();
    site = null;
    await had(nova).clean();
    await had(ec2).reset();
    await forgetMachines(had(pool));
  });

  /** A daemon that knows how many servers it may have, and what is asked of it. */
  async function farm() {
    await had(nova).clean();
    had(ec2).setLevers({ boot_seconds: 1, stop_seconds: 1 });
    const files = { 'access-key': 'test', 'secret-key': 'test-secret', 'nova-password': had(nova).password };
    const running = createSite({ config: config(), files });
    site = running;
    await running.start();
    const left = async () => {
      const cheap = (await running.status()).clouds.find(({ name }) => name === 'cheap');
      return cheap === undefined || cheap.listAgeMs === null ? null : (cheap.quota?.instances ?? null);
    };
    const { instances } = running;
    return {
      ...running,
      quotaIsFree: () => until('the quota is free', async () => (await left()) === novaQuota, patient),
      jobsAreDone: (meanwhile = async () => {}) =>
        until(
          'the jobs are done',
          async () => {
            await meanwhile();
            return queueIsEmpty(had(pool));
          },
          patient,
        ),
      allAreGone: () => until('no machine is left', async () => (await instances()).length === 0, patient),
      /** Of every machine that there ever was, its cloud. */
      clouds: async () => (await instances({ ended: true })).map(({ cloud }) => cloud).toSorted(),
    };
  }

  const once = (count: number) => Array.from({ length: count }, () => 1);

  it('spill from the cheap one to the dear one at its quota, and back', async () => {
    const { instances, quotaIsFree, jobsAreDone, allAreGone, clouds } = await farm();
    await quotaIsFree();
    const first = await submitJobs(had(pool), { vmType: 'small', seconds: 20, count: jobs });
    let most = 0;
    let both = false;
    await jobsAreDone(async () => {
      const all = await instances();
      most = Math.max(most, all.filter(({ cloud }) => cloud === 'cheap').length);
      const working = new Set(all.filter(({ phase }) => phase === 'claimed').map(({ cloud }) => cloud));
      both ||= working.size === 2;
    });
    expect(both, 'jobs ran on both clouds at once').toBe(true);
    expect(most).toBe(novaQuota);
    expect(await jobStarts(had(pool), first)).toEqual(once(jobs));
    await allAreGone();
    expect(await clouds()).toEqual(['cheap', 'cheap', 'dear', 'dear', 'dear']);

    await quotaIsFree();
    const second = await submitJobs(had(pool), { vmType: 'small', seconds: 1, count: novaQuota });
    await jobsAreDone();
    await allAreGone();
    expect(await clouds()).toEqual(['cheap', 'cheap', 'cheap', 'cheap', 'dear', 'dear', 'dear']);
    expect(await jobStarts(had(pool), second)).toEqual(once(novaQuota));

    const ended = await instances({ ended: true });
    expect(new Set(ended.map(({ endReason }) => endReason))).toEqual(new Set(['idle']));
    const made = await cloudInstances(had(ec2).endpoint);
    expect(made).toHaveLength(3);
    expect(made.filter(isAlive)).toEqual([]);
  });

  it('double nothing and leave nothing when the daemon is killed while both boot', async () => {
    const { start, kill, instances, quotaIsFree, jobsAreDone, allAreGone, clouds } = await farm();
    await quotaIsFree();
    had(nova).setLevers({ lab_spawn_s: 5 });
    had(ec2).setLevers({ boot_seconds: 5, stop_seconds: 1 });
    const cluster = await submitJobs(had(pool), { vmType: 'small', seconds: 5, count: jobs });
    await until(
      'both build',
      async () => {
        const building = (await instances()).filter(({ phase }) => phase === 'building');
        return new Set(building.map(({ cloud }) => cloud)).size === 2;
      },
      patient,
    );
    await kill();
    await start();
    await jobsAreDone();
    await allAreGone();
    expect(await jobStarts(had(pool), cluster)).toEqual(once(jobs));
    expect(await clouds()).toEqual(['cheap', 'cheap', 'dear', 'dear', 'dear']);
    expect((await cloudInstances(had(ec2).endpoint)).filter(isAlive)).toEqual([]);
  });
});
