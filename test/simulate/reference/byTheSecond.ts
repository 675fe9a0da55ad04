import type { FarmJob } from '../../../src/simulate/reference/farm.ts';

/**
 * The same farm of machines of one core, second by second and without any cleverness: what the fast one is compared
 * with. Whole seconds only.
 */
export interface SlowRun {
  readonly machineSeconds: number;
  readonly waitCoreSeconds: number;
  readonly launches: number;
}

interface SlowPolicy {
  /** Of the machines that are idle and wanted by no job, those that stay; each is the second since which it is idle. */
  keep(idle: readonly number[], now: number, machines: number): number;
}

export const neededWithin = (jobs: readonly FarmJob[], from: number, to: number): number => {
  let peak = 0;
  for (let second = from; second <= to; second++) peak = Math.max(peak, busyAt(jobs, second));
  return peak;
};

export const busyAt = (jobs: readonly FarmJob[], second: number): number =>
  jobs
    .filter((job) => job.submitSeconds <= second && second < job.submitSeconds + job.runSeconds)
    .reduce((sum, job) => sum + job.processors, 0);

export const slowOracle = (jobs: readonly FarmJob[], keepSeconds: number): SlowPolicy => ({
  keep: (idle, now, machines) => {
    const others = machines - idle.length;
    return Math.max(0, neededWithin(jobs, now, now + keepSeconds) - others);
  },
});

export const slowFixed = (idleSeconds: number): SlowPolicy => ({
  keep: (idle, now) => idle.filter((since) => now < since + idleSeconds).length,
});

export function runSlowly(jobs: readonly FarmJob[], bootSeconds: number, policy: SlowPolicy): SlowRun {
  let waiting: FarmJob[] = [];
  let running: { readonly end: number; readonly cores: number }[] = [];
  let booting: number[] = [];
  /** Of each idle machine that no waiting job wants, since when; the longest first. */
  let idle: number[] = [];
  let held = 0;
  let [machineSeconds, waitCoreSeconds, launches, done] = [0, 0, 0, 0];
  const first = jobs[0]?.submitSeconds ?? 0;
  for (let now = first; done < jobs.length; now++) {
    let empty = idle.length + held;
    const before = running.length;
    empty += running.filter((one) => one.end === now).reduce((sum, one) => sum + one.cores, 0);
    running = running.filter((one) => one.end !== now);
    done += before - running.length;
    empty += booting.filter((ready) => ready === now).length;
    booting = booting.filter((ready) => ready !== now);
    waiting = [...waiting, ...jobs.filter((job) => job.submitSeconds === now)];
    for (let [head] = waiting; head !== undefined && head.processors <= empty; [head] = waiting) {
      empty -= head.processors;
      running.push({ end: now + head.runSeconds, cores: head.processors });
      waitCoreSeconds += (now - head.submitSeconds) * head.processors;
      waiting = waiting.slice(1);
    }
    const wanted = waiting.reduce((sum, job) => sum + job.processors, 0);
    const missing = Math.max(0, wanted - empty - booting.length);
    launches += missing;
    machineSeconds += missing * bootSeconds;
    booting = [...booting, ...Array.from({ length: missing }, () => now + bootSeconds)];
    held = Math.min(empty, wanted);
    const free = empty - held;
    idle =
      free <= idle.length
        ? idle.slice(0, free)
        : [...idle, ...Array.from({ length: free - idle.length }, () => now)];
    if (done === jobs.length) break;
    const busy = running.reduce((sum, one) => sum + one.cores, 0);
    const keep = Math.min(idle.length, policy.keep(idle, now, busy + held + idle.length));
    idle = idle.slice(idle.length - keep);
    machineSeconds += busy + held + idle.length;
  }
  return { machineSeconds, waitCoreSeconds, launches };
}
