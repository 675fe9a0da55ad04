import type { ClassAd } from '../classad/ad.ts';
import type { Billing, Market, Terms } from './billing.ts';
import type { CloudName, OfferName, PoolName, QueueName } from './ids.ts';
import type { Mode } from './mode.ts';
import type { Probe } from './probe.ts';
import type { Resources } from './resources.ts';

export interface Price {
  readonly perHour: number;
  /** ISO 4217, e.g. `USD`. */
  readonly currency: string;
}

/** One thing that a cloud can boot: image × flavor × zone × market. */
export interface Offer {
  readonly name: OfferName;
  readonly cloud: CloudName;
  /**
   * The provider ad that jobs are matched against: what the machine's own slot ad will say (Arch, OpSys, Cpus,
   * Memory in MB, Disk in KiB, HasFileTransfer, CondorVersion, …) and whatever the site adds.
   */
  readonly ad: ClassAd;
  /**
   * The attributes of the ad that no machine has by itself, so that its worker must be told to publish them: what
   * the site adds, e.g. `VMType`. Names to old-syntax ClassAd text.
   */
  readonly published: Readonly<Record<string, string>>;
  readonly resources: Resources;
  readonly market: Market;
  readonly price: Price | null;
  readonly billing: Billing;
  /** No more instances of this offer than that at a time, over all pools. */
  readonly max: number | null;
  /** What the cloud's driver needs to boot it, checked by the driver's own schema; opaque to the core. */
  readonly settings: unknown;
  /** It was made of the cloud's catalog. */
  readonly generated?: true;
}

export const termsOf = ({ market, price, billing }: Offer): Terms => ({ market, price, billing });

/** A named set of instances with one policy. */
export interface Pool {
  readonly name: PoolName;
  readonly queue: QueueName;
  /** In the order of the config: among equals the first is taken. */
  readonly offers: readonly OfferName[];
  /** Pools of greater priority come first: for jobs that several could serve, and where a cloud's room is short. */
  readonly priority: number;
  /** Instances on their way count toward min until their deadline; failed and terminating ones never do. */
  readonly min: number;
  /** Everything that is not proven gone counts toward max. */
  readonly max: number;
  /** No more launches than that in an hour, whatever asks for them; null: generous, by its max. */
  readonly launchesPerHour: number | null;
  /** Free (or coming) machines to keep beyond what waiting jobs need. */
  readonly headroom: number;
  /** The same as a share (0 to 1) of the machines in use, while jobs keep coming; the greater of the two holds. */
  readonly headroomShare: number;
  /** How its machines are spread over clouds, among offers that nothing but their cost sets apart. */
  readonly spread: Spread;
  /** On-demand offers are used for what spot offers have had no capacity for, for so long; 0: at once. */
  readonly fallbackAfterMs: number;
  readonly limits: PoolLimits;
  /** Null: what its scheduler says of a machine is enough. */
  readonly probe: Probe | null;
  /** Boot template; null where a preconfigured image needs no user data. */
  readonly userData: string | null;
  /** Absent: act. */
  readonly mode?: Mode;
  /** It has left the config, and has machines: they drain. */
  readonly retiring?: true;
}

/** cheapest: the cheapest first. weighted: so that each cloud has its part of the pool's machines. */
export type Spread =
  | { readonly kind: 'cheapest' }
  | { readonly kind: 'weighted'; readonly weights: ReadonlyMap<CloudName, number> };

/** Every phase ends: the times after which it does, in ms. */
export interface PoolLimits {
  /** A Free machine above min and head-room is drained after so long without a job; null: learned from gaps. */
  readonly idleMs: number | null;
  /** Bounds of the learned time. */
  readonly idleMinMs: number;
  readonly idleMaxMs: number;
  /** What an hour's wait for a machine is worth, in hours of the machine: the more, the longer the learned time. */
  readonly waitWeight: number;
  /** Two idle observations at least so far apart before a drained machine is terminated. */
  readonly idleConfirmMs: number;
  /** Caps of the learned deadlines: create accepted → running, and running → worker seen. */
  readonly bootMaxMs: number;
  readonly joinMaxMs: number;
  /** A worker unseen for so long makes its instance unreachable; after as long again it is terminated. */
  readonly silentMs: number;
  /** A drain that takes longer is noted and waits on; only the lifetime ends a running job. */
  readonly drainMaxMs: number;
  /** Drained when so old; null: no limit. After the grace it is terminated whatever runs on it. */
  readonly lifetimeMs: number | null;
  readonly lifetimeGraceMs: number;
}
