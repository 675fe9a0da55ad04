import type { QuotaSnapshot } from '../model/cloud.ts';
import type { CloudName } from '../model/ids.ts';
import type { Log } from '../model/log.ts';
import type { CloudPart, DaemonParts } from './daemonParts.ts';
import { withDeadline } from './deadline.ts';
import type { Timeline } from './timeline.ts';

/** What the accounts may still have, as their clouds say. */
export interface QuotaWatch {
  /** The newest answer; null where the cloud does not say, or has not said for too long. */
  of(cloud: CloudName): QuotaSnapshot | null;
  /** Asks until the signal is aborted. */
  run(signal: AbortSignal): Promise<void>;
}

const periodMs = 60_000;
/** An older answer says nothing: other people's machines come and go. */
const ageMaxMs = 3 * periodMs;

/** A cloud that says nothing of quotas is asked once. One that fails is asked again, and bounds nothing meanwhile. */
export function watchQuotas(
  { clouds, clock, log }: Pick<DaemonParts, 'clouds' | 'clock' | 'log'>,
  timeline: Timeline,
): QuotaWatch {
  const newest = new Map<CloudName, QuotaSnapshot>();

  async function watch({ config, cloud }: CloudPart, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const takenAtMs = timeline.now();
      try {
        const quota = await withDeadline((inner) => cloud.quota(inner), {
          clock,
          ms: config.deadlineMs,
          signal,
        });
        if (quota === null) return;
        newest.set(config.name, { ...quota, takenAtMs });
      } catch (error) {
        if (!signal.aborted) warn(log, config.name, error);
      }
      await clock.sleep(periodMs, signal).catch(() => {});
    }
  }

  return {
    of: (cloud) => {
      const quota = newest.get(cloud);
      return quota === undefined || timeline.now() - quota.takenAtMs > ageMaxMs ? null : quota;
    },
    run: async (signal) => {
      await Promise.all(clouds.map((part) => watch(part, signal)));
    },
  };
}

function warn(log: Log, cloud: CloudName, error: unknown): void {
  log.warn({ cloud, why: error instanceof Error ? error.message : String(error) }, 'quota not told');
}
