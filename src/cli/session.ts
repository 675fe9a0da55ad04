import { type Command, InvalidArgumentError, Option } from 'commander';
import { connectDaemon, type DaemonClient } from './client.ts';
import type { CliDeps, Sink } from './deps.ts';
import { CliError, type ExitCode, exitCodes } from './exit.ts';
import { defaultSocket, defaultUserSocket, namesPlace, type PlaceOptions, placeOf } from './place.ts';
import { createStyle, type Style } from './table.ts';

export interface JsonOption {
  readonly json?: boolean;
}

export interface AskOptions extends JsonOption, PlaceOptions {}

/** One run of the command: what its actions share, and its exit code. */
export interface Session {
  readonly deps: CliDeps;
  exitCode: number;
}

/** A view and its lines for people. */
export type Render<T> = (view: T, style: Style) => readonly string[];

/** Asks the daemon one thing and shows the answer. */
export async function showAnswer<T>(
  session: Session,
  options: AskOptions,
  ask: (client: DaemonClient) => Promise<T>,
  render: Render<T>,
): Promise<void> {
  await reportErrors(session, options, async () => {
    const view = await withDaemon(session, options, ask);
    show(session, options, view, render);
  });
}

/** The same for what everybody may ask: where the daemon's own socket is not for its caller, on the users'. */
export async function showAnswerToUsers<T>(
  session: Session,
  options: AskOptions,
  ask: (client: DaemonClient) => Promise<T>,
  render: Render<T>,
): Promise<void> {
  await reportErrors(session, options, async () => {
    const view = await withDaemon(session, options, ask).catch(async (error: unknown) => {
      const isDenied = error instanceof CliError && error.code === 'denied';
      if (!isDenied || namesPlace(session.deps, options)) throw error;
      return withDaemon(session, { ...options, socket: defaultUserSocket }, ask).catch(() => {
        throw error; // there is none, or it does not answer: the first error says what to do
      });
    });
    show(session, options, view, render);
  });
}

/** Asks again and again until the command is interrupted, or an answer is an error. */
export async function repeatAnswer(
  session: Session,
  options: AskOptions,
  everyMs: number,
  ask: (client: DaemonClient, style: Style) => Promise<void>,
): Promise<void> {
  const { clock, signal, stdout, env } = session.deps;
  const style = createStyle(coloursFor(stdout, env));
  await reportErrors(session, options, () =>
    withDaemon(session, options, async (client) => {
      while (!signal.aborted) {
        await ask(client, style);
        await clock.sleep(everyMs, signal).catch(() => {}); // aborted: the loop ends
      }
      throw new CliError(exitCodes.interrupted, 'interrupted', 'interrupted');
    }),
  );
}

/** One JSON document, or the lines for people. */
export function show<T>(session: Session, options: JsonOption, view: T, render: Render<T>): void {
  const { stdout, env } = session.deps;
  if (options.json === true) writeJson(stdout, view);
  else writeLines(stdout, render(view, createStyle(coloursFor(stdout, env))));
}

export async function withDaemon<T>(
  session: Session,
  options: AskOptions,
  ask: (client: DaemonClient) => Promise<T>,
): Promise<T> {
  const client = connectDaemon(await placeOf(session.deps, options), session.deps.signal);
  try {
    return await ask(client);
  } finally {
    await client.close();
  }
}

/** Where the work throws a CliError: a line on stderr, with `--json` a document on stdout, and the exit code. */
export async function reportErrors(
  session: Session,
  options: JsonOption,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    const { code, message, reason } = error;
    if (options.json === true) writeJson(session.deps.stdout, { error: { code, message, reason } });
    complain(session, message, error.exitCode);
  }
}

export function complain(session: Session, message: string, exitCode: ExitCode): void {
  session.exitCode = exitCode;
  if (exitCode !== exitCodes.interrupted) writeLines(session.deps.stderr, [`spillway: ${message}`]);
}

/** A command that asks the daemon. */
export function askingCommand(parent: Command, name: string, description: string): Command {
  return jsonCommand(parent, name, description)
    .addOption(
      new Option(
        '--socket <path>',
        `the daemon's socket (default: $SPILLWAY_SOCKET, else ${defaultSocket})`,
      ).conflicts('url'),
    )
    .option('--url <url>', 'or where it is on the network: https://HOST:PORT (default: $SPILLWAY_URL)')
    .option(
      '--token <ref>',
      'what is shown there: file:PATH or env:NAME (default: the file $SPILLWAY_TOKEN_FILE)',
    )
    .option('--ca <path>', 'the authority of its certificate, PEM (default: $SPILLWAY_CA)');
}

/** An id is checked by the daemon; none at all would name another page. */
export function someId(text: string): string {
  if (text === '') throw new InvalidArgumentError('It is empty.');
  return text;
}

export function jsonCommand(parent: Command, name: string, description: string): Command {
  return parent
    .command(name)
    .description(description)
    .option('--json', 'one JSON document on standard output');
}

export const styleFor = ({ deps }: Session): Style => createStyle(coloursFor(deps.stdout, deps.env));

function coloursFor(sink: Sink, env: CliDeps['env']): boolean {
  const asked = env.NO_COLOR === undefined || env.NO_COLOR === '';
  return sink.isTTY && asked && env.TERM !== 'dumb';
}

export function writeLines(sink: Sink, lines: readonly string[]): void {
  if (lines.length > 0) sink.write(`${lines.map((line) => line.trimEnd()).join('\n')}\n`);
}

function writeJson(sink: Sink, document: unknown): void {
  sink.write(`${JSON.stringify(document, null, 2)}\n`);
}
