import type { Demand, QueueSnapshot, Worker, WorkerActivity } from '../model/demand.ts';
import { QueueError, type QueueErrorCode } from '../model/errors.ts';
import { DemandId, type InstanceId, type QueueName, WorkerId } from '../model/ids.ts';
import { addResources, noResources, subtractResources } from '../model/resources.ts';
import type { Queue } from '../queues/port.ts';
import { callServer, type Delay, type Fault } from './faults.ts';
import {
  createScheduler,
  type Job,
  type JobClass,
  type Kill,
  type SchedulerLevers,
  type Startd,
} from './scheduler.ts';
import type { VirtualClock } from './virtualClock.ts';
import type { WaitingLine } from './waitingLines.ts';

export type { Job, JobClass, Kill } from './scheduler.ts';

export const queueCalls = ['poll', 'drain', 'undrain', 'remove', 'job', 'admit'] as const;
export type QueueCall = (typeof queueCalls)[number];

export interface QueueLevers extends SchedulerLevers {
  delay: (call: QueueCall) => Delay;
  fault: (call: QueueCall) => Fault | null;
  /** Turns a true view into what is answered. */
  lie: ((view: QueueSnapshot) => QueueSnapshot) | null;
  /** A job that was begun less than so long ago is not in the worker's ad yet. */
  jobLagMs: number;
  /** The ad of a machine that stopped is shown for so long. */
  lingerMs: number;
  /** Workers tell which jobs they have. */
  namesJobs: boolean;
}

export interface SimulatedQueue {
  readonly queue: Queue;
  readonly levers: QueueLevers;
  readonly jobs: readonly Job[];
  /** Jobs that ran on a machine when it ended. */
  readonly kills: readonly Kill[];
  readonly calls: Readonly<Record<QueueCall, number>>;
  submit(jobClass: JobClass, options: { count: number; runMs: number }): readonly Job[];
  /** The owner takes a job back. */
  removeJob(job: Job): void;
  join(worker: Pick<Startd, 'id' | 'instance' | 'ad' | 'total'>): void;
  /** A machine has stopped: what ran on it is killed and waits again. */
  lose(worker: WorkerId): void;
  /** The machine as the scheduler knows it now, whatever its views say; null: unknown. */
  startd(worker: WorkerId): Readonly<Startd> | null;
  waiting(): number;
  /** What waits and what could take it, in machines: a gang wants several. */
  demand(): {
    readonly waitingWorkers: number;
    readonly idleWorkers: number;
    /** Of these, those that have been without a job for a minute. */
    readonly longIdleWorkers: number;
    /** By the monotonic clock. */
    readonly waitingSinceMs: number | null;
  };
  running(): number;
  done(): number;
}

export const queueFails = (code: QueueErrorCode): Fault => ({
  kind: 'refuse',
  error: new QueueError(code, `simulated: ${code}`),
});

export interface SimulatedQueueOptions {
  readonly name: QueueName;
  readonly clock: VirtualClock;
  readonly onBegun?: (job: Job, on: readonly Startd[]) => void;
  readonly onKilled?: (job: Job) => void;
  readonly onDone?: (job: Job) => void;
  /** Jobs that are done are not kept: months need no more memory than a day. */
  readonly forgetDone?: boolean;
}

