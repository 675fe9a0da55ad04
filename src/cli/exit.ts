/** What the command's exit code says; docs/cli.md explains each to people. */
export const exitCodes = {
  ok: 0,
  /** Refused by a rule, or failed. */
  failed: 1,
  /** The command line is wrong. */
  usage: 2,
  /** The config has errors. */
  config: 3,
  /** No daemon answers, in time or at all. */
  unreachable: 4,
  /** No such job, instance, pool or offer. */
  notFound: 5,
  /** The daemon has just started, or is stopping: try again. */
  notReady: 6,
  /** Ended by a signal. */
  interrupted: 130,
} as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** A command that did not do what it was asked. The message is for people, one sentence. */
export class CliError extends Error {
  /** For programs, with `--json`: an error code of the API, or one of ours. */
  readonly code: string;
  readonly reason: string | null;
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, code: string, message: string, reason: string | null = null) {
    super(message);
    this.name = 'CliError';
    this.exitCode = exitCode;
    this.code = code;
    this.reason = reason;
  }
}
