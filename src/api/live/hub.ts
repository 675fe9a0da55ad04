import type { Clock } from '../../model/clock.ts';
import { AccessError } from '../access.ts';
import type { Control } from '../control.ts';
import { apiLimits } from '../limits.ts';
import { type Channel, createChannel, type Seat, type Viewer } from './channel.ts';

/** Everybody who watches, through whichever door. */
export interface Hub {
  /** Throws AccessError `tooManyRequests` where too many watch already. */
  join(control: Control, viewer: Viewer): Seat;
}

export function createHub(clock: Clock): Hub {
  // One for each token, as each has one control; a map that forgets them with their doors.
  const channels = new WeakMap<Control, Channel>();
  let total = 0;
  return {
    join: (control, viewer) => {
      const channel = channels.get(control) ?? createChannel(control, clock);
      channels.set(control, channel);
      if (total >= apiLimits.streamsMax || channel.size >= apiLimits.tokenStreamsMax)
        throw new AccessError('tooManyRequests', 'too many watch already', apiLimits.streamRetryMs);
      const seat = channel.join(viewer);
      total += 1;
      let seated = true;
      return {
        begin: seat.begin,
        drained: seat.drained,
        leave: () => {
          if (!seated) return;
          seated = false;
          total -= 1;
          seat.leave();
        },
      };
    },
  };
}
