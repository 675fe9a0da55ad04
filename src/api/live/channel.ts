import type { Clock } from '../../model/clock.ts';
import { type Control, ControlError } from '../control.ts';
import { createChanges } from './changes.ts';
import { type LiveDemand, type LiveFrame, liveInstance } from './frame.ts';

/** One who watches. */
export interface Viewer {
  /** Sends a piece of the stream; false: nothing more until `drained` is called. */
  send(text: string): boolean;
  /** Takes no more, and should be hung up on. */
  drop(): void;
}

export interface Seat {
  /** From now on the viewer is sent frames, the first at once. */
  begin(): void;
  /** The viewer can be sent more. */
  drained(): void;
  leave(): void;
}

export interface ChannelPace {
  /** Between two frames, at least. */
  readonly beatMs: number;
  /** Between two plans, at least. */
  readonly planMs: number;
  /** A reader that has taken nothing for so long is dropped. */
  readonly stuckMs: number;
}

export const channelPace: ChannelPace = { beatMs: 1_000, planMs: 5_000, stuckMs: 60_000 };

/** What frames and plans may take of the daemon's time: these shares at most. */
const beatShare = 1 / 20;
const planShare = 1 / 50;
const instancesMax = 10_000;

/** All who watch with the same rights: what they see is worked out once for all of them, and not at all while there are none. */
export interface Channel {
  readonly size: number;
  join(viewer: Viewer): Seat;
}

interface Watching {
  readonly viewer: Viewer;
  /** Of the last frame that was sent; null before the first. */
  version: number | null;
  /** Since when it takes nothing; null: it does. */
  stuckSinceMs: number | null;
}

export function createChannel(control: Control, clock: Clock, pace: ChannelPace = channelPace): Channel {
  const watching = new Set<Watching>();
  const changes = createChanges();
  let version = 0;
  let demand: { readonly view: LiveDemand; readonly version: number } | null = null;
  let planDueMs = 0;
  let running: AbortController | null = null;

  /** Null while the daemon cannot say: it starts, stops or reloads. */
  function look(): LiveFrame['status'] | null {
    try {
      const status = control.status();
      const { instances } = control.instances({ ended: false, limit: instancesMax });
      version += 1;
      changes.update(version, instances.map(liveInstance));
      if (clock.monotonicNow() >= planDueMs) plan();
      return status;
    } catch (error) {
      if (error instanceof ControlError) return null;
      throw error;
    }
  }

  function plan(): void {
    const beganMs = clock.monotonicNow();
    const { nowMs, ready, missing, launches, demand: groups } = control.plan();
    demand = { view: { atMs: nowMs, ready, missing, launches, groups }, version };
    const tookMs = clock.monotonicNow() - beganMs;
    planDueMs = beganMs + Math.max(pace.planMs, tookMs / planShare);
  }

  /** Who saw the same frame last is sent the same text now. */
  function tell(whom: Iterable<Watching>): void {
    const status = look();
    const texts = new Map<number | null, string>();
    for (const one of whom) {
      if (one.stuckSinceMs !== null) {
        if (clock.monotonicNow() - one.stuckSinceMs > pace.stuckMs) one.viewer.drop();
        continue;
      }
      if (status === null) {
        take(one, ': the daemon has no answer now\n\n');
        continue;
      }
      const text = texts.get(one.version) ?? eventOf(frameSince(one.version, status));
      texts.set(one.version, text);
      one.version = version;
      take(one, text);
    }
  }

  function take(one: Watching, text: string): void {
    if (!one.viewer.send(text)) one.stuckSinceMs = clock.monotonicNow();
  }

  function frameSince(seen: number | null, status: LiveFrame['status']): LiveFrame {
    const isNew = demand !== null && (seen === null || demand.version > seen);
    return {
      version,
      status,
      instances: changes.since(seen),
      demand: isNew && demand !== null ? demand.view : null,
    };
  }

  async function run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const beganMs = clock.monotonicNow();
      tell(watching);
      const tookMs = clock.monotonicNow() - beganMs;
      await clock.sleep(Math.max(pace.beatMs, tookMs / beatShare), signal).catch(() => {});
    }
  }

  function start(): void {
    running = new AbortController();
    run(running.signal).catch(() => {
      for (const { viewer } of watching) viewer.drop();
    });
  }

  return {
    get size() {
      return watching.size;
    },
    join: (viewer) => {
      const one: Watching = { viewer, version: null, stuckSinceMs: null };
      return {
        begin: () => {
          watching.add(one);
          if (running === null) start();
          else tell([one]);
        },
        drained: () => {
          one.stuckSinceMs = null;
        },
        leave: () => {
          watching.delete(one);
          if (watching.size > 0) return;
          running?.abort(new Error('nobody watches'));
          running = null;
        },
      };
    },
  };
}

function eventOf(frame: LiveFrame): string {
  return `event: frame\nid: ${frame.version}\ndata: ${JSON.stringify(frame)}\n\n`;
}
