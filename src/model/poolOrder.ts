import type { PoolName } from './ids.ts';

/** What an operator has said of a pool, over what its config says. It is stored, and holds until it is taken back. */
export interface PoolSetting {
  /** It takes no new machines, whatever asks for them; those that it has go on. */
  readonly paused: boolean;
  /** Null: as the config says. */
  readonly min: number | null;
  readonly max: number | null;
}

export type PoolSettings = ReadonlyMap<PoolName, PoolSetting>;

/** A number sets a bound, null gives it back to the config, and one that is absent stays as it is. */
export type PoolOrder =
  | { readonly kind: 'pause' | 'resume'; readonly pool: PoolName }
  | {
      readonly kind: 'scale';
      readonly pool: PoolName;
      readonly min?: number | null;
      readonly max?: number | null;
    };
