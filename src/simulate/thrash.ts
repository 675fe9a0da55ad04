import type { Job } from './scheduler.ts';
import type { Machine } from './simulatedCloud.ts';
import type { SimulatedQueue } from './simulatedQueue.ts';

/**
 * Counts launches and ends that undo each other, from what the cloud and the queue themselves know:
 *
 * - a machine is made although the machines that are on their way, or have had no job for a minute, are as many as all that
 *   waits could use, had each waiting job a machine for each of its workers; jobs that have begun lately count as waiting, since the
 *   daemon may not have seen it. One that is for a pool's min or head-room is not meant for a waiting job;
 * - a machine is ended although a job has waited for a minute, and fewer machines are on their way or without a job
 *   than jobs wait.
 */
export interface ThrashCount {
  readonly count: number;
  created(machine: Machine): void;
  joined(machine: Machine): void;
  stopped(machine: Machine): void;
  begun(job: Job): void;
}

const unseenMs = 60_000;

export function createThrashCount(
  nowMs: () => number,
  queue: () => Pick<SimulatedQueue, 'demand'>,
  /** Whether the daemon has said that waiting jobs need it. */
  isForJobs: (machine: Machine) => boolean,
): ThrashCount {
  const coming = new Set<Machine>();
  const begunLately: { readonly atMs: number; readonly workers: number }[] = [];
  let begunWorkers = 0;
  let count = 0;

  function lately(): number {
    while (begunLately[0] !== undefined && begunLately[0].atMs < nowMs() - unseenMs)
      begunWorkers -= begunLately.shift()?.workers ?? 0;
    return begunWorkers;
  }

  return {
    get count() {
      return count;
    },
    created: (machine) => {
      const { waitingWorkers, longIdleWorkers } = queue().demand();
      if (coming.size + longIdleWorkers >= waitingWorkers + lately() && isForJobs(machine)) count += 1;
      coming.add(machine);
    },
    joined: (machine) => {
      coming.delete(machine);
    },
    stopped: (machine) => {
      coming.delete(machine);
      if (machine.vanished || machine.joinedAtMs === null) return;
      const { waitingWorkers, idleWorkers, waitingSinceMs } = queue().demand();
      if (waitingSinceMs === null || waitingSinceMs > nowMs() - unseenMs) return;
      if (coming.size + idleWorkers < waitingWorkers) count += 1;
    },
    begun: ({ jobClass }) => {
      const workers = jobClass.workers ?? 1;
      begunLately.push({ atMs: nowMs(), workers });
      begunWorkers += workers;
    },
  };
}
