import type { Clock } from '../../model/clock.ts';
import { QueueError } from '../../model/errors.ts';
import type { JobReader } from './jobs.ts';

/** Asks for the scheduler's revision, one small request, and calls back when it is not the one that was last polled. */
export function watchRevision(
  jobs: JobReader,
  {
    watchMs,
    clock,
    changed,
  }: { readonly watchMs: number; readonly clock: Clock; readonly changed: () => void },
  signal: AbortSignal,
): void {
  const watch = async () => {
    let told: string | null = null;
    while (!signal.aborted) {
      await clock.sleep(watchMs, signal);
      try {
        const now = await jobs.revision(signal);
        if (now === jobs.seen || now === told) continue;
        told = now;
        changed();
      } catch (error) {
        // The next poll says what is wrong.
        if (!(error instanceof QueueError)) throw error;
      }
    }
  };
  watch().catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}
