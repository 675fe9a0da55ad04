import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type UsageKeyName, usageKeys } from '../../model/accounting.ts';
import { dayOfText } from '../../model/periods.ts';
import {
  type AskOptions,
  askingCommand,
  reportErrors,
  type Session,
  showAnswer,
  withDaemon,
  writeLines,
} from '../session.ts';
import { csvOfAccounting, renderAccounting, renderReport } from '../show/accounting.ts';

interface AccountingOptions extends AskOptions {
  readonly from?: string;
  readonly to?: string;
  readonly by: readonly UsageKeyName[];
  readonly csv?: boolean;
}

export function addAccounting(program: Command, session: Session): void {
  const accounting = askingCommand(program, 'accounting', 'what has been used, by whom and of what')
    .option('--from <day>', 'from this day of UTC on, as 2026-11-01 or 2026-11 (default: this month)', day)
    .option('--to <day>', 'up to this day, which is not in it (default: now)', day)
    .addOption(
      new Option('--by <names>', `what is told apart, with commas: ${usageKeys.join(', ')}`)
        .argParser(names)
        .default(['user'], 'user'),
    )
    .addOption(new Option('--csv', 'comma-separated, for a spreadsheet').conflicts('json'))
    .action(async (options: AccountingOptions) => {
      const { from, to, by } = options;
      const query = { from, to, by: by.join(',') };
      if (options.csv !== true) {
        await showAnswer(session, options, (client) => client.accounting(query), renderAccounting);
        return;
      }
      await reportErrors(session, options, async () => {
        const view = await withDaemon(session, options, (client) => client.accounting(query));
        writeLines(session.deps.stdout, csvOfAccounting(view));
      });
    });
  addApel(accounting, session);
}

/** The daemon writes them: it knows what is reported already. */
function addApel(accounting: Command, session: Session): void {
  askingCommand(
    accounting,
    'apel',
    'have usage records for APEL put into an outgoing folder: each machine once a month, and at its end',
  )
    .option('--out <folder>', "the folder, which the daemon may write (default: the config's)")
    .action(async (_options: unknown, command: Command) => {
      // `--json` and the daemon's place may stand before the name of this command, too.
      const options = command.optsWithGlobals<AskOptions & { out?: string }>();
      const folder = options.out === undefined ? null : resolve(session.deps.cwd, options.out);
      await showAnswer(session, options, (client) => client.reportUsage(folder), renderReport);
    });
}

function day(text: string): string {
  const whole = /^\d{4}-\d{2}$/.test(text) ? `${text}-01` : text;
  if (dayOfText(whole) !== null) return whole;
  throw new InvalidArgumentError('It is a day, as 2026-11-22, or a month, as 2026-11.');
}

function names(text: string): readonly UsageKeyName[] {
  const words = text.split(',').map((word) => word.trim());
  const known = words.filter((word): word is UsageKeyName => (usageKeys as readonly string[]).includes(word));
  if (known.length === words.length && new Set(known).size === known.length) return known;
  throw new InvalidArgumentError(`It is some of ${usageKeys.join(', ')}, each once, with commas.`);
}
