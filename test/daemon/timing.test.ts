import { describe, expect, test } from 'vitest';
import { withDeadline } from '../../src/daemon/deadline.ts';
import { createSource, type SourceTrouble } from '../../src/daemon/source.ts';
import { createTimeline } from '../../src/daemon/timeline.ts';
import { createWake } from '../../src/daemon/wake.ts';
import { QueueError } from '../../src/model/errors.ts';
import type { Log } from '../../src/model/log.ts';
import { createVirtualClock } from '../../src/simulate/virtualClock.ts';

const never = new AbortController().signal;

describe('daemon time', () => {
  test('begins at the wall clock and follows the monotonic clock alone', async () => {
    const clock = createVirtualClock(5_000_000);
    const timeline = createTimeline(clock, null);
    expect(timeline.now()).toBe(5_000_000);
    await clock.advance(1500);
    clock.stepWall(-3_600_000);
    expect(timeline.now()).toBe(5_001_500);
  });

  test('never goes back: a wall clock that was set back begins where the last run ended', () => {
    expect(createTimeline(createVirtualClock(5_000_000), 6_000_000).now()).toBe(6_000_000);
    expect(createTimeline(createVirtualClock(5_000_000), 4_000_000).now()).toBe(5_000_000);
  });
});

describe('a deadline', () => {
  test('gives what the call gives in time', async () => {
    const clock = createVirtualClock();
    expect(await withDeadline(async () => 7, { clock, ms: 1000, signal: never })).toBe(7);
    expect(clock.waiting).toBe(0);
  });

  test('ends a call that hangs, deaf to its signal or not, and says how long it was given', async () => {
    const clock = createVirtualClock();
    const given: AbortSignal[] = [];
    const call = (signal: AbortSignal) => {
      given.push(signal);
      return new Promise<never>(() => {});
    };
    const ended = expect(withDeadline(call, { clock, ms: 1000, signal: never })).rejects.toThrow(
      'no answer within 1000 ms',
    );
    await clock.advance(999);
    expect(given[0]?.aborted).toBe(false);
    await clock.advance(1);
    await ended;
    expect(given[0]?.aborted).toBe(true);
  });

  test('ends with the outer signal, and does not begin after it', async () => {
    const clock = createVirtualClock();
    const outer = new AbortController();
    const ended = expect(
      withDeadline(() => new Promise(() => {}), { clock, ms: 1000, signal: outer.signal }),
    ).rejects.toThrow('stop');
    outer.abort(new Error('stop'));
    await ended;
    await expect(withDeadline(async () => 1, { clock, ms: 1, signal: outer.signal })).rejects.toThrow('stop');
  });
});

describe('the bell', () => {
  test('wakes who waits; rung before, it is heard at once, and only once', async () => {
    const clock = createVirtualClock();
    const wake = createWake(clock);
    let woken = 0;
    const wait = () => void wake.wait(1000, never).then(() => (woken += 1));
    wait();
    await clock.advance(10);
    expect(woken).toBe(0);
    wake.now();
    await clock.advance(0);
    expect(woken).toBe(1);
    wake.now();
    wait();
    await clock.advance(0);
    expect(woken).toBe(2);
    wait();
    await clock.advance(999);
    expect(woken).toBe(2);
    await clock.advance(1);
    expect(woken).toBe(3);
  });

  test('an abort ends the waiting without an error', async () => {
    const clock = createVirtualClock();
    const abort = new AbortController();
    const waited = createWake(clock).wait(1000, abort.signal);
    abort.abort();
    await expect(waited).resolves.toBeUndefined();
  });
});

describe('a source', () => {
  function watch(look: (nowMs: number) => Promise<string>) {
    const clock = createVirtualClock(0);
    const log: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log };
    const seen: string[] = [];
    const troubles: (SourceTrouble | null)[] = [];
    const looks: number[] = [];
    const source = createSource<string>({
      name: 'queue q',
      periodMs: 10_000,
      deadlineMs: 30_000,
      clock,
      timeline: createTimeline(clock, null),
      log,
      look: (nowMs) => {
        looks.push(nowMs);
        return look(nowMs);
      },
      onSnapshot: (snapshot) => seen.push(snapshot),
      onTrouble: (trouble) => troubles.push(trouble),
    });
    const abort = new AbortController();
    const done = source.run(abort.signal);
    const stop = async () => {
      abort.abort();
      await done;
    };
    return { clock, source, seen, troubles, looks, stop };
  }

  test('looks once a period, from beginning to beginning', async () => {
    const { clock, looks, stop } = watch(async () => 'view');
    await clock.advance(35_000);
    expect(looks).toEqual([0, 10_000, 20_000, 30_000]);
    await stop();
  });

  test('a hurry comes before the period, but no sooner than a share of it', async () => {
    const { clock, looks, source, stop } = watch(async () => 'view');
    await clock.advance(500);
    source.hurry();
    source.hurry();
    await clock.advance(5000);
    expect(looks).toEqual([0, 2000]);
    await stop();
  });

  test('a look that fails leaves the last view with its age; trouble and its end are told once', async () => {
    let fails = false;
    const { clock, source, seen, troubles, stop } = watch(async () => {
      if (fails) throw new QueueError('denied', 'no');
      return 'view';
    });
    await clock.advance(15_000);
    fails = true;
    await clock.advance(30_000);
    expect(source).toMatchObject({
      latest: 'view',
      latestAtMs: 10_000,
      trouble: { code: 'denied', sinceMs: 20_000 },
    });
    expect(seen).toHaveLength(2);
    fails = false;
    await clock.advance(10_000);
    expect(source.trouble).toBeNull();
    expect(troubles.map((trouble) => trouble?.code ?? null)).toEqual(['denied', null]);
    await stop();
  });

  test('one that hangs is given up at its deadline, and asked again', async () => {
    const { clock, looks, source, stop } = watch(() => new Promise(() => {}));
    await clock.advance(65_000);
    expect(source.trouble?.code).toBe('timeout');
    expect(looks).toHaveLength(3);
    await stop();
  });

  test('a fault of ours is said to be one', async () => {
    const { clock, source, stop } = watch(() => Promise.reject(new TypeError('x')));
    await clock.advance(1000);
    expect(source.trouble).toMatchObject({ code: 'internal', message: 'TypeError: x' });
    await stop();
  });
});
