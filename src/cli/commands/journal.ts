import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseDuration } from '../../config/units.ts';
import { journalKinds } from '../../model/journal.ts';
import type { DaemonClient } from '../client.ts';
import { type AskOptions, askingCommand, type Session, showAnswer } from '../session.ts';
import { renderEntries } from '../show/journal.ts';
import { wholeNumber } from './instance.ts';

interface JournalOptions extends AskOptions {
  readonly kind?: readonly string[];
  readonly instance?: string;
  readonly intent?: string;
  readonly pool?: string;
  readonly cloud?: string;
  readonly offer?: string;
  readonly since?: number;
  readonly limit?: number;
}

export function addJournal(program: Command, session: Session): void {
  askingCommand(program, 'journal', 'what changed and why, newest last')
    .addOption(new Option('--kind <kind...>', 'only of these kinds').choices(journalKinds))
    .option('--instance <id>', 'only about this instance')
    .option('--intent <id>', 'only about this create call')
    .option('--pool <name>', 'only about this pool')
    .option('--cloud <name>', 'only about this cloud')
    .option('--offer <name>', 'only about this offer')
    .option('--since <duration>', 'only of the last, as in 10m or 2h', duration)
    .option('--limit <n>', 'the newest so many (default: 100)', wholeNumber)
    .action(async (options: JournalOptions) => {
      await showAnswer(
        session,
        options,
        (client) => read(client, options),
        (view, style) =>
          view.entries.length === 0 ? ['no entries'] : renderEntries(view.entries.toReversed(), style),
      );
    });
}

async function read(client: DaemonClient, options: JournalOptions) {
  const { kind, instance, intent, pool, cloud, offer, since, limit } = options;
  const sinceMs = since === undefined ? undefined : await beginOf(client, since);
  return client.journal({ kinds: kind?.join(','), instance, intent, pool, cloud, offer, limit, sinceMs });
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
