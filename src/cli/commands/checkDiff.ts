import type { ConfigurationView } from '../../api/reload.ts';
import { type Described, describeConfig } from '../../config/describe.ts';
import { type ConfigChange, describeChange, diffConfigs } from '../../config/diff.ts';
import { formatProblem, type Problem } from '../../config/problem.ts';
import { CliError, exitCodes } from '../exit.ts';
import { type AskOptions, reportErrors, type Session, show, withDaemon } from '../session.ts';
import { printable, type Style } from '../table.ts';

/** What `check --diff --json` prints. */
export interface DiffView {
  readonly path: string;
  readonly ok: boolean;
  readonly problems: readonly Problem[];
  /** What the file would change of what the running daemon holds to; none where it has errors. */
  readonly changes: readonly ConfigChange[];
}

/** Compares a file, or the daemon's own where none is named, with what the running daemon holds to. */
export async function showDiff(session: Session, file: string | null, options: AskOptions): Promise<void> {
  await reportErrors(session, options, async () => {
    const running = await withDaemon(session, options, (client) => client.configuration());
    const path = file ?? running.path;
    const { config, problems } = await session.deps.loadSite(path, 'compare');
    const changes =
      config === null ? [] : diffConfigs(entriesOf(running), describeConfig(config, { digests: false }));
    if (config === null) session.exitCode = exitCodes.config;
    show(session, options, { path, ok: config !== null, problems, changes }, renderDiff);
  });
}

function entriesOf({ entries }: ConfigurationView) {
  return entries.map(({ kind, name, fields }) => {
    if (!isDescribed(fields)) throw new CliError(exitCodes.failed, 'badAnswer', 'no configuration came back');
    return { kind, name, fields };
  });
}

/** What came as JSON is nothing else. */
function isDescribed(fields: unknown): fields is Readonly<Record<string, Described>> {
  return typeof fields === 'object' && fields !== null;
}

function renderDiff({ path, ok, problems, changes }: DiffView, style: Style): readonly string[] {
  const lines = problems.map((problem) => {
    const text = printable(formatProblem(problem));
    return problem.severity === 'error' ? style.red(text) : style.yellow(text);
  });
  if (!ok) return [...lines, printable(`${path}: has errors: a reload would be refused`)];
  if (changes.length === 0) return [...lines, printable(`${path}: says what holds already`)];
  return [...lines, ...changes.map((change) => printable(describeChange(change)))];
}
