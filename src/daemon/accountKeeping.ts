import { type ApelSite, reportUse } from '../accounting/apel.ts';
import type { ApelConfig } from '../config/site.ts';
import type { ReportMessage } from '../model/accounting.ts';
import { deriveFraction } from '../model/derive.ts';
import type { InstanceId } from '../model/ids.ts';
import { windowAt } from '../model/periods.ts';
import type { Accounts } from '../store/port.ts';
import type { DaemonParts } from './daemonParts.ts';
import type { Timeline } from './timeline.ts';

/** Puts the accounts' messages into a folder and returns what was put there. Throws Node's errors of the file system. */
export type PlaceMessages = (
  outbox: Pick<Accounts, 'messages' | 'placing' | 'placed'>,
  folder: string,
) => Promise<PlacedMessages>;

export interface PlacedMessages {
  readonly messages: number;
  readonly records: number;
}

type Parts = Pick<DaemonParts, 'config' | 'store' | 'placeMessages'>;

/** A month is reported when it has been over for so long: the views of its last minutes are in by then. */
const afterMonthMs = 600_000;
const machinesAtOnce = 1000;
const pruneEveryMs = 3_600_000;
const pruneAgainMs = 10_000;
const rowsLeftFrom = 500;

/** One after the other, as two could put the same message in place. */
const reporting = new WeakMap<Accounts, Promise<unknown>>();

/**
 * Makes the messages of all that is not reported, and puts those into the folder that are not in one yet. What fails in
 * between goes on where it was at the next call.
 */
export async function reportAll(
  parts: Parts,
  order: { readonly apel: ApelConfig; readonly folder: string; readonly nowMs: number },
): Promise<PlacedMessages> {
  const { accounts } = parts.store;
  const mine = (reporting.get(accounts) ?? Promise.resolve())
    .catch(() => {}) // told to whoever asked for it
    .then(async () => {
      makeMessages(parts, order);
      return (await parts.placeMessages?.(accounts, order.folder)) ?? { messages: 0, records: 0 };
    });
  reporting.set(accounts, mine);
  return mine;
}

function makeMessages(
  { config, store }: Parts,
  { apel, nowMs }: { readonly apel: ApelConfig; readonly nowMs: number },
): void {
  const monthMs = windowAt('month', nowMs - afterMonthMs).startMs;
  const types = new Map<string, string>(config.clouds.map(({ name, driver }) => [name, driver]));
  const site: ApelSite = { ...apel, cloudType: (cloud) => types.get(cloud) ?? null };
  let after: InstanceId | null = null;
  let made = 0;
  for (;;) {
    const machines = store.accounts.unreported({ beforeMs: monthMs, after, limit: machinesAtOnce });
    const { texts, marks } = reportUse(machines, { monthMs, site });
    const messages = texts.map(({ text, records }): ReportMessage => {
      made += 1;
      return { name: fileName(config.site, nowMs, made), text, records, madeAtMs: nowMs, folder: null };
    });
    if (marks.length > 0) store.accounts.report(messages, marks);
    const last = machines.at(-1);
    if (last === undefined || machines.length < machinesAtOnce) return;
    after = last.machine.instance;
  }
}

/**
 * As the tools of directory queues name files: a folder for each minute, then seconds, microseconds and one digit, all in
 * hexadecimal. Other programs may put files there, too: what stands for the microseconds differs from theirs.
 */
function fileName(seed: string, nowMs: number, number: number): string {
  const seconds = Math.floor(nowMs / 1000);
  const micros = Math.floor(deriveFraction(seed, nowMs * 1000 + number) * 1_000_000);
  const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0');
  return `${hex(seconds - (seconds % 60), 8)}/${hex(seconds, 8)}${hex(micros, 5)}${hex(number % 16, 1)}`;
}

/** Beside the loop: drops what is older than the config keeps, and reports by itself where the config says so. */
export function createAccountKeeping(
  parts: Parts & Pick<DaemonParts, 'clock' | 'log'>,
  timeline: Timeline,
): { run(signal: AbortSignal): Promise<void> } {
  const { config, store, clock, log } = parts;
  const { apel, keepMs, keepMachinesMs } = config.accounting;
  const folder = apel?.folder ?? null;

  /** Returns when it is due again. */
  function prune(): number {
    const nowMs = timeline.now();
    const day = windowAt('day', nowMs - keepMs).index;
    const dropped = store.accounts.prune({ day, endedMs: nowMs - keepMachinesMs });
    return nowMs + (dropped < rowsLeftFrom ? pruneEveryMs : pruneAgainMs);
  }

  async function report(): Promise<number> {
    if (apel === null || folder === null) return Number.POSITIVE_INFINITY;
    const nowMs = timeline.now();
    try {
      const { messages, records } = await reportAll(parts, { apel, folder, nowMs });
      if (messages > 0) log.info({ folder, messages, records }, 'usage records were put in place');
    } catch (error) {
      if (!(error instanceof Error && 'syscall' in error)) throw error;
      log.error({ folder, why: error.message }, 'usage records could not be put in place: they are kept');
    }
    return nowMs + apel.everyMs;
  }

  return {
    run: async (signal) => {
      let pruneAtMs = timeline.now() + pruneEveryMs;
      let reportAtMs = folder === null ? Number.POSITIVE_INFINITY : timeline.now();
      while (!signal.aborted) {
        if (timeline.now() >= pruneAtMs) pruneAtMs = prune();
        if (timeline.now() >= reportAtMs) reportAtMs = await report();
        const forMs = Math.min(pruneAtMs, reportAtMs) - timeline.now();
        await clock.sleep(Math.max(1, forMs), signal).catch(() => {}); // aborted: the loop ends
      }
    },
  };
}
