import type { VirtualClock } from './virtualClock.ts';

/**
 * What goes wrong with one call. refuse: answered with the error, nothing done. hang: never done, never answered.
 * lost: done, and the caller gets the error. mute: done, never answered. cut: not done, and the caller gets the error
 * as if it might have been.
 */
export type Fault =
  | { readonly kind: 'refuse' | 'lost' | 'cut'; readonly error: Error }
  | { readonly kind: 'hang' | 'mute' };

/** How long a request is on its way, and its answer. */
export interface Delay {
  readonly requestMs: number;
  readonly answerMs: number;
}

/**
 * A call to a simulated server. `work` is done when the request arrives, whether or not the caller is still there:
 * an abort ends the waiting, not what was asked for.
 */
export async function callServer<T>(
  clock: VirtualClock,
  { delay, fault, signal }: { delay: Delay; fault: Fault | null; signal: AbortSignal },
  work: () => T,
): Promise<T> {
  signal.throwIfAborted();
  const arrival = new Promise<T>((resolve, reject) => {
    if (fault?.kind === 'hang') return;
    clock.at(clock.monotonicNow() + delay.requestMs, () => {
      if (fault?.kind === 'refuse' || fault?.kind === 'cut') return reject(fault.error);
      try {
        const result = work();
        if (fault?.kind === 'lost') reject(fault.error);
        else if (fault === null) resolve(result);
      } catch (error) {
        reject(error);
      }
    });
  });
  const answered = async () => {
    try {
      return await arrival;
    } finally {
      await clock.sleep(delay.answerMs, signal);
    }
  };
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  return Promise.race([answered(), aborted]);
}
