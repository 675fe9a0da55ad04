import type { ReloadReceipt } from '../api/reload.ts';
import type { Clock } from '../model/clock.ts';
import type { Log } from '../model/log.ts';

const lookMs = 60_000;
const everyMs = 60 * 60_000;

export interface Refreshing {
  /** What is so by now; looked at each minute. */
  readonly holds: {
    /** The config has offers that are generated. */
    readonly generates: boolean;
    /** Every cloud's catalog was known when it was last read. */
    readonly allKnown: boolean;
  };
  /** Makes them anew; resolves to what is to be said of catalogs: that one is old, that nothing of it fits. */
  readonly refresh: () => Promise<readonly string[]>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Of what is said of a config: what is about `generate`. Ages are left out, so that it is the same until it is another thing. */
export function generationNotes({ problems }: Pick<ReloadReceipt, 'problems'>): readonly string[] {
  return problems
    .filter(({ path }) => path.endsWith('.generate'))
    .map(({ message }) => message.replace(/ is that of \S+( \S+)? ago:/, ' is an old one:'));
}

/** Has generated offers made anew every hour, and every minute while a catalog is not known, until the signal is aborted. */
export async function keepRefreshing(
  { holds, refresh, clock, log }: Refreshing,
  signal: AbortSignal,
): Promise<void> {
  let lastMs = Number.NEGATIVE_INFINITY;
  let said: readonly string[] = [];
  while (!signal.aborted) {
    await clock.sleep(lookMs, signal).catch(() => {}); // aborted: the loop ends
    const now = clock.monotonicNow();
    if (signal.aborted || !holds.generates || (holds.allKnown && now - lastMs < everyMs)) continue;
    lastMs = now;
    try {
      const notes = await refresh();
      for (const note of notes.filter((one) => !said.includes(one))) log.warn({ note }, 'generated offers');
      said = notes;
    } catch (error) {
      lastMs = Number.NEGATIVE_INFINITY;
      if (!signal.aborted) log.warn({ err: error }, 'generated offers could not be made anew');
    }
  }
}
