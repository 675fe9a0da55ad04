import { type Command, Option } from 'commander';
import { liveFrameSchema } from '../../api/schema/live.ts';
import type { DaemonClient } from '../client.ts';
import type { TerminalDeps } from '../deps.ts';
import { CliError, exitCodes } from '../exit.ts';
import {
  type AskOptions,
  askingCommand,
  reportErrors,
  type Session,
  show,
  styleFor,
  withDaemon,
} from '../session.ts';
import { glyphsFor } from '../top/canvas.ts';
import { drawTop, type Paper } from '../top/picture.ts';
import { emptyTop, type TopState, withFrame, withHistory } from '../top/state.ts';

interface TopOptions extends AskOptions {
  readonly once?: boolean;
}

const againMs = 2_000;
/** Of a picture that is written where there is no terminal. */
const columnsOtherwise = 100;

export function addTop(program: Command, session: Session): void {
  askingCommand(program, 'top', 'what happens now, as it happens: pools, jobs, machines, money')
    .addOption(new Option('--once', 'one picture, without a terminal too'))
    .action(async (options: TopOptions) => {
      const { terminal } = session.deps;
      const size = terminal?.size() ?? null;
      const isLive = size !== null && options.once !== true && options.json !== true;
      await reportErrors(session, options, async () => {
        if (terminal !== undefined && isLive) await live(session, options, terminal);
        else await withDaemon(session, options, (client) => once(session, options, client));
      });
    });
}

/** The first frame has all. */
async function once(session: Session, options: TopOptions, client: DaemonClient): Promise<void> {
  const { terminal } = session.deps;
  let state = await begin(client);
  for await (const { event, data } of client.events('/v1/stream')) {
    if (event !== 'frame') continue;
    state = withFrame(state, frameOf(data));
    break;
  }
  const columns = terminal?.size()?.columns ?? columnsOtherwise;
  const paper = { ...paperOf(session), columns, rows: null };
  if (state.frame !== null) show(session, options, state.frame, () => drawTop(state, paper));
}

/** With the last hour, where the daemon has it. */
async function begin(client: DaemonClient): Promise<TopState> {
  return withHistory(emptyTop, await client.history());
}

function paperOf(session: Session): Omit<Paper, 'columns' | 'rows'> {
  return { style: styleFor(session), glyphs: glyphsFor(session.deps.env) };
}

function frameOf(data: string) {
  let document: unknown;
  try {
    document = JSON.parse(data);
  } catch {
    document = null; // refused below
  }
  const parsed = liveFrameSchema.safeParse(document);
  if (parsed.success) return parsed.data;
  throw new CliError(exitCodes.failed, 'badAnswer', 'what answers is no spillway daemon of this version');
}

/** On the other screen of the terminal, which is as it was when this ends. */
const enter = '\u001b[?1049h\u001b[?25l';
const leave = '\u001b[?25h\u001b[?1049l';

async function live(session: Session, options: TopOptions, terminal: TerminalDeps): Promise<void> {
  const { stdout, clock, signal } = session.deps;
  const quit = new AbortController();
  const ended = AbortSignal.any([signal, quit.signal]);
  const paper = paperOf(session);
  let state = emptyTop;

  function draw(): void {
    const { columns, rows } = terminal.size() ?? { columns: columnsOtherwise, rows: 40 };
    const lines = drawTop(state, { ...paper, columns, rows });
    // Written over what is there, so that nothing flickers.
    stdout.write(`\u001b[H${lines.map((line) => `${line}\u001b[K`).join('\r\n')}\u001b[J`);
  }

  async function watch(client: DaemonClient): Promise<void> {
    state = await begin(client);
    for await (const { event, data } of client.events('/v1/stream')) {
      if (event !== 'frame') continue;
      state = withFrame(state, frameOf(data));
      draw();
    }
  }

  stdout.write(enter);
  const close = terminal.open({
    onKey: (key) => {
      // Control-C comes as a character where keys are read one by one.
      if (['q', 'Q', '\u0003', '\u001b'].includes(key)) quit.abort();
    },
    onResize: draw,
  });
  try {
    draw();
    // Leaving cuts the connection, too.
    const leaving = { ...session, deps: { ...session.deps, signal: ended } };
    while (!ended.aborted) {
      try {
        await withDaemon(leaving, options, watch);
      } catch (error) {
        if (ended.aborted) break;
        if (!(error instanceof CliError) || !isPassing(error)) throw error;
        state = { ...state, trouble: error.message };
        draw();
      }
      await clock.sleep(againMs, ended).catch(() => {}); // aborted: the loop ends
    }
  } finally {
    close();
    stdout.write(leave);
  }
  if (signal.aborted) throw new CliError(exitCodes.interrupted, 'interrupted', 'interrupted');
}

/** The daemon restarts, or the way to it is cut: it is waited for. */
function isPassing({ code }: CliError): boolean {
  return ['unreachable', 'cut', 'timeout', 'notReady', 'tooManyRequests'].includes(code);
}
