import { setImmediate as macrotask } from 'node:timers/promises';
import type { Clock } from '../model/clock.ts';

/**
 * A clock that moves only when it is told to. What waits for a moment is run at that moment, in the order of moments
 * and then of asking, and everything that it sets off settles before the next moment comes. The wall clock runs along
 * and may be stepped apart from it.
 */
export interface VirtualClock extends Clock {
  /** Moves time on by so much. */
  advance(ms: number): Promise<void>;
  /** Steps the wall clock alone. */
  stepWall(ms: number): void;
  /** Calls back once at a moment by `monotonicNow`, or as soon as time may pass if that is over; returns the undo. */
  at(moment: number, callback: () => void): () => void;
  /** Things that wait. */
  readonly waiting: number;
}

interface Waiter {
  readonly moment: number;
  readonly callback: () => void;
}

/** So often may things be started at one moment before it counts as a loop that never waits. */
const turnsAtOneMomentMax = 10_000;

/** 2026-11-22T00:00:00Z. */
const anyDayMs = 1_795_305_600_000;

export function createVirtualClock(wallStartMs = anyDayMs): VirtualClock {
  /** In the order of moments; equal ones in the order of asking. */
  const waiters: Waiter[] = [];
  let nowMs = 0;
  let wallOffsetMs = wallStartMs;

  function at(moment: number, callback: () => void): () => void {
    const waiter = { moment: Math.max(moment, nowMs), callback };
    let index = waiters.length;
    while (index > 0 && (waiters[index - 1]?.moment ?? 0) > waiter.moment) index -= 1;
    waiters.splice(index, 0, waiter);
    return () => {
      const found = waiters.indexOf(waiter);
      if (found >= 0) waiters.splice(found, 1);
    };
  }

  async function advance(ms: number): Promise<void> {
    const end = nowMs + ms;
    let turns = 0;
    await macrotask();
    for (;;) {
      const [next] = waiters;
      if (next === undefined || next.moment > end) break;
      turns = next.moment > nowMs ? 0 : turns + 1;
      if (turns > turnsAtOneMomentMax) throw new Error(`time does not pass at ${nowMs} ms`);
      nowMs = next.moment;
      waiters.shift();
      next.callback();
      await macrotask();
    }
    nowMs = end;
  }

  return {
    wallNow: () => wallOffsetMs + nowMs,
    monotonicNow: () => nowMs,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        const abort = () => {
          undo();
          reject(signal.reason);
        };
        const undo = at(nowMs + Math.max(0, ms), () => {
          signal.removeEventListener('abort', abort);
          resolve();
        });
        signal.addEventListener('abort', abort, { once: true });
      }),
    advance,
    stepWall: (ms) => {
      wallOffsetMs += ms;
    },
    at,
    get waiting() {
      return waiters.length;
    },
  };
}
