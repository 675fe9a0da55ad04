import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { Secret } from '../../src/config/secrets.ts';
import { hostClock } from '../../src/daemon/clock.ts';
import { InstanceId, JobId, PoolName, QueueName, SiteId } from '../../src/model/ids.ts';
import type { Log } from '../../src/model/log.ts';
import { forgetfulMemory } from '../../src/model/memory.ts';
import { htcondorAdapter } from '../../src/queues/htcondor/adapter.ts';
import { watchProxies } from '../../src/queues/htcondor/proxies.ts';
import { createTools } from '../../src/queues/htcondor/tools.ts';
import { atlasHome, atlasOutput, atlasPoolConfig, submitAtlasJob } from '../support/atlasJob.ts';
import { hasOpenssl } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { type Machine, startMachine } from '../support/htcondor-machine.ts';
import { had, htcondorTestbed, isMissing, stopTestbeds } from '../support/testbed.ts';

/** The job of config/cloud-scheduler, its file as it is, on a real pool with the site's settings for the schedd. */
const pool = await htcondorTestbed('cloud-scheduler', { extraConfig: atlasPoolConfig });
afterAll(() => stopTestbeds(pool));

const machines: Machine[] = [];
afterEach(async () => {
  for (const machine of machines.splice(0)) await machine.stop();
});

const forever = new AbortController().signal;
const silence: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => silence };

function settingsOf() {
  const { bin, collector, trustDomain, keyName, keyPath } = had(pool);
  const parsed = htcondorAdapter.configSchema.parse({
    bin,
    cloudScheduler: {
      clouds: { FGHotel: 'fg-hotel' },
      images: { 'http://images.heprc.uvic.ca/images/cernvm-batch-node-2.5.1-3-1-x86_64.ext3.gz': 'cernvm' },
    },
    join: { collector, trustDomain, signingKeyId: keyName, signingKey: `file:${keyPath}` },
  });
  if (parsed.join === null) throw new Error('no join');
  return { ...parsed, join: { ...parsed.join, signingKey: Secret.of(readFileSync(keyPath)) } };
}

const queue = () =>
  htcondorAdapter.create(settingsOf(), {
    site: SiteId('site'),
    queue: QueueName('main'),
    clock: hostClock,
    log: silence,
    memory: forgetfulMemory(),
  });

const poll = (asked = queue()) =>
  asked.poll({ nowMs: 1, attributes: ['VMType', 'VMImage'], machines: [] }, forever);

async function boot(instance: string, address: string, vmType: string): Promise<void> {
  const { variables } = await queue().admit({
    instance: InstanceId(instance),
    pool: PoolName('panda'),
    issuedAtSeconds: Math.floor(Date.now() / 1000),
    lifetimeMs: 3_600_000,
    attributes: { VMType: `"${vmType}"` },
  });
  const size = ['NUM_CPUS = 16', 'MEMORY = 60000', 'DISK = 400 * 1024 * 1024'];
  const slot = ['NUM_SLOTS_TYPE_1 = 1', 'SLOT_TYPE_1 = 100%', 'SLOT_TYPE_1_PARTITIONABLE = TRUE'];
  const own = [`SpillwayInstance = "${instance}"`, 'STARTD_ATTRS = $(STARTD_ATTRS) SpillwayInstance'];
  machines.push(
    startMachine(had(pool), {
      name: instance,
      address,
      token: variables.token ?? '',
      config: [...size, ...slot, ...own, variables.attributes ?? ''].join('\n'),
    }),
  );
}

const attributeOf = async (job: string, name: string) =>
  (await had(pool).run('condor_q', ['-allusers', job, '-af', name])).trim();

/** Where a copy of the proxy lies on machines of the pool. */
function proxiesOnMachines(): readonly string[] {
  return readdirSync(had(pool).folder)
    .filter((name) => name.startsWith('machine-'))
    .filter((name) =>
      readdirSync(join(had(pool).folder, name), { recursive: true }).some((path) =>
        String(path).endsWith('/atlas.proxy'),
      ),
    );
}

describe.skipIf(isMissing(pool) || !hasOpenssl())('a job of Cloud Scheduler’s days', () => {
  it('is understood as it stands, runs on a machine of its own size, and its proxy is there and nowhere else', async () => {
    const folder = atlasHome(had(pool), 'atlas');
    const job = await submitAtlasJob(had(pool), folder);
    const [group] = (await poll()).demand;
    expect(group).toMatchObject({ count: 1, sampleJobs: [`schedd@pool#${job}`] });
    expect(group).not.toHaveProperty('remarks');
    expect(group?.bootAd?.get('RequestCpus')).toMatchObject({ value: 8 });
    expect(group?.ad.get('RequestCpus')).toMatchObject({ value: 8 });

    await boot('right', '127.0.91.1', 'pandacernvm');
    await boot('wrong', '127.0.91.2', 'other');
    const busy = await eventually('the view shows that it runs', async () => {
      const all = (await poll()).workers.filter(({ runningJobs }) => runningJobs > 0);
      return all.length > 0 ? all : null;
    });
    expect(busy?.map(({ instance, usage }) => [instance, usage?.[0]?.cpus])).toEqual([['right', 8]]);
    await eventually('its proxy is there', () => proxiesOnMachines().length > 0);
    expect(proxiesOnMachines()).toEqual([expect.stringMatching(/^machine-right-/)]);
    await eventually('it has ended', async () => (await attributeOf(job, 'JobStatus')) === '');
    expect(readFileSync(join(folder, 'job.out'), 'utf8')).toBe(atlasOutput);
    expect(proxiesOnMachines()).toEqual([]);
  });

  it('that nothing fits is held, and its owner reads why', async () => {
    const folder = atlasHome(had(pool), 'unfit');
    const job = await submitAtlasJob(had(pool), folder, '+VMMemory = 18000');
    const asked = queue();
    const [group] = (await poll(asked)).demand;
    expect(group?.remarks).toEqual(['VMMemory is not a word that is known: is VMMem meant?']);
    const why = 'Spillway: no machine fits this job: TARGET.VMImage == "x" is false (offer small)';
    await asked.hold?.(group?.sampleJobs ?? [], why, forever);
    await asked.hold?.(group?.sampleJobs ?? [], why, forever);
    expect(await attributeOf(job, 'JobStatus')).toBe('5');
    expect(await attributeOf(job, 'HoldReason')).toContain("TARGET.VMImage == 'x' is false (offer small)");
    expect((await poll(asked)).demand).toEqual([]);
    await had(pool).run('condor_rm', [job]);
  });

  it('whose proxy ends within the time of the config is counted', async () => {
    const folder = atlasHome(had(pool), 'proxy');
    const job = await submitAtlasJob(had(pool), folder);
    let atMs = 0;
    const clock = { ...hostClock, monotonicNow: () => atMs };
    const look = async (warningMs: number) => {
      const watch = watchProxies({
        tools: createTools(settingsOf(), hostClock),
        schedds: [null],
        clock,
        warningMs,
      });
      atMs += 60_000;
      return watch.look(forever);
    };
    expect(await look(3_600_000)).toMatchObject({ ended: 0, ending: 0 });
    expect(await look(48 * 3_600_000)).toMatchObject({ ended: 0, ending: 1, users: [had(pool).user] });
    const explained = await queue().job(JobId(`schedd@pool#${job}`), forever);
    expect(explained?.remarks).toEqual([expect.stringMatching(/^its proxy ends at \d{4}-/)]);
    await had(pool).run('condor_rm', [job]);
  });
});
