import { giveBack, type HookHost, leasesOf, within } from './host.ts';
import { hookJobOf, noteOf, shown } from './job.ts';

/** Shorter than any mom waits for a hook. */
const patienceMsMax = 20_000;

/**
 * Gives back what a job had: the keys go first, then every lease that bears the job's note. May be run twice, and for a job that
 * has nothing. Where no daemon answers, the keeper does it later, and if there is none, the lease expires. False: not yet given
 * back.
 */
export async function epilogue(args: readonly string[], host: HookHost): Promise<boolean> {
  const job = hookJobOf(args);
  if (job === null) {
    host.say('these are not the arguments of an epilogue');
    return false;
  }
  const { state, settings, clock } = host;
  await state.unpublish(job.id);
  const record = await state.readRecord(job.id);
  const note = record?.note ?? noteOf(job, host.hostName);
  const patienceMs = Math.min(patienceMsMax, settings.prologAlarmMs / 2);
  try {
    await within(clock, patienceMs, async (signal) => {
      await giveBack(host, await leasesOf(host, { note, lease: record?.lease ?? null }, signal), signal);
    });
  } catch (error) {
    host.say(`the machine of job ${shown(job)} is not given back yet: ${String(error)}`);
    if (record === null) return false;
    await state.writeRecord(job.id, { ...record, stage: 'over' });
    await host.ensureKeeper();
    return false;
  }
  await state.forget(job.id);
  return true;
}
