import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { unparse } from '../../src/classad/unparse.ts';
import { Secret } from '../../src/config/secrets.ts';
import { hostClock } from '../../src/daemon/clock.ts';
import type { Demand, QueueSnapshot, Worker } from '../../src/model/demand.ts';
import { InstanceId, JobId, PoolName, QueueName, SiteId, WorkerId } from '../../src/model/ids.ts';
import type { Log } from '../../src/model/log.ts';
import { forgetfulMemory } from '../../src/model/memory.ts';
import { htcondorAdapter } from '../../src/queues/htcondor/adapter.ts';
import type { Queue } from '../../src/queues/port.ts';
import { eventually } from '../support/eventually.ts';
import { type Machine, type MachineOptions, startMachine } from '../support/htcondor-machine.ts';
import { had, htcondorTestbed, isMissing, stopTestbeds } from '../support/testbed.ts';

/** The adapter on a real pool: two schedds, and machines that join with what `admit` gives them. */
const pool = await htcondorTestbed('adapter', {
  schedds: 2,
  extraConfig: 'SCHEDD_ALLOW_LATE_MATERIALIZE = TRUE',
});
const machines: Machine[] = [];
afterAll(() => stopTestbeds(pool));

const forever = new AbortController().signal;
const silence: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silence,
};
const [near, far] = ['schedd@pool', 'schedd2@pool'];

function queueOf(
  { join: joining = {}, ...settings }: Readonly<Record<string, unknown>> & { readonly join?: object } = {},
  key?: Buffer,
): Queue {
  const { bin, collector, trustDomain, keyName, keyPath } = had(pool);
  const parsed = htcondorAdapter.configSchema.parse({
    bin,
    commandTimeout: '5s',
    updateInterval: '3s',
    ...settings,
    join: { collector, trustDomain, signingKeyId: keyName, signingKey: `file:${keyPath}`, ...joining },
  });
  if (parsed.join === null) throw new Error('no join');
  const join = { ...parsed.join, signingKey: Secret.of(key ?? readFileSync(keyPath)) };
  const deps = {
    site: SiteId('site'),
    queue: QueueName('main'),
    clock: hostClock,
    log: silence,
    memory: forgetfulMemory(),
  };
  return htcondorAdapter.create({ ...parsed, join }, deps);
}

const poll = (queue: Queue): Promise<QueueSnapshot> =>
  queue.poll({ nowMs: 1, attributes: ['VMType'], machines: [] }, forever);
const said = ({ ad }: Demand, name: string) => {
  const expr = ad.get(name);
  return expr === undefined ? undefined : unparse(expr, 'old');
};

interface Admitted {
  readonly instance: string;
  readonly vmType: string;
  readonly lifetimeMs?: number;
  readonly config?: string;
  readonly options?: Partial<MachineOptions>;
}

let addresses = 0;

/** Boots a machine with what the queue admits it with. Jobs that retire may go on for as long as they like. */
async function boot(
  queue: Queue,
  { instance, vmType, lifetimeMs, config = '', options = {} }: Admitted,
): Promise<Machine> {
  const { variables } = await queue.admit({
    instance: InstanceId(instance),
    pool: PoolName('workers'),
    issuedAtSeconds: Math.floor(Date.now() / 1000),
    lifetimeMs: lifetimeMs ?? 3_600_000,
    attributes: { VMType: `"${vmType}"` },
  });
  const lines = [
    'MAXJOBRETIREMENTTIME = 315360000',
    `SpillwayInstance = "${instance}"`,
    'STARTD_ATTRS = $(STARTD_ATTRS) SpillwayInstance',
    variables.attributes ?? '',
    config,
  ];
  const machine = startMachine(had(pool), {
    name: instance,
    address: `127.0.88.${++addresses}`,
    token: variables.token ?? '',
    config: lines.join('\n'),
    ...options,
  });
  machines.push(machine);
  return machine;
}

interface Submitted {
  readonly vmType: string;
  readonly count?: number;
  readonly seconds?: number;
  readonly lines?: readonly string[];
  readonly schedd?: string;
}

