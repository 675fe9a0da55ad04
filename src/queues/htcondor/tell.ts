import { QueueError } from '../../model/errors.ts';
import type { JobId } from '../../model/ids.ts';
import { quoted, type Tools } from './tools.ts';

/** What a job's ad says of why it waits. */
export const reasonAttribute = 'SpillwayReason';
const reasonCharsMax = 500;

/**
 * Writes the reason into the ads of jobs (`schedd#cluster.proc`) by condor_qedit, one call for each schedd. By a constraint,
 * since a list of jobs of which one is gone changes none. It needs the rights of a queue super user: `denied` where the
 * jobs are there and are not changed.
 */
export async function tellJobs(
  tools: Tools,
  { jobs, why, schedds }: { jobs: readonly JobId[]; why: string; schedds: readonly (string | null)[] },
  signal: AbortSignal,
): Promise<void> {
  const bySchedd = Map.groupBy(jobs, (job) => job.slice(0, Math.max(0, job.lastIndexOf('#'))));
  for (const [schedd, own] of bySchedd) {
    const name = schedds.find((one) => one === null || one === schedd);
    if (name === undefined) throw new QueueError('invalid', `no jobs of this queue: ${own.join(' ')}`);
    const constraint = own.map(constraintOf).join(' || ');
    const where = name === null ? [] : ['-name', name];
    const args = [...where, '-constraint', constraint, reasonAttribute, quoted(reasonOf(why))];
    try {
      await tools.text('condor_qedit', args, signal);
    } catch (error) {
      if (!(error instanceof QueueError) || !noneChanged.test(error.message)) throw error;
      const left = await tools.text(
        'condor_q',
        [...where, '-allusers', '-constraint', constraint, '-af', 'ProcId'],
        signal,
      );
      if (left.trim() !== '') throw new QueueError('denied', error.message, { cause: error });
    }
  }
}

/** It says so where the jobs are gone, and where they are another's. */
const noneChanged = /Failed to set attribute .* by constraint/;

function constraintOf(job: JobId): string {
  const [, cluster, proc] = /#(\d+)\.(\d+)$/.exec(job) ?? [];
  if (cluster === undefined || proc === undefined) throw new QueueError('invalid', `not a job: ${job}`);
  return `(ClusterId == ${cluster} && ProcId == ${proc})`;
}

/** Old syntax, in which a backslash stands for itself but before a quotation mark. */
function reasonOf(why: string): string {
  return why
    .replaceAll('\\', '/')
    .replaceAll(/\p{Cc}+/gu, ' ')
    .slice(0, reasonCharsMax);
}
