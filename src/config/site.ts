import type { AccessGrant, AccessToken, ListenAddress, UserSocket } from '../model/access.ts';
import type { Budget } from '../model/budget.ts';
import type { Downtime } from '../model/downtime.ts';
import type { FairnessPolicy } from '../model/fairness.ts';
import type { Hook } from '../model/hook.ts';
import type { CloudName, QueueName, SiteId } from '../model/ids.ts';
import type { Mode } from '../model/mode.ts';
import type { Offer, Pool } from '../model/offer.ts';

/** A configuration that has been checked whole: every name resolves, every secret has been read. */
export interface SiteConfig {
  readonly site: SiteId;
  /** Folder of the store. */
  readonly stateDir: string;
  /** Path of the API's unix socket. */
  readonly socket: string;
  readonly api: ApiConfig;
  readonly queues: readonly QueueConfig[];
  readonly clouds: readonly CloudConfig[];
  readonly offers: readonly Offer[];
  /** Clouds from whose catalogs some of the offers are made; absent: none. */
  readonly generating?: readonly CloudName[];
  readonly pools: readonly Pool[];
  readonly downtimes: readonly Downtime[];
  readonly budgets: readonly Budget[];
  /** Commands that are told when machines come and go. */
  readonly hooks: readonly Hook[];
  /** Of all of it; absent: act. */
  readonly mode?: Mode;
  readonly accounting: AccountingConfig;
  readonly policy: SitePolicy;
}

/** The API beside its unix socket. */
export interface ApiConfig {
  readonly listen: readonly ListenAddress[];
  readonly tokens: readonly AccessToken[];
  /** What those see who show no token; null: nothing. */
  readonly visitors: AccessGrant | null;
  /** Null: there is none. */
  readonly userSocket: UserSocket | null;
}

/** What has been used: how long it is kept, and whom it is reported to. */
export interface AccountingConfig {
  readonly keepMs: number;
  readonly keepMachinesMs: number;
  /** Null: no usage records are written. */
  readonly apel: ApelConfig | null;
}

export interface ApelConfig {
  /** The site's name in GOCDB. */
  readonly siteName: string;
  readonly cloudComputeService: string | null;
  /** Messages are put there by themselves, so often; null: only when they are asked for. */
  readonly folder: string | null;
  readonly everyMs: number;
  readonly benchmark: { readonly type: string; readonly value: number } | null;
  readonly fqans: ReadonlyMap<string, string>;
  readonly globalUserNames: ReadonlyMap<string, string>;
}

export interface QueueConfig {
  readonly name: QueueName;
  readonly adapter: string;
  /** Between the beginnings of two polls; a hint comes before it. */
  readonly pollMs: number;
  /** A poll that takes longer has failed. */
  readonly deadlineMs: number;
  /** Jobs that nothing has fitted for so long are held; absent or null: never. */
  readonly holdUnfitAfterMs?: number | null;
  /** As the adapter's `configSchema` returned it. */
  readonly settings: unknown;
  /** It has left the config, and machines have workers in it: its jobs are none of ours. */
  readonly retiring?: true;
}

export interface CloudConfig {
  readonly name: CloudName;
  readonly driver: string;
  /** Between the beginnings of two lists; a hint comes before it. */
  readonly pollMs: number;
  /** For one call to the cloud. */
  readonly deadlineMs: number;
  /** All that is not proven gone counts; null: no limit of ours. */
  readonly max: number | null;
  /** Create calls under way at a time. */
  readonly launchesInFlightMax: number;
  /** Creates, look-ups and ends together, lists apart; absent: no limit of ours. */
  readonly callsPerMinute?: number;
  /** As the driver's `configSchema` returned it. */
  readonly settings: unknown;
  /** Absent: act. */
  readonly mode?: Mode;
  /** It has left the config, and has machines: they drain. */
  readonly retiring?: true;
}

export interface SitePolicy {
  /** An instance with our mark that the store does not know is dealt with when it has been seen for so long. */
  readonly reapMs: number;
  /** Delays of an offer that is set aside: first, and at most (it doubles, with jitter). */
  readonly setAsideFirstMs: number;
  readonly setAsideMaxMs: number;
  /** More than this share of a pool at once is only ended after two fresh views. */
  readonly massShare: number;
  /** So many failures of an offer or a cloud in a row raise an alarm. */
  readonly alarmAfter: number;
  /** How long before a downtime machines are drained where walltimes do not say. */
  readonly drainAheadMs: number;
  /** Ended instances and journal entries are kept for so long. */
  readonly retentionMs: number;
  readonly fairness: FairnessPolicy;
}
