import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Place } from './place.ts';

const run = promisify(execFile);

export const vmTypes = ['small', 'medium', 'large'] as const;
/** The second wave comes when the first is done: it finds machines that are Free, or about to be. */
export const waves = 2;
const jobsOfEachTypeInWave = 4;
export const jobsInAll = waves * vmTypes.length * jobsOfEachTypeInWave;
const jobSeconds = 4;

/** Submits one wave of the demo's jobs with condor_submit, a cluster for each kind of machine. */
export async function submitWave({ pool, jobs }: Place): Promise<void> {
  for (const vmType of vmTypes) {
    const file = join(jobs, `${vmType}.sub`);
    writeFileSync(
      file,
      `executable = /bin/sleep
arguments = ${jobSeconds}
transfer_executable = false
should_transfer_files = yes
initialdir = ${jobs}
request_cpus = 1
request_memory = 256
request_disk = 1MB
+VMType = "${vmType}"
requirements = TARGET.VMType == MY.VMType
queue ${jobsOfEachTypeInWave}
`,
    );
    await run(join(pool.bin, 'condor_submit'), ['-terse', file]);
  }
}

export interface EndedJobs {
  readonly done: number;
  readonly failed: number;
}

/** By the schedd's own history: completed with exit code 0, and every other end. */
export async function endedJobs({ pool }: Place): Promise<EndedJobs> {
  const { stdout } = await run(join(pool.bin, 'condor_history'), ['-af', 'JobStatus', 'ExitCode']);
  const ends = stdout.split('\n').filter((line) => line !== '');
  const done = ends.filter((end) => end === '4 0').length;
  return { done, failed: ends.length - done };
}

/** What the queue still has; held jobs are among them. */
export async function queuedJobs({ pool }: Place): Promise<number> {
  const { stdout } = await run(join(pool.bin, 'condor_q'), ['-allusers', '-af', 'JobStatus']);
  return stdout.split('\n').filter((line) => line !== '').length;
}
