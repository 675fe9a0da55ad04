import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { formatProblem } from '../../config/problem.ts';
import type { SiteConfig } from '../../config/site.ts';
import { parseDuration } from '../../config/units.ts';
import { QueueName } from '../../model/ids.ts';
import { type FaultLevel, faultLevels } from '../../simulate/faultProfile.ts';
import { type Policy, policies, type Split, splits } from '../../simulate/policy.ts';
import type { SeedReport, SimulationOptions } from '../../simulate/run.ts';
import type { Trace } from '../../simulate/trace.ts';
import { CliError, exitCodes } from '../exit.ts';
import { createProgressLine } from '../progress.ts';
import { reportErrors, type Session, writeLines } from '../session.ts';
import { renderSeeds } from '../show/simulate.ts';
import { printable } from '../table.ts';
import { wholeNumber } from './instance.ts';

export interface SimulateOptions {
  readonly trace: string;
  readonly config?: string;
  readonly queue?: string;
  readonly policy: Policy;
  readonly seeds: readonly number[];
  readonly faults: FaultLevel;
  readonly boot: number;
  readonly machineCpus: number;
  readonly price: number;
  readonly split: Split;
  readonly memory?: boolean;
  readonly from?: number;
  readonly to?: number;
  readonly max: number;
  readonly idle?: number;
  readonly machines?: number;
  readonly store: 'memory' | 'sqlite';
  readonly json?: boolean;
}

const seedsMax = 10_000;

export function addSimulate(program: Command, session: Session): void {
  program
    .command('simulate')
    .description('replay a recorded workload in simulated time: what it costs and who waits')
    .requiredOption(
      '--trace <file>',
      'the workload: a file in the Standard Workload Format, or one packed with gzip',
    )
    .option(
      '--config <file>',
      'a site’s config: its pools, offers and prices, with simulated clouds and queues',
    )
    .option('--queue <name>', 'with --config: where the jobs are submitted (default: the first)')
    .addOption(new Option('--policy <policy>', 'who decides').choices(policies).default('spillway'))
    .option('--seeds <a..b>', 'one run for each of these numbers', seedRange, [1])
    .addOption(new Option('--faults <level>', 'what goes wrong').choices(faultLevels).default('none'))
    .option('--boot <duration>', 'from the create call until jobs can start', duration, 180_000)
    .option('--machine-cpus <n>', 'processors of a machine; with --config the offers say', wholeNumber, 1)
    .option('--price <amount>', 'of a processor for an hour; with --config the offers say', amount, 0.05)
    .addOption(new Option('--split <how>', 'jobs that need several machines').choices(splits).default('gang'))
    .option('--memory', 'jobs ask for the memory that the trace says')
    .option('--from <duration>', 'begin so long after the trace’s first job', duration)
    .option('--to <duration>', 'take no job that came later', duration)
    .option('--max <n>', 'machines at a time; with --config the pools say', wholeNumber, 100_000)
    .option('--idle <duration>', 'instead of the policy’s own idle time', duration)
    .option('--machines <n>', 'of the static farm (default: the best size)', wholeNumber)
    .addOption(
      new Option('--store <kind>', 'where the daemon remembers')
        .choices(['memory', 'sqlite'])
        .default('memory'),
    )
    .option('--json', 'one JSON object a line for each seed')
    .action((options: SimulateOptions) => run(session, options));
}

async function run(session: Session, options: SimulateOptions): Promise<void> {
  const { deps } = session;
  await reportErrors(session, options, async () => {
    // Loaded when it is asked for: no other command needs the daemon.
    const { simulate } = await import('../../simulate/run.ts');
    const trace = await traceOf(session, options);
    const site = options.config === undefined ? null : await siteOf(session, options.config, options.queue);
    const progress = createProgressLine(deps.stderr, () => deps.clock.monotonicNow());
    const reports: SeedReport[] = [];
    const wanted = {
      ...options,
      trace,
      site,
      bootSeconds: options.boot / 1000,
      pricePerCoreHour: options.price,
      idleMs: options.idle ?? null,
      machines: options.machines ?? null,
      memory: options.memory === true,
      signal: deps.signal,
      command: (seed: number) => commandFor(options, seed),
      onProgress: ({ seed, simulatedMs, ofMs, figures }: Parameters<SimulationOptions['onProgress']>[0]) =>
        progress.show(() => {
          const { done } = figures();
          const share = ofMs === 0 ? 100 : Math.min(100, Math.floor((100 * simulatedMs) / ofMs));
          return `seed ${seed}: ${share} %, day ${(simulatedMs / 86_400_000).toFixed(1)}, ${done} of ${trace.jobs.length} jobs done`;
        }),
    };
    try {
      for await (const report of simulate(wanted)) {
        progress.clear();
        reports.push(report);
        if (options.json === true) deps.stdout.write(`${JSON.stringify(report)}\n`);
      }
    } catch (error) {
      if (error instanceof RangeError) throw new CliError(exitCodes.failed, 'unsupported', error.message);
      throw error;
    } finally {
      progress.clear();
    }
    if (options.json !== true) writeLines(deps.stdout, renderSeeds(reports));
    if (deps.signal.aborted) {
      const last = reports.at(-1);
      const where =
        last === undefined
          ? 'before the first seed was done'
          : `at day ${(last.simulatedSeconds / 86_400).toFixed(1)} of seed ${last.seed}: its figures are of what was done by then`;
      writeLines(deps.stderr, [`spillway: interrupted ${where}`]);
      session.exitCode = exitCodes.interrupted;
    } else if (reports.some(({ violations }) => violations.length > 0)) session.exitCode = exitCodes.failed;
  });
}

