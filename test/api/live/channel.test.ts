import { describe, expect, test } from 'vitest';
import { ControlError } from '../../../src/api/control.ts';
import { createChannel, type Viewer } from '../../../src/api/live/channel.ts';
import type { LiveFrame } from '../../../src/api/live/frame.ts';
import { createVirtualClock } from '../../../src/simulate/virtualClock.ts';
import { createFixtureControl, fixtureInstances } from '../../support/fixtureControl.ts';

function watch() {
  const frames: LiveFrame[] = [];
  const comments: string[] = [];
  const state = { takes: true, dropped: false };
  const viewer: Viewer = {
    send: (text) => {
      const data = /^data: (.*)$/m.exec(text)?.[1];
      if (data === undefined) comments.push(text);
      else frames.push(JSON.parse(data) as LiveFrame);
      return state.takes;
    },
    drop: () => {
      state.dropped = true;
    },
  };
  return { viewer, frames, comments, state };
}

function site() {
  const control = createFixtureControl();
  const calls = { status: 0, plan: 0 };
  const real = { ...control };
  control.status = () => {
    calls.status += 1;
    return real.status();
  };
  control.plan = () => {
    calls.plan += 1;
    return real.plan();
  };
  const clock = createVirtualClock();
  return { control, clock, calls, channel: createChannel(control, clock) };
}

describe('a channel', () => {
  test('works nothing out while nobody watches, and once for all who do', async () => {
    const { channel, clock, calls } = site();
    await clock.advance(10_000);
    expect(calls.status).toBe(0);
    const [one, two] = [watch(), watch()];
    const seats = [channel.join(one.viewer), channel.join(two.viewer)];
    for (const seat of seats) seat.begin();
    const before = calls.status;
    await clock.advance(5_000);
    expect(calls.status - before).toBe(5);
    expect(one.frames).toHaveLength(6);
    expect(two.frames).toHaveLength(6);
    for (const seat of seats) seat.leave();
    const after = calls.status;
    await clock.advance(10_000);
    expect(calls.status).toBe(after);
  });

  test('sends all first, and then what has changed', async () => {
    const { channel, clock, control } = site();
    const { viewer, frames } = watch();
    const seat = channel.join(viewer);
    seat.begin();
    expect(frames[0]?.instances.whole).toBe(true);
    expect(frames[0]?.instances.put.map(({ id }) => id)).toEqual(['i1-0', 'i1-1', 'i2-0']);
    expect(frames[0]?.demand).not.toBeNull();
    await clock.advance(1_000);
    expect(frames[1]).toMatchObject({ instances: { whole: false, put: [], gone: [] }, demand: null });
    const real = { ...control };
    control.instances = (filter) => {
      const list = real.instances(filter);
      return { ...list, instances: list.instances.slice(0, -1) };
    };
    await clock.advance(1_000);
    expect(frames[2]?.instances).toEqual({ whole: false, put: [], gone: [fixtureInstances.at(-1)?.id] });
    seat.leave();
  });

  test('plans less often than it looks', async () => {
    const { channel, clock, calls } = site();
    const seat = channel.join(watch().viewer);
    seat.begin();
    await clock.advance(20_000);
    expect(calls.plan).toBe(5);
    seat.leave();
  });

  test('waits for a reader that is slow, tells it all that it has missed, and drops one that is stuck', async () => {
    const { channel, clock } = site();
    const { viewer, frames, state } = watch();
    const seat = channel.join(viewer);
    state.takes = false;
    seat.begin();
    await clock.advance(30_000);
    expect(frames).toHaveLength(1);
    seat.drained();
    await clock.advance(1_000);
    expect(frames).toHaveLength(2);
    expect(frames[1]?.version).toBeGreaterThan(30);
    await clock.advance(62_000);
    expect(state.dropped).toBe(true);
    seat.leave();
  });

  test('says that it lives while the daemon has no answer', async () => {
    const { channel, clock, control } = site();
    const { viewer, frames, comments } = watch();
    const seat = channel.join(viewer);
    const real = { ...control };
    control.status = () => {
      throw new ControlError('notReady', 'the daemon is reloading');
    };
    seat.begin();
    await clock.advance(2_000);
    expect(frames).toEqual([]);
    expect(comments).toHaveLength(3);
    control.status = () => real.status();
    await clock.advance(1_000);
    expect(frames).toHaveLength(1);
    seat.leave();
  });

  test('hangs up on all where the daemon has a fault', async () => {
    const { channel, control } = site();
    const { viewer, state } = watch();
    control.status = () => {
      throw new TypeError('a fault');
    };
    channel.join(viewer).begin();
    await Promise.resolve();
    await Promise.resolve();
    expect(state.dropped).toBe(true);
  });
});
