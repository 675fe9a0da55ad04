import type { Clock } from '../model/clock.ts';

/** A bell that a loop waits at: rung while nobody waits, it is heard at the next wait. */
export interface Wake {
  now(): void;
  /** Returns when rung, after `ms`, or when the signal is aborted. Never throws. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

export function createWake(clock: Clock): Wake {
  let rung = false;
  let waiting: AbortController | null = null;
  return {
    now: () => {
      rung = true;
      waiting?.abort();
    },
    wait: async (ms, signal) => {
      if (!rung && !signal.aborted) {
        waiting = new AbortController();
        await clock.sleep(ms, AbortSignal.any([waiting.signal, signal])).catch(() => {});
        waiting = null;
      }
      rung = false;
    },
  };
}
