import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseDuration, parseSize } from '../../config/units.ts';
import { connectDaemon } from '../client.ts';
import { CliError, exitCodes } from '../exit.ts';
import { launchOf } from '../lease/command-line.ts';
import { askOnce, keepAlive, untilHeld } from '../lease/hold.ts';
import { createProgress } from '../lease/progress.ts';
import { placeOf } from '../place.ts';
import {
  type AskOptions,
  askingCommand,
  complain,
  reportErrors,
  type Session,
  showAnswer,
  someId,
} from '../session.ts';
import { renderLeases } from '../show/leases.ts';
import { wholeNumber } from './instance.ts';

interface LeaseOptions extends AskOptions {
  readonly pool?: string;
  readonly requirements: string;
  readonly cpus: number;
  readonly memory: number;
  readonly disk: number;
  readonly gpus: number;
  readonly priority: number;
  readonly note?: string;
  readonly ttl: number;
  readonly wait?: number;
  readonly quiet?: boolean;
}

/** Giving back is tried for so long when the command has ended. */
const giveBackMs = 10_000;

export function addLease(program: Command, session: Session): void {
  const lease = askingCommand(program, 'lease', 'borrow a machine, run a command on it, give it back')
    .argument('[command...]', 'after `--`: the command and its arguments')
    .option('--pool <name>', 'the pool that the machine is of', someId)
    .option('--requirements <expr>', 'what the machine must be: a ClassAd expression', 'true')
    .option('--cpus <n>', 'processors that it must have', wholeNumber, 1)
    .option('--memory <size>', 'memory that it must have', size, 0)
    .option('--disk <size>', 'disk that it must have', size, 0)
    .option('--gpus <n>', 'GPUs that it must have', wholeNumber, 0)
    .option('--priority <n>', 'the greater goes first', integer, 0)
    .option('--note <text>', 'what for')
    .option(
      '--ttl <duration>',
      'given back by itself when this command is dead for so long',
      duration,
      60_000,
    )
    .option('--wait <duration>', 'give up when no machine is there in time', duration)
    .addOption(new Option('--quiet', 'say nothing while waiting'))
    .action(async (command: string[], options: LeaseOptions) => {
      await reportErrors(session, options, () => borrow(session, command, options));
    });
  lease.addHelpText('after', leaseHelp);
  askingCommand(program, 'leases', 'the leases that have not ended').action(async (options: AskOptions) => {
    await showAnswer(session, options, (client) => client.leases(), renderLeases);
  });
}

const leaseHelp = `
The command's input, output, terminal, signals and exit code are passed through. Its exit code is 128
and the signal's number where a signal ended it.`;

async function borrow(session: Session, words: readonly string[], options: LeaseOptions): Promise<void> {
  const { deps } = session;
  const [program, ...args] = words;
  if (options.pool === undefined) throw new CliError(exitCodes.usage, 'invalid', 'lease: --pool is missing');
  if (program === undefined)
    throw new CliError(exitCodes.usage, 'invalid', 'lease: no command; it comes after `--`');
  const patience = {
    signal: deps.signal,
    untilMs: options.wait === undefined ? null : deps.clock.monotonicNow() + options.wait,
  };
  // One connection that outlives the first signal: the machine is given back whatever ends the waiting.
  const always = new AbortController();
  const place = await placeOf(deps, options);
  const client = connectDaemon(place, always.signal);
  const hold = {
    client,
    sleep: (ms: number, signal: AbortSignal) => deps.clock.sleep(ms, signal),
    monotonicNow: () => deps.clock.monotonicNow(),
  };
  const keys = await deps.lease.makeKeys();
  const progress = createProgress(deps.stderr, options.quiet === true);
  try {
    const wish = {
      pool: options.pool,
      requirements: options.requirements,
      cpus: options.cpus,
      memoryMiB: options.memory,
      diskMiB: options.disk,
      gpus: options.gpus,
      user: deps.lease.user,
      priority: options.priority,
      note: options.note ?? program,
      publicKey: keys.publicKey,
      ttlMs: options.ttl,
    };
    const asked = await askOnce(wish, hold, patience);
    try {
      const held = await untilHeld(asked, hold, {
        patience,
        show: (...picture) => progress.show(...picture),
      });
      progress.done();
      const { access, lease } = held;
      if (access === null) throw new Error('held without access');
      if (access.kind === 'local' && place.kind === 'network' && !place.isThisHost)
        throw new CliError(
          exitCodes.failed,
          'elsewhere',
          `the machine is a folder on the daemon's own host: borrow it there, or one of a pool that is reached by SSH`,
        );
      const ssh = access.kind === 'ssh' ? await keys.filesFor(access.knownHosts) : null;
      const launch = launchOf(access, [program, ...args], { ssh, terminal: deps.lease.isTerminal });
      session.exitCode = await runHeld(session, launch, (signal) => keepAlive(lease, hold, signal));
    } finally {
      progress.done();
      await giveBack(session, asked.lease.id, hold.client);
    }
  } catch (error) {
    if (!deps.signal.aborted) throw error;
    throw new CliError(exitCodes.interrupted, 'interrupted', 'interrupted');
  } finally {
    await keys.remove();
    always.abort();
    await client.close();
  }
}

/** Runs the command while the lease lives; one whose lease has ended is ended, as its machine is no longer ours. */
async function runHeld(
  session: Session,
  launch: ReturnType<typeof launchOf>,
  renewing: (signal: AbortSignal) => Promise<CliError | null>,
): Promise<number> {
  const over = new AbortController();
  const lost = new AbortController();
  const renewal = renewing(over.signal).then((error) => {
    if (error !== null) lost.abort(error);
    return error;
  });
  try {
    const code = await session.deps.lease.run(launch, lost.signal);
    over.abort();
    const error = await renewal;
    if (error !== null) complain(session, error.message, exitCodes.failed);
    return error === null ? code : exitCodes.failed;
  } finally {
    over.abort();
  }
}

/** The machine is given back by the daemon itself when it hears nothing of us: a failure here only costs time. */
async function giveBack(
  session: Session,
  id: string,
  client: ReturnType<typeof connectDaemon>,
): Promise<void> {
  const { clock } = session.deps;
  const end = clock.monotonicNow() + giveBackMs;
  for (;;) {
    try {
      await client.returnLease(id);
      return;
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      if (error.exitCode === exitCodes.notFound) return;
      if (clock.monotonicNow() > end) {
        session.deps.stderr.write(`spillway: lease ${id} is not given back: ${error.message}\n`);
        return;
      }
    }
    await clock.sleep(500, new AbortController().signal);
  }
}

function duration(text: string): number {
  const parsed = parseDuration(text);
  if (typeof parsed === 'number') return parsed;
  throw new InvalidArgumentError(parsed.wrong);
}

function size(text: string): number {
  const parsed = parseSize(text);
  if (typeof parsed === 'number') return parsed;
  throw new InvalidArgumentError(parsed.wrong);
}

function integer(text: string): number {
  if (!/^-?\d{1,7}$/.test(text)) throw new InvalidArgumentError('It is a whole number.');
  return Number(text);
}
