/** What has been decided and not done, because the config says `mode: observe`. */
export interface ObserveView {
  /** Null: it begins with the next tick. */
  readonly sinceMs: number | null;
  /** All of the site; else the clouds and pools that say so. */
  readonly site: boolean;
  readonly clouds: readonly string[];
  readonly pools: readonly string[];
  /** Machines that would have been booted since, and those of them that would be there now. */
  readonly booted: number;
  readonly machines: readonly WouldBeMachines[];
  /** By currency; of machines without a price nothing is counted. */
  readonly cost: readonly WouldBeCost[];
}

export interface WouldBeMachines {
  readonly pool: string;
  readonly offer: string;
  readonly cloud: string;
  readonly count: number;
}

export interface WouldBeCost {
  readonly currency: string;
  /** Of all that would have been booted. */
  readonly soFar: number;
  /** Of those that would be there now. */
  readonly perHour: number;
}
