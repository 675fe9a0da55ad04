import { cloudOf, poolOf, queueOf } from './build.ts';
import { loadEntry } from './entries.ts';
import { secretReader } from './files.ts';
import { check } from './issues.ts';
import { cloudKind, type LoadDeps, queueKind, readAllSecrets, type WrittenEntries } from './load.ts';
import { formatPath, type Problem } from './problem.ts';
import { createReport, type Locate } from './report.ts';
import { poolSchema } from './schema.ts';
import type { CloudConfig, QueueConfig, SiteConfig } from './site.ts';

/** What has left the config, as it was when it was last in it. */
export interface Leavers {
  readonly queues: readonly QueueConfig[];
  readonly clouds: readonly CloudConfig[];
  readonly pools: SiteConfig['pools'];
}

export interface LoadedLeavers extends Leavers {
  /** Why some of them can no longer be used: they are not among the others. */
  readonly problems: readonly Problem[];
}

/**
 * Everything that was in an earlier config and is not in this one, read again from how it was written: its secrets are read
 * where they were. Calls no cloud and no queue.
 */
export async function loadLeavers(
  config: SiteConfig,
  earlier: WrittenEntries,
  deps: LoadDeps,
): Promise<LoadedLeavers> {
  const problems: Problem[] = [];
  const left = (all: Readonly<Record<string, unknown>>, still: readonly { readonly name: string }[]) => {
    const names = new Set<string>(still.map(({ name }) => name));
    return Object.entries(all).filter(([name]) => !names.has(name));
  };
  const reader = secretReader(deps.files, deps.env, earlier.path);

  /** What is wrong with one does not concern the others. */
  async function load<T>(
    list: string,
    name: string,
    work: (locate: Locate, report: ReturnType<typeof createReport>) => Promise<T | null>,
  ): Promise<T[]> {
    const report = createReport();
    const locate: Locate = (path) => ({
      file: `${earlier.path} (as it was)`,
      line: 0,
      column: 0,
      path: `${list}[${JSON.stringify(name)}].${formatPath(path)}`.replace(/\.$/, ''),
    });
    const loaded = await work(locate, report);
    if (!report.failed && loaded !== null) return [loaded];
    problems.push(...report.problems.filter(({ severity }) => severity === 'error'));
    return [];
  }

  const queues = await Promise.all(
    left(earlier.queues, config.queues).map(([name, written]) =>
      load<QueueConfig>('queues', name, async (locate, report) => {
        const entry = await loadEntry(written, queueKind(deps), locate, report);
        await readAllSecrets({ queues: [entry], clouds: [], offers: [] }, reader, report);
        return entry.fields === null ? null : { ...queueOf(entry.fields, entry.settings), retiring: true };
      }),
    ),
  );
  const clouds = await Promise.all(
    left(earlier.clouds, config.clouds).map(([name, written]) =>
      load<CloudConfig>('clouds', name, async (locate, report) => {
        const entry = await loadEntry(written, cloudKind(deps), locate, report);
        await readAllSecrets({ queues: [], clouds: [entry], offers: [] }, reader, report);
        return entry.fields === null ? null : { ...cloudOf(entry.fields, entry.settings), retiring: true };
      }),
    ),
  );
  const pools = await Promise.all(
    left(earlier.pools, config.pools).map(([name, written]) =>
      load('pools', name, async (locate, report) => {
        const checked = check(poolSchema, written);
        if (checked.ok) return retiringPool(poolOf(checked.value, null));
        report.findings(locate, checked.findings);
        return null;
      }),
    ),
  );
  return { queues: queues.flat(), clouds: clouds.flat(), pools: pools.flat(), problems };
}

/** A pool that keeps its limits, and has and gets no machine beyond those that it has. */
export function retiringPool(pool: SiteConfig['pools'][number]): SiteConfig['pools'][number] {
  return {
    ...pool,
    offers: [],
    min: 0,
    max: 0,
    headroom: 0,
    headroomShare: 0,
    probe: null,
    userData: null,
    retiring: true,
  };
}
