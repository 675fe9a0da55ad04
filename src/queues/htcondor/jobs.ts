import { evaluateAttribute } from '../../classad/evaluate.ts';
import { numberOf, stringOf } from '../../classad/value.ts';
import { type DemandId, JobId } from '../../model/ids.ts';
import type { JobState, JobView } from '../port.ts';
import type { AdReader } from './long-ads.ts';
import { universes, where } from './schedd.ts';
import type { Tools } from './tools.ts';

/** JobStatus of proc.h; 6, 8 and 9 are reserved, 10 is a job that is being prepared to run. */
const stateOfStatus: ReadonlyMap<number, JobState> = new Map([
  [1, 'waiting'],
  [2, 'running'],
  [3, 'ended'],
  [4, 'ended'],
  [5, 'held'],
  [6, 'running'],
  [7, 'running'],
  [10, 'running'],
]);

/** Its lines as they came are handed to `demandOf`, which says where a poll would count it. */
export interface JobQuery {
  readonly id: JobId;
  /** Null: the schedd of this host. */
  readonly schedds: readonly (string | null)[];
  readonly demandOf: (schedd: string, lines: readonly string[]) => DemandId | null;
}

/**
 * A job by `schedd#cluster.proc`, or by `cluster.proc` at the first schedd that has it. Null where no schedd knows
 * it, and for a text that is no job's id.
 */
export async function readJob(
  tools: Tools,
  reader: AdReader,
  { id, schedds, demandOf }: JobQuery,
  signal: AbortSignal,
): Promise<JobView | null> {
  const [, schedd = null, number = ''] = /^(?:([^#\s-][^#\s]*)#)?(\d+\.\d+)$/.exec(id) ?? [];
  if (number === '') return null;
  const asked = schedds.filter((name) => name === null || schedd === null || name === schedd);
  for (const name of asked) {
    const found: (readonly string[])[] = [];
    await tools.ads('condor_q', [...where(name), number], (lines) => found.push(lines), signal);
    const [lines] = found;
    if (lines === undefined) continue;
    const ad = reader.read(lines);
    const [home] = stringOf(evaluateAttribute(ad, 'GlobalJobId'))?.split('#') ?? [];
    if (home === undefined || (schedd !== null && home !== schedd)) continue;
    const state = stateOfStatus.get(numberOf(evaluateAttribute(ad, 'JobStatus')) ?? 0) ?? 'other';
    const universe = numberOf(evaluateAttribute(ad, 'JobUniverse')) ?? 0;
    return {
      id: JobId(`${home}#${number}`),
      state,
      owner: stringOf(evaluateAttribute(ad, 'Owner')),
      demand: state === 'waiting' && universes.includes(universe) ? demandOf(home, lines) : null,
      ad,
    };
  }
  return null;
}
