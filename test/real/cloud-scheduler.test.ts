import { execFile, execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { Secret } from '../../src/config/secrets.ts';
import { hostClock } from '../../src/daemon/clock.ts';
import { InstanceId, JobId, PoolName, QueueName, SiteId } from '../../src/model/ids.ts';
import type { Log } from '../../src/model/log.ts';
import { forgetfulMemory } from '../../src/model/memory.ts';
import { htcondorAdapter } from '../../src/queues/htcondor/adapter.ts';
import { watchProxies } from '../../src/queues/htcondor/proxies.ts';
import { createTools } from '../../src/queues/htcondor/tools.ts';
import { hasOpenssl } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { type Machine, startMachine } from '../support/htcondor-machine.ts';
import { had, htcondorTestbed, isMissing, stopTestbeds } from '../support/testbed.ts';

/** The job of config/cloud-scheduler, its file as it is, on a real pool with the site's settings for the schedd. */
const config = new URL('../../config/cloud-scheduler/', import.meta.url).pathname;
/** HTCondor as the testbed unpacks it cannot make the request that a delegation begins with: there a proxy is copied. */
const copied = 'DELEGATE_JOB_GSI_CREDENTIALS = FALSE';
const extraConfig = `${copied}\n${readFileSync(join(config, 'requests.config'), 'utf8')}`;
const pool = await htcondorTestbed('cloud-scheduler', { extraConfig });
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
      config: [...size, ...slot, ...own, copied, variables.attributes ?? ''].join('\n'),
    }),
  );
}

/** A folder of the user's, with the job's file, its program and a proxy that ends tomorrow. */
function home(name: string): string {
  const folder = join(had(pool).folder, 'home', name);
  mkdirSync(folder);
  copyFileSync(join(config, 'atlas-job.sub'), join(folder, 'atlas-job.sub'));
  writeFileSync(
    join(folder, 'runpilot3-wrapper.sh'),
    '#!/bin/sh\ngrep -c "PRIVATE KEY" "$X509_USER_PROXY"\ngrep "^Cpus " .machine.ad\nsleep 15\n',
  );
  const made = ['-keyout', join(folder, 'key'), '-out', join(folder, 'certificate')];
  const kind = 'req -x509 -newkey rsa:2048 -nodes -days 1 -subj /O=test/CN=ann'.split(' ');
  execFileSync('openssl', [...kind, ...made], { stdio: 'ignore' });
  const read = (file: string) => readFileSync(join(folder, file), 'utf8');
  writeFileSync(join(folder, 'atlas.proxy'), read('certificate') + read('key'));
  chmodSync(join(folder, 'runpilot3-wrapper.sh'), 0o755);
  chmodSync(join(folder, 'atlas.proxy'), 0o600);
  if (process.getuid?.() === 0)
    for (const path of [folder, ...readdirSync(folder).map((file) => join(folder, file))])
      chownSync(path, 1000, 1000);
  return folder;
}

async function submit(folder: string, ...more: readonly string[]): Promise<string> {
  const proxy = `x509userproxy = ${join(folder, 'atlas.proxy')}`;
  const args = ['-append', proxy, ...more.flatMap((line) => ['-append', line]), 'atlas-job.sub'];
  const { stdout } = await promisify(execFile)(join(had(pool).bin, 'condor_submit'), args, { cwd: folder });
  return `${/cluster (\d+)/.exec(stdout)?.[1]}.0`;
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
    const folder = home('atlas');
    const job = await submit(folder);
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
    expect(readFileSync(join(folder, 'job.out'), 'utf8')).toBe('2\nCpus = 8\n');
    expect(proxiesOnMachines()).toEqual([]);
  });

  it('that nothing fits is held, and its owner reads why', async () => {
    const folder = home('unfit');
    const job = await submit(folder, '+VMMemory = 18000');
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
    const folder = home('proxy');
    const job = await submit(folder);
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
