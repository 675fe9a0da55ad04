import { watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { QueueError } from '../../model/errors.ts';
import type { Log } from '../../model/log.ts';
import type { News } from './log-source.ts';

/**
 * Calls back when the schedd has written something into its job_queue.log that may change the demand. The folder is
 * watched, not the file: the schedd replaces it when it compacts it. A file that this user may not see is said once, and
 * polls go on by the clock; where its growth can be seen and not what it is, all growth counts.
 */
export function watchJobQueueLog(
  path: string,
  { changed, news, log }: { readonly changed: () => void; readonly news: News; readonly log: Log },
  signal: AbortSignal,
): void {
  let told = false;
  const giveUp = (error: unknown) => {
    if (!told) log.warn({ path, error: String(error) }, 'job_queue.log cannot be watched');
    told = true;
  };
  const looks = oneAtATime(async () => {
    try {
      if (await news.hasNews(signal)) changed();
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof QueueError)) throw error;
      giveUp(error);
      changed();
    }
  });
  try {
    const watcher = watch(dirname(path), { signal }, (_, name) => {
      if (name === basename(path)) looks();
    });
    watcher.on('error', giveUp);
    // From where it stands now; what has come since the last poll nobody knows, so that is news.
    looks();
  } catch (error) {
    giveUp(error);
  }
}

/** Calls that come while one is under way are one more afterwards. */
function oneAtATime(work: () => Promise<void>): () => void {
  let running = false;
  let again = false;
  const run = async () => {
    running = true;
    do {
      again = false;
      await work();
    } while (again);
    running = false;
  };
  return () => {
    if (running) again = true;
    else void run();
  };
}
