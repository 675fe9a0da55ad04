import { type ClassAd, withAttributes } from '../classad/ad.ts';
import { symmetricMatch } from '../classad/match.ts';
import type { Demand, QueueSnapshot, Worker, WorkerActivity } from '../model/demand.ts';
import { QueueError, type QueueErrorCode } from '../model/errors.ts';
import { DemandId, type InstanceId, JobId, type QueueName, WorkerId } from '../model/ids.ts';
import {
  addResources,
  noResources,
  type Resources,
  subtractResources,
  timesThatFit,
} from '../model/resources.ts';
import type { Queue } from '../queues/port.ts';
import { callServer, type Delay, type Fault } from './faults.ts';
import type { VirtualClock } from './virtualClock.ts';

/** Jobs that want the same: what the ad says, and what one of them takes. */
export interface JobClass {
  readonly name: string;
  readonly ad: ClassAd;
  readonly request: Resources;
  readonly user?: string;
  readonly group?: string;
  readonly priority?: number;
  /** Machines that one job needs at the same time: more than one makes it a gang. */
  readonly workers?: number;
  readonly walltimeMs?: number;
}

export interface Job {
  readonly id: JobId;
  readonly jobClass: JobClass;
  readonly runMs: number;
  readonly submittedAtMs: number;
  state: 'waiting' | 'running' | 'done' | 'removed';
  worker: WorkerId | null;
  startedAtMs: number | null;
  doneAtMs: number | null;
  /** How often it was begun. */
  starts: number;
}

/** A machine that has joined, as the scheduler knows it. */
interface Startd {
  readonly id: WorkerId;
  readonly instance: InstanceId | null;
  readonly ad: ClassAd;
  readonly total: Resources;
  draining: boolean;
  /** It stopped without saying good-bye: its ad is shown until then. */
  shownUntilMs: number | null;
}

export interface Kill {
  readonly job: JobId;
  readonly worker: WorkerId;
  readonly atMs: number;
}

export const queueCalls = ['poll', 'drain', 'undrain', 'remove', 'job', 'admit'] as const;
export type QueueCall = (typeof queueCalls)[number];

export interface QueueLevers {
  delay: (call: QueueCall) => Delay;
  fault: (call: QueueCall) => Fault | null;
  /** Turns a true view into what is answered. */
  lie: ((view: QueueSnapshot) => QueueSnapshot) | null;
  /** Jobs are matched with workers so often. */
  negotiateMs: number;
  /** A job that was begun less than so long ago is not in the worker's ad yet. */
  jobLagMs: number;
  /** The ad of a machine that stopped is shown for so long. */
  lingerMs: number;
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
  join(worker: { id: WorkerId; instance: InstanceId | null; ad: ClassAd; total: Resources }): void;
  /** A machine has stopped: what ran on it is killed and waits again. */
  lose(worker: WorkerId): void;
  waiting(): number;
  running(): number;
  done(): number;
}

export const queueFails = (code: QueueErrorCode): Fault => ({
  kind: 'refuse',
  error: new QueueError(code, `simulated: ${code}`),
});

