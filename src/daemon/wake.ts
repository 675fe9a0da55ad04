import type { Clock } from '../model/clock.ts';

/** A bell that a loop waits at: rung while nobody waits, it is heard at the next wait. */
export interface Wake {
  now(): void;
  /** Returns when rung, after `ms`, or when the signal is aborted. Never throws. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

/** One for all: an abort without a reason makes an exception with a stack each time. */
const rang = new Error('the bell');

export function createWake(clock: Clock): Wake {
  let rung = false;
  let waiting: AbortController | null = null;
  return {
    now: () => {
      rung = true;
      waiting?.abort(rang);
    },
    wait: async (ms, signal) => {
      if (!rung && !signal.aborted) {
        const sleeper = new AbortController();
        const stop = () => sleeper.abort(rang);
        signal.addEventListener('abort', stop, { once: true });
        waiting = sleeper;
        await clock.sleep(ms, sleeper.signal).catch(() => {});
        waiting = null;
        signal.removeEventListener('abort', stop);
      }
      rung = false;
    },
  };
}
