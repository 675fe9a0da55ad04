import type { JournalEntryView } from '../api/journalEntry.ts';
import { journalEntrySchema } from '../api/schema/journal.ts';
import type { Clock } from '../model/clock.ts';
import { type DaemonClient, searchOf } from './client.ts';
import { CliError, exitCodes } from './exit.ts';

export interface Follow {
  readonly client: Pick<DaemonClient, 'events'>;
  /** Which entries, as the API's page takes it. */
  readonly about: Readonly<Record<string, string | undefined>>;
  /** Entries after that number: the daemon has answered before, and said it. */
  readonly afterNumber: number;
  readonly onEntry: (entry: JournalEntryView) => void;
  /** The daemon is away; it is waited for. */
  readonly onAway: (why: string) => void;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const againFirstMs = 1000;
const againMostMs = 30_000;

/** What ends by itself: a daemon that is restarted, a network that is cut. */
const passing: ReadonlySet<string> = new Set([
  'unreachable',
  'cut',
  'timeout',
  'notReady',
  'tooManyRequests',
]);

/**
 * Every entry as it is stored, none left out and none twice, until the signal is aborted. A daemon that goes away is waited
 * for. Never returns; throws CliError.
 */
export async function followJournal(follow: Follow): Promise<never> {
  const { client, about, onEntry, onAway, clock, signal } = follow;
  let afterNumber = follow.afterNumber;
  let againMs = againFirstMs;
  for (;;) {
    try {
      const path = `/v1/events${searchOf({ ...about, afterNumber })}`;
      for await (const { data } of client.events(path)) {
        const entry = entryOf(data);
        // The next number may be a smaller one: of a daemon whose store is new.
        afterNumber = entry.number;
        onEntry(entry);
        againMs = againFirstMs;
      }
    } catch (error) {
      if (!(error instanceof CliError) || !passing.has(error.code)) throw error;
      if (againMs === againFirstMs) onAway(error.message);
    }
    await clock.sleep(againMs, signal).catch(() => {}); // aborted: it is over
    if (signal.aborted) throw new CliError(exitCodes.interrupted, 'interrupted', 'interrupted');
    againMs = Math.min(againMostMs, againMs * 2);
  }
}

function entryOf(data: string): JournalEntryView {
  try {
    return journalEntrySchema.parse(JSON.parse(data));
  } catch {
    const what = 'the stream has an entry that this version does not know';
    throw new CliError(exitCodes.failed, 'badAnswer', what);
  }
}
