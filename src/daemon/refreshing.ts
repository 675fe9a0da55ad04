import type { Clock } from '../model/clock.ts';
import type { Log } from '../model/log.ts';

const firstMs = 60_000;
const everyMs = 60 * 60_000;

export interface Refreshing {
  /** Whether the config that holds has offers that are generated. */
  readonly generates: () => boolean;
  /** Makes them anew; resolves to whether every cloud's catalog is known. */
  readonly refresh: () => Promise<boolean>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Has generated offers made anew every hour, and every minute while a catalog is not known, until the signal is aborted. */
export async function keepRefreshing(
  { generates, refresh, clock, log }: Refreshing,
  signal: AbortSignal,
): Promise<void> {
  let waitMs = firstMs;
  while (!signal.aborted) {
    await clock.sleep(waitMs, signal).catch(() => {}); // aborted: the loop ends
    if (signal.aborted) return;
    try {
      waitMs = !generates() || (await refresh()) ? everyMs : firstMs;
    } catch (error) {
      if (!signal.aborted) log.warn({ err: error }, 'generated offers could not be made anew');
      waitMs = firstMs;
    }
  }
}