/** Returns the cluster's number. */
async function submit({
  vmType,
  count = 1,
  seconds = 600,
  lines = [],
  schedd = near,
}: Submitted): Promise<string> {
  const path = join(had(pool).folder, 'home', `job-${vmType}.sub`);
  const text = [
    'executable = /bin/sleep',
    `arguments = ${seconds}`,
    'transfer_executable = false',
    'should_transfer_files = yes',
    'initialdir = /tmp',
    'request_memory = 100',
    'request_disk = 1024',
    `+VMType = "${vmType}"`,
    'requirements = TARGET.VMType =?= MY.VMType',
    ...lines,
    `queue ${count}`,
    '',
  ];
  writeFileSync(path, text.join('\n'));
  const output = await had(pool).run('condor_submit', ['-name', schedd, path]);
  return /cluster (\d+)/.exec(output)?.[1] ?? '';
}

async function removeJobs(): Promise<void> {
  for (const schedd of [near, far]) {
    await eventually(`${schedd} is empty`, async () => {
      const jobs = await had(pool).run('condor_q', ['-name', schedd, '-allusers', '-af', 'JobStatus']);
      if (jobs !== '') await had(pool).run('condor_rm', ['-name', schedd, '-all']);
      return jobs === '';
    });
  }
}

const workerOf = async (queue: Queue, id: string): Promise<Worker | undefined> =>
  (await poll(queue)).workers.find((worker) => worker.id === id);

function shows(queue: Queue, id: string, expected: Partial<Worker>): Promise<Worker> {
  return eventually(
    `${id} is ${JSON.stringify(expected)}`,
    async () => {
      const worker = await workerOf(queue, id);
      const wanted = Object.entries(expected);
      return wanted.every(([name, value]) => worker?.[name as keyof Worker] === value) ? worker : undefined;
    },
    { withinMs: 60_000 },
  ).then((worker) => worker ?? Promise.reject(new Error(`no ${id}`)));
}

