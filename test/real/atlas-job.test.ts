import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { JobExplanation } from '../../src/api/control.ts';
import { atlasHome, atlasOutput, atlasPoolConfig, submitAtlasJob } from '../support/atlasJob.ts';
import { hasOpenssl } from '../support/certificates.ts';
import { cloudInstances, farmConfig, isAlive, queueIsEmpty, tagOf } from '../support/condorFarm.ts';
import { createSite, type RunningSite, until } from '../support/runningSite.ts';
import {
  booterTestbed,
  ec2Testbed,
  had,
  htcondorTestbed,
  isMissing,
  stopTestbeds,
} from '../support/testbed.ts';

/** The ATLAS talk's job, from its submit file to the end of its machine, with Cloud Scheduler's words alone. */
const pool = await htcondorTestbed('atlas-job', { extraConfig: atlasPoolConfig });
const ec2 = await ec2Testbed('atlas-job');
const booter = isMissing(ec2) ? ec2 : await booterTestbed('atlas-job', { endpoint: ec2.endpoint });
const missing = [pool, ec2, booter].some(isMissing) || !hasOpenssl();
afterAll(() => stopTestbeds(booter, ec2, pool));

const image = 'http://images.heprc.uvic.ca/images/cernvm-batch-node-2.5.1-3-1-x86_64.ext3.gz';

/** Two clouds: Hermes, and a cheaper one that the job does not name. At Hermes, machines too small and large enough. */
function siteConfig() {
  const farm = { pool: had(pool), ec2: had(ec2), endpoint: had(ec2).endpoint, site: 'atlas' };
  const { config: text, files } = farmConfig({ ...farm, vmTypes: {}, pools: [] });
  const { queues, clouds, ...rest } = JSON.parse(text) as Record<'queues' | 'clouds', object[]>;
  const [queue] = queues;
  const [cloud] = clouds;
  const cloudScheduler = { clouds: { Hermes: 'hermes', FGHotel: 'hermes' }, images: { [image]: 'cernvm' } };
  const offer = (name: string, at: string, cpus: number, perHour: number) => ({
    name,
    cloud: at,
    cpus,
    memory: `${cpus * 3}GiB`,
    disk: `${cpus * 25}GiB`,
    price: `${perHour} USD/h`,
    attributes: { VMType: 'pandacernvm', VMImage: 'cernvm' },
    boot: { image: had(ec2).imageId, type: 'c5.xlarge' },
  });
  const pools = [
    {
      name: 'panda',
      queue: 'condor',
      offers: ['other-8', 'hermes-4', 'hermes-8'],
      max: 3,
      userData: new URL('../../config/user-data/htcondor.sh', import.meta.url).pathname,
      limits: { idle: '3s', idleConfirm: '2s', bootMax: '60s', joinMax: '60s', silent: '60s' },
    },
  ];
  const config = {
    ...rest,
    queues: [{ ...queue, cloudScheduler }],
    clouds: [
      { ...cloud, name: 'hermes' },
      { ...cloud, name: 'other', region: 'eu-west-1' },
    ],
    offers: [
      offer('other-8', 'other', 8, 0.01),
      offer('hermes-4', 'hermes', 4, 0.02),
      offer('hermes-8', 'hermes', 8, 0.4),
    ],
    pools,
  };
  return { config: JSON.stringify(config, null, 2), files };
}

describe.skipIf(missing)('the job of the ATLAS talk', { timeout: 300_000 }, () => {
  let site: RunningSite | null = null;
  afterEach(async () => {
    await had(pool)
      .run('condor_rm', ['-all'])
      .catch(() => {});
    await site?.dispose();
    site = null;
  });

  it('gets a machine of its size at the cloud that it names, runs there with its proxy, and the machine goes', async () => {
    had(ec2).setLevers({ boot_seconds: 1, stop_seconds: 1 });
    site = createSite(siteConfig());
    await site.start();
    const folder = atlasHome(had(pool), 'atlas');
    const job = await submitAtlasJob(had(pool), folder, '+VMKeepAlive = "0"');
    const id = `${had(pool).schedds[0]}#${job}`;
    const explained = await site.ask<JobExplanation>(['explain', 'job', id]);
    expect(explained.offers.map(({ offer, clause }) => [offer, clause])).toEqual([
      ['other-8', 'stringListIMember(TARGET.SpillwayCloud,MY.TargetClouds)'],
      ['hermes-4', 'TARGET.Disk >= RequestDisk'],
      ['hermes-8', null],
    ]);
    expect(explained.remarks).toEqual([expect.stringMatching(/^its proxy ends at /)]);
    await until('the job is done', () => queueIsEmpty(had(pool)), { withinMs: 150_000 });
    expect(readFileSync(join(folder, 'job.out'), 'utf8')).toBe(atlasOutput);
    const machines = () => cloudInstances(had(ec2).endpoint);
    await until('its machine has ended', async () => !(await machines()).some(isAlive), { withinMs: 60_000 });
    expect((await machines()).map((machine) => tagOf(machine, 'spillway:offer'))).toEqual(['hermes-8']);
  });
});
