export interface SshTarget {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** File of the private key. */
  readonly identity: string;
  /** File of the host keys that are trusted, and no others; null: whoever answers, where nothing is handed over. */
  readonly knownHosts: string | null;
}

/**
 * The words that run OpenSSH's client, whatever the user's and the host's own settings say. `options` are ssh's, as
 * `Name=value`; `flags` come before the host. Without a command none is sent.
 */
export function sshArgv(
  { host, port, user, identity, knownHosts }: SshTarget,
  {
    options = [],
    flags = [],
    command = [],
  }: {
    readonly options?: readonly string[];
    readonly flags?: readonly string[];
    readonly command?: readonly string[];
  },
): [string, ...string[]] {
  const trust =
    knownHosts === null
      ? ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null']
      : ['StrictHostKeyChecking=yes', `UserKnownHostsFile=${knownHosts}`];
  const all = ['IdentitiesOnly=yes', 'GlobalKnownHostsFile=none', 'LogLevel=ERROR', ...trust, ...options];
  const identified = ['-F', 'none', '-i', identity, '-p', String(port), '-l', user];
  return ['ssh', ...identified, ...all.flatMap((option) => ['-o', option]), ...flags, '--', host, ...command];
}
