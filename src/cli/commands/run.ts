import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { type CheckReport, reportOf } from '../../config/check.ts';
import { formatProblem } from '../../config/problem.ts';
import { type LogFormat, logFormats } from '../../host/logLines.ts';
import { type LogLevel, logLevels } from '../deps.ts';
import { exitCodes } from '../exit.ts';
import { counted } from '../format.ts';
import { type AskOptions, askingCommand, complain, reportErrors, type Session, show } from '../session.ts';
import { printable, type Style } from '../table.ts';
import { showDiff } from './checkDiff.ts';
import { type LiveView, lookLive, renderLive } from './checkLive.ts';

interface RunCommandOptions {
  readonly socket?: string;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
}

export function addRun(program: Command, session: Session): void {
  const { deps } = session;
  program
    .command('run')
    .description('run the daemon in the foreground until it is told to stop; stopping it ends no instance')
    .argument('<config>', 'the site’s configuration file')
    .option('--socket <path>', "instead of the config's socket")
    .addOption(new Option('--log-level <level>', 'how much to log').choices(logLevels).default('info'))
    .addOption(
      new Option('--log-format <format>', 'auto: as the journal reads it where it is the journal')
        .choices(logFormats)
        .default('auto'),
    )
    .action(async (config: string, options: RunCommandOptions) => {
      const socket = options.socket === undefined ? null : resolve(deps.cwd, options.socket);
      const { logLevel, logFormat } = options;
      session.exitCode = await deps.runDaemon(resolve(deps.cwd, config), { socket, logLevel, logFormat });
    });
}

interface CheckOptions extends AskOptions {
  readonly diff?: boolean;
  readonly live?: boolean;
  readonly only?: readonly string[];
}

/** What `check --json` prints. */
export interface CheckView extends CheckReport {
  readonly ok: boolean;
  readonly errors: number;
  readonly warnings: number;
  /** With `--live`; null where the configuration has errors. */
  readonly live?: LiveView | null;
}

export function addCheck(program: Command, session: Session): void {
  askingCommand(program, 'check', 'read a configuration and say everything that is wrong with it')
    .argument('[file]', "the configuration file; with `--diff` none: the running daemon's")
    .addOption(
      new Option('--diff', 'what it would change of what the running daemon holds to').conflicts('live'),
    )
    .option('--live', 'ask its clouds and queues, too, what would fail; changes nothing there')
    .option('--only <name...>', 'with `--live`: only these clouds and queues')
    .action(async (file: string | undefined, options: CheckOptions) => {
      if (options.diff === true) {
        await showDiff(session, file ?? null, options);
        return;
      }
      if (file === undefined) {
        complain(session, 'check needs a file, or --diff', exitCodes.usage);
        return;
      }
      await reportErrors(session, options, () => checkFile(session, file, options));
    });
}

async function checkFile(session: Session, file: string, options: CheckOptions): Promise<void> {
  const { deps } = session;
  const loaded = options.live === true ? await deps.loadSite(file, 'look') : null;
  const report = loaded === null ? await deps.checkSite(file) : reportOf(loaded);
  const count = (severity: string) =>
    report.problems.filter((problem) => problem.severity === severity).length;
  const errors = count('error');
  const view = { ok: errors === 0, errors, warnings: count('warning'), ...report };
  if (!view.ok) session.exitCode = exitCodes.config;
  const config = loaded?.config ?? null;
  const live = config === null ? null : await lookLive(session, config, options.only ?? []);
  if (live?.ok === false) session.exitCode = exitCodes.failed;
  const shown = loaded === null ? view : { ...view, live };
  show<CheckView>(session, options, shown, (all, style) => [
    ...renderCheck(file, all, style),
    ...(live === null ? [] : renderLive(live, style)),
  ]);
}

function renderCheck(file: string, view: CheckView, style: Style): readonly string[] {
  const lines = view.problems.map((problem) => {
    const text = printable(formatProblem(problem));
    return problem.severity === 'error' ? style.red(text) : style.yellow(text);
  });
  const warnings = view.warnings === 0 ? '' : `, ${counted(view.warnings, 'warning')}`;
  if (!view.ok) return [...lines, printable(`${file}: ${counted(view.errors, 'error')}${warnings}`)];
  const { site } = view;
  if (site === null) return [...lines, printable(`${file}: good${warnings}`)];
  const content = [
    `site ${site.name}`,
    counted(site.queues, 'queue'),
    counted(site.clouds, 'cloud'),
    `${counted(site.offers, 'offer')}${catalogsOf(site)}`,
    counted(site.pools, 'pool'),
  ];
  return [...lines, printable(`${file}: good${warnings}: ${content.join(', ')}`)];
}

function catalogsOf({ catalogs = [] }: NonNullable<CheckReport['site']>): string {
  return catalogs.length === 0 ? '' : ` and what is made of the catalog of ${catalogs.join(' and ')}`;
}
