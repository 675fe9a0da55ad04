import type { Clock } from '../../model/clock.ts';
import { AccessError } from '../access.ts';
import type { Control } from '../control.ts';
import { apiLimits } from '../limits.ts';
import { type Channel, createChannel, type Seat, type Viewer } from './channel.ts';

/** Everybody who watches, through whichever door. */
export interface Hub {
  /** Throws AccessError `tooManyRequests` where too many watch already. */
  join(control: Control, viewer: Viewer): Seat;
  /** Hangs up on all: who may still watch comes again. */
  dropAll(): void;
}

export function createHub(clock: Clock): Hub {
  // One for each token, as each has one control; a map that forgets them with their doors.
  const channels = new WeakMap<Control, Channel>();
  const viewers = new Set<Viewer>();
  return {
    join: (control, viewer) => {
      const channel = channels.get(control) ?? createChannel(control, clock);
      channels.set(control, channel);
      if (viewers.size >= apiLimits.streamsMax || channel.size >= apiLimits.tokenStreamsMax)
        throw new AccessError('tooManyRequests', 'too many watch already', apiLimits.streamRetryMs);
      const seat = channel.join(viewer);
      viewers.add(viewer);
      return {
        begin: () => seat.begin(),
        drained: () => seat.drained(),
        leave: () => {
          if (viewers.delete(viewer)) seat.leave();
        },
      };
    },
    dropAll: () => {
      for (const viewer of viewers) viewer.drop();
    },
  };
}
