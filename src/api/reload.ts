/** What the API asks of the one who holds the daemon: another configuration, and the one that holds. */
export interface ReloadControl {
  /**
   * Reads the config file again. What is wrong with it changes nothing. Else the daemon stops as for good, effects under way
   * finish or are given up and resolved later, and begins anew with it; resolves then. ControlError `notReady` while it stops.
   */
  reload(): Promise<ReloadReceipt>;
  /** What holds now, defaults included and secrets left out. */
  configuration(): ConfigurationView;
}

/**
 * applied: it holds now. unchanged: it says what held before. refused: it is wrong, or what it changes cannot be changed by a
 * reload; nothing has changed. failed: it was good, and the daemon could not be begun with it: the one before holds again.
 */
export const reloadOutcomes = ['applied', 'unchanged', 'refused', 'failed'] as const;
export type ReloadOutcome = (typeof reloadOutcomes)[number];

export interface ReloadReceipt {
  readonly outcome: ReloadOutcome;
  /** The config file. */
  readonly path: string;
  /** As `check` says them: errors where it was refused, else warnings. */
  readonly problems: readonly ProblemView[];
  readonly changes: readonly ConfigChangeView[];
  /** What has left the config and has machines, a clause each, e.g. `cloud east: 3 machines drain`. */
  readonly retiring: readonly string[];
  /** One sentence: what follows, or why not. */
  readonly next: string;
}

export interface ProblemView {
  readonly severity: 'error' | 'warning';
  readonly file: string;
  /** From 1; 0 where it is the file as a whole. */
  readonly line: number;
  readonly column: number;
  readonly path: string;
  readonly message: string;
}

/** One thing that differs between two configs; see config/diff.ts. */
export interface ConfigChangeView {
  readonly change: 'added' | 'removed' | 'changed';
  readonly kind: string;
  readonly name: string;
  readonly field: string | null;
  readonly from: string | null;
  readonly to: string | null;
}

export interface ConfigurationView {
  readonly path: string;
  /** Everything that the config names, and the site itself; see config/describe.ts. */
  readonly entries: readonly {
    readonly kind: string;
    readonly name: string;
    readonly fields: Readonly<Record<string, unknown>>;
  }[];
}
