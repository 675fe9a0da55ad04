import { readFile, stat } from 'node:fs/promises';
import type { LeaseAnswer } from '../../api/schema/leases.ts';
import { isMissing } from '../../host/files.ts';
import { CliError, exitCodes } from '../exit.ts';
import { isPassing, patiently, untilHeld } from '../lease/hold.ts';
import { describe } from '../lease/progress.ts';
import { accountOf, giveBack, type HookHost, holdDeps, leasesOf, makeKeys, within } from './host.ts';
import { noteOf, type PrologueJob, prologueJobOf, shown, type Wish, wishOf } from './job.ts';
import { failedAgain, retryDelayMs, waitBudgetMs } from './retry.ts';

/** go: the job may run. again: Torque shall try it again. never: it ends, as no machine can be had for it. */
export type PrologueEnd = 'go' | 'again' | 'never';

const parentLookMs = 1_000;
/** For giving back what was borrowed when it fails; the mom's alarm leaves that much. */
const giveBackMs = 3_000;
const askAgainMs = 1_000;
const keeperLookMs = 500;

type Asked = Extract<Wish, { kind: 'wish' }>;

/**
 * Borrows a machine for a job, and lays ready what job_starter needs. It waits for the machine as long as the mom's alarm lets
 * it. Whatever ends it early (a signal, the death of whoever started it, the time) gives the machine back; where even that
 * cannot be done, nobody renews the lease and it expires. A second prologue of a job gives back what the first one had.
 */
export async function prologue(
  args: readonly string[],
  host: HookHost,
  signal: AbortSignal,
): Promise<PrologueEnd> {
  const beganMs = host.clock.monotonicNow();
  const leftMs = () => host.settings.prologAlarmMs - (host.clock.monotonicNow() - beganMs);
  const job = prologueJobOf(args);
  if (job === null) {
    host.say('these are not the arguments of a prologue');
    await pause(host, host.settings.retryMsFirst, signal);
    return 'again';
  }
  const wish = wishOf(job, host.settings);
  if (wish.kind === 'never') {
    host.say(`job ${shown(job)} can have no machine: ${wish.why}`);
    return 'never';
  }
  const orphaned = watchParent(host);
  let waits = '';
  try {
    await within(
      host.clock,
      waitBudgetMs(host.settings.prologAlarmMs),
      (stop) =>
        borrow(job, wish, host, stop, (text) => {
          waits = `; ${text}`;
        }),
      [signal, orphaned.signal],
    );
    await host.state.writeFailures(job.id, null);
    return 'go';
  } catch (error) {
    if (orphaned.signal.aborted || signal.aborted) return 'again';
    const why = error instanceof Error ? error.message : String(error);
    host.say(`no machine for job ${shown(job)}: ${why}${waits}`);
  } finally {
    orphaned.stop();
  }
  const nowMs = host.clock.wallNow();
  const failures = failedAgain(await host.state.readFailures(job.id), nowMs);
  await host.state.writeFailures(job.id, failures);
  await pause(host, retryDelayMs(failures, host.settings, leftMs()), signal);
  return 'again';
}

