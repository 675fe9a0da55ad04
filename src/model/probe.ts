/** How it is asked whether a machine can be reached, beside what its cloud and its scheduler say of it. */
export type ProbeCheck =
  | { readonly kind: 'tcp'; readonly port: number }
  /** A log-in that runs `true`. */
  | { readonly kind: 'ssh'; readonly user: string; readonly identity: string; readonly port: number }
  /** An argument vector; `{{address}}` and `{{instance}}` in it are replaced. It answers by its exit code, 0. */
  | { readonly kind: 'command'; readonly command: readonly string[] };

/** Of a pool: its machines are not Free before they have answered, and not for longer than they do. */
export interface Probe {
  readonly check: ProbeCheck;
  readonly everyMs: number;
  readonly deadlineMs: number;
  /** So many times in a row without an answer, and the machine is not reachable. */
  readonly failuresMax: number;
}
