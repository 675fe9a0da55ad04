import type { CloudSnapshot } from '../model/cloud.ts';
import type { QueueSnapshot } from '../model/demand.ts';
import type { CloudName, QueueName } from '../model/ids.ts';
import type { CloudOutlook, QueueOutlook } from '../planner/plan.ts';
import type { DaemonParts } from './daemonParts.ts';
import type { Source } from './source.ts';

/** A source that has not answered for so many periods (and its deadline) cannot be acted on. */
const stalePeriods = 3;

export interface Outlooks {
  readonly clouds: ReadonlyMap<CloudName, CloudOutlook>;
  readonly queues: ReadonlyMap<QueueName, QueueOutlook>;
}

export interface OutlooksInput {
  readonly parts: DaemonParts;
  readonly cloudSources: ReadonlyMap<CloudName, Source<CloudSnapshot>>;
  readonly queueSources: ReadonlyMap<QueueName, Source<QueueSnapshot>>;
  readonly quotaOf: (cloud: CloudName) => Exclude<CloudOutlook['quota'], undefined>;
  readonly pricesOf: (cloud: CloudName) => Exclude<CloudOutlook['prices'], undefined>;
  readonly launchesLeft: (cloud: CloudName, inFlightMax: number) => number;
  readonly unfitOf: (queue: QueueName) => Exclude<QueueOutlook['unfit'], undefined>;
  readonly stopping: () => boolean;
}

/** What each cloud and each queue can be used for now, as a plan takes it; `isNew` says whose view has just come in. */
export function outlooksOf(input: OutlooksInput) {
  const { parts, cloudSources, queueSources, quotaOf, pricesOf, launchesLeft } = input;
  return (nowMs: number, isNew: (queue: QueueName) => boolean): Outlooks => {
    const troubleOf = (
      source: Source<unknown> | undefined,
      { pollMs, deadlineMs }: { readonly pollMs: number; readonly deadlineMs: number },
    ) => notFresh(source, { nowMs, staleMs: stalePeriods * pollMs + deadlineMs, stopping: input.stopping() });
    const clouds = new Map<CloudName, CloudOutlook>(
      parts.clouds.map(({ config }) => {
        const { name, max, launchesInFlightMax } = config;
        const trouble = troubleOf(cloudSources.get(name), config);
        const left = launchesLeft(name, launchesInFlightMax);
        const retiring = config.retiring === true;
        return [
          name,
          { name, max, launchesLeft: left, trouble, quota: quotaOf(name), prices: pricesOf(name), retiring },
        ];
      }),
    );
    const queues = new Map<QueueName, QueueOutlook>(
      parts.queues.map(({ config }) => {
        const { name } = config;
        const source = queueSources.get(name);
        const trouble = troubleOf(source, config);
        return [
          name,
          { view: source?.latest ?? null, trouble, isNew: isNew(name), unfit: input.unfitOf(name) },
        ];
      }),
    );
    return { clouds, queues };
  };
}

function notFresh(
  source: Source<unknown> | undefined,
  { nowMs, staleMs, stopping }: { nowMs: number; staleMs: number; stopping: boolean },
): string | null {
  if (stopping) return 'the daemon stops';
  if (source === undefined || source.latestAtMs === null)
    return source?.trouble == null ? 'not seen yet' : `not seen yet: ${source.trouble.message}`;
  const ageMs = nowMs - source.latestAtMs;
  return ageMs <= staleMs
    ? null
    : `last seen ${Math.round(ageMs / 1000)} s ago: ${source.trouble?.message ?? 'slow'}`;
}
