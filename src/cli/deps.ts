import type { CheckReport } from '../config/check.ts';
import type { ConfigFiles } from '../config/files.ts';
import type { Loaded } from '../config/load.ts';
import type { Problem } from '../config/problem.ts';
import type { CloudConfig, SiteConfig } from '../config/site.ts';
import type { CatalogUse } from '../daemon/catalogs.ts';
import type { LiveResult } from '../daemon/liveCheck.ts';
import type { ForegroundCommand } from '../host/foreground.ts';
import type { LogFormat } from '../host/logLines.ts';
import type { KeyPair } from '../host/ssh-keys.ts';
import type { Terminal } from '../host/terminal.ts';
import type { Catalog } from '../model/catalog.ts';
import type { Clock } from '../model/clock.ts';
import type { SiteId } from '../model/ids.ts';
import type { StoreReport } from '../store/sqlite/check.ts';
import type {
  BackupOptions,
  BackupReport,
  RestoreOptions,
  RestoreReport,
} from '../store/sqlite/maintenance.ts';
import type { ClassAdDeps } from './classad.ts';

/** All that the commands touch of the world outside: main.ts hands in the real ones, tests their own. */
export interface CliDeps {
  readonly version: string;
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Relative paths are taken from here. */
  readonly cwd: string;
  /** Tokens and certificates. */
  readonly files: ConfigFiles;
  readonly clock: Clock;
  /** Aborted by the first signal to end: a command that asks or follows ends with it. */
  readonly signal: AbortSignal;
  /** Runs until it is told to stop; returns an exit code. */
  runDaemon(configPath: string, options: RunOptions): Promise<number>;
  /** Never throws for what is wrong with the file: that is in the report. */
  checkSite(configPath: string): Promise<CheckReport>;
  /** The whole config; the same. Offers that are generated are in it where it is said how they are to be known. */
  loadSite(configPath: string, use?: CatalogUse): Promise<Omit<Loaded, 'written'>>;
  /** What a cloud of a config has; throws CloudErrors. */
  readCatalog(cloud: CloudConfig, signal: AbortSignal): Promise<Catalog>;
  /** Asks the site's clouds and queues, or those that are wanted, what would fail; changes nothing there. */
  lookLive(
    config: SiteConfig,
    isWanted: (source: { readonly name: string }) => boolean,
  ): Promise<readonly LiveResult[]>;
  /** For what is drawn on the whole screen; absent: there is no terminal. */
  readonly terminal?: TerminalDeps;
  readonly store: StoreMaintenance;
  readonly lease: LeaseDeps;
  readonly torque: TorqueDeps;
  /** Streams and clocks for `classad`, which works on files and standard input and asks no daemon. */
  readonly classad: Omit<ClassAdDeps, 'setExitCode'>;
}

/** host/terminal.ts. */
export type TerminalDeps = Terminal;

/** What `lease` needs of this host. */
export interface LeaseDeps {
  /** Who asks. */
  readonly user: string;
  /** Input and output are a terminal, and so should the command's be on the other side. */
  readonly isTerminal: boolean;
  makeKeys(): Promise<KeyPair>;
  /** Runs a command in the foreground; returns its exit code. When `lost` is aborted it is ended. */
  run(command: ForegroundCommand, lost: AbortSignal): Promise<number>;
}

/** What `torque` needs of this host. */
export interface TorqueDeps {
  readonly hostName: string;
  /** Whoever started us still lives. */
  hasParent(): boolean;
  /** Starts this very program with other arguments, as a process that outlives us and has none of our files open. */
  startApart(args: readonly string[]): void;
}

export interface Sink {
  write(text: string): void;
  readonly isTTY: boolean;
}

export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];

export interface RunOptions {
  /** Instead of the config's; null: the config's. */
  readonly socket: string | null;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
}

/** Where a config has its store, or what is wrong with the config. */
export type StorePlace =
  | { readonly kind: 'found'; readonly path: string; readonly site: SiteId }
  | { readonly kind: 'badConfig'; readonly problems: readonly Problem[] };

/** store/sqlite/maintenance.ts, loaded when it is asked for. All but `locate` throw StoreError. */
export interface StoreMaintenance {
  locate(configPath: string): Promise<StorePlace>;
  check(path: string): Promise<StoreReport>;
  backup(options: BackupOptions): Promise<BackupReport>;
  restore(options: RestoreOptions): Promise<RestoreReport>;
}