/** A batch system in memory on a virtual clock, with HTCondor's ways: partitionable slots, draining, lingering ads. */
export function createSimulatedQueue({
  name,
  clock,
}: {
  name: QueueName;
  clock: VirtualClock;
}): SimulatedQueue {
  const jobs: Job[] = [];
  const kills: Kill[] = [];
  const startds = new Map<WorkerId, Startd>();
  const calls: Record<QueueCall, number> = { poll: 0, drain: 0, undrain: 0, remove: 0, job: 0, admit: 0 };
  const levers: QueueLevers = {
    delay: () => ({ requestMs: 100, answerMs: 100 }),
    fault: () => null,
    lie: null,
    negotiateMs: 5_000,
    jobLagMs: 0,
    lingerMs: 20_000,
  };
  let changed: (() => void) | null = null;

  const now = () => clock.monotonicNow();
  const live = () => jobs.filter(({ state }) => state === 'waiting' || state === 'running');
  const jobsOn = (id: WorkerId) => jobs.filter(({ state, worker }) => state === 'running' && worker === id);

  function freeOf({ id, total }: Startd, onIt: readonly Job[] = jobsOn(id)): Resources {
    const used = onIt.reduce((sum, { jobClass }) => addResources(sum, jobClass.request), noResources);
    return subtractResources(total, used);
  }

  function slotAd(startd: Startd, free: Resources): ClassAd {
    const { cpus, memoryMiB, diskMiB } = free;
    return withAttributes(startd.ad, { Cpus: cpus, Memory: memoryMiB, Disk: diskMiB * 1024 });
  }

  function negotiate(): void {
    clock.at(now() + levers.negotiateMs, negotiate);
    for (const startd of startds.values()) {
      if (startd.draining || startd.shownUntilMs !== null) continue;
      const refused = new Set<JobClass>();
      for (const job of jobs) {
        if (job.state !== 'waiting' || refused.has(job.jobClass)) continue;
        const free = freeOf(startd);
        const fits = timesThatFit(free, job.jobClass.request) > 0;
        if (fits && symmetricMatch(job.jobClass.ad, slotAd(startd, free))) begin(job, startd);
        else refused.add(job.jobClass);
      }
    }
  }
  clock.at(levers.negotiateMs, negotiate);

  function begin(job: Job, { id }: Startd): void {
    const start = job.starts + 1;
    Object.assign(job, { state: 'running', worker: id, startedAtMs: now(), starts: start });
    clock.at(now() + job.runMs, () => {
      if (job.state !== 'running' || job.starts !== start) return;
      Object.assign(job, { state: 'done', worker: null, doneAtMs: now() });
    });
  }

  function viewAt(takenAtMs: number): QueueSnapshot {
    const waiting = jobs.filter(({ state }) => state === 'waiting');
    return {
      queue: name,
      takenAtMs,
      workersComplete: true,
      demandComplete: true,
      demand: [...Map.groupBy(waiting, ({ jobClass }) => jobClass)].map(([jobClass, group]) =>
        demandOf(jobClass, group),
      ),
      workers: [...startds.values()].map(workerOf),
      jobs: { waiting: waiting.length, running: live().length - waiting.length, held: 0 },
    };
  }

  function demandOf(jobClass: JobClass, group: readonly Job[]): Demand {
    return {
      id: DemandId(`${name}/${jobClass.name}`),
      queue: name,
      kind: (jobClass.workers ?? 1) > 1 ? 'gang' : 'counted',
      count: group.length,
      ad: jobClass.ad,
      sampleJobs: group.slice(0, 3).map(({ id }) => id),
      oldestSubmittedAtMs: Math.min(...group.map(({ submittedAtMs }) => submittedAtMs)),
      user: jobClass.user ?? null,
      group: jobClass.group ?? null,
      priority: jobClass.priority ?? 0,
      workers: jobClass.workers ?? 1,
      walltimeMs: jobClass.walltimeMs ?? null,
    };
  }

  function workerOf(startd: Startd): Worker {
    const shown = jobsOn(startd.id).filter(
      ({ startedAtMs }) => (startedAtMs ?? 0) <= now() - levers.jobLagMs,
    );
    const free = freeOf(startd, shown);
    return {
      id: startd.id,
      queue: name,
      instance: startd.instance,
      address: null,
      activity: activityOf(startd.draining, shown.length),
      runningJobs: shown.length,
      total: startd.total,
      slots: [{ ad: slotAd(startd, free), free, partitionable: true }],
    };
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
          if (shownUntilMs !== null && now() >= shownUntilMs) startds.delete(id);
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
        startdOf(id).draining = true;
      }),
    undrain: (id, signal) =>
      call('undrain', signal, () => {
        startdOf(id).draining = false;
      }),
    remove: (id, signal) =>
      call('remove', signal, () => {
        if (startds.get(id)?.shownUntilMs != null) startds.delete(id);
      }),
    job: (id, signal) =>
      call('job', signal, () => {
        const job = jobs.find((known) => known.id === id);
        if (job === undefined) return null;
        const state = job.state === 'waiting' || job.state === 'running' ? job.state : 'ended';
        const demand = state === 'waiting' ? DemandId(`${name}/${job.jobClass.name}`) : null;
        return { id, state, owner: 'alice', demand, ad: job.jobClass.ad };
      }),
    close: async () => {},
  };

  return {
    queue,
    levers,
    jobs,
    kills,
    calls,
    submit: (jobClass, { count, runMs }) => {
      const made = Array.from(
        { length: count },
        (_, at): Job => ({
          id: JobId(`${name}#${jobs.length + at + 1}.0`),
          jobClass,
          runMs,
          submittedAtMs: now(),
          state: 'waiting',
          worker: null,
          startedAtMs: null,
          doneAtMs: null,
          starts: 0,
        }),
      );
      jobs.push(...made);
      changed?.();
      return made;
    },
    removeJob: (job) => {
      if (job.state === 'waiting' || job.state === 'running')
        Object.assign(job, { state: 'removed', worker: null });
    },
    join: ({ id, instance, ad, total }) => {
      startds.set(id, { id, instance, ad, total, draining: false, shownUntilMs: null });
      changed?.();
    },
    lose: (id) => {
      const startd = startds.get(id);
      if (startd === undefined) return;
      startd.shownUntilMs = now() + levers.lingerMs;
      for (const job of jobsOn(id)) {
        kills.push({ job: job.id, worker: id, atMs: now() });
        Object.assign(job, { state: 'waiting', worker: null, startedAtMs: null });
      }
    },
    waiting: () => jobs.filter(({ state }) => state === 'waiting').length,
    running: () => jobs.filter(({ state }) => state === 'running').length,
    done: () => jobs.filter(({ state }) => state === 'done').length,
  };
}

function activityOf(draining: boolean, runningJobs: number): WorkerActivity {
  if (draining) return runningJobs > 0 ? 'draining' : 'drained';
  return runningJobs > 0 ? 'claimed' : 'idle';
}

/** The worker of a machine is named after its host name, which is the instance's id. */
export const workerIdOf = (instance: InstanceId): WorkerId => WorkerId(`slot1@${instance}`);
