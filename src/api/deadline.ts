import type { Clock } from '../model/clock.ts';

/** The work was given up because its time was over. */
export class DeadlineError extends Error {
  constructor(limitMs: number) {
    super(`no answer in ${limitMs} ms`);
    this.name = 'DeadlineError';
  }
}

/**
 * Runs `work` with a signal that is aborted after `limitMs`, or when `outer` is, and rejects at that moment even
 * where the work does not heed its signal.
 */
export async function withDeadline<T>(
  options: { readonly clock: Clock; readonly limitMs: number; readonly outer: AbortSignal },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { clock, limitMs, outer } = options;
  const over = new AbortController();
  const finished = new AbortController();
  const signal = AbortSignal.any([outer, over.signal]);
  const timer = clock.sleep(limitMs, finished.signal).then(
    () => over.abort(new DeadlineError(limitMs)),
    () => {}, // finished in time
  );
  const aborted = Promise.withResolvers<never>();
  const giveUp = () => aborted.reject(signal.reason);
  if (signal.aborted) giveUp();
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    return await Promise.race([work(signal), aborted.promise]);
  } finally {
    signal.removeEventListener('abort', giveUp);
    finished.abort();
    await timer;
  }
}
