import { createWake } from '../daemon/wake.ts';
import type { Clock } from '../model/clock.ts';
import type { JournalQuery } from '../store/port.ts';
import type { Control } from './control.ts';
import type { JournalEntryView } from './journalEntry.ts';

export type EventsQuery = Omit<JournalQuery, 'limit' | 'oldestFirst' | 'beforeNumber' | 'sinceMs'>;

export interface EventStream {
  readonly control: Pick<Control, 'journal' | 'onJournal'>;
  readonly query: EventsQuery;
  readonly clock: Clock;
  /** Takes a piece of the answer, and resolves when there is room for the next. */
  readonly write: (text: string) => Promise<void>;
}

/** Entries in one piece; nothing of what follows is read before it is taken. */
const pageMax = 200;
/** A connection without an entry has a sign of life so often, which a caller that has gone away fails at. */
const aliveMs = 15_000;

/**
 * Journal entries as server-sent events, from the given number on and then as they are stored, until the signal is
 * aborted or the caller is gone. It reads the journal when there is something new in it and keeps nothing: a slow caller
 * gets the same later.
 */
export async function streamEvents(stream: EventStream, signal: AbortSignal): Promise<void> {
  const { control, query, clock, write } = stream;
  const bell = createWake(clock);
  const undo = control.onJournal(() => bell.now());
  let afterNumber = firstAfter(query, newestNumber(control));
  try {
    // The head of the answer leaves with its first piece.
    await write(': the journal\n\n');
    while (!signal.aborted) {
      // What comes in after this is seen by the next look.
      const newest = newestNumber(control);
      const page = control.journal({ ...query, afterNumber, oldestFirst: true, limit: pageMax });
      const last = page.at(-1)?.number ?? afterNumber;
      afterNumber = page.length === pageMax ? last : Math.max(last, newest);
      if (page.length > 0) await write(page.map(eventText).join(''));
      if (page.length === pageMax || signal.aborted) continue;
      const askedMs = clock.monotonicNow();
      await bell.wait(aliveMs, signal);
      if (clock.monotonicNow() - askedMs >= aliveMs) await write(':\n\n');
    }
  } finally {
    undo();
  }
}

/** A number that this journal has not come to is of another: of a store that was lost. All of this one is new then. */
function firstAfter({ afterNumber }: EventsQuery, newest: number): number {
  if (afterNumber === undefined) return newest;
  return afterNumber > newest ? 0 : afterNumber;
}

function newestNumber(control: Pick<Control, 'journal'>): number {
  return control.journal({ limit: 1 })[0]?.number ?? 0;
}

/** One line of data: JSON has no line ends of its own. */
function eventText(entry: JournalEntryView): string {
  return `id: ${entry.number}\nevent: ${entry.kind}\ndata: ${JSON.stringify(entry)}\n\n`;
}
