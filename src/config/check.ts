import { type LoadDeps, type Loaded, loadSite } from './load.ts';
import type { Problem } from './problem.ts';

/** What `spillway check` says of a configuration: everything that is wrong, and how much it describes. */
export interface CheckReport {
  /** In the order in which they stand in the files. */
  readonly problems: readonly Problem[];
  /** Null where it has errors. */
  readonly site: {
    readonly name: string;
    readonly queues: number;
    readonly clouds: number;
    readonly offers: number;
    /** Clouds whose catalogs more offers are made of, where those are not known; absent: none. */
    readonly catalogs?: readonly string[];
    readonly pools: number;
  } | null;
}

/** Checks a configuration whole; see `loadSite`. */
export async function checkSite(path: string, deps: LoadDeps): Promise<CheckReport> {
  return reportOf(await loadSite(path, deps));
}

export function reportOf({ config, problems }: Pick<Loaded, 'config' | 'problems'>): CheckReport {
  if (config === null) return { problems, site: null };
  const made = new Set(config.offers.filter(({ generated }) => generated).map(({ cloud }) => cloud));
  const unknown = (config.generating ?? []).filter((cloud) => !made.has(cloud));
  return {
    problems,
    site: {
      name: config.site,
      queues: config.queues.length,
      clouds: config.clouds.length,
      offers: config.offers.length,
      ...(unknown.length === 0 ? {} : { catalogs: unknown }),
      pools: config.pools.length,
    },
  };
}
