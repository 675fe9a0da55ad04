import { setImmediate } from 'node:timers';
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
  /** Equal moments come in the order of asking. */
  readonly number: number;
  /** Null: taken back. */
  callback: (() => void) | null;
}

/** So often may things be started at one moment before it counts as a loop that never waits. */
const turnsAtOneMomentMax = 10_000;

/** Turns that are asked of the host together: between two of them all promises settle, as they do between two loops. */
const turnsAskedMax = 64;

/** 2026-11-22T00:00:00Z. */
const anyDayMs = 1_795_305_600_000;

export function createVirtualClock(wallStartMs = anyDayMs): VirtualClock {
  const waiters = createWaiters();
  let nowMs = 0;
  let wallOffsetMs = wallStartMs;

  function at(moment: number, callback: () => void): () => void {
    const waiter = waiters.add(Math.max(moment, nowMs), callback);
    return () => waiters.takeBack(waiter);
  }

  function advance(ms: number): Promise<void> {
    const end = nowMs + ms;
    let turns = 0;
    return new Promise((resolve, reject) => {
      let over = false;
      let asked = 0;
      // The first turn runs nothing: what was set off before the call settles first.
      let begun = false;
      const ask = () => {
        for (; asked < turnsAskedMax; asked++) setImmediate(turn);
      };
      const turn = () => {
        asked -= 1;
        if (over) return;
        const next = begun ? waiters.next() : null;
        if (begun && (next === null || next.moment > end)) {
          over = true;
          nowMs = end;
          return resolve();
        }
        begun = true;
        try {
          if (next !== null) run(next);
        } catch (error) {
          over = true;
          return reject(error);
        }
        if (asked === 0) ask();
      };
      const run = (next: Waiter) => {
        turns = next.moment > nowMs ? 0 : turns + 1;
        if (turns > turnsAtOneMomentMax) throw new Error(`time does not pass at ${nowMs} ms`);
        nowMs = next.moment;
        waiters.drop();
        const { callback } = next;
        next.callback = null;
        callback?.();
      };
      ask();
    });
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
      return waiters.count;
    },
  };
}

interface Waiters {
  add(moment: number, callback: () => void): Waiter;
  takeBack(waiter: Waiter): void;
  /** The first that waits; stays until it is dropped. */
  next(): Waiter | null;
  drop(): void;
  readonly count: number;
}

/** A binary heap. One that is taken back stays until its turn, or until half of all are such. */
function createWaiters(): Waiters {
  let heap: Waiter[] = [];
  let asked = 0;
  let dead = 0;
  const before = (a: Waiter, b: Waiter) =>
    a.moment < b.moment || (a.moment === b.moment && a.number < b.number);

  function up(from: number, waiter: Waiter): void {
    let at = from;
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = heap[parentAt];
      if (parent === undefined || before(parent, waiter)) break;
      heap[at] = parent;
      at = parentAt;
    }
    heap[at] = waiter;
  }

  function down(from: number, waiter: Waiter): void {
    let at = from;
    for (;;) {
      let childAt = 2 * at + 1;
      let child = heap[childAt];
      if (child === undefined) break;
      const right = heap[childAt + 1];
      if (right !== undefined && before(right, child)) {
        child = right;
        childAt += 1;
      }
      if (before(waiter, child)) break;
      heap[at] = child;
      at = childAt;
    }
    heap[at] = waiter;
  }

  function drop(): void {
    const last = heap.pop();
    if (last !== undefined && heap.length > 0) down(0, last);
  }

  function forgetDead(): void {
    heap = heap.filter(({ callback }) => callback !== null);
    dead = 0;
    for (let at = (heap.length >> 1) - 1; at >= 0; at--) {
      const waiter = heap[at];
      if (waiter !== undefined) down(at, waiter);
    }
  }

  return {
    add: (moment, callback) => {
      const waiter = { moment, number: asked++, callback };
      up(heap.length, waiter);
      return waiter;
    },
    takeBack: (waiter) => {
      if (waiter.callback === null) return;
      waiter.callback = null;
      dead += 1;
      if (dead > 64 && dead > heap.length / 2) forgetDead();
    },
    next: () => {
      for (;;) {
        const first = heap[0];
        if (first === undefined) return null;
        if (first.callback !== null) return first;
        dead -= 1;
        drop();
      }
    },
    drop,
    get count() {
      return heap.length - dead;
    },
  };
}
