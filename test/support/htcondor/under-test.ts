import { setImmediate } from 'node:timers/promises';
import { Secret } from '../../../src/config/secrets.ts';
import { JobId, QueueName, SiteId, WorkerId } from '../../../src/model/ids.ts';
import { forgetfulMemory } from '../../../src/model/memory.ts';
import { htcondorAdapter } from '../../../src/queues/htcondor/adapter.ts';
import type { Queue } from '../../../src/queues/port.ts';
import { createVirtualClock } from '../../../src/simulate/virtualClock.ts';
import type { QueueUnderTest } from '../../conformance/adapter/harness.ts';
import { eventually } from '../eventually.ts';
import { faultyTools } from '../faultyTools.ts';
import { ruleOf } from './faults.ts';
import { createStandInPool, type StandInJob, type StandInWorker, textOf } from './stand-in-pool.ts';

const signingKey = 'signing-key-of-the-pool-Zq81xVb';
const updateIntervalMs = 60_000;

/** The adapter on programs of HTCondor's names, which show the state of a pool as recorded ones did. */
export async function startHtcondorStandIn(
  jobsFrom: 'condor_q' | 'log' = 'condor_q',
): Promise<QueueUnderTest> {
  const pool = createStandInPool();
  const faulty = faultyTools({ bin: pool.bin, tools: pool.tools });
  const clock = createVirtualClock();
  const memory = forgetfulMemory();
  const jobs = new Map<JobId, StandInJob>();
  const workers = new Map<string, StandInWorker>();
  const after = new Map<StandInJob, () => void>();
  let reportAtMs = Infinity;

  const jobOf = (id: JobId) => {
    const job = jobs.get(id);
    if (job === undefined) throw new Error(`no job ${id}`);
    return job;
  };
  const workerOf = (id: WorkerId) => {
    const worker = workers.get(id);
    if (worker === undefined) throw new Error(`no worker ${id}`);
    return worker;
  };
  const idOf = ({ schedd, cluster, proc }: StandInJob) => JobId(`${schedd}#${cluster}.${proc}`);

  const wordsOf = (words: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(words).map(([name, text]) => [name, textOf(text)]));

  return {
    clock,
    secrets: [signingKey],
    word: 'VMType',
    callTimeoutMs: 25_000,
    settleMs: 2 * updateIntervalMs,
    connect({ log, to = 'queue' }): Queue {
      if (to === 'wrong') faulty.set(ruleOf('jobs', 'refused'));
      if (to === 'nowhere') faulty.set(ruleOf('jobs', 'unreachable'));
      const parsed = htcondorAdapter.configSchema.parse({
        bin: faulty.bin,
        updateInterval: `${updateIntervalMs / 1000}s`,
        jobQueueLog: pool.jobQueueLog,
        jobsFrom,
        bigQueueJobs: 5000,
        join: { collector: 'head', trustDomain: 'pool.test', signingKey: 'file:/nowhere' },
      });
      if (parsed.join === null) throw new Error('no join');
      const settings = {
        ...parsed,
        join: { ...parsed.join, signingKey: Secret.of(Buffer.from(signingKey)) },
      };
      const deps = { site: SiteId('site'), queue: QueueName('main'), clock, log, memory };
      const queue = htcondorAdapter.create(settings, deps);
      // The pool is written down where somebody looks at it.
      return {
        ...queue,
        poll: async (request, signal) => {
          pool.show();
          return queue.poll(request, signal);
        },
        job: async (id, signal) => {
          pool.show();
          return queue.job(id, signal);
        },
      };
    },
    machines: () => [],

    async submit({ count = 1, cpus = 1, memoryMiB = 128, words = {}, user = 'ann', priority = 0, ...rest }) {
      const ad = {
        ...wordsOf(words),
        Owner: `"${user}"`,
        RequestCpus: `${cpus}`,
        RequestMemory: `${memoryMiB}`,
        JobPrio: `${priority}`,
        ...(rest.nodes === undefined
          ? {}
          : { JobUniverse: '11', MinHosts: `${rest.nodes}`, MaxHosts: `${rest.nodes}` }),
      };
      const submit = () => {
        const made = pool.submit(ad, count);
        for (const job of made) jobs.set(idOf(job), job);
        return made.map(idOf);
      };
      if (rest.after === undefined) return submit();
      // DAGMan is a job itself, and submits the next when the one before has ended.
      const [dagman] = pool.submit({ JobUniverse: '7' }, 1);
      if (dagman !== undefined) pool.setStatus(dagman, 2);
      after.set(jobOf(rest.after), submit);
      return [];
    },
    async submitBroken() {
      pool.submit({ Requirements: '((TARGET.Arch == "X86_64"', RequestCpus: '1 +' }, 1);
    },
    hold: async (id) => pool.setStatus(jobOf(id), 5),
    release: async (id) => pool.setStatus(jobOf(id), 1),
    withdraw: async (id) => pool.leave(jobOf(id)),
    run: async (id, worker) => pool.run(jobOf(id), workerOf(worker)),
    async finish(id) {
      const job = jobOf(id);
      pool.leave(job);
      after.get(job)?.();
    },

    async join({ instance, claims, name = `${instance}.spillway`, cpus = 4, memoryMiB = 4000 }) {
      const said = {
        ...(claims === null ? {} : { SpillwayInstance: `"${claims ?? instance}"` }),
        AuthenticatedIdentity: `"spillway-${instance}@pool.test"`,
      };
      workers.set(name, pool.join({ name, cpus, memoryMiB, said }));
      return WorkerId(name);
    },
    async stranger(name) {
      const said = { AuthenticatedIdentity: '"condor@pool.test"' };
      workers.set(name, pool.join({ name, cpus: 4, memoryMiB: 4000, said }));
      return WorkerId(name);
    },
    // The collector shows its ads until they expire, or are taken out.
    die: async (id) => void workerOf(id),

    async fault(kind, fault) {
      const rule = ruleOf(kind, fault);
      // Nothing but the totals is asked for where the jobs are in the log.
      const totals = kind === 'jobs' && jobsFrom === 'log' && rule.args !== undefined;
      faulty.set(totals ? { ...rule, args: '-totals' } : rule);
    },
    async struck() {
      const before = faulty.count();
      await eventually('the fault is met', () => faulty.count() > before, { everyMs: 10 });
    },
    heal: async () => faulty.clear(),
    async restart() {
      pool.compact();
      pool.forgetMachines();
      reportAtMs = clock.monotonicNow() + updateIntervalMs;
      pool.show();
    },
    async elapse(ms) {
      await clock.advance(ms);
      if (clock.monotonicNow() < reportAtMs) return;
      reportAtMs = Infinity;
      pool.machinesReport();
    },
    catchUp: () => setImmediate(),
    async stop() {
      faulty.remove();
      pool.remove();
    },
  };
}
