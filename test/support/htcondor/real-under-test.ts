import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Secret } from '../../../src/config/secrets.ts';
import { hostClock } from '../../../src/daemon/clock.ts';
import { InstanceId, JobId, PoolName, QueueName, SiteId, WorkerId } from '../../../src/model/ids.ts';
import { forgetfulMemory } from '../../../src/model/memory.ts';
import { htcondorAdapter } from '../../../src/queues/htcondor/adapter.ts';
import type { Queue } from '../../../src/queues/port.ts';
import type { Connection, JobWish, MachineWish, QueueUnderTest } from '../../conformance/adapter/harness.ts';
import { eventually } from '../eventually.ts';
import { type FaultyTools, faultyTools, type ToolRule } from '../faultyTools.ts';
import { type Machine, startMachine } from '../htcondor-machine.ts';
import type { HTCondorTestbed } from '../testbed.ts';
import { ruleOf } from './faults.ts';
import { textOf } from './stand-in-pool.ts';

/** The machines' is 3 s; on a host with much else to do they need longer than two of those to be back. */
const updateIntervalMs = 10_000;
const forever = new AbortController().signal;
const schedd = 'schedd@pool';

/** A pool that serves one case after the other: each begins with an empty queue and no machine. */
export interface RealPool {
  start(jobsFrom?: 'condor_q' | 'log'): Promise<QueueUnderTest>;
}

export function realPool(pool: HTCondorTestbed, signingKey: Buffer): RealPool {
  let addresses = 0;

  async function clear(queue: Queue): Promise<void> {
    // A case that failed may have left it down.
    await pool.run('condor_q', ['-totals']).catch(() => pool.lever('schedd-start'));
    await eventually('the queue is empty', async () => {
      const jobs = await pool.run('condor_q', ['-allusers', '-af', 'JobStatus']);
      if (jobs !== '') await pool.run('condor_rm', ['-all']).catch(() => '');
      if (jobs !== '') await pool.run('condor_rm', ['-all', '-forcex']).catch(() => '');
      return jobs === '';
    });
    await eventually('no machine is left', async () => {
      const left = (await pool.run('condor_status', ['-af', 'Name']))
        .split('\n')
        .filter((name) => name !== '');
      const startds = new Set(left.map((name) => name.slice(name.indexOf('@') + 1)));
      for (const startd of startds) await queue.remove(WorkerId(startd), forever);
      return left.length === 0;
    });
  }

  return {
    async start(jobsFrom = 'condor_q') {
      const real = {
        bin: pool.bin,
        tools: readdirSync(pool.bin).filter((tool) => tool.startsWith('condor_')),
      };
      const tools = faultyTools(real);
      // The pool's tools run as another user.
      chmodSync(tools.bin, 0o755);
      const test = underTest({
        pool,
        signingKey,
        tools,
        jobsFrom,
        nextAddress: () => `127.0.89.${++addresses}`,
      });
      await clear(test.plain());
      return test;
    },
  };
}

interface Parts {
  readonly pool: HTCondorTestbed;
  readonly signingKey: Buffer;
  readonly tools: FaultyTools;
  readonly jobsFrom: 'condor_q' | 'log';
  readonly nextAddress: () => string;
}

