import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';

const passedOn = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;
/** What a terminal sends to everybody in the foreground by itself. */
const ofTerminal: ReadonlySet<string> = new Set(['SIGINT', 'SIGQUIT']);

/** As a shell has it. */
const notFoundCode = 127;
const notExecutableCode = 126;

export interface ForegroundCommand {
  readonly argv: readonly [string, ...string[]];
  /** Null: where we are. */
  readonly cwd: string | null;
  /** Beside our own environment. */
  readonly environment: Readonly<Record<string, string>>;
}

/** One command that has our terminal, input and output while it runs; signals to us are signals to it. */
export interface Foreground {
  /** Its exit code, or 128 and the number of the signal that ended it. When `lost` is aborted it is ended. */
  run(command: ForegroundCommand, lost: AbortSignal): Promise<number>;
  readonly isBusy: boolean;
}

export function createForeground(
  killAfterMs: number,
  after: (ms: number, callback: () => void) => void,
): Foreground {
  let child: ChildProcess | null = null;
  for (const signal of passedOn)
    process.on(signal, () => {
      if (child !== null && !(process.stdin.isTTY && ofTerminal.has(signal))) child.kill(signal);
    });

  return {
    get isBusy() {
      return child !== null;
    },
    run: async ({ argv: [program, ...args], cwd, environment }, lost) => {
      const own = spawn(program, args, {
        ...(cwd === null ? {} : { cwd }),
        env: { ...process.env, ...environment },
        stdio: 'inherit',
      });
      child = own;
      const end = () => {
        own.kill('SIGTERM');
        after(killAfterMs, () => own.kill('SIGKILL'));
      };
      lost.addEventListener('abort', end, { once: true });
      try {
        return await new Promise<number>((resolve) => {
          own.once('error', (error: NodeJS.ErrnoException) => {
            process.stderr.write(`spillway: ${program}: ${error.message}\n`);
            resolve(error.code === 'ENOENT' ? notFoundCode : notExecutableCode);
          });
          own.once('exit', (code, signal) => {
            resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
          });
        });
      } finally {
        lost.removeEventListener('abort', end);
        child = null;
      }
    },
  };
}
