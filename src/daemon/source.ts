import type { Clock } from '../model/clock.ts';
import { CloudError, QueueError } from '../model/errors.ts';
import type { Log } from '../model/log.ts';
import { DeadlineError, withDeadline } from './deadline.ts';
import type { Timeline } from './timeline.ts';
import { createWake } from './wake.ts';

/** Something that is looked at again and again: a queue or a cloud. */
export interface Source<Snapshot> {
  readonly name: string;
  /** The newest view, whatever its age; null before the first. */
  readonly latest: Snapshot | null;
  /** When the look that gave `latest` began, daemon time in ms. */
  readonly latestAtMs: number | null;
  /** Why the last look failed; null when it worked. */
  readonly trouble: SourceTrouble | null;
  /** Looks again now rather than at the end of the period. */
  hurry(): void;
  /** Looks until the signal is aborted. */
  run(signal: AbortSignal): Promise<void>;
}

export interface SourceTrouble {
  readonly code: string;
  readonly message: string;
  readonly sinceMs: number;
}

export interface SourceOptions<Snapshot> {
  readonly name: string;
  readonly periodMs: number;
  readonly deadlineMs: number;
  /** A hurried look comes no sooner after the last began; absent: a fifth of the period. */
  readonly hurryMs?: number;
  readonly clock: Clock;
  readonly timeline: Timeline;
  readonly log: Log;
  readonly look: (nowMs: number, signal: AbortSignal) => Promise<Snapshot>;
  readonly onSnapshot: (snapshot: Snapshot) => void;
  readonly onTrouble: (trouble: SourceTrouble | null) => void;
}

/** A hurried look comes no sooner than this share of the period after the last began. */
export const hurryShare = 0.2;

/**
 * One look at a time, begun a period apart. A look that fails leaves the last view as it is, with its age: silence
 * is not an empty view. Looks go on at the same pace while they fail.
 */
export function createSource<Snapshot>(options: SourceOptions<Snapshot>): Source<Snapshot> {
  const { clock, timeline, periodMs, deadlineMs, hurryMs = periodMs * hurryShare } = options;
  const log = options.log.child({ source: options.name });
  const wake = createWake(clock);
  let latest: Snapshot | null = null;
  let latestAtMs: number | null = null;
  let trouble: SourceTrouble | null = null;

  async function lookOnce(signal: AbortSignal): Promise<void> {
    const beganMs = timeline.now();
    try {
      const snapshot = await withDeadline((inner) => options.look(beganMs, inner), {
        clock,
        ms: deadlineMs,
        signal,
      });
      latest = snapshot;
      latestAtMs = beganMs;
      if (trouble !== null) {
        log.info({ forMs: timeline.now() - trouble.sinceMs }, 'source answers again');
        trouble = null;
        options.onTrouble(null);
      }
      options.onSnapshot(snapshot);
    } catch (error) {
      if (signal.aborted) return;
      const { code, message } = describe(error);
      const first = trouble === null;
      const changed = trouble?.code !== code;
      trouble = { code, message, sinceMs: trouble?.sinceMs ?? timeline.now() };
      if (changed) log.warn({ code, problem: message }, 'source does not answer');
      if (first || changed) options.onTrouble(trouble);
    }
  }

  return {
    name: options.name,
    get latest() {
      return latest;
    },
    get latestAtMs() {
      return latestAtMs;
    },
    get trouble() {
      return trouble;
    },
    hurry: () => wake.now(),
    run: async (signal) => {
      while (!signal.aborted) {
        const beganMs = clock.monotonicNow();
        await lookOnce(signal);
        const leastMs = hurryMs - (clock.monotonicNow() - beganMs);
        if (leastMs > 0) await clock.sleep(leastMs, signal).catch(() => {});
        await wake.wait(Math.max(0, periodMs - (clock.monotonicNow() - beganMs)), signal);
      }
    },
  };
}

/** A driver's or adapter's error by its code; anything else is a fault of ours, and said to be one. */
export function describe(error: unknown): { code: string; message: string } {
  if (error instanceof CloudError || error instanceof QueueError)
    return { code: error.code, message: error.message };
  if (error instanceof DeadlineError) return { code: 'timeout', message: error.message };
  return {
    code: 'internal',
    message: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
  };
}