async function traceOf({ deps }: Session, { trace: path, from, to }: SimulateOptions): Promise<Trace> {
  const { readTrace, TraceError } = await import('../../simulate/swf.ts');
  const { windowOf } = await import('../../simulate/workload.ts');
  try {
    const whole = await readTrace(resolve(deps.cwd, path), { signal: deps.signal });
    const trace =
      from === undefined && to === undefined
        ? whole
        : windowOf(whole, {
            fromSeconds: (from ?? 0) / 1000,
            toSeconds: (to ?? Number.POSITIVE_INFINITY) / 1000,
          });
    if (trace.jobs.length === 0)
      throw new CliError(exitCodes.usage, 'badTrace', printable(`${path}: no job to replay`));
    return trace;
  } catch (error) {
    if (error instanceof CliError) throw error;
    if (deps.signal.aborted) throw new CliError(exitCodes.interrupted, 'interrupted', 'interrupted');
    if (error instanceof TraceError)
      throw new CliError(exitCodes.usage, 'badTrace', printable(error.message));
    if (error instanceof Error && 'code' in error && typeof error.code === 'string')
      throw new CliError(exitCodes.usage, 'badTrace', printable(`${path}: ${wrongWithFile(error.code)}`));
    throw error;
  }
}

function wrongWithFile(code: string): string {
  switch (code) {
    case 'ENOENT':
      return 'there is no such file';
    case 'EISDIR':
      return 'is a folder';
    case 'EACCES':
      return 'may not be read';
    case 'Z_DATA_ERROR':
    case 'Z_BUF_ERROR':
      return 'is not gzip data, or was cut off';
    default:
      return code;
  }
}

async function siteOf(
  { deps }: Session,
  path: string,
  queue: string | undefined,
): Promise<{ readonly config: SiteConfig; readonly queue: QueueName }> {
  const { config, problems } = await deps.loadSite(path, 'kept');
  if (config === null) {
    const [first] = problems.filter(({ severity }) => severity === 'error');
    throw new CliError(
      exitCodes.config,
      'badConfig',
      `${first === undefined ? path : formatProblem(first)} (see spillway check)`,
    );
  }
  const names = config.queues.map(({ name }) => name);
  const [name] = queue === undefined ? names : names.filter((known) => known === QueueName(queue));
  if (name === undefined)
    throw new CliError(
      exitCodes.usage,
      'invalid',
      printable(`${path} has no queue ${queue}: ${names.join(', ')}`),
    );
  return { config, queue: name };
}

/** The command line that replays one seed alone. */
function commandFor(options: SimulateOptions, seed: number): string {
  const words = ['spillway', 'simulate', '--trace', options.trace];
  const add = (flag: string, value: string | number | undefined) => {
    if (value !== undefined) words.push(flag, String(value));
  };
  const span = (ms: number | undefined) => (ms === undefined ? undefined : `${ms}ms`);
  add('--config', options.config);
  add('--queue', options.queue);
  add('--policy', options.policy);
  add('--seeds', seed);
  add('--faults', options.faults);
  add('--boot', span(options.boot));
  if (options.config === undefined) {
    add('--machine-cpus', options.machineCpus);
    add('--price', options.price);
    add('--max', options.max);
  }
  add('--split', options.split);
  if (options.memory === true) words.push('--memory');
  add('--from', span(options.from));
  add('--to', span(options.to));
  add('--idle', span(options.idle));
  add('--machines', options.machines);
  add('--store', options.store === 'memory' ? undefined : options.store);
  return words
    .map((word) => (/^[\w./:=-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`))
    .join(' ');
}

function duration(text: string): number {
  const parsed = parseDuration(text);
  if (typeof parsed === 'number') return parsed;
  throw new InvalidArgumentError(`It is ${parsed.wrong}.`);
}

function amount(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value >= 0) return value;
  throw new InvalidArgumentError('It is no amount.');
}

/** `7`, or `1..20`. */
function seedRange(text: string): readonly number[] {
  const [, first, last = first] = /^(\d{1,9})(?:\.\.(\d{1,9}))?$/.exec(text) ?? [];
  if (first === undefined) throw new InvalidArgumentError('It is no number and no range as in 1..20.');
  const [from, to] = [Number(first), Number(last)];
  if (to < from) throw new InvalidArgumentError('It ends before it begins.');
  if (to - from >= seedsMax) throw new InvalidArgumentError(`It has more than ${seedsMax} numbers.`);
  return Array.from({ length: to - from + 1 }, (_, at) => from + at);
}
