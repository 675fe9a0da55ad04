import type { ReloadReceipt } from '../api/reload.ts';
import type { Clock } from '../model/clock.ts';
import type { Log } from '../model/log.ts';

const firstMs = 60_000;
const everyMs = 60 * 60_000;
const nothing = { allKnown: true, notes: [] };

export interface Refreshing {
  /** Whether the config that holds has offers that are generated. */
  readonly generates: () => boolean;
  /** Makes them anew. */
  readonly refresh: () => Promise<Refreshed>;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Refreshed {
  /** Every cloud's catalog is. */
  readonly allKnown: boolean;
  /** What is to be said of catalogs: that one is old, that nothing of it fits. */
  readonly notes: readonly string[];
}

/** Of what is said of a config: what is about `generate`. Ages are left out, so that it is the same until it is another thing. */
export function generationNotes({ problems }: Pick<ReloadReceipt, 'problems'>): readonly string[] {
  return problems
    .filter(({ path }) => path.endsWith('.generate'))
    .map(({ message }) => message.replace(/ is that of \S+( \S+)? ago:/, ' is an old one:'));
}

/** Has generated offers made anew every hour, and every minute while a catalog is not known, until the signal is aborted. */
export async function keepRefreshing(
  { generates, refresh, clock, log }: Refreshing,
  signal: AbortSignal,
): Promise<void> {
  let waitMs = firstMs;
  let said: readonly string[] = [];
  while (!signal.aborted) {
    await clock.sleep(waitMs, signal).catch(() => {}); // aborted: the loop ends
    if (signal.aborted) return;
    try {
      const { allKnown, notes } = generates() ? await refresh() : nothing;
      waitMs = allKnown ? everyMs : firstMs;
      for (const note of notes.filter((one) => !said.includes(one))) log.warn({ note }, 'generated offers');
      said = notes;
    } catch (error) {
      if (!signal.aborted) log.warn({ err: error }, 'generated offers could not be made anew');
      waitMs = firstMs;
    }
  }
}
