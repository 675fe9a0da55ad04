import { parseLongAd } from '../classad/long.ts';
import type { Resources } from '../model/resources.ts';
import type { Split } from './policy.ts';
import type { JobClass } from './scheduler.ts';
import type { Trace, TraceJob } from './trace.ts';

/** A job of the trace as it is put into the queue: `parts.length` kinds of jobs, each so many times. */
export interface WorkItem {
  readonly job: TraceJob;
  readonly submitMs: number;
  readonly runMs: number;
  readonly parts: readonly { readonly jobClass: JobClass; readonly count: number }[];
}

export interface WorkloadOptions {
  readonly split: Split;
  /** Processors of the largest machine that there is. */
  readonly machineCpus: number;
  /** Jobs ask for the memory that the trace says, or for none. */
  readonly memory: boolean;
}

/** A part of a trace, in seconds from its first job; its own first job is at 0. */
export function windowOf(
  trace: Trace,
  { fromSeconds, toSeconds }: { fromSeconds: number; toSeconds: number },
): Trace {
  const jobs = trace.jobs.filter(
    ({ submitSeconds }) => submitSeconds >= fromSeconds && submitSeconds < toSeconds,
  );
  const first = jobs[0]?.submitSeconds ?? 0;
  return { ...trace, jobs: jobs.map((job) => ({ ...job, submitSeconds: job.submitSeconds - first })) };
}

/** The trace as jobs to submit, in the order of submission, from time 0 on. */
export function createWorkload({ jobs }: Trace, options: WorkloadOptions): readonly WorkItem[] {
  const classes = new Map<string, JobClass>();
  return jobs.map((job) => ({
    job,
    submitMs: Math.round(job.submitSeconds * 1000),
    runMs: Math.round(job.runSeconds * 1000),
    parts: partsOf(job, options).map(({ cpus, workers, count }) => {
      const share = (cpus * workers) / job.processors;
      const memoryMiB =
        options.memory && job.memoryMiB !== null ? Math.ceil((job.memoryMiB * share) / workers) : 0;
      const request: Resources = { cpus, memoryMiB, diskMiB: 0, gpus: 0 };
      const { user, group } = job;
      const walltimeMs = job.requestedSeconds === null ? null : Math.round(job.requestedSeconds * 1000);
      return { jobClass: classOf(classes, { request, workers, user, group, walltimeMs }), count };
    }),
  }));
}

interface Part {
  readonly cpus: number;
  readonly workers: number;
  readonly count: number;
}

function partsOf({ processors }: TraceJob, { split, machineCpus }: WorkloadOptions): readonly Part[] {
  if (split === 'core') return [{ cpus: 1, workers: 1, count: processors }];
  const whole = Math.floor(processors / machineCpus);
  const rest = processors - whole * machineCpus;
  if (split === 'gang' && processors > machineCpus) {
    const workers = Math.ceil(processors / machineCpus);
    return [{ cpus: Math.ceil(processors / workers), workers, count: 1 }];
  }
  const parts = [
    { cpus: machineCpus, workers: 1, count: whole },
    { cpus: rest, workers: 1, count: 1 },
  ];
  return parts.filter(({ cpus, count }) => cpus > 0 && count > 0);
}

interface Kind {
  readonly request: Resources;
  readonly workers: number;
  readonly user: string | null;
  readonly group: string | null;
  readonly walltimeMs: number | null;
}

/** Jobs that want the same are of one class, as one autocluster is. */
function classOf(classes: Map<string, JobClass>, kind: Kind): JobClass {
  const { request, workers, user, group, walltimeMs } = kind;
  const name = [
    `${request.cpus}cpu`,
    ...(request.memoryMiB > 0 ? [`${request.memoryMiB}MiB`] : []),
    ...(workers > 1 ? [`x${workers}`] : []),
    ...(user === null ? [] : [`user-${user}`]),
    ...(group === null ? [] : [`group-${group}`]),
    ...(walltimeMs === null ? [] : [`${walltimeMs / 1000}s`]),
  ].join('-');
  const known = classes.get(name);
  if (known !== undefined) return known;
  const made: JobClass = {
    name,
    ad: parseLongAd(
      [
        'Requirements = true',
        `RequestCpus = ${request.cpus}`,
        `RequestMemory = ${request.memoryMiB}`,
        'RequestDisk = 0',
      ].join('\n'),
    ),
    request,
    workers,
    ...(user === null ? {} : { user }),
    ...(group === null ? {} : { group }),
    ...(walltimeMs === null ? {} : { walltimeMs }),
  };
  classes.set(name, made);
  return made;
}
