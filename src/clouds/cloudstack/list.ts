import type { CloudInstance } from '../../model/cloud.ts';
import { CloudId, type IntentId } from '../../model/ids.ts';
import { type Account, remember } from './account.ts';
import { CallFailure } from './client/failure.ts';
import { jobOutcome } from './client/jobs.ts';
import { listAll } from './client/pages.ts';
import type { Params } from './client/signature.ts';
import { type VmRow, vmRow } from './client/wire.ts';
import { isUnknown, startFaultOf } from './errors.ts';
import { isStopped, listedInstance, type Reading } from './instances.ts';
import { bearsMark, detailsOf, markDetails, markOf } from './mark.ts';

const command = 'listVirtualMachines';

/** For so long a machine is not believed to be stopped for good. */
const startGraceMs = 60_000;

/** Faults that are asked for by one list, at a call each: machines that could not be started are few. */
const faultsAskedMax = 3;

/** Every instance that bears the site's mark; throws rather than leave one out. One call for each page of the account's machines. */
export async function listInstances(
  account: Account,
  signal: AbortSignal,
): Promise<readonly CloudInstance[]> {
  // No filter of the server's knows the mark, so everybody's machines in the account come, too.
  const rows = ownRows(account, await listRows(account, {}, signal));
  noteStopped(account, rows);
  account.memory.dataDisks = new Set(withDataDisk(rows));
  await askForFaults(account, rows, signal);
  return rows.map((row) => listedInstance(row, readingOf(account)));
}

/** What an intent made: names begin with it. */
export async function findIntent(
  account: Account,
  intent: IntentId,
  signal: AbortSignal,
): Promise<readonly CloudInstance[]> {
  const rows = ownRows(account, await listRows(account, { name: intent }, signal));
  for (const id of withDataDisk(rows)) account.memory.dataDisks.add(id);
  return rows
    .map((row) => listedInstance(row, readingOf(account)))
    .filter((instance) => instance.intent === intent)
    .toSorted((a, b) => a.seat - b.seat || (a.cloudId < b.cloudId ? -1 : 1));
}

/**
 * The rows of our machines. One whose mark somebody has taken away, or a server does not show, is still ours while it is
 * remembered; after a restart it is nobody's, so it is said at once.
 */
function ownRows({ site, memory, log }: Account, rows: readonly VmRow[]): readonly VmRow[] {
  return rows.flatMap((row) => {
    if (bearsMark(row.details, site)) return [row];
    const id = CloudId(row.id);
    const mark = memory.launched.get(id);
    if (mark === undefined) return [];
    if (!memory.unmarked.has(id)) {
      remember(memory.unmarked, id, true);
      log.warn({ cloudId: id }, 'a machine is listed without the details that mark it as ours');
    }
    return [{ ...row, details: detailsOf(mark) }];
  });
}

/** Rows of machines, whosever they are. `min` leaves out what costs the server more; details and tags come in any case. */
export async function listRows(
  { client, scope, settings }: Account,
  filter: Params,
  signal: AbortSignal,
): Promise<readonly VmRow[]> {
  const params = { ...scope, details: 'min,nics', ...filter };
  const { pageSize } = settings;
  return await listAll(client, { command, key: 'virtualmachine', row: vmRow, params, pageSize }, { signal });
}

function readingOf({ settings, memory, clock }: Account): Reading {
  const now = clock.monotonicNow();
  return {
    expunge: settings.expunge,
    stoppedForGood: (id) => now - (memory.stoppedSince.get(id) ?? now) >= startGraceMs,
    faultOf: (id) => memory.startFaults.get(id) ?? null,
  };
}

function withDataDisk(rows: readonly VmRow[]): readonly CloudId[] {
  return rows
    .filter(({ details }) => markOf(details, markDetails.dataDisk) !== null)
    .map(({ id }) => CloudId(id));
}

function noteStopped({ memory, clock }: Account, rows: readonly VmRow[]): void {
  const now = clock.monotonicNow();
  const stopped = rows.filter(isStopped).map(({ id }) => CloudId(id));
  memory.stoppedSince = new Map(stopped.map((id) => [id, memory.stoppedSince.get(id) ?? now]));
}

/** Why a machine could not be started is in its job's result alone. A list is whole without that: what fails is asked again. */
async function askForFaults(account: Account, rows: readonly VmRow[], signal: AbortSignal): Promise<void> {
  const { client, memory } = account;
  const failed = rows.filter(({ state, id }) => state === 'Error' && memory.startJobs.has(CloudId(id)));
  for (const row of failed.slice(0, faultsAskedMax)) {
    const id = CloudId(row.id);
    const job = { id: memory.startJobs.get(id) ?? '', command: 'deployVirtualMachine' };
    try {
      const outcome = await jobOutcome(client, job, { signal });
      if (outcome.kind === 'underWay') continue;
      memory.startJobs.delete(id);
      if (outcome.kind === 'failed') remember(memory.startFaults, id, startFaultOf(outcome.failure));
    } catch (thrown) {
      if (signal.aborted || !(thrown instanceof CallFailure)) throw thrown;
      if (isUnknown(thrown)) memory.startJobs.delete(id);
    }
  }
}
