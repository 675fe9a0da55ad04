import { type Command, InvalidArgumentError } from 'commander';
import { parseMoment } from '../../config/moment.ts';
import { parseDuration } from '../../config/units.ts';
import { CliError, exitCodes } from '../exit.ts';
import {
  type AskOptions,
  askingCommand,
  reportErrors,
  type Session,
  showAnswer,
  someId,
} from '../session.ts';
import { renderDowntime, renderDowntimes } from '../show/downtimes.ts';

export function addDowntime(program: Command, session: Session): void {
  const downtime = program
    .command('downtime')
    .description('declared windows in which nothing is launched: add, list, end');
  addAdd(downtime, session);
  askingCommand(downtime, 'list', 'the downtimes that are declared and not over').action(
    async (options: AskOptions) => {
      await showAnswer(session, options, (client) => client.downtimes(), renderDowntimes);
    },
  );
  askingCommand(downtime, 'end', 'take a downtime back, or end one that has begun')
    .argument('<id>', 'the downtime', someId)
    .action(async (id: string, options: AskOptions) => {
      await showAnswer(session, options, (client) => client.endDowntime(id), renderDowntime);
    });
}

/** A moment by the wall clock, or so long after the command is given. */
type When = { readonly wallMs: number } | { readonly afterMs: number };

interface AddOptions extends AskOptions {
  readonly cloud?: string;
  readonly pool?: string;
  readonly from?: When;
  readonly to?: When;
  readonly for?: number;
  readonly reason: string;
  readonly force?: boolean;
  readonly drainAhead?: number;
}

function addAdd(parent: Command, session: Session): void {
  askingCommand(parent, 'add', 'declare a downtime of a cloud, a pool or the whole site')
    .option('--cloud <name>', 'of this cloud')
    .option('--pool <name>', 'of this pool')
    .option('--from <when>', 'its begin: 2027-03-01T08:00Z, +2h from now (default: now)', when)
    .option('--to <when>', 'its end, in the same way', when)
    .option('--for <duration>', 'or how long it lasts', duration)
    .requiredOption('--reason <text>', 'what it is for')
    .option('--force', 'end what still works when it begins')
    .option(
      '--drain-ahead <duration>',
      'drain so long before it (default: by the walltimes of jobs)',
      duration,
    )
    .action(async (options: AddOptions) => {
      await reportErrors(session, options, async () => {
        const body = bodyOf(options, session.deps.clock.wallNow());
        await showAnswer(session, options, (client) => client.addDowntime(body), renderDowntime);
      });
    });
}

function bodyOf(options: AddOptions, nowWallMs: number) {
  const { cloud = null, pool = null, from, to, reason, force = false, drainAhead = null } = options;
  if (cloud !== null && pool !== null) throw wrong('a downtime is of a cloud or of a pool, not of both');
  if ((to === undefined) === (options.for === undefined)) throw wrong('give its end with --to or with --for');
  const at = (moment: When) => Math.round('wallMs' in moment ? moment.wallMs : nowWallMs + moment.afterMs);
  const fromWallMs = from === undefined ? null : at(from);
  const toWallMs = to === undefined ? (fromWallMs ?? Math.round(nowWallMs)) + (options.for ?? 0) : at(to);
  return { cloud, pool, fromWallMs, toWallMs, reason, force, drainAheadMs: drainAhead };
}

function wrong(message: string): CliError {
  return new CliError(exitCodes.usage, 'invalid', message);
}

function when(text: string): When {
  if (text === 'now') return { afterMs: 0 };
  if (text.startsWith('+')) return { afterMs: duration(text.slice(1)) };
  const wallMs = parseMoment(text);
  if (typeof wallMs === 'number') return { wallMs };
  throw new InvalidArgumentError(`${wallMs.wrong}; or +2h from now.`);
}

function duration(text: string): number {
  const ms = parseDuration(text);
  if (typeof ms === 'number') return ms;
  throw new InvalidArgumentError(`${ms.wrong}.`);
}
