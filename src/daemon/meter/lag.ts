import type { Metrics } from '../../metrics/metrics.ts';
import type { Clock } from '../../model/clock.ts';

const everyMs = 1000;

/** Sleeps again and again, and notes how much later than asked for it wakes: how busy the process is. */
export function watchLag(parts: { readonly metrics?: Metrics; readonly clock: Clock }) {
  const { metrics, clock } = parts;
  return {
    run: async (signal: AbortSignal): Promise<void> => {
      if (metrics === undefined) return;
      while (!signal.aborted) {
        const askedMs = clock.monotonicNow();
        await clock.sleep(everyMs, signal).catch(() => {}); // aborted: the loop ends
        if (!signal.aborted)
          metrics.observe('loopLag', {}, (clock.monotonicNow() - askedMs - everyMs) / 1000);
      }
    },
  };
}