describe.skipIf(isMissing(pool))('the HTCondor adapter on a real pool', { timeout: 180_000 }, () => {
  afterEach(async () => {
    await removeJobs();
    await Promise.all(machines.splice(0).map((machine) => machine.stop()));
    await eventually('no machine is left', async () => {
      const left = await had(pool).run('condor_status', ['-af', 'Name']);
      for (const name of left.split('\n').filter((each) => each !== '')) {
        await queueOf().remove(WorkerId(name.slice(name.indexOf('@') + 1)), forever);
      }
      return left.trim() === '';
    });
  });

  it('an empty queue is empty', async () => {
    const snapshot = await poll(queueOf());
    expect(snapshot).toMatchObject({
      demand: [],
      workers: [],
      demandComplete: true,
      jobs: { waiting: 0, running: 0, held: 0 },
    });
  });

  it('jobs are grouped by what they want, with no machine there yet', async () => {
    await submit({ vmType: 'small', count: 5 });
    await submit({ vmType: 'small', count: 2 });
    await submit({ vmType: 'large', count: 12, lines: ['request_cpus = 1 + (ProcId % 4)'] });
    const held = await submit({ vmType: 'small', count: 2 });
    await had(pool).run('condor_hold', [held]);
    await submit({ vmType: 'small', lines: ['universe = local'] });
    const gang = ['universe = parallel', 'machine_count = 3'];
    await submit({ vmType: 'wide', lines: gang });
    const { demand, jobs, demandComplete } = await poll(queueOf());
    const shown = demand.map((each) =>
      [each.kind, said(each, 'VMType'), said(each, 'RequestCpus'), each.count].join(' '),
    );
    expect(shown.toSorted()).toEqual([
      'counted "large" 1 3',
      'counted "large" 2 3',
      'counted "large" 3 3',
      'counted "large" 4 3',
      'counted "small" 1 7',
      'gang "wide" 1 1',
    ]);
    expect({ demandComplete, ...jobs }).toMatchObject({ demandComplete: true, waiting: 20, held: 2 });
  });

  it('groups keep their ids, and a job is found in its group', async () => {
    const cluster = await submit({ vmType: 'small', count: 3, lines: ['request_cpus = 1 + (ProcId % 2)'] });
    const queue = queueOf();
    const first = await poll(queue);
    const again = await poll(queueOf());
    expect(again.demand.map(({ id }) => id).toSorted()).toEqual(first.demand.map(({ id }) => id).toSorted());
    const job = await queue.job(JobId(`${near}#${cluster}.1`), forever);
    expect(job).toMatchObject({ id: `${near}#${cluster}.1`, state: 'waiting' });
    expect(job?.demand).toBe(first.demand.find((each) => said(each, 'RequestCpus') === '2')?.id);
    expect(await queue.job(JobId(`${near}#999999.0`), forever)).toBeNull();
  });

  it('a submission is heard of at once, where the schedd’s log can be seen', async () => {
    const stop = new AbortController();
    let hints = 0;
    queueOf({ jobQueueLog: join(had(pool).folder, 'spool/job_queue.log') }).hint?.(
      () => hints++,
      stop.signal,
    );
    await submit({ vmType: 'small' });
    await eventually('a hint', () => hints > 0, { withinMs: 2000, everyMs: 20 });
    stop.abort();
  });

  it('a machine joins with its token, takes a job, is drained, had back, drained again; no job is ended', async () => {
    const queue = queueOf();
    const id = 'abc-0.spillway';
    const worker = WorkerId(id);
    await boot(queue, { instance: 'abc-0', vmType: 'small' });
    const idle = await shows(queue, id, { activity: 'idle', runningJobs: 0 });
    expect(idle).toMatchObject({ instance: 'abc-0', total: { cpus: 4, memoryMiB: 4000 } });
    expect(idle.address).toMatch(/^127\.0\.88\./);
    expect(idle.slots.map(({ free, partitionable }) => [free.cpus, partitionable])).toEqual([[4, true]]);

    const cluster = await submit({ vmType: 'small', count: 2, seconds: 20 });
    const busy = await shows(queue, id, { activity: 'claimed', runningJobs: 2 });
    expect(busy.slots.map(({ free }) => free.cpus)).toEqual([2]);

    await queue.drain(worker, forever);
    await queue.drain(worker, forever);
    const draining = await shows(queue, id, { activity: 'draining', runningJobs: 2 });
    expect(draining.slots.map(({ free }) => free.cpus)).toEqual([0]);
    await submit({ vmType: 'small', seconds: 1 });
    await shows(queue, id, { activity: 'drained', runningJobs: 0 });
    expect((await poll(queue)).jobs).toMatchObject({ waiting: 1, running: 0 });

    await queue.undrain(worker, forever);
    await queue.undrain(worker, forever);
    await eventually('the job that came while it drained has run', async () => {
      const { jobs, demand } = await poll(queue);
      return demand.length === 0 && jobs.running === 0;
    });
    await shows(queue, id, { activity: 'idle' });
    const starts = await had(pool).run('condor_history', [
      '-name',
      near,
      cluster,
      '-af',
      'NumJobStarts',
      'JobStatus',
    ]);
    expect(starts).toBe('1 4\n1 4\n');
    await queue.drain(worker, forever);
    await shows(queue, id, { activity: 'drained' });
  });

  it('a drain is refused where it would end a job', async () => {
    const queue = queueOf();
    const id = 'hasty-0.spillway';
    await boot(queue, { instance: 'hasty-0', vmType: 'small', config: 'MAXJOBRETIREMENTTIME = 0' });
    await submit({ vmType: 'small' });
    await shows(queue, id, { activity: 'claimed', runningJobs: 1 });
    await expect(queue.drain(WorkerId(id), forever)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('MAXJOBRETIREMENTTIME') as string,
    });
    await delay(4000); // longer than its update interval: a drain would show
    expect(await workerOf(queue, id)).toMatchObject({ activity: 'claimed', runningJobs: 1 });
  });

  it('a machine with static slots', async () => {
    const queue = queueOf();
    const config = [
      'NUM_SLOTS = 4',
      'NUM_SLOTS_TYPE_1 = 4',
      'SLOT_TYPE_1 = 25%',
      'SLOT_TYPE_1_PARTITIONABLE = FALSE',
    ];
    await boot(queue, { instance: 'static-0', vmType: 'small', config: config.join('\n') });
    await shows(queue, 'static-0.spillway', { activity: 'idle' });
    await submit({ vmType: 'small' });
    const worker = await shows(queue, 'static-0.spillway', { activity: 'claimed', runningJobs: 1 });
    expect(worker.slots.map(({ free }) => free.cpus).toSorted((a, b) => a - b)).toEqual([0, 1, 1, 1]);
    expect(worker.total.cpus).toBe(4);
  });

  it('an unknown machine cannot be drained, and removing one is no error', async () => {
    const queue = queueOf();
    await expect(queue.drain(WorkerId('nobody.spillway'), forever)).rejects.toMatchObject({
      code: 'notFound',
    });
    await expect(queue.remove(WorkerId('nobody.spillway'), forever)).resolves.toBeUndefined();
  });

  it('a machine that died is forgotten when it is removed', async () => {
    const queue = queueOf();
    const machine = await boot(queue, { instance: 'dead-0', vmType: 'small' });
    await shows(queue, 'dead-0.spillway', { activity: 'idle' });
    machine.kill();
    expect(await workerOf(queue, 'dead-0.spillway')).toBeDefined();
    await queue.remove(WorkerId('dead-0.spillway'), forever);
    await eventually('it is forgotten', async () => (await workerOf(queue, 'dead-0.spillway')) === undefined);
  });

  it('a token signed with another key opens nothing, nor does one that was changed', async () => {
    const { variables } = await queueOf().admit({
      instance: InstanceId('changed-0'),
      pool: PoolName('workers'),
      issuedAtSeconds: Math.floor(Date.now() / 1000),
      lifetimeMs: null,
      attributes: {},
    });
    const [head = '', payload = '', signature = ''] = (variables.token ?? '').split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
    const forged = Buffer.from(JSON.stringify({ ...claims, sub: 'pool@pool.test' })).toString('base64url');
    await boot(queueOf({}, Buffer.from('not the key of this pool')), {
      instance: 'forged-0',
      vmType: 'small',
    });
    await boot(queueOf(), {
      instance: 'changed-0',
      vmType: 'small',
      options: { token: `${head}.${forged}.${signature}` },
    });
    await boot(queueOf(), { instance: 'good-0', vmType: 'small' });
    await shows(queueOf(), 'good-0.spillway', { activity: 'idle' });
    await delay(8000); // two update intervals more than the good one took
    expect((await poll(queueOf())).workers.map(({ id }) => id)).toEqual(['good-0.spillway']);
  });

  it('a machine that says it is another’s instance is nobody’s', async () => {
    const queue = queueOf();
    await boot(queue, { instance: 'liar-0', vmType: 'small', config: 'SpillwayInstance = "victim-0"' });
    const worker = await shows(queue, 'liar-0.spillway', { activity: 'idle' });
    expect(worker.instance).toBeNull();
  });

  it('the collector restarts while jobs run: the view is incomplete, the machine comes back, no job is ended; one whose token has expired never does', async () => {
    // Longer than the restart takes, so that the first poll after it comes in time.
    const queue = queueOf({ updateInterval: '20s' });
    const lasting = 'lasting-0.spillway';
    const expiring = 'expiring-0.spillway';
    await boot(queue, { instance: 'lasting-0', vmType: 'small' });
    const { variables } = await queue.admit({
      instance: InstanceId('expiring-0'),
      // Issued so long ago that lifetime and margin, a day, end in fifteen seconds.
      pool: PoolName('workers'),
      issuedAtSeconds: Math.floor(Date.now() / 1000) - 24 * 3600 + 15,
      lifetimeMs: 0,
      attributes: {},
    });
    const expiresAt = Date.now() + 16_000;
    await boot(queue, { instance: 'expiring-0', vmType: 'large', options: { token: variables.token ?? '' } });
    await shows(queue, lasting, { activity: 'idle' });
    await shows(queue, expiring, { activity: 'idle' });
    const cluster = await submit({ vmType: 'small', count: 2 });
    await shows(queue, lasting, { activity: 'claimed', runningJobs: 2 });
    await delay(Math.max(0, expiresAt - Date.now()));

    await had(pool).lever('collector-restart');
    expect((await poll(queue)).workersComplete).toBe(false);
    await shows(queue, lasting, { activity: 'claimed', runningJobs: 2 });
    const jobs = await had(pool).run('condor_q', [
      '-name',
      near,
      cluster,
      '-af',
      'JobStatus',
      'NumJobStarts',
    ]);
    expect(jobs).toMatch(/^(2 [01]\n){2}$/);
    const settledView = await eventually(
      'the view is complete again',
      async () => {
        const snapshot = await poll(queue);
        return snapshot.workersComplete ? snapshot : undefined;
      },
      { withinMs: 90_000 },
    );
    expect(settledView?.workers.map(({ id }) => id)).toEqual([lasting]);
  });

  it('a schedd that is off: of two one view, incomplete; of one a failure', async () => {
    await submit({ vmType: 'small', count: 2 });
    await submit({ vmType: 'small', count: 3, schedd: far });
    const both = queueOf({ schedds: [near, far] });
    const whole = await poll(both);
    expect(whole).toMatchObject({ demandComplete: true, jobs: { waiting: 5 } });
    expect(whole.demand.map(({ count }) => count)).toEqual([5]);
    const [sample = ''] = whole.demand[0]?.sampleJobs.filter((job) => job.startsWith(far)) ?? [];
    expect(await both.job(JobId(sample), forever)).toMatchObject({ id: sample, state: 'waiting' });
    await had(pool).run('condor_off', ['-fast', '-subsystem', 'schedd2']);
    const half = await eventually('the other schedd is off', async () => {
      const snapshot = await poll(both);
      return snapshot.demandComplete ? undefined : snapshot;
    });
    expect(half?.demand.map(({ count }) => count)).toEqual([2]);
    await expect(poll(queueOf({ schedds: [far] }))).rejects.toMatchObject({ code: 'unavailable' });
    await had(pool).run('condor_on', ['-subsystem', 'schedd2']);
    await eventually('it is back with its jobs', async () => (await poll(both)).jobs.waiting === 5);
  });

  it.each([
    ['stopped', 'schedd-stop', 'schedd-start', 'unavailable'],
    ['hung', 'schedd-hang', 'schedd-resume', 'timeout'],
    ['denied', 'schedd-deny', 'schedd-allow', 'denied'],
  ] as const)('a schedd that is %s is a failure, never an empty queue', async (_, begin, end, code) => {
    await submit({ vmType: 'small', count: 3 });
    const queue = queueOf({ schedds: [near] });
    expect((await poll(queue)).jobs.waiting).toBe(3);
    await had(pool).lever(begin);
    try {
      await expect(poll(queue)).rejects.toMatchObject({ name: 'QueueError', code });
    } finally {
      await had(pool).lever(end);
    }
    await eventually('it answers again', async () => (await poll(queue)).jobs.waiting === 3, {
      withinMs: 60_000,
    });
  });

  it('jobs are told why they wait, and are the same demand; one that is gone is no error', async () => {
    const queue = queueOf({ tellJobs: true });
    const cluster = await submit({ vmType: 'small', count: 3 });
    const before = await poll(queue);
    const why = `poolMax: pool "main" has its max of 5`;
    const jobs = [0, 1, 99].map((proc) => JobId(`${near}#${cluster}.${proc}`));
    await queue.tell?.(jobs, why, forever);
    const said = await had(pool).run('condor_q', ['-name', near, cluster, '-af', 'SpillwayReason']);
    expect(said.split('\n').slice(0, 3)).toEqual([why, why, 'undefined']);
    expect((await poll(queue)).demand.map(({ id }) => id)).toEqual(before.demand.map(({ id }) => id));
    await expect(queue.tell?.([JobId(`${near}#999999.0`)], why, forever)).resolves.toBeUndefined();
  });

  it('check --live finds it well', async () => {
    const request = { attributes: [], pools: [{ name: PoolName('main'), lifetimeMs: 3_600_000 }] };
    const found: string[] = [];
    for (const check of queueOf({ schedds: [near, far] }).checks?.(request) ?? [])
      for (const { verdict, message } of await check.run(forever)) found.push(`${verdict} ${message}`);
    // The testbed's tools drop root, and cannot read the token that root has put down for them.
    const wrong = found.filter((line) => !line.startsWith('ok ') && !line.includes("a machine's token ("));
    expect(wrong).toEqual([]);
    expect(found).toContainEqual(expect.stringMatching(/^ok ADMINISTRATOR as /));
    expect(found.filter((line) => line.startsWith('ok schedd'))).toHaveLength(2);
  });

  it('a machine that is reached through the collector takes jobs', async () => {
    const queue = queueOf({ join: { ccb: true } });
    await boot(queue, { instance: 'inner-0', vmType: 'small' });
    await shows(queue, 'inner-0.spillway', { activity: 'idle', instance: InstanceId('inner-0') });
    expect(await had(pool).run('condor_status', ['-af', 'MyAddress'])).toContain('CCBID=');
    await submit({ vmType: 'small' });
    await shows(queue, 'inner-0.spillway', { activity: 'claimed', runningJobs: 1 });
  });

  it('jobs that are made late are demand as they are made', async () => {
    const queue = queueOf({ schedds: [near] });
    await submit({ vmType: 'late', count: 20, lines: ['max_idle = 3'] });
    await eventually('the first three', async () => (await poll(queue)).jobs.waiting === 3);
    await boot(queue, { instance: 'late-0', vmType: 'late' });
    await eventually('three more for those that have begun', async () => {
      const { jobs, demand } = await poll(queue);
      return jobs.running >= 3 && jobs.waiting === 3 && demand[0]?.count === 3;
    });
  });
});
