/** How the loop does, as the loop itself has said: nothing else may beat it, a timer least of all. */
export interface Pulse {
  /** The loop has ticked and goes to wait for so long at most. */
  ticked(nowMs: number, dueInMs: number): void;
  /** The loop is over: it was stopped, or has failed. Another one may begin in its place. */
  over(nowMs: number): void;
  /** When the newest tick of the loop ended, daemon time in ms; null before the first. */
  readonly tickedAtMs: number | null;
  /** How long the next tick has been due, in ms; 0 where it is not. */
  overdueMs(nowMs: number): number;
  /** Why the loop makes no progress; null where it does. */
  trouble(nowMs: number): string | null;
}

/** A tick is late only when it is later than that: a host may be busy for a while. */
const graceMs = 30_000;

export function createPulse(): Pulse {
  let tickedAtMs: number | null = null;
  let dueAtMs = 0;
  let isOver = false;
  const overdueMs = (nowMs: number) => (tickedAtMs === null ? 0 : Math.max(0, nowMs - dueAtMs));
  return {
    ticked: (nowMs, dueInMs) => {
      tickedAtMs = nowMs;
      dueAtMs = nowMs + dueInMs;
    },
    over: (nowMs) => {
      isOver = true;
      dueAtMs = nowMs;
    },
    get tickedAtMs() {
      return tickedAtMs;
    },
    overdueMs,
    trouble: (nowMs) => {
      if (tickedAtMs === null) return 'the loop has not begun';
      const lateMs = overdueMs(nowMs);
      if (lateMs <= graceMs) return null;
      const since = `${Math.floor(lateMs / 1000)} s`;
      return isOver ? `the loop ended ${since} ago` : `the next tick has been due for ${since}`;
    },
  };
}
