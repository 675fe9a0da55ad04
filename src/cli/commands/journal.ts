import { type Command, InvalidArgumentError, Option } from 'commander';
import type { JournalEntryView } from '../../api/journalEntry.ts';
import type { JournalView } from '../../api/schema/journal.ts';
import { parseDuration } from '../../config/units.ts';
import { journalKinds } from '../../model/journal.ts';
import type { DaemonClient } from '../client.ts';
import { followJournal } from '../follow.ts';
import {
  type AskOptions,
  askingCommand,
  reportErrors,
  type Session,
  showAnswer,
  styleFor,
  withDaemon,
  writeLines,
} from '../session.ts';
import { createEntryRows, renderEntries } from '../show/journal.ts';
import type { Style } from '../table.ts';
import { wholeNumber } from './instance.ts';
import { addJournalExport } from './journalExport.ts';

/** Which entries. */
export interface JournalFilter {
  readonly kind?: readonly string[];
  readonly instance?: string;
  readonly intent?: string;
  readonly pool?: string;
  readonly cloud?: string;
  readonly offer?: string;
}

interface JournalOptions extends AskOptions, JournalFilter {
  readonly since?: number;
  readonly limit?: number;
  readonly follow?: boolean;
}

export function addJournal(program: Command, session: Session): void {
  const journal = askingCommand(program, 'journal', 'what changed and why, newest last')
    .addOption(new Option('--kind <kind...>', 'only of these kinds').choices(journalKinds))
    .option('--instance <id>', 'only about this instance')
    .option('--intent <id>', 'only about this create call')
    .option('--pool <name>', 'only about this pool')
    .option('--cloud <name>', 'only about this cloud')
    .option('--offer <name>', 'only about this offer')
    .option('--since <duration>', 'only of the last, as in 10m or 2h', duration)
    .option('--limit <n>', 'the newest so many (default: 100)', wholeNumber)
    .option('--follow', 'go on with what is new, until interrupted; with --json one document a line')
    .action(async (options: JournalOptions) => {
      if (options.follow === true) await follow(session, options);
      else await showAnswer(session, options, (client) => read(client, options), renderPage);
    });
  addJournalExport(journal, session);
}

function renderPage(view: JournalView, style: Style): readonly string[] {
  return view.entries.length === 0 ? ['no entries'] : renderEntries(view.entries.toReversed(), style);
}

async function follow(session: Session, options: JournalOptions): Promise<void> {
  const { clock, signal, stdout, stderr } = session.deps;
  const rows = createEntryRows(styleFor(session));
  const write = (entries: readonly JournalEntryView[]) =>
    writeLines(stdout, options.json === true ? entries.map((entry) => JSON.stringify(entry)) : rows(entries));
  // What goes wrong is said on standard error alone: standard output has entries, a line each.
  await reportErrors(session, {}, () =>
    withDaemon(session, options, async (client) => {
      // What comes in after this is new, and what is shown first is not.
      const afterNumber = await newestNumber(client);
      const first = await read(client, options, afterNumber + 1);
      write(first.entries.toReversed());
      await followJournal({
        client,
        about: aboutOf(options),
        afterNumber,
        onEntry: (entry) => write([entry]),
        onAway: (why) => writeLines(stderr, [`spillway: ${why}; waiting for it`]),
        clock,
        signal,
      });
    }),
  );
}

/** 0 where the journal is empty. */
export async function newestNumber(client: DaemonClient): Promise<number> {
  const { entries } = await client.journal({ limit: 1 });
  return entries[0]?.number ?? 0;
}

/** As the API takes it. */
export function aboutOf({ kind, instance, intent, pool, cloud, offer }: JournalFilter) {
  return { kinds: kind?.join(','), instance, intent, pool, cloud, offer };
}

async function read(
  client: DaemonClient,
  options: JournalOptions,
  beforeNumber?: number,
): Promise<JournalView> {
  const { since, limit } = options;
  const sinceMs = since === undefined ? undefined : await beginOf(client, since);
  return client.journal({ ...aboutOf(options), limit, sinceMs, beforeNumber });
}

/** The journal's times are the daemon's, so the daemon is asked what time it has. */
async function beginOf(client: DaemonClient, spanMs: number): Promise<number> {
  const { nowMs } = await client.status();
  return Math.max(0, Math.floor(nowMs - spanMs));
}

function duration(text: string): number {
  const parsed = parseDuration(text);
  if (typeof parsed === 'number') return parsed;
  throw new InvalidArgumentError(`It is ${parsed.wrong}.`);
}
