import { QueueError } from '../../model/errors.ts';
import type { JobId } from '../../model/ids.ts';
import type { Tools } from './tools.ts';

/** What condor_hold says of a job that is held already, or is gone: all is as it should be. */
const alreadySo = /\bJob \d+\.\d+ (?:already|not found)\b/;
const reasonCharsMax = 1000;

/**
 * Holds jobs (`schedd#cluster.proc`) by condor_hold, one call for each schedd. It needs the rights of a queue super user:
 * `denied` or `unavailable` where they lack.
 */
export async function holdJobs(
  tools: Tools,
  { jobs, why, schedds }: { jobs: readonly JobId[]; why: string; schedds: readonly (string | null)[] },
  signal: AbortSignal,
): Promise<void> {
  const bySchedd = Map.groupBy(jobs, (job) => job.slice(0, Math.max(0, job.lastIndexOf('#'))));
  for (const [schedd, own] of bySchedd) {
    const name = schedds.find((one) => one === null || one === schedd);
    const numbers = own.map((job) => job.slice(job.lastIndexOf('#') + 1));
    if (name === undefined || numbers.some((number) => !/^\d+\.\d+$/.test(number)))
      throw new QueueError('invalid', `no jobs of this queue: ${own.join(' ')}`);
    const where = name === null ? [] : ['-name', name];
    try {
      await tools.text('condor_hold', [...where, '-reason', reasonOf(why), ...numbers], signal);
    } catch (error) {
      if (!(error instanceof QueueError) || !alreadySo.test(error.message)) throw error;
    }
  }
}

/** A quotation mark in it would make the schedd lose the whole reason (seen on 23.9.6). */
function reasonOf(why: string): string {
  return why
    .replaceAll('"', "'")
    .replaceAll('\\', '/')
    .replaceAll(/\p{Cc}+/gu, ' ')
    .slice(0, reasonCharsMax);
}