async function borrow(
  job: PrologueJob,
  wish: Asked,
  host: HookHost,
  stop: AbortSignal,
  tell: (whyItWaits: string) => void,
): Promise<void> {
  const { state, settings, client } = host;
  const note = noteOf(job, host.hostName);
  const before = await state.readRecord(job.id);
  await giveBack(host, await leasesOf(host, { note, lease: before?.lease ?? null }, stop), stop);
  await state.forget(job.id);

  const script = job.script !== null && (await isThere(job.script)) ? job.script : null;
  const record = { note, script, bootId: await readBootId() };
  await state.writeRecord(job.id, { ...record, lease: null, stage: 'asked' });
  const { uid, gid } = await accountOf(job.user, stop);
  const keys = await makeKeys(await state.keyFolder(job.id), note, stop);
  let lease: string | null = null;
  try {
    const asked = await ask({ job, wish, note, publicKey: keys.publicKey }, host, stop);
    lease = asked.lease.id;
    await state.writeRecord(job.id, { ...record, lease, stage: 'asked' });
    const held = untilHeld(asked, holdDeps(host), {
      patience: { signal: stop },
      show: (view, pool) => tell(describe(view, pool)),
    });
    // Not even the long poll that is under way is waited for.
    const { access } = await Promise.race([held, rejectedBy(stop)]);
    if (access?.kind !== 'ssh')
      throw new CliError(exitCodes.failed, 'failed', `machines of ${wish.pool} are not reached by SSH`);
    await state.publish(job.id, { access, privateKey: keys.privateKey, uid, gid });
    await state.removeKeys(job.id);
    await state.writeRecord(job.id, { ...record, lease, stage: 'ready' });
    // Without one the lease would end while the job runs.
    while (!(await host.ensureKeeper())) await host.clock.sleep(keeperLookMs, stop);
    await patiently(() => client.renewLease(asked.lease.id), holdDeps(host), { signal: stop });
    stop.throwIfAborted();
  } catch (error) {
    await undo({ job, note, publicKey: keys.publicKey, lease }, host);
    throw error;
  }

  /** Only what is this prologue's own: another one of the same job may run already. */
  async function undo(
    own: { job: PrologueJob; note: string; publicKey: string; lease: string | null },
    { clock }: HookHost,
  ): Promise<void> {
    const left = await within(clock, giveBackMs, async (signal) => {
      const ids = own.lease === null ? await findOwn(own, host, signal) : [own.lease];
      await giveBack(host, ids, signal);
    }).then(
      () => null,
      (error: unknown) => error,
    );
    if (left !== null)
      host.say(`the machine is given back ${settings.ttlMs / 1000} s from now: nobody renews its lease`);
    const now = await state.readRecord(own.job.id);
    if (now !== null && now.lease === own.lease) await state.forget(own.job.id);
  }
}

interface Ask {
  readonly job: PrologueJob;
  readonly wish: Asked;
  readonly note: string;
  readonly publicKey: string;
}

/** A lease whose answer was lost is found by its key, and not asked for twice. */
async function ask(
  { job, wish, note, publicKey }: Ask,
  host: HookHost,
  stop: AbortSignal,
): Promise<LeaseAnswer> {
  const { pool, requirements, cpus, memoryMiB } = wish;
  const body = { pool, requirements, cpus, memoryMiB, user: job.user, note, publicKey };
  for (;;) {
    stop.throwIfAborted();
    try {
      return await host.client.askLease({ ...body, ttlMs: host.settings.ttlMs });
    } catch (error) {
      if (!isPassing(error)) throw error;
    }
    await host.clock.sleep(askAgainMs, stop);
    const [id] = await findOwn({ note, publicKey }, host, stop);
    if (id !== undefined)
      return await patiently(() => host.client.lease(id), holdDeps(host), { signal: stop });
  }
}

async function findOwn(
  { note, publicKey }: Pick<Ask, 'note' | 'publicKey'>,
  host: HookHost,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { leases } = await patiently(() => host.client.leases(), holdDeps(host), { signal });
  return leases.flatMap(({ lease }) =>
    lease.note === note && lease.publicKey === publicKey ? [lease.id] : [],
  );
}

/** A mom that kills its prologue kills the shell script that started us, and not always us. */
function watchParent(host: HookHost): { readonly signal: AbortSignal; stop(): void } {
  const orphaned = new AbortController();
  const over = new AbortController();
  void (async () => {
    while (host.hasParent()) await host.clock.sleep(parentLookMs, over.signal);
    orphaned.abort(new CliError(exitCodes.failed, 'orphaned', 'whoever started this prologue is dead'));
  })().catch(() => {}); // stopped
  return { signal: orphaned.signal, stop: () => over.abort() };
}

function rejectedBy(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const fail = () => reject(signal.reason);
    if (signal.aborted) fail();
    else signal.addEventListener('abort', fail, { once: true });
  });
}

async function pause(host: HookHost, ms: number, signal: AbortSignal): Promise<void> {
  await host.clock.sleep(ms, signal).catch(() => {}); // told to end
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

/** Leases of an earlier life of this host are nobody's. */
export async function readBootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
}
