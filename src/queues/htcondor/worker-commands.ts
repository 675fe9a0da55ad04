import { QueueError } from '../../model/errors.ts';
import type { WorkerId } from '../../model/ids.ts';
import { quoted, type Tools } from './tools.ts';

/** What a machine publishes of its MAXJOBRETIREMENTTIME; the startd knows RetirementTimeRemaining only after a while. */
export const retirementAttribute = 'SpillwayRetirement';

/** The numbers that a startd refuses a drain with. */
const alreadyDraining = /error code 10001\b/;
const checkFailed = /error code 10003\b/;

/**
 * Drains by `condor_drain -graceful`: the startd takes no more jobs and the running ones go on, for as long as the
 * machine's MAXJOBRETIREMENTTIME lets them. Its default is 0, and then a graceful drain evicts them at once: so the
 * startd itself is made to check, slot by slot, that none of its jobs would be evicted before `retirementMinMs`; if one
 * would be, `unavailable`. Without `-exit-on-completion`, so that the machine can be had back.
 */
export async function drainWorker(
  tools: Tools,
  worker: WorkerId,
  retirementMinMs: number,
  signal: AbortSignal,
): Promise<void> {
  const seconds = Math.ceil(retirementMinMs / 1000);
  const check = `State =!= "Claimed" || ${retirementAttribute} >= ${seconds} || RetirementTimeRemaining >= ${seconds}`;
  const args = ['-graceful', '-reason', 'spillway', '-check', check, nameOf(worker)];
  try {
    await tools.text('condor_drain', args, signal);
  } catch (error) {
    if (!(error instanceof QueueError)) throw error;
    if (alreadyDraining.test(error.message)) return;
    if (!checkFailed.test(error.message)) throw error;
    const wanted = `a drain might end its jobs; its MAXJOBRETIREMENTTIME should be ${seconds} or more`;
    throw new QueueError('unavailable', `${worker}: ${wanted}`, { cause: error });
  }
}

/** Takes jobs again. That nothing was being drained is no error to HTCondor. */
export async function undrainWorker(tools: Tools, worker: WorkerId, signal: AbortSignal): Promise<void> {
  await tools.text('condor_drain', ['-cancel', nameOf(worker)], signal);
}

/**
 * Takes the ads of a machine that is gone out of the collector, where they would stay until they expire (15 minutes)
 * and be matched. Needs ADVERTISE_STARTD; a startd that lives after all is back with its next update.
 */
export async function forgetWorker(tools: Tools, worker: WorkerId, signal: AbortSignal): Promise<void> {
  const startd = quoted(nameOf(worker));
  // Name is `slot1@startd`, or the startd's alone.
  const ofStartd = `Name == ${startd} || (size(Name) > size(${startd}) && substr(Name, -size(${startd}) - 1) == strcat("@", ${startd}))`;
  const listed = await tools.text('condor_status', ['-constraint', ofStartd, '-af', 'Name'], signal);
  const names = listed.split('\n').filter((name) => name !== '');
  if (names.length === 0) return;
  const requirements = names.map((name) => `Name == ${quoted(name)}`).join(' || ');
  const query = `MyType = "Query"\nTargetType = "Machine"\nRequirements = ${requirements}\n`;
  await tools.text('condor_advertise', ['INVALIDATE_STARTD_ADS', '-'], signal, query);
}

/** The tools take a machine by name, and would take an option for one that begins with `-`. */
function nameOf(worker: WorkerId): string {
  if (worker.includes(' ')) {
    throw new QueueError('invalid', `${worker}: two machines bear this name and neither can be told by it`);
  }
  if (worker === '' || worker.startsWith('-')) throw new QueueError('invalid', `not a worker: ${worker}`);
  return worker;
}
