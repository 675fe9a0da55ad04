import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import type { JournalView } from '../../api/schema/journal.ts';
import { parseDuration } from '../../config/units.ts';
import { formatSwf } from '../../simulate/swfWrite.ts';
import type { DaemonClient } from '../client.ts';
import { CliError, exitCodes } from '../exit.ts';
import { reportErrors, type Session, withDaemon, writeLines } from '../session.ts';

interface ExportOptions {
  readonly socket?: string;
  readonly since?: number;
  readonly until?: number;
}

const pageMax = 1000;
/** Some two million jobs at most. */
const pagesMax = 10_000;

/** The trace of a running site, for `spillway simulate`. */
export function addJournalExport(journal: Command, session: Session): void {
  journal
    .command('export')
    .description('the jobs that ran on the machines, as a trace in the Standard Workload Format')
    .option(
      '--since <duration>',
      'jobs that ended within the last, as in 30d (default: all that the journal has)',
      duration,
    )
    .option('--until <duration>', 'no job that ended within the last', duration)
    .option('--socket <path>', "the daemon's socket")
    .action((options: ExportOptions) =>
      reportErrors(session, {}, async () => {
        const { traceOfJournal } = await import('../../simulate/journalTrace.ts');
        const entries = await withDaemon(session, options, (client) => readAll(client, options));
        const trace = traceOfJournal(entries);
        if (trace.jobs.length === 0)
          throw new CliError(
            exitCodes.notFound,
            'noJobs',
            'the journal knows of no job that has ended in that time',
          );
        writeLines(session.deps.stdout, [...formatSwf(trace)]);
        const days = trace.jobs.at(-1)?.submitSeconds ?? 0;
        writeLines(session.deps.stderr, [
          `${trace.jobs.length} jobs of ${(days / 86_400).toFixed(1)} days; begun and ended when views first and last showed them`,
        ]);
      }),
    );
}

async function readAll(
  client: DaemonClient,
  { since, until }: ExportOptions,
): Promise<JournalView['entries']> {
  const { nowMs } = await client.status();
  const sinceMs = since === undefined ? undefined : Math.max(0, Math.floor(nowMs - since));
  const untilMs = until === undefined ? Number.POSITIVE_INFINITY : nowMs - until;
  const all: JournalView['entries'][number][] = [];
  let beforeNumber: number | undefined;
  for (let page = 0; page < pagesMax; page++) {
    const { entries } = await client.journal({ kinds: 'jobs', limit: pageMax, sinceMs, beforeNumber });
    all.push(...entries.filter(({ atMs }) => atMs <= untilMs));
    const last = entries.at(-1);
    if (last === undefined || entries.length < pageMax) break;
    beforeNumber = last.number;
  }
  return all;
}

function duration(text: string): number {
  const parsed = parseDuration(text);
  if (typeof parsed === 'number') return parsed;
  throw new InvalidArgumentError(`It is ${parsed.wrong}.`);
}
