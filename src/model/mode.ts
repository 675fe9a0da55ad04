import type { CloudName, PoolName } from './ids.ts';

/** act: what is decided is done. observe: all but the writes; what would have been done is said. */
export const modes = ['act', 'observe'] as const;
export type Mode = (typeof modes)[number];

/** What is only observed. A machine is where its pool or its cloud is, or the site. */
export interface Observed {
  readonly site: boolean;
  readonly pools: ReadonlySet<PoolName>;
  readonly clouds: ReadonlySet<CloudName>;
}

interface Moded<Name> {
  readonly name: Name;
  readonly mode?: Mode;
}

/** Null: nothing is, and everything is done. */
export function observedOf({
  mode,
  pools,
  clouds,
}: {
  readonly mode?: Mode;
  readonly pools: readonly Moded<PoolName>[];
  readonly clouds: readonly Moded<CloudName>[];
}): Observed | null {
  const namesOf = <Name>(all: readonly Moded<Name>[]) =>
    new Set(all.flatMap((one) => (one.mode === 'observe' ? [one.name] : [])));
  const observed = { site: mode === 'observe', pools: namesOf(pools), clouds: namesOf(clouds) };
  return observed.site || observed.pools.size > 0 || observed.clouds.size > 0 ? observed : null;
}

export function isObserved(
  observed: Observed | null | undefined,
  { pool, cloud }: { readonly pool: PoolName | null; readonly cloud: CloudName },
): boolean {
  if (observed == null) return false;
  return observed.site || observed.clouds.has(cloud) || (pool !== null && observed.pools.has(pool));
}
