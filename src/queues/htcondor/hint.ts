import { watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Log } from '../../model/log.ts';

/**
 * Calls back whenever the schedd writes to its job_queue.log; nothing is read, since a poll tells what has changed.
 * The folder is watched, not the file: the schedd replaces it when it compacts it. A file that this user may not see
 * is said once, and polls go on by the clock.
 */
export function watchJobQueueLog(path: string, changed: () => void, signal: AbortSignal, log: Log): void {
  const giveUp = (error: unknown) => {
    log.warn({ path, error: String(error) }, 'job_queue.log cannot be watched');
  };
  try {
    const watcher = watch(dirname(path), { signal }, (_, name) => {
      if (name === basename(path)) changed();
    });
    watcher.on('error', giveUp);
  } catch (error) {
    giveUp(error);
  }
}
