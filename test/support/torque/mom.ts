import { type ChildProcess, spawn } from 'node:child_process';
import {
  chownSync,
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * A stand-in for Torque's server, scheduler and one pbs_mom, which are in no package registry: it runs the hooks and the job
 * starter with the arguments, environment, standard input, rules of retry and alarm that a Torque 6.1 was seen to
 * have (test/data/torque).
 */
export interface Mom {
  readonly submit: (job: JobSpec) => Job;
  /** SIGTERM to all processes of the job's session, later SIGKILL. */
  readonly qdel: (job: Job) => Promise<void>;
  /** Resolves when the job is in state C. */
  /** A signal to all processes of the job's session. */
  readonly qsig: (job: Job, signal: NodeJS.Signals) => void;
  readonly ended: (job: Job) => Promise<Job>;
  /** Runs one hook as mom does, apart from any job of its own; returns its exit code, or `alarm`. */
  readonly hook: (name: 'prologue' | 'epilogue', job: Job, session?: number) => Promise<number | 'alarm'>;
  /** Jobs that ran at once, at most. */
  readonly mostAtOnce: number;
  readonly close: () => Promise<void>;
}

export interface MomOptions {
  /** mom_priv: has `prologue` and `epilogue`, and gets `jobs`. */
  readonly folder: string;
  /** `$job_starter`. */
  readonly jobStarter: string;
  readonly np: number;
  readonly prologAlarmMs: number;
  /** Whom the alarm kills: the hook's process alone, or its whole group. */
  readonly alarmKills: 'process' | 'group';
  readonly user: {
    readonly name: string;
    readonly group: string;
    readonly uid: number;
    readonly gid: number;
  };
  readonly killDelayMs: number;
  /** The number of its first job. */
  readonly firstNumber: number;
}

export interface JobSpec {
  readonly script: string;
  readonly name?: string;
  /** As in `qsub -l`. */
  readonly resources?: string;
  readonly queue?: string;
  /** `qsub -v`, `-V`. */
  readonly variables?: Readonly<Record<string, string>>;
}

export interface Job {
  readonly id: string;
  readonly spec: Required<JobSpec>;
  state: 'Q' | 'R' | 'C';
  startCount: number;
  /** As Torque shows it: -14 a prologue to be tried again, -2 one that ended the job, 256 and more a signal. */
  exitStatus: number | null;
  readonly stdoutPath: string;
  readonly stderrPath: string;
  readonly scriptPath: string;
  session: number | null;
}

export const outputOf = (job: Job) => readFileSync(job.stdoutPath, 'utf8');
export const errorsOf = (job: Job) => readFileSync(job.stderrPath, 'utf8');

/** With pbs_sched two or three starts a second were seen. */
const retryMs = 400;

export function createMom(options: MomOptions): Mom {
  const { folder, np, user, prologAlarmMs } = options;
  const jobsFolder = join(folder, 'jobs');
  mkdirSync(jobsFolder, { recursive: true });
  const queue: Job[] = [];
  const under = new Map<Job, Promise<void>>();
  const waiting = new Map<Job, () => void>();
  let number = options.firstNumber - 1;
  let closed = false;
  let mostAtOnce = 0;

  function submit(spec: JobSpec): Job {
    number += 1;
    const id = `${number}.pbshead`;
    const scriptPath = join(jobsFolder, `${id}.SC`);
    writeFileSync(scriptPath, spec.script, { mode: 0o700 });
    chownSync(scriptPath, user.uid, user.gid);
    const job: Job = {
      id,
      spec: {
        name: 'job',
        resources: 'nodes=1:ppn=1,walltime=01:00:00,neednodes=1:ppn=1',
        queue: 'batch',
        variables: {},
        ...spec,
      },
      state: 'Q',
      startCount: 0,
      exitStatus: null,
      stdoutPath: join(jobsFolder, `${id}.OU`),
      stderrPath: join(jobsFolder, `${id}.ER`),
      scriptPath,
      session: null,
    };
    queue.push(job);
    schedule();
    return job;
  }

  function schedule(): void {
    for (const job of closed ? [] : queue.splice(0, np - under.size)) {
      const done = start(job).finally(() => {
        under.delete(job);
        schedule();
      });
      under.set(job, done);
      mostAtOnce = Math.max(mostAtOnce, under.size);
    }
  }

  async function start(job: Job): Promise<void> {
    job.state = 'R';
    job.startCount += 1;
    const prologue = await hook('prologue', job);
    if (prologue === 0) job.exitStatus = await run(job);
    else job.exitStatus = prologue === 1 ? -2 : -14;
    await hook('epilogue', job, job.session ?? 0);
    if (job.exitStatus === -14 && !closed) {
      job.state = 'Q';
      await delay(retryMs);
      queue.push(job);
      return;
    }
    rmSync(job.scriptPath, { force: true });
    job.state = 'C';
    waiting.get(job)?.();
  }

  async function hook(name: 'prologue' | 'epilogue', job: Job, session = 0): Promise<number | 'alarm'> {
    const { resources, queue: queueName } = job.spec;
    const who = [job.id, user.name, user.group, job.spec.name];
    const words =
      name === 'prologue'
        ? [...who, resources, queueName, '', job.scriptPath]
        : [
            ...who,
            String(session),
            resources,
            'cput=00:00:00,vmem=0kb,walltime=00:00:03,mem=0kb,energy_used=0',
            queueName,
            '',
            String(job.exitStatus ?? 0),
            job.scriptPath,
          ];
    const environment = {
      LANG: 'C.UTF-8',
      PATH: '/bin:/usr/bin',
      PBS_MSHOST: 'wn1',
      PBS_NODEFILE: nodeFile(job),
      PBS_NODENUM: '0',
      PBS_NP: '1',
      PBS_NUM_NODES: '1',
      PBS_NUM_PPN: '1',
      PBS_O_WORKDIR: '/tmp',
      PBS_RESOURCE_NODES: '1',
      PWD: folder,
    };
    const files = openOutput(job);
    const child = spawn(join(folder, name), words, {
      cwd: folder,
      env: environment,
      detached: true,
      stdio: ['ignore', files.out, files.err],
    });
    const alarm = new AbortController();
    let rung = false;
    const timer = delay(prologAlarmMs, undefined, { signal: alarm.signal }).then(
      () => {
        rung = true;
        if (child.pid === undefined) return;
        if (options.alarmKills === 'process') child.kill('SIGKILL');
        else process.kill(-child.pid, 'SIGKILL');
      },
      () => {},
    );
    const { code } = await exitOf(child);
    alarm.abort();
    await timer;
    files.close();
    return rung ? 'alarm' : (code ?? 1);
  }

  async function run(job: Job): Promise<number> {
    const files = openOutput(job);
    const child = spawn(options.jobStarter, ['/bin/bash'], {
      cwd: '/',
      uid: user.uid,
      gid: user.gid,
      detached: true,
      env: {
        HOME: '/nonexistent',
        LOGNAME: user.name,
        USER: user.name,
        SHELL: '/bin/bash',
        PATH: '/bin:/usr/bin',
        ENVIRONMENT: 'BATCH',
        PBS_JOBID: job.id,
        PBS_JOBNAME: job.spec.name,
        PBS_QUEUE: job.spec.queue,
        PBS_NODEFILE: nodeFile(job),
        PBS_O_WORKDIR: '/tmp',
        PBS_O_HOST: 'pbshead',
        PBS_NP: '1',
        ...job.spec.variables,
      },
      stdio: ['pipe', files.out, files.err],
    });
    job.session = child.pid ?? null;
    child.stdin?.on('error', () => {});
    child.stdin?.end(`${job.scriptPath}\n`);
    const { code, signal } = await exitOf(child);
    files.close();
    // What the job left in its session is killed when it ends.
    killSession(job, 'SIGKILL');
    return signal === null ? (code ?? 0) : 256 + constants.signals[signal];
  }

  function nodeFile(job: Job): string {
    const path = join(jobsFolder, `${job.id}.nodes`);
    writeFileSync(path, 'wn1\n', { mode: 0o644 });
    return path;
  }

  return {
    submit,
    hook,
    get mostAtOnce() {
      return mostAtOnce;
    },
    ended: async (job) => {
      if (job.state !== 'C')
        await new Promise<void>((resolve) => {
          waiting.set(job, resolve);
        });
      return job;
    },
    qsig: (job, signal) => killSession(job, signal),
    qdel: async (job) => {
      killSession(job, 'SIGTERM');
      await delay(options.killDelayMs);
      killSession(job, 'SIGKILL');
    },
    close: async () => {
      closed = true;
      for (const job of under.keys()) killSession(job, 'SIGKILL');
      await Promise.all(under.values());
    },
  };
}

function openOutput(job: Job) {
  const out = openSync(job.stdoutPath, 'a', 0o600);
  const err = openSync(job.stderrPath, 'a', 0o600);
  return {
    out,
    err,
    close: () => {
      closeSync(out);
      closeSync(err);
    },
  };
}

function exitOf(child: ChildProcess): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
}

/** Every process of the session, whatever its group: field 6 of /proc/PID/stat. */
function killSession({ session }: Job, signal: NodeJS.Signals): void {
  if (session === null) return;
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      if (stat.slice(stat.lastIndexOf(')') + 2).split(' ')[3] === String(session))
        process.kill(Number(name), signal);
    } catch {
      // it has ended meanwhile
    }
  }
}
