import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import type { Clock } from '../../model/clock.ts';
import { QueueError } from '../../model/errors.ts';

/** How HTCondor's programs are found and run. */
export interface ToolSetup {
  /** Folder of the programs; null: looked up in the PATH. */
  readonly bin: string | null;
  /** The whole environment of the programs. */
  readonly environment: Readonly<Record<string, string>>;
  /** A program that runs longer is killed: `condor_q` alone would wait 20 s for a schedd that hangs. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

export interface ToolCall {
  readonly tool: string;
  readonly args: readonly string[];
  /** What is written to the program's standard input. */
  readonly input?: string;
  readonly stdoutBytesMax: number;
  /** Takes standard output line by line, without the line ends; then the result's `stdout` is empty. */
  readonly onLine?: (line: string) => void;
}

export interface ToolResult {
  readonly exitCode: number;
  readonly stdout: string;
  /** Its first `stderrCharsMax` characters. */
  readonly stderr: string;
}

export const stderrCharsMax = 8192;
/** One attribute: an environment, a list of input files. */
const lineCharsMax = 4 * 1024 * 1024;

/**
 * Runs one program by its argument vector, never through a shell, in a process group of its own, and waits for its end.
 * A program that ends by itself is a result, whatever its exit code says. All else is a QueueError: `missing` (cannot
 * be run), `timeout` (deadline or signal; the group is killed), `malformed` (more output than allowed, or an
 * `onLine` that threw one), `unavailable` (killed by somebody else).
 */
export async function runTool(setup: ToolSetup, call: ToolCall, signal: AbortSignal): Promise<ToolResult> {
  if (signal.aborted) throw new QueueError('timeout', `${call.tool}: not started`, { cause: signal.reason });
  if (call.args.some((arg) => arg.includes('\0')))
    throw new QueueError('invalid', `${call.tool}: a NUL in an argument`);
  const program = setup.bin === null ? call.tool : join(setup.bin, call.tool);
  const child = spawn(program, call.args, {
    env: setup.environment,
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const stop = new AbortController();
  const ended = new Promise<ToolResult>((resolve, reject) => {
    let over = false;
    const fail = (error: Error) => {
      // Once it has ended its number may be another's.
      if (!over) killGroup(child.pid);
      over = true;
      child.stdout.destroy();
      child.stderr.destroy();
      reject(error);
    };
    const output = new Output(call, fail);
    child.stdout.on('data', (chunk: Buffer) => output.take(chunk));
    child.stderr.setEncoding('utf8').on('data', (text: string) => output.complain(text));
    // A program that ends without reading its input is judged by its exit code, not by the broken pipe.
    child.stdin.on('error', () => {}).end(call.input ?? '');
    child.on('error', (cause) => fail(notStarted(program, cause)));
    child.on('close', (exitCode, killedBy) => {
      over = true;
      if (exitCode === null) fail(new QueueError('unavailable', `${call.tool} was ended by ${killedBy}`));
      else output.finish(exitCode, resolve);
    });
    const seconds = setup.timeoutMs / 1000;
    setup.clock.sleep(setup.timeoutMs, stop.signal).then(
      () => fail(new QueueError('timeout', `${call.tool} gave no answer in ${seconds} s`)),
      () => {},
    );
    signal.addEventListener(
      'abort',
      () => fail(new QueueError('timeout', `${call.tool}: given up`, { cause: signal.reason })),
      { signal: stop.signal },
    );
  });
  try {
    return await ended;
  } finally {
    stop.abort();
  }
}

/** What a program has said so far, within bounds. */
class Output {
  private readonly call: ToolCall;
  private readonly fail: (error: Error) => void;
  private readonly decoder = new StringDecoder('utf8');
  private bytes = 0;
  private stdout = '';
  private stderr = '';
  private failed = false;

  constructor(call: ToolCall, fail: (error: Error) => void) {
    this.call = call;
    this.fail = fail;
  }

  take(chunk: Buffer): void {
    if (this.failed) return;
    this.bytes += chunk.length;
    if (this.bytes > this.call.stdoutBytesMax) {
      const limit = `more than ${this.call.stdoutBytesMax} bytes`;
      this.giveUp(new QueueError('malformed', `${this.call.tool} answers with ${limit}`));
      return;
    }
    this.stdout += this.decoder.write(chunk);
    if (this.call.onLine !== undefined) this.lines(this.call.onLine);
  }

  complain(text: string): void {
    this.stderr = (this.stderr + text).slice(0, stderrCharsMax);
  }

  finish(exitCode: number, resolve: (result: ToolResult) => void): void {
    if (this.call.onLine !== undefined && this.stdout !== '') {
      this.stdout += '\n';
      this.lines(this.call.onLine);
    }
    if (!this.failed) resolve({ exitCode, stdout: this.stdout, stderr: this.stderr });
  }

  private lines(onLine: (line: string) => void): void {
    const lines = this.stdout.split('\n');
    this.stdout = lines.pop() ?? '';
    if (this.stdout.length > lineCharsMax) {
      const limit = `a line of more than ${lineCharsMax} characters`;
      this.giveUp(new QueueError('malformed', `${this.call.tool} answers with ${limit}`));
      return;
    }
    try {
      for (const line of lines) onLine(line);
    } catch (cause) {
      const known = cause instanceof QueueError;
      this.giveUp(known ? cause : new QueueError('malformed', `${this.call.tool}: bad answer`, { cause }));
    }
  }

  private giveUp(error: Error): void {
    this.failed = true;
    this.fail(error);
  }
}

/** Not there or not to be run; anything else (no memory, no process left) is this host in trouble. */
function notStarted(program: string, cause: NodeJS.ErrnoException): QueueError {
  const absent = cause.code === 'ENOENT' || cause.code === 'EACCES';
  return new QueueError(absent ? 'missing' : 'unavailable', `${program} cannot be run: ${cause.code}`, {
    cause,
  });
}

/** The tools start helpers; the group takes them along. */
function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}