/** A batch system in memory on a virtual clock, with HTCondor's ways: partitionable slots, draining, lingering ads. */
export function createSimulatedQueue(options: SimulatedQueueOptions): SimulatedQueue {
  const { name, clock } = options;
  const calls: Record<QueueCall, number> = { poll: 0, drain: 0, undrain: 0, remove: 0, job: 0, admit: 0 };
  const levers: QueueLevers = {
    delay: () => ({ requestMs: 100, answerMs: 100 }),
    fault: () => null,
    lie: null,
    negotiateMs: 5_000,
    negotiateAtChanges: false,
    reuseClaims: false,
    jobLagMs: 0,
    lingerMs: 20_000,
    namesJobs: true,
  };
  let changed: (() => void) | null = null;
  const scheduler = createScheduler({
    name,
    clock,
    levers,
    onChange: () => changed?.(),
    onBegun: (job, on) => options.onBegun?.(job, on),
    onKilled: (job) => options.onKilled?.(job),
    onDone: (job) => options.onDone?.(job),
    forgetDone: options.forgetDone ?? false,
  });
  const { lines, startds, counts } = scheduler;
  const shown = new Map<Startd, { readonly version: number; readonly worker: Worker }>();

  const now = () => clock.monotonicNow();

  function viewAt(takenAtMs: number): QueueSnapshot {
    return {
      queue: name,
      takenAtMs,
      workersComplete: true,
      demandComplete: true,
      demand: lines.all().map(demandOf),
      workers: [...startds.values()].map(workerOf),
      jobs: { waiting: counts.waiting, running: counts.running, held: 0 },
    };
  }

  function demandOf({ jobClass, count, heads }: WaitingLine): Demand {
    const sample = heads(3);
    return {
      id: DemandId(`${name}/${jobClass.name}`),
      queue: name,
      kind: (jobClass.workers ?? 1) > 1 ? 'gang' : 'counted',
      count,
      ad: jobClass.ad,
      sampleJobs: sample.map(({ id }) => id),
      oldestSubmittedAtMs: sample[0]?.submittedAtWallMs ?? null,
      user: jobClass.user ?? null,
      group: jobClass.group ?? null,
      priority: jobClass.priority ?? 0,
      workers: jobClass.workers ?? 1,
      walltimeMs: jobClass.walltimeMs ?? null,
    };
  }

  /** The same object for as long as nothing about the worker changes. */
  function workerOf(startd: Startd): Worker {
    const known = shown.get(startd);
    if (known?.version === startd.version && levers.jobLagMs === 0) return known.worker;
    const worker = lookAt(startd);
    shown.set(startd, { version: startd.version, worker });
    return worker;
  }

  function lookAt(startd: Startd): Worker {
    const { id, instance, ad, total, draining, running } = startd;
    const jobs = [...running].filter(({ startedAtMs }) => (startedAtMs ?? 0) <= now() - levers.jobLagMs);
    const used = jobs.reduce((sum, { jobClass }) => addResources(sum, jobClass.request), noResources);
    return {
      id,
      queue: name,
      instance,
      address: null,
      activity: activityOf(draining, jobs.length),
      runningJobs: jobs.length,
      ...(levers.namesJobs ? { jobIds: jobs.map((job) => job.id) } : {}),
      usage: jobs.map(({ id: job, jobClass: { user = null, group = null, request } }) => ({
        user,
        group,
        cpus: request.cpus,
        ...(levers.namesJobs ? { jobIds: [job] } : {}),
      })),
      total,
      slots: [scheduler.slot(ad, subtractResources(total, used))],
    };
  }

  function forget(id: WorkerId): void {
    const startd = startds.get(id);
    if (startd === undefined) return;
    shown.delete(startd);
    scheduler.forget(id);
  }

  function call<T>(method: QueueCall, signal: AbortSignal, work: () => T): Promise<T> {
    calls[method] += 1;
    return callServer(clock, { delay: levers.delay(method), fault: levers.fault(method), signal }, work);
  }

  function startdOf(id: WorkerId): Startd {
    const startd = startds.get(id);
    if (startd === undefined) throw new QueueError('notFound', `simulated: no worker ${id}`);
    return startd;
  }

  const queue: Queue = {
    poll: ({ nowMs }, signal) =>
      call('poll', signal, () => {
        for (const [id, { shownUntilMs }] of startds)
          if (shownUntilMs !== null && now() >= shownUntilMs) forget(id);
        const view = viewAt(nowMs);
        return levers.lie === null ? view : levers.lie(view);
      }),
    hint: (callback, signal) => {
      changed = callback;
      signal.addEventListener('abort', () => {
        changed = null;
      });
    },
    admit: ({ instance }) =>
      call('admit', new AbortController().signal, () => ({
        variables: { token: `token-of-${instance}` },
        perMachine: true,
      })),
    drain: (id, signal) =>
      call('drain', signal, () => {
        scheduler.setDraining(startdOf(id), true);
      }),
    undrain: (id, signal) =>
      call('undrain', signal, () => {
        scheduler.setDraining(startdOf(id), false);
      }),
    remove: (id, signal) =>
      call('remove', signal, () => {
        if (startds.get(id)?.shownUntilMs != null) forget(id);
      }),
    job: (id, signal) =>
      call('job', signal, () => {
        const job = scheduler.job(id);
        if (job === null) return null;
        const state = job.state === 'waiting' || job.state === 'running' ? job.state : 'ended';
        const demand = state === 'waiting' ? DemandId(`${name}/${job.jobClass.name}`) : null;
        return { id, state, owner: 'alice', demand, ad: job.jobClass.ad };
      }),
    close: async () => {},
  };

  return {
    queue,
    levers,
    jobs: scheduler.jobs,
    kills: scheduler.kills,
    calls,
    submit: scheduler.submit,
    removeJob: scheduler.removeJob,
    join: scheduler.join,
    lose: (id) => scheduler.lose(id, levers.lingerMs),
    startd: (id) => startds.get(id) ?? null,
    waiting: () => counts.waiting,
    demand: () => {
      let idleWorkers = 0;
      let longIdleWorkers = 0;
      for (const { running, draining, shownUntilMs, usedAtMs } of startds.values()) {
        if (running.size > 0 || draining || shownUntilMs !== null) continue;
        idleWorkers += 1;
        if (usedAtMs < now() - 60_000) longIdleWorkers += 1;
      }
      const waiting = lines.all();
      const waitingWorkers = waiting.reduce(
        (sum, { jobClass, count }) => sum + count * (jobClass.workers ?? 1),
        0,
      );
      return {
        waitingWorkers,
        idleWorkers,
        longIdleWorkers,
        waitingSinceMs: lines.oldest()?.submittedAtMs ?? null,
      };
    },
    running: () => counts.running,
    done: () => counts.done,
  };
}

function activityOf(draining: boolean, runningJobs: number): WorkerActivity {
  if (draining) return runningJobs > 0 ? 'draining' : 'drained';
  return runningJobs > 0 ? 'claimed' : 'idle';
}

/** The worker of a machine is named after its host name, which is the instance's id. */
export const workerIdOf = (instance: InstanceId): WorkerId => WorkerId(`slot1@${instance}`);
