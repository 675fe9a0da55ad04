import type { ZodType } from 'zod';
import type { Market } from '../model/billing.ts';
import type { Catalog, Generation } from '../model/catalog.ts';
import type { Check } from '../model/check.ts';
import type { Clock } from '../model/clock.ts';
import type { CloudInstance } from '../model/cloud.ts';
import type { CloudId, CloudName, InstanceId, IntentId, OfferName, PoolName, SiteId } from '../model/ids.ts';
import type { Log } from '../model/log.ts';
import type { Price } from '../model/offer.ts';
import type { Resources } from '../model/resources.ts';

/**
 * What a driver promises. It holds no policy: it counts nothing, retries no write, knows no deadline of a
 * state and no pool. Every method takes a signal and gives up when it is aborted; every failure is a CloudError.
 */
export interface Cloud {
  /**
   * Every instance that bears our owner mark, all pages and regions, or it throws: never a part. Terminated ones
   * may be in it for as long as the cloud shows them. One list for each cycle, never one call for each instance.
   */
  list(signal: AbortSignal): Promise<readonly CloudInstance[]>;

  /**
   * Makes the next list come sooner: calls back whenever one may say something new, until the signal is aborted. It never
   * stands for a list: what is true is what lists say, and silence means nothing. Calls back as often as it likes (whoever
   * lists does not list more often than it wants). Resolves when it has nothing more to say, and throws nothing. Absent where
   * the cloud gives no sign.
   */
  hint?(soon: () => void, signal: AbortSignal): Promise<void>;

  /**
   * Sends one create call for all the intent's seats, once, with the intent's id as idempotency token and the
   * owner mark in the call. Returns what the cloud accepted, in the order of the seats; fewer than asked for where
   * it had room for fewer. Throws a CloudError; with `inDoubt` set the call may have been carried out, and the core
   * will `resolve` it before anything else.
   */
  launch(order: LaunchOrder, signal: AbortSignal): Promise<LaunchAccepted>;

  /**
   * Looks for an intent whose outcome is unknown, by the freshest view the cloud has: what it made, in the order of
   * the seats, or nothing. "Nothing" is final only once `capabilities.listLagMs` has passed since the call was sent
   * or given up; the core sees to that.
   */
  resolve(intent: IntentId, signal: AbortSignal): Promise<readonly CloudInstance[]>;

  /**
   * Advances the end of one instance by a step and says where it stands. Called again, no faster than each list,
   * until it says `gone`; may be called for one that is gone already. Ending what it does not know is `gone` only
   * where the driver is sure (an id that was never listed may be too new to be known: then `ending`).
   */
  terminate(instance: CloudId, signal: AbortSignal): Promise<'ending' | 'gone'>;

  /** What the account may still have; null where the cloud does not say. */
  quota(signal: AbortSignal): Promise<Quota | null>;

  /** What could be offered, for `check` and `cloud catalog`. */
  catalog(signal: AbortSignal): Promise<Catalog>;

  /**
   * What spot offers cost now, by the cloud's own market; those whose price it does not tell are left out. One call or few for
   * all offers, not made more often than every few minutes. Absent where prices do not change.
   */
  prices?(offers: readonly CheckedOffer[], signal: AbortSignal): Promise<ReadonlyMap<OfferName, Price>>;

  /**
   * What `check --live` looks at, in this order, `login` first. Creates and changes nothing. Absent where there is
   * nothing to ask.
   */
  checks?(request: CloudCheckRequest): readonly Check[];

  /** Ends open connections. Never ends an instance. */
  close(): Promise<void>;
}

export interface CloudCheckRequest {
  /** The cloud's offers. */
  readonly offers: readonly CheckedOffer[];
  /** The most machines that the config would ever have there. */
  readonly machinesMax: number;
}

export interface CheckedOffer {
  readonly name: OfferName;
  readonly market: Market;
  /** What the config says that a machine of it has. */
  readonly resources: Resources;
  /** As the driver's `offerSchema` returned them. */
  readonly settings: unknown;
}

export interface LaunchOrder {
  readonly intent: IntentId;
  readonly instances: readonly InstanceId[];
  readonly pool: PoolName;
  readonly offer: OfferName;
  /** Spot only where the driver's capabilities say that it can. */
  readonly market: Market;
  /** The offer's settings, as the driver's `offerSchema` returned them. */
  readonly settings: unknown;
  /** The machine's boot data, whole; null for a preconfigured image. May hold a credential: never logged. */
  readonly userData: string | null;
}

export interface LaunchAccepted {
  readonly instances: readonly CloudInstance[];
}

export interface Quota {
  readonly instances: number | null;
  readonly cpus: number | null;
  readonly memoryMiB: number | null;
}

/** What a cloud can and cannot do, as data: the core decides by it, never by the driver's name. */
export interface CloudCapabilities {
  /** The same create may be sent again with the same intent and makes no second machine. */
  readonly replaySafe: boolean;
  /** `create`: the mark is set by the create call itself. `name`: only the name carries it. */
  readonly mark: 'create' | 'name';
  /** Machines in one create call at most. */
  readonly batchMax: number;
  /** After a create is answered or given up, `list` and `resolve` may miss its machines for so long. */
  readonly listLagMs: number;
  readonly userDataBytesMax: number;
  /** It has machines that it may take back at any time, and takes orders for them. */
  readonly spot: boolean;
}

/** What every driver exports. `settings` and the orders' `settings` are what the two schemas returned. */
export interface CloudDriver<Settings = unknown> {
  /** The word in the config's `driver:` field. */
  readonly name: string;
  /** The cloud's own fields in the config, without `name` and `driver`. */
  readonly configSchema: ZodType<Settings>;
  /** The fields under an offer's `boot:`, for this kind of cloud. */
  readonly offerSchema: ZodType;
  readonly capabilities: CloudCapabilities;
  /** Offers may be generated from its catalog; absent: they are written out. */
  readonly generation?: Generation;
  create(settings: Settings, deps: CloudDeps): Cloud;
}

export interface CloudDeps {
  readonly site: SiteId;
  readonly cloud: CloudName;
  readonly clock: Clock;
  readonly log: Log;
}
