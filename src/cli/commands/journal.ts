import { type Command, InvalidArgumentError, Option } from 'commander';
import type { JournalView } from '../../api/schema/journal.ts';
import { parseDuration } from '../../config/units.ts';
import { journalKinds } from '../../model/journal.ts';
import type { DaemonClient } from '../client.ts';
import {
  type AskOptions,
  askingCommand,
  repeatAnswer,
  type Session,
  showAnswer,
  writeLines,
} from '../session.ts';
import { renderEntries } from '../show/journal.ts';
import type { Style } from '../table.ts';
import { wholeNumber } from './instance.ts';
import { addJournalExport } from './journalExport.ts';

interface JournalOptions extends AskOptions {
  readonly kind?: readonly string[];
  readonly instance?: string;
  readonly intent?: string;
  readonly pool?: string;
  readonly cloud?: string;
  readonly offer?: string;
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
    .addOption(new Option('--follow', 'go on with what is new, until interrupted').conflicts('json'))
    .action(async (options: JournalOptions) => {
      if (options.follow === true) await follow(session, options);
      else await showAnswer(session, options, (client) => read(client, options), renderPage);
    });
  addJournalExport(journal, session);
}

function renderPage(view: JournalView, style: Style): readonly string[] {
  return view.entries.length === 0 ? ['no entries'] : renderEntries(view.entries.toReversed(), style);
}

const followMs = 1000;

async function follow(session: Session, options: JournalOptions): Promise<void> {
  let afterNumber: number | undefined;
  await repeatAnswer(session, options, followMs, async (client, style) => {
    const view = await read(client, options, afterNumber);
    const lines = renderEntries(view.entries.toReversed(), style);
    // The header stands once, above the first entries.
    if (view.entries.length > 0)
      writeLines(session.deps.stdout, lines.slice(afterNumber === undefined ? 0 : 1));
    afterNumber = view.entries[0]?.number ?? afterNumber;
  });
}

const followedAtOnceMax = 1000;

async function read(
  client: DaemonClient,
  options: JournalOptions,
  afterNumber?: number,
): Promise<JournalView> {
  const { kind, instance, intent, pool, cloud, offer, since, limit } = options;
  const about = { kinds: kind?.join(','), instance, intent, pool, cloud, offer };
  if (afterNumber !== undefined) return client.journal({ ...about, afterNumber, limit: followedAtOnceMax });
  const sinceMs = since === undefined ? undefined : await beginOf(client, since);
  return client.journal({ ...about, limit, sinceMs });
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
