/** How the daemon itself does, and the signs by which others notice that something is new. */
export interface Observing {
  /** All metrics as of now, in Prometheus's text form. */
  metrics(): Promise<string>;
  /** Whether the loop makes progress: where it does not, a restart helps. */
  health(): HealthView;
  /** Whether it can do its work: every queue and cloud has answered lately, and the store can be written. Writes to the store. */
  readiness(): HealthView;
  /** Calls back each time that the journal has new entries, which are stored then; returns the undo. It must not throw. */
  onJournal(listener: () => void): () => void;
}

export interface HealthView {
  readonly ok: boolean;
  readonly checks: readonly HealthCheck[];
}

export interface HealthCheck {
  /** `loop`, `store`, `queue NAME`, `cloud NAME`. */
  readonly name: string;
  readonly ok: boolean;
  /** One clause: what is wrong; null where nothing is. */
  readonly why: string | null;
}
