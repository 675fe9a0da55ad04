/** How a cluster is reached, and as whom: what a kubeconfig, a service account or a config's own fields come to. */
export interface Access {
  /** The API server's URL, without a slash at its end. */
  readonly server: string;
  readonly tls: ServerTrust;
  readonly identity: Identity;
  /** Whom to act for: what `--as` and `--as-group` are for kubectl. */
  readonly impersonate: { readonly user: string; readonly groups: readonly string[] } | null;
  /** Null: nothing is said of one. */
  readonly namespace: string | null;
}

export interface ServerTrust {
  /** PEM; null: the authorities that the host trusts. */
  readonly ca: string | null;
  /** False: any certificate will do. */
  readonly verify: boolean;
  /** The name that the certificate must bear where it is not the URL's. */
  readonly serverName: string | null;
}

export type Identity =
  | { readonly kind: 'nobody' }
  | { readonly kind: 'token'; readonly token: string }
  /** Read again when it is some time old, as whoever wrote it renews it. */
  | { readonly kind: 'tokenFile'; readonly path: string }
  | { readonly kind: 'certificate'; readonly certificate: string; readonly key: string }
  | { readonly kind: 'program'; readonly program: CredentialProgram };

/** A program that prints credentials: a kubeconfig's `exec`. */
export interface CredentialProgram {
  readonly argv: readonly string[];
  /** Besides the daemon's own PATH, HOME and LANG. */
  readonly environment: Readonly<Record<string, string>>;
  readonly apiVersion: string;
  /** What the program is told of the cluster; null: nothing. */
  readonly cluster: Readonly<Record<string, unknown>> | null;
}

/** What the client needs of its host; handed in. */
export interface HostFiles {
  readText(path: string): Promise<string>;
}

export interface HostPrograms {
  /** Runs a program to its end. Rejects when the signal is aborted or it cannot be started. */
  run(
    argv: readonly string[],
    environment: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<{ readonly exitCode: number; readonly stdout: string; readonly stderr: string }>;
}
