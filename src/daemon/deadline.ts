import type { Clock } from '../model/clock.ts';

/** A call that was given up because its time was over. */
export class DeadlineError extends Error {
  constructor(ms: number) {
    super(`no answer within ${ms} ms`);
    this.name = 'DeadlineError';
  }
}

/** One for all: an abort without a reason makes an exception with a stack each time. */
const over = new Error('answered in time');

/**
 * Runs `call` with a signal that is aborted when the time is over or the outer signal is. Settles no later than the
 * deadline even where the call ignores its signal: what it does afterwards is nobody's.
 */
export async function withDeadline<T>(
  call: (signal: AbortSignal) => Promise<T>,
  { clock, ms, signal }: { clock: Clock; ms: number; signal: AbortSignal },
): Promise<T> {
  signal.throwIfAborted();
  const inner = new AbortController();
  const timer = new AbortController();
  const stop = () => inner.abort(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  const givenUp = new Promise<never>((_, reject) => {
    inner.signal.addEventListener('abort', () => reject(inner.signal.reason), { once: true });
  });
  clock.sleep(ms, timer.signal).then(
    () => inner.abort(new DeadlineError(ms)),
    () => {},
  );
  try {
    return await Promise.race([call(inner.signal), givenUp]);
  } finally {
    timer.abort(over);
    signal.removeEventListener('abort', stop);
  }
}
