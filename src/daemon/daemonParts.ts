import type { Cloud, CloudCapabilities } from '../clouds/port.ts';
import type { WrittenEntries } from '../config/load.ts';
import type { CloudConfig, QueueConfig, SiteConfig } from '../config/site.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Clock, Random } from '../model/clock.ts';
import type { JournalEntry } from '../model/journal.ts';
import type { Log } from '../model/log.ts';
import type { Queue } from '../queues/port.ts';
import type { Store } from '../store/port.ts';
import type { PlaceMessages } from './accountKeeping.ts';
import type { Crashpoint } from './boundaries.ts';
import type { RunHook } from './hooks.ts';
import type { AskMachine } from './probes.ts';
import type { tick } from './tick.ts';

/** A configured cloud or queue, ready to be used. */
export interface CloudPart {
  readonly config: CloudConfig;
  readonly cloud: Cloud;
  readonly capabilities: CloudCapabilities;
}

export interface QueuePart {
  readonly config: QueueConfig;
  readonly queue: Queue;
}

/** Sees by the loop's own turns that the daemon lives: a timer would go on where the loop hangs. */
export interface Supervisor {
  /** The loop comes round at least so often, whatever is due. */
  readonly turnMaxMs: number;
  /** After each turn: what was new has been decided and is stored. Must not throw. */
  turned(): void;
}

export interface DaemonParts {
  readonly version: string;
  readonly config: SiteConfig;
  readonly store: Store;
  readonly clouds: readonly CloudPart[];
  readonly queues: readonly QueuePart[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** For a store that is new. */
  readonly newSeed: () => string;
  /** Only in a process that a test has started in order to see it die; null or absent in all others. */
  readonly crashpoint?: Crashpoint | null;
  /** How soon after the last a hurried look at a queue may begin; absent: a fifth of its period. */
  readonly hurryMs?: number;
  /** The next tick comes no sooner after one, so that answers that come together are one tick's. */
  readonly tickGapMs?: number;
  /** For pools with a probe; absent: every machine answers. */
  readonly askMachine?: AskMachine;
  /** For the site's hooks; absent: none is run. */
  readonly runHook?: RunHook;
  /** Puts messages into a folder; absent: none can be put anywhere. Throws what the file system says. */
  readonly placeMessages?: PlaceMessages;
  /** Who watches over the process, such as systemd; absent: nobody does. */
  readonly supervisor?: Supervisor;
  /** Why it begins, for the journal; absent: it has just been started. */
  readonly notes?: readonly Omit<JournalEntry, 'atMs'>[];
  /** How the config's entries were written: kept in the store while machines are known by them. */
  readonly written?: WrittenEntries;
  /** Called once, when nothing of what has left the config is left. */
  readonly onRetired?: () => void;
  /** What is counted goes there; absent: nothing is counted. */
  readonly metrics?: Metrics;
  /** The pure core; another one only in a simulation that breaks it on purpose. */
  readonly core?: typeof tick;
}
