import { spawn } from 'node:child_process';

export interface ProgramOptions {
  readonly input?: string;
  /** The whole environment; left out: only PATH, HOME and LANG of our own. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** With more output than that the program is killed. */
  readonly stdoutBytesMax: number;
}

export interface ProgramResult {
  /** 128 and the signal's number where a signal ended it, as shells have it. */
  readonly exitCode: number;
  readonly stdout: string;
  /** Its first 8 KiB. */
  readonly stderr: string;
}

const stderrBytesMax = 8192;
const killedExitCode = 137;

/**
 * Runs one program by its argument vector, never through a shell, in a process group of its own, and waits for its end. A
 * program that ends by itself is a result, whatever its exit code says; when the signal is aborted or too much comes out,
 * the group is killed and it throws.
 */
export async function runProgram(
  argv: readonly [string, ...string[]] | readonly string[],
  { input, environment, cwd, stdoutBytesMax }: ProgramOptions,
  signal: AbortSignal,
): Promise<ProgramResult> {
  signal.throwIfAborted();
  const [program, ...args] = argv;
  if (program === undefined) throw new Error('no program');
  const child = spawn(program, args, {
    ...(cwd === undefined ? {} : { cwd }),
    env: environment ?? ownEnvironment(),
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  let stdoutBytes = 0;
  let stderrBytes = 0;
  const { promise, resolve, reject } = Promise.withResolvers<ProgramResult>();
  const giveUp = (error: unknown) => {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) killGroup(child.pid);
    reject(error);
  };
  const onAbort = () => giveUp(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  child.stdout.on('data', (chunk: Buffer) => {
    stdoutBytes += chunk.length;
    if (stdoutBytes > stdoutBytesMax)
      giveUp(new Error(`${program}: more than ${stdoutBytesMax} bytes of output`));
    else stdout.push(chunk);
  });
  child.stderr.on('data', (chunk: Buffer) => {
    if (stderrBytes < stderrBytesMax) stderr.push(chunk);
    stderrBytes += chunk.length;
  });
  child.once('error', giveUp);
  child.once('close', (code) => {
    resolve({
      exitCode: code ?? killedExitCode,
      stdout: Buffer.concat(stdout).toString('utf8'),
      stderr: Buffer.concat(stderr).subarray(0, stderrBytesMax).toString('utf8'),
    });
  });
  // A program that does not read its input ends all the same.
  child.stdin.on('error', () => {});
  child.stdin.end(input ?? '');
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** Starts a program in a session of its own, with our environment, and lets go of it. */
export function startApart([program, ...args]: readonly [string, ...string[]]): void {
  const child = spawn(program, args, { cwd: '/', detached: true, stdio: 'ignore' });
  child.on('error', () => {}); // whoever needs it starts it again
  child.unref();
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}

function ownEnvironment(): Record<string, string> {
  const { PATH = '/usr/local/bin:/usr/bin:/bin', HOME = '/', LANG = 'C.UTF-8' } = process.env;
  return { PATH, HOME, LANG };
}