function underTest({ pool, signingKey, tools, jobsFrom, nextAddress }: Parts): QueueUnderTest & {
  plain(): Queue;
} {
  const folder = mkdtempSync(join(pool.folder, 'home', 'case-'));
  chmodSync(folder, 0o777);
  const ends = join(folder, 'ends');
  mkdirSync(ends);
  chmodSync(ends, 0o777);
  const machines = new Map<string, Machine>();
  let levers: readonly (() => Promise<void>)[] = [];
  let submissions = 0;

  function connect({ log, to = 'queue' }: Pick<Connection, 'log' | 'to'>): Queue {
    const { collector, trustDomain, keyName, keyPath } = pool;
    const parsed = htcondorAdapter.configSchema.parse({
      bin: tools.bin,
      commandTimeout: '5s',
      updateInterval: `${updateIntervalMs / 1000}s`,
      jobQueueLog: join(pool.folder, 'spool/job_queue.log'),
      jobsFrom,
      ...(to === 'nowhere' ? { pool: '127.0.0.1:1', schedds: [schedd] } : {}),
      join: { collector, trustDomain, signingKeyId: keyName, signingKey: `file:${keyPath}` },
    });
    if (parsed.join === null) throw new Error('no join');
    const own = { ...parsed.join, signingKey: Secret.of(signingKey) };
    const deps = {
      site: SiteId('site'),
      queue: QueueName('main'),
      clock: hostClock,
      log,
      memory: forgetfulMemory(),
    };
    return htcondorAdapter.create({ ...parsed, join: own }, deps);
  }
  const silence = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, child: () => silence };
  const plain = connect({ log: silence });

  const numberOf = (job: JobId) => job.slice(job.indexOf('#') + 1);
  const statusOf = (job: JobId) => pool.run('condor_q', [numberOf(job), '-af', 'JobStatus']);

  function submission(wish: JobWish): string {
    const { count = 1, cpus, memoryMiB = 64, words = {}, user = 'ann', priority, nodes } = wish;
    if (wish.after !== undefined) throw new Error('a gap');
    // `$$(…)` is left as it is until the job is matched.
    const said = Object.entries(words).map(
      ([name, text]) => `+${name} = ${textOf(text).replaceAll(/(?<!\$)\$\(/g, '$(DOLLAR)(')}`,
    );
    const lines = [
      ...(nodes === undefined ? [] : ['universe = parallel', `machine_count = ${nodes}`]),
      'executable = /bin/sh',
      `arguments = "-c 'until test -e ${ends}/$(Cluster).$(Process); do sleep 0.2; done'"`,
      'transfer_executable = false',
      'should_transfer_files = yes',
      'initialdir = /tmp',
      'request_disk = 1024',
      `request_memory = ${memoryMiB}`,
      ...(cpus === undefined ? [] : [`request_cpus = ${cpus}`]),
      ...(priority === undefined ? [] : [`priority = ${priority}`]),
      `accounting_group_user = ${user}`,
      ...said,
      ...('VMType' in words ? ['requirements = TARGET.VMType =?= MY.VMType'] : []),
      `queue ${count}`,
      '',
    ];
    return lines.join('\n');
  }

  async function submitText(text: string): Promise<string> {
    const path = join(folder, `${++submissions}.sub`);
    writeFileSync(path, text);
    return pool.run('condor_submit', [path]);
  }

  async function submit(wish: JobWish): Promise<readonly JobId[]> {
    const [, cluster = ''] = /cluster (\d+)/.exec(await submitText(submission(wish))) ?? [];
    const { count = 1 } = wish;
    return Array.from({ length: count }, (_, proc) => JobId(`${schedd}#${cluster}.${proc}`));
  }

  async function boot({
    instance,
    claims,
    name,
    cpus = 4,
    memoryMiB = 4000,
  }: MachineWish): Promise<WorkerId> {
    const label = name?.replace(/\..*$/, '') ?? instance;
    const { variables } = await plain.admit({
      instance,
      pool: PoolName('pool-a'),
      issuedAtSeconds: Math.floor(Date.now() / 1000),
      lifetimeMs: 3_600_000,
      attributes: {},
    });
    const machine = startMachine(pool, {
      name: label,
      address: nextAddress(),
      token: variables.token ?? '',
      config: [
        'MAXJOBRETIREMENTTIME = 315360000',
        ...(claims === null ? [] : [`SpillwayInstance = "${claims ?? instance}"`]),
        'STARTD_ATTRS = $(STARTD_ATTRS) SpillwayInstance',
        variables.attributes ?? '',
        `NUM_CPUS = ${cpus}`,
        `MEMORY = ${memoryMiB}`,
      ].join('\n'),
    });
    const worker = WorkerId(`${label}.spillway`);
    machines.set(worker, machine);
    return worker;
  }

  /** Sets the rule, or turns a lever of the pool's, which stays so until it is healed. */
  async function turn(off: Parameters<typeof pool.lever>[0], on: Parameters<typeof pool.lever>[0]) {
    await pool.lever(off);
    levers = [...levers, () => pool.lever(on)];
  }

  return {
    clock: hostClock,
    secrets: [signingKey.toString('latin1')],
    word: 'VMType',
    callTimeoutMs: 5000,
    settleMs: 2 * updateIntervalMs,
    plain: () => plain,
    connect,
    machines: () => [],
    submit,
    submitAll: async (wishes) => void (await submitText(wishes.map(submission).join('\n'))),
    submitBroken: async () => {
      throw new Error('a gap');
    },
    hold: async (job) => void (await pool.run('condor_hold', [numberOf(job)])),
    release: async (job) => void (await pool.run('condor_release', [numberOf(job)])),
    withdraw: async (job) => void (await pool.run('condor_rm', [numberOf(job)])),
    run: async (job) => {
      await eventually(`${job} runs`, async () => (await statusOf(job)).trim() === '2');
    },
    async finish(job) {
      writeFileSync(join(ends, numberOf(job)), '');
      await eventually(`${job} has ended`, async () => (await statusOf(job)).trim() === '');
    },
    join: boot,
    stranger: (name) => boot({ instance: InstanceId(`${name}-0`), name, claims: null }),
    die: async (worker) => machines.get(worker)?.kill(),

    async fault(kind, fault) {
      if (fault === 'refused' && kind === 'jobs') return turn('schedd-deny', 'schedd-allow');
      if (fault === 'refused') return turn('deny-read', 'allow-read');
      if (fault === 'trouble' && kind === 'jobs') return turn('schedd-stop', 'schedd-start');
      const rule: ToolRule = ruleOf(kind, fault);
      const totals = kind === 'jobs' && jobsFrom === 'log' && rule.args !== undefined;
      tools.set(totals ? { ...rule, args: '-totals' } : rule);
    },
    async struck() {
      const before = tools.count();
      await eventually('the fault is met', () => tools.count() > before, { everyMs: 20 });
    },
    async heal() {
      tools.clear();
      for (const on of levers.toReversed()) await on();
      levers = [];
    },
    async restart() {
      await pool.lever('schedd-stop');
      await pool.lever('schedd-start');
      await pool.lever('collector-restart');
    },
    elapse: async (ms) => delay(ms),
    catchUp: async () => delay(300),
    async stop() {
      for (const on of levers.toReversed()) await on();
      await Promise.all([...machines.values()].map((machine) => machine.stop()));
      tools.remove();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
