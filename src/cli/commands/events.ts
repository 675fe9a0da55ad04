import { type Command, InvalidArgumentError, Option } from 'commander';
import { journalKinds } from '../../model/journal.ts';
import { followJournal } from '../follow.ts';
import {
  type AskOptions,
  askingCommand,
  reportErrors,
  type Session,
  withDaemon,
  writeLines,
} from '../session.ts';
import { aboutOf, type JournalFilter, newestNumber } from './journal.ts';

interface EventsOptions extends AskOptions, JournalFilter {
  readonly after?: number;
}

export function addEvents(program: Command, session: Session): void {
  askingCommand(program, 'events', 'what changes, as it changes: a JSON document a line, until interrupted')
    .addOption(new Option('--kind <kind...>', 'only of these kinds').choices(journalKinds))
    .option('--instance <id>', 'only about this instance')
    .option('--intent <id>', 'only about this create call')
    .option('--pool <name>', 'only about this pool')
    .option('--cloud <name>', 'only about this cloud')
    .option('--offer <name>', 'only about this offer')
    .option(
      '--after <number>',
      'first what the journal has after that number (default: only what is new)',
      entryNumber,
    )
    .action((options: EventsOptions) =>
      reportErrors(session, {}, () =>
        withDaemon(session, options, async (client) => {
          const { clock, signal, stdout, stderr } = session.deps;
          await followJournal({
            client,
            about: aboutOf(options),
            afterNumber: options.after ?? (await newestNumber(client)),
            onEntry: (entry) => writeLines(stdout, [JSON.stringify(entry)]),
            onAway: (why) => writeLines(stderr, [`spillway: ${why}; waiting for it`]),
            clock,
            signal,
          });
        }),
      ),
    );
}

function entryNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('It is the number of an entry, or 0.');
  return Number(text);
}
