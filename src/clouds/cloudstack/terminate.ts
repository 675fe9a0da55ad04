import type { CloudId } from '../../model/ids.ts';
import { type Account, remember } from './account.ts';
import { cloudstackCapabilities } from './capabilities.ts';
import { type JobOutcome, jobOutcome } from './client/jobs.ts';
import { listAll } from './client/pages.ts';
import type { Params } from './client/signature.ts';
import { jobStarted, parsed, type VmRow, volumeRow } from './client/wire.ts';
import { asCloud, cloudErrorOf, isUnknown } from './errors.ts';
import { listRows } from './list.ts';

const command = 'destroyVirtualMachine';

/**
 * One step of an instance's end: destroyVirtualMachine starts a job, the next steps ask for it, and when it is over the machine is
 * looked for. CloudStack knows ids of machines that are long gone (the list is then empty) and says of others that no such thing
 * exists; as such an id may be too new to be known, that is believed when it has been said for as long as a create call may
 * still be worked on. What is remembered is in memory: after a restart the machine is destroyed once more, which changes nothing.
 */
export async function terminate(
  account: Account,
  id: CloudId,
  signal: AbortSignal,
): Promise<'ending' | 'gone'> {
  const end = account.memory.ends.get(id);
  if (end?.kind === 'gone') return 'gone';
  if (end === undefined) return await begin(account, id, signal);
  const outcome = await asCloud({ write: false }, () => outcomeOf(account, end.id, signal));
  if (outcome.kind === 'underWay') return 'ending';
  // Whatever the job says, the next step begins anew unless the machine is gone.
  account.memory.ends.delete(id);
  const row = await asCloud({ write: false }, () => look(account, id, signal));
  if (isGone(account, row)) return gone(account, id, row);
  if (outcome.kind === 'failed') throw cloudErrorOf(outcome.failure, { write: true });
  return 'ending';
}

async function begin(account: Account, id: CloudId, signal: AbortSignal): Promise<'ending' | 'gone'> {
  const { client, memory, settings } = account;
  try {
    const volumes = await dataDisksOf(account, id, signal);
    const params: Params = {
      id,
      // Left out where it is not wanted: the right to send it at all may be missing.
      ...(settings.expunge ? { expunge: 'true' } : {}),
      ...(volumes.length === 0 ? {} : { volumeids: volumes.join(',') }),
    };
    const job = parsed(command, jobStarted, await client.call(command, params, { signal }));
    memory.unknownSince.delete(id);
    remember(memory.ends, id, { kind: 'job', id: job.jobid });
    return 'ending';
  } catch (thrown) {
    if (!isUnknown(thrown)) throw cloudErrorOf(thrown, { write: true });
    return await unknown(account, id, signal);
  }
}

async function unknown(account: Account, id: CloudId, signal: AbortSignal): Promise<'ending' | 'gone'> {
  const { clock, memory } = account;
  const now = clock.monotonicNow();
  const since = memory.unknownSince.get(id);
  if (since === undefined) {
    remember(memory.unknownSince, id, now);
    return 'ending';
  }
  if (now - since < cloudstackCapabilities.listLagMs) return 'ending';
  const row = await asCloud({ write: false }, () => look(account, id, signal));
  return isGone(account, row) ? gone(account, id, row) : 'ending';
}

/** A job that the server has forgotten is over. */
async function outcomeOf({ client }: Account, job: string, signal: AbortSignal): Promise<JobOutcome> {
  try {
    return await jobOutcome(client, { id: job, command }, { signal });
  } catch (thrown) {
    if (isUnknown(thrown)) return { kind: 'done' };
    throw thrown;
  }
}

async function look(account: Account, id: CloudId, signal: AbortSignal): Promise<VmRow | null> {
  try {
    const rows = await listRows(account, { id }, signal);
    return rows.find((row) => row.id === id) ?? null;
  } catch (thrown) {
    if (isUnknown(thrown)) return null;
    throw thrown;
  }
}

/** A second disk would stay behind, and be paid for, if the call did not name it. */
async function dataDisksOf(account: Account, id: CloudId, signal: AbortSignal): Promise<readonly string[]> {
  const { client, scope, memory, settings } = account;
  if (!memory.dataDisks.has(id) && memory.launched.get(id)?.hasDataDisk !== true) return [];
  const params = { ...scope, virtualmachineid: id, type: 'DATADISK' };
  const { pageSize } = settings;
  const volumes = await listAll(
    client,
    { command: 'listVolumes', key: 'volume', row: volumeRow, params, pageSize },
    { signal },
  );
  return volumes.filter(({ type }) => type === 'DATADISK').map((volume) => volume.id);
}

function isGone({ settings }: Account, row: VmRow | null): boolean {
  if (row === null || row.state === 'Expunged') return true;
  return !settings.expunge && (row.state === 'Destroyed' || row.state === 'Expunging');
}

/** One that is destroyed and not expunged can be recovered, and is then ended like any other. */
function gone({ memory }: Account, id: CloudId, row: VmRow | null): 'gone' {
  memory.unknownSince.delete(id);
  if (row === null) remember(memory.ends, id, { kind: 'gone' });
  return 'gone';
}
