import type { LeaseAnswer } from '../../api/schema/leases.ts';
import { sshArgv } from '../../host/ssh.ts';

/** A program to run here so that the command runs on the lent machine. */
export interface Launch {
  readonly argv: readonly [string, ...string[]];
  /** Null: where we are. */
  readonly cwd: string | null;
  readonly environment: Readonly<Record<string, string>>;
}

export interface SshFiles {
  readonly privateKey: string;
  readonly knownHosts: string;
}

/**
 * On this host the command itself, in the lease's folder; elsewhere OpenSSH's client, which passes input, output and the exit
 * code through. A shell runs on the other side, so the words are quoted for it.
 */
export function launchOf(
  access: NonNullable<LeaseAnswer['access']>,
  command: readonly [string, ...string[]],
  { ssh, terminal }: { ssh: SshFiles | null; terminal: boolean },
): Launch {
  if (access.kind === 'local') return { argv: command, cwd: access.folder, environment: access.environment };
  if (ssh === null) throw new Error('a machine that is reached by SSH needs a key');
  const { host, port, user } = access;
  return {
    argv: sshArgv(
      { host, port, user, identity: ssh.privateKey, knownHosts: ssh.knownHosts },
      {
        options: ['ServerAliveInterval=15'],
        flags: [terminal ? '-tt' : '-T'],
        command: [command.map(shellQuoted).join(' ')],
      },
    ),
    cwd: null,
    environment: {},
  };
}

/** One word for any POSIX shell, whatever is in it. */
export function shellQuoted(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
