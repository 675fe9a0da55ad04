import { describe, expect, test } from 'vitest';
import type { InstanceEvent, StepContext } from '../../src/fleet/event.ts';
import { owedEffects } from '../../src/fleet/owed.ts';
import { step } from '../../src/fleet/step.ts';
import {
  found,
  lagMs,
  makeEntry,
  makeFleet,
  makeInstance,
  makeWorker,
  stepContext,
  t0,
} from '../support/fleetParts.ts';
import { quickLimits } from '../support/siteParts.ts';

const nowMs = t0 + 30_000;

/** Applies events one after the other, each at its own time; returns the entry after the last. */
function through(
  entry: ReturnType<typeof makeEntry>,
  ...events: readonly (readonly [number, InstanceEvent, Partial<StepContext>?])[]
) {
  return events.reduce((current, [atMs, event, over]) => {
    const { entry: next, anomaly } = step(current, event, stepContext(atMs, over));
    expect(anomaly).toBeNull();
    return next;
  }, entry);
}

const unlisted = (takenAtMs: number, mass = false): InstanceEvent => ({ kind: 'unlisted', takenAtMs, mass });
const absent = (askedAtMs: number): InstanceEvent => ({ kind: 'absent', askedAtMs });
const unseen = (takenAtMs: number): InstanceEvent => ({ kind: 'workerUnseen', takenAtMs });
const seen = (activity: Parameters<typeof makeWorker>[1], takenAtMs: number): InstanceEvent => ({
  kind: 'workerSeen',
  worker: makeWorker(makeInstance('idle').id, activity),
  takenAtMs,
});

describe('a machine on its way', () => {
  test('a list that was begun before the create call was answered says nothing, nor one within the lag', () => {
    const requested = makeEntry(makeInstance('requested'));
    const building = through(requested, [
      t0,
      { kind: 'accepted', found: found(requested.instance, { state: 'pending' }) },
    ]);
    const missed = through(
      building,
      [t0 + 1, unlisted(t0 - 20_000)],
      [t0 + 10, unlisted(t0 + 5)],
      [t0 + 9000, unlisted(t0 + 8000)],
    );
    expect(missed.instance.phase).toBe('building');
    expect(missed.sighting.unlisted).toBe(0);
  });

  test('vanished before it joined, and no view says that it has no worker: it may have one by now', () => {
    const joining = makeEntry(makeInstance('joining', { deadlineMs: t0 + 1_000_000 }));
    const silent = [2, 4, 6, 8].map((n) => [t0 + n * 10_000, unlisted(t0 + n * 10_000)] as const);
    const missed = through(joining, [t0 + 15_000, unseen(t0 + 15_000)], ...silent);
    expect(missed.instance.phase).toBe('joining');
    const told = through(
      missed,
      [t0 + 85_000, unseen(t0 + 19_000)],
      [t0 + 90_000, unlisted(t0 + 90_000)],
      [t0 + 91_000, absent(t0 + 90_500)],
    );
    expect(told.instance.phase).toBe('joining');
    const believed = through(
      missed,
      [t0 + 85_000, unseen(t0 + 85_000)],
      [t0 + 90_000, unlisted(t0 + 90_000)],
      [t0 + 91_000, absent(t0 + 90_500)],
    );
    expect(believed.instance).toMatchObject({ phase: 'terminating', endReason: 'lost' });
  });

  test('vanished before it joined: its end is stored and the cloud asked, until the cloud itself says gone', () => {
    const joining = makeEntry(makeInstance('joining'));
    const once = through(joining, [t0 + 20_000, unlisted(t0 + 19_000)]);
    expect(once.instance.phase).toBe('joining');
    const doubted = through(once, [t0 + 30_000, unseen(t0 + 29_000)], [t0 + 40_000, unlisted(t0 + 39_000)]);
    expect(doubted.instance.phase).toBe('joining');
    const twice = through(doubted, [t0 + 41_000, absent(t0 + 40_000)]);
    expect(twice.instance).toMatchObject({ phase: 'terminating', endReason: 'lost' });
    expect(through(twice, [t0 + 50_000, { kind: 'gone' }]).instance).toMatchObject({
      phase: 'ended',
      endReason: 'lost',
    });
  });

  test('thought lost, and in a list or with a worker since: it is not', () => {
    const lost = makeEntry(makeInstance('terminating', { endReason: 'lost' }));
    const shown = (takenAtMs: number): InstanceEvent => ({
      kind: 'listed',
      found: found(lost.instance),
      takenAtMs,
    });
    expect(through(lost, [t0 + 1, shown(t0 - 1)]).instance.phase).toBe('terminating');
    const back = through(lost, [t0 + 5000, shown(t0 + 4000)]);
    expect(back.instance).toMatchObject({ phase: 'joining', endReason: null });
    const worker = makeWorker(lost.instance.id, 'claimed');
    const seenAt = (takenAtMs: number): InstanceEvent => ({ kind: 'workerSeen', worker, takenAtMs });
    expect(through(lost, [t0 + 1, seenAt(t0 - 1)]).instance.phase).toBe('terminating');
    const joined = through(lost, [t0 + 5000, seenAt(t0 + 4000)]);
    expect(joined.instance).toMatchObject({ phase: 'claimed', endReason: null });
  });

  test.each(['operator', 'joinDeadline', 'idle'] as const)(
    'ended because of %s it is not spared for being listed',
    (endReason) => {
      const ending = makeEntry(makeInstance('terminating', { endReason }));
      const shown: InstanceEvent = { kind: 'listed', found: found(ending.instance), takenAtMs: t0 + 4000 };
      expect(through(ending, [t0 + 5000, shown]).instance).toMatchObject({ phase: 'terminating', endReason });
    },
  );

  test('one list in between that shows it begins the count anew', () => {
    const joining = makeEntry(makeInstance('joining'));
    const listed: InstanceEvent = { kind: 'listed', found: found(joining.instance), takenAtMs: t0 + 25_000 };
    const seenAgain = through(
      joining,
      [t0 + 20_000, unlisted(t0 + 20_000)],
      [t0 + 25_000, listed],
      [t0 + 40_000, unlisted(t0 + 40_000)],
    );
    expect(seenAgain.instance.phase).toBe('joining');
  });

  test('where many vanish at once, two lists are not enough', () => {
    const joining = makeEntry(makeInstance('joining'));
    const doubted = through(
      joining,
      ...[2, 4, 6, 8].map((n) => [t0 + n * 10_000, unlisted(t0 + n * 10_000, true)] as const),
      [t0 + 90_000, unseen(t0 + 90_000)],
    );
    expect(doubted.instance.phase).toBe('joining');
    const asked = [t0 + 101_000, absent(t0 + 100_500)] as const;
    expect(through(doubted, asked).instance.phase).toBe('joining');
    const again = [t0 + 100_000, unlisted(t0 + 100_000, true)] as const;
    expect(through(doubted, again, asked).instance.phase).toBe('terminating');
  });

  test('a boot deadline ends nothing by itself: a list that was begun after it must still show it waiting', () => {
    const building = makeEntry(makeInstance('building'));
    const pending = (takenAtMs: number): InstanceEvent => ({
      kind: 'listed',
      found: found(building.instance, { state: 'pending' }),
      takenAtMs,
    });
    expect(through(building, [t0 + 200_000, { kind: 'tick' }]).instance.phase).toBe('building');
    expect(through(building, [t0 + 200_000, pending(t0 + 99_999)]).instance.phase).toBe('building');
    expect(through(building, [t0 + 200_000, pending(t0 + 100_000)]).instance).toMatchObject({
      phase: 'failed',
      endReason: 'bootDeadline',
    });
  });

  test('a join deadline likewise: two complete views that were begun after it must not show its worker', () => {
    const joining = makeEntry(makeInstance('joining'));
    expect(through(joining, [t0 + 200_000, { kind: 'tick' }]).instance.phase).toBe('joining');
    expect(through(joining, [t0 + 200_000, unseen(t0 + 99_999)]).instance.phase).toBe('joining');
    const once = through(joining, [t0 + 200_000, unseen(t0 + 100_000)]);
    expect(once.instance.phase).toBe('joining');
    expect(through(once, [t0 + 201_000, seen('claimed', t0 + 201_000)]).instance.phase).toBe('claimed');
    expect(through(once, [t0 + 201_000, unseen(t0 + 201_000)]).instance).toMatchObject({
      phase: 'failed',
      endReason: 'joinDeadline',
    });
  });

  test('the cloud says that it failed', () => {
    const building = makeEntry(makeInstance('building'));
    const error: InstanceEvent = {
      kind: 'listed',
      found: found(building.instance, { state: 'error' }),
      takenAtMs: nowMs,
    };
    expect(through(building, [nowMs, error]).instance).toMatchObject({
      phase: 'failed',
      endReason: 'bootFailed',
    });
  });

  test('an end that was decided before the create call is answered is carried out when it is', () => {
    const wanted = through(makeEntry(makeInstance('requested')), [
      t0,
      { kind: 'terminate', reason: 'operator' },
    ]);
    expect(wanted.instance).toMatchObject({ phase: 'requested', endReason: 'operator' });
    const accepted: InstanceEvent = { kind: 'accepted', found: found(wanted.instance) };
    expect(through(wanted, [t0 + 1, accepted]).instance).toMatchObject({
      phase: 'terminating',
      endReason: 'operator',
    });
  });

  test.each(['building', 'joining'] as const)(
    'a drain of one that is %s kills no job: it waits for the worker, then drains that',
    (phase) => {
      const wanted = through(makeEntry(makeInstance(phase)), [t0, { kind: 'drain', reason: 'operator' }]);
      expect(wanted.instance).toMatchObject({ phase, endReason: 'operator' });
      const joined = through(wanted, [nowMs, seen('claimed', nowMs - 1)]);
      expect(joined.instance).toMatchObject({
        phase: 'draining',
        endReason: 'operator',
        worker: makeWorker(joined.instance.id, 'claimed').id,
      });
      expect(joined.instance.joinedAtMs).toBe(nowMs);
    },
  );
});

describe('a machine in service', () => {
  const idle = makeEntry(makeInstance('idle'), {
    cloudState: 'running',
    activity: 'idle',
    workerSeenAtMs: t0,
  });

  test('claimed and idle again counts a claim and begins a new idle time, as the view saw it', () => {
    const claimed = through(idle, [nowMs, seen('claimed', nowMs - 500)]);
    expect(claimed.instance).toMatchObject({ phase: 'claimed', claims: 1, idleSinceMs: null });
    const free = through(claimed, [nowMs + 1000, seen('idle', nowMs + 700)]);
    expect(free.instance).toMatchObject({ phase: 'idle', claims: 1, idleSinceMs: nowMs + 700 });
  });

  test('seen idle again changes nothing that would have to be stored', () => {
    expect(through(idle, [nowMs, seen('idle', nowMs)]).instance).toBe(idle.instance);
  });

  test('silent for so long in complete views it is unreachable, and back when it is seen', () => {
    const quiet = through(idle, [nowMs, unseen(nowMs)], [nowMs + 200_000, unseen(nowMs + 200_000)]);
    expect(quiet.instance.phase).toBe('idle');
    const lost = through(quiet, [nowMs + 300_000, unseen(nowMs + 300_000)]);
    expect(lost.instance.phase).toBe('unreachable');
    expect(through(lost, [nowMs + 310_000, seen('claimed', nowMs + 310_000)]).instance.phase).toBe('claimed');
  });

  test('a single view without its worker never makes it unreachable, however late it comes', () => {
    expect(through(idle, [nowMs + 900_000, unseen(nowMs + 900_000)]).instance.phase).toBe('idle');
  });

  test('not in the cloud´s lists while its worker answers: it is not gone', () => {
    const missed = [1, 2, 3, 4, 5, 6].flatMap((n) => {
      const at = nowMs + n * 10_000;
      return [[at, seen('idle', at)] as const, [at + 1, unlisted(at)] as const];
    });
    expect(through(idle, ...missed).instance.phase).toBe('idle');
  });

  test('not in the lists, and in no view of the queue since the daemon began: nobody has been asked yet', () => {
    const restarted = makeEntry(idle.instance);
    const missed = [1, 2, 3, 4].map((n) => [nowMs + n * 10_000, unlisted(nowMs + n * 10_000)] as const);
    expect(through(restarted, ...missed).instance.phase).toBe('idle');
  });

  test('not in the lists for longer than a worker may be silent, and in no view since the daemon began: lost', () => {
    const { silentMs } = quickLimits;
    const missed = [0, 1, 2].map(
      (n) => [nowMs + (n * silentMs) / 2, unlisted(nowMs + (n * silentMs) / 2)] as const,
    );
    const missing = through(makeEntry(idle.instance), ...missed);
    expect(missing.instance.phase).toBe('idle');
    const askedAtMs = nowMs + silentMs + 1000;
    expect(through(missing, [askedAtMs + 1000, absent(askedAtMs)]).instance).toMatchObject({
      phase: 'ended',
      endReason: 'lost',
    });
  });

  test('neither in the lists nor in the queue: lost', () => {
    const lost = through(
      idle,
      [nowMs, unseen(nowMs)],
      [nowMs, unlisted(nowMs)],
      [nowMs + 20_000, unlisted(nowMs + 20_000)],
      [nowMs + 21_000, absent(nowMs + 20_000)],
    );
    expect(lost.instance).toMatchObject({ phase: 'ended', endReason: 'lost' });
  });

  describe('neither in the lists nor in the queue, which may lie at the same time', () => {
    const doubted = through(
      idle,
      [nowMs, unseen(nowMs)],
      [nowMs, unlisted(nowMs)],
      [nowMs + 20_000, unlisted(nowMs + 20_000)],
    );

    test('is kept, and the cloud is asked for it by name', () => {
      expect(doubted.instance).toBe(idle.instance);
      const { id, intent, cloud } = idle.instance;
      expect(owedEffects(makeFleet([doubted]))).toEqual([{ kind: 'resolve', intent, cloud, instance: id }]);
    });

    test('an answer to a question from before says nothing', () => {
      expect(through(doubted, [nowMs + 30_000, absent(nowMs + 19_999)]).instance.phase).toBe('idle');
    });

    test('found by name it is there, and the lists have to lose it anew', () => {
      const shown: InstanceEvent = {
        kind: 'listed',
        found: found(idle.instance),
        takenAtMs: nowMs + 21_000,
      };
      const back = through(doubted, [nowMs + 22_000, shown], [nowMs + 30_000, unlisted(nowMs + 30_000)]);
      expect(back.sighting).toMatchObject({ unlisted: 1, missingSinceMs: null });
      expect(owedEffects(makeFleet([back]))).toEqual([]);
    });

    test('its worker answers again before the cloud does: it is not lost', () => {
      const answered = through(
        doubted,
        [nowMs + 21_000, seen('idle', nowMs + 21_000)],
        [nowMs + 22_000, absent(nowMs + 21_500)],
      );
      expect(answered.instance.phase).toBe('idle');
    });
  });

  test('stopped or ending in the cloud without us: it is ended, as lost', () => {
    for (const state of ['ending', 'stopped'] as const) {
      const listed: InstanceEvent = {
        kind: 'listed',
        found: found(idle.instance, { state }),
        takenAtMs: nowMs,
      };
      expect(through(idle, [nowMs, listed]).instance).toMatchObject({
        phase: 'terminating',
        endReason: 'lost',
      });
    }
  });

  test('at its lifetime it drains; only when the grace is over it is ended with a job', () => {
    const limits = { ...quickLimits, lifetimeMs: 600_000, lifetimeGraceMs: 60_000 };
    const claimed = makeEntry(makeInstance('claimed', { deadlineMs: t0 + 500_000 }));
    expect(through(claimed, [t0 + 499_999, { kind: 'tick' }, { limits }]).instance.phase).toBe('claimed');
    const draining = through(claimed, [t0 + 500_000, { kind: 'tick' }, { limits }]);
    expect(draining.instance).toMatchObject({ phase: 'draining', endReason: 'lifetime' });
    expect(through(draining, [t0 + 559_999, { kind: 'tick' }, { limits }]).instance.phase).toBe('draining');
    expect(through(draining, [t0 + 560_000, { kind: 'tick' }, { limits }]).instance).toMatchObject({
      phase: 'terminating',
      endReason: 'lifetime',
    });
  });

  test('drained by somebody else: it ends when its last job does', () => {
    expect(through(idle, [nowMs, seen('draining', nowMs)]).instance).toMatchObject({
      phase: 'draining',
      endReason: 'operator',
    });
  });
});

describe('a machine that drains', () => {
  const draining = makeEntry(makeInstance('draining'));

  test('two drained views far enough apart, and none between that says otherwise, end it', () => {
    const once = through(
      draining,
      [t0 + 5000, seen('drained', t0 + 5000)],
      [t0 + 10_000, seen('drained', t0 + 10_000)],
    );
    expect(once.instance.phase).toBe('draining');
    expect(through(once, [t0 + 15_000, seen('drained', t0 + 15_000)]).instance).toMatchObject({
      phase: 'terminating',
      endReason: 'idle',
    });
  });

  test.each([
    ['a view that shows a job', seen('draining', t0 + 12_000)],
    ['a view that shows it taking jobs', seen('claimed', t0 + 12_000)],
    ['a complete view without its worker', unseen(t0 + 12_000)],
  ])('%s begins the count anew', (_, between) => {
    const interrupted = through(
      draining,
      [t0 + 5000, seen('drained', t0 + 5000)],
      [t0 + 12_000, between],
      [t0 + 16_000, seen('drained', t0 + 16_000)],
    );
    expect(interrupted.instance.phase).toBe('draining');
  });

  test('one view is not two, however short the time between them may be', () => {
    const limits = { ...quickLimits, idleConfirmMs: 0 };
    const once = through(draining, [t0 + 5000, seen('drained', t0 + 5000), { limits }]);
    expect(once.instance.phase).toBe('draining');
    expect(through(once, [t0 + 5001, seen('drained', t0 + 5001), { limits }]).instance.phase).toBe(
      'terminating',
    );
  });

  test('a view that was begun before the drain counts for nothing', () => {
    const old = through(draining, [t0 + 1, seen('drained', t0 - 20_000)], [t0 + 2, seen('drained', t0 - 1)]);
    expect(old.instance.phase).toBe('draining');
    expect(old.sighting.drainedViews).toBe(0);
  });

  test('it does not end while it is being un-drained, and is back when its worker takes jobs', () => {
    const back = through(draining, [t0 + 5000, seen('drained', t0 + 5000)], [t0 + 6000, { kind: 'undrain' }]);
    expect(back.instance).toMatchObject({ phase: 'draining', endReason: null });
    const still = through(
      back,
      [t0 + 20_000, seen('drained', t0 + 20_000)],
      [t0 + 40_000, seen('drained', t0 + 40_000)],
    );
    expect(still.instance.phase).toBe('draining');
    // The drain may still be on its way: only what is seen after the answer to the un-drain counts.
    const early = through(back, [t0 + 7000, seen('idle', t0 + 6500)], [t0 + 8000, { kind: 'undrained' }]);
    expect(early.instance.phase).toBe('draining');
    expect(through(early, [t0 + 8100, seen('idle', t0 + 7900)]).instance.phase).toBe('draining');
    expect(through(early, [t0 + 9000, seen('idle', t0 + 8500)]).instance).toMatchObject({
      phase: 'idle',
      endReason: null,
    });
  });

  test('after a restart only new views count', () => {
    const restarted = makeEntry(draining.instance);
    expect(through(restarted, [t0 + 60_000, seen('drained', t0 + 60_000)]).instance.phase).toBe('draining');
  });
});

describe('a machine that is being ended', () => {
  const terminating = makeEntry(makeInstance('terminating'), { cloudState: 'running' });

  test('lists alone do not prove it gone: they may lie for as long as others lie', () => {
    const missed = Array.from(
      { length: 12 },
      (_, n) => [t0 + 20_000 + n * 10_000, unlisted(t0 + 20_000 + n * 10_000)] as const,
    );
    expect(through(terminating, ...missed).instance.phase).toBe('terminating');
  });

  test('in no list for half an hour of polls, nor found by name, it is let go, whatever its termination says', () => {
    const missed = Array.from(
      { length: 60 },
      (_, n) => [t0 + 20_000 + n * 30_000, unlisted(t0 + 20_000 + n * 30_000)] as const,
    );
    const atMs = t0 + 20_000 + 60 * 30_000;
    expect(through(terminating, ...missed).instance.phase).toBe('terminating');
    expect(through(terminating, ...missed, [atMs, absent(atMs)]).instance.phase).toBe('ended');
  });

  test('the list shows it gone', () => {
    const gone: InstanceEvent = {
      kind: 'listed',
      found: found(terminating.instance, { state: 'gone' }),
      takenAtMs: nowMs,
    };
    expect(through(terminating, [nowMs, gone]).instance).toMatchObject({
      phase: 'ended',
      endReason: 'idle',
      endedAtMs: nowMs,
    });
  });
});

test('one list is not two, even of a cloud whose list never lags', () => {
  const idle = makeEntry(makeInstance('idle'), { cloudState: 'running' });
  const prompt = { listLagMs: 0 };
  const once = through(idle, [nowMs, unseen(nowMs), prompt], [nowMs, unlisted(nowMs), prompt]);
  expect(once.instance.phase).toBe('idle');
  expect(once.sighting.missingSinceMs).toBeNull();
  expect(through(once, [nowMs + 1, unlisted(nowMs + 1), prompt]).sighting.missingSinceMs).toBe(nowMs + 1);
});

test('the lag of the cloud´s list is the shortest time in which a machine can be lost', () => {
  const joining = makeEntry(makeInstance('joining'), { cloudState: 'running' });
  const first = t0 + lagMs + 1;
  const quick = through(joining, [first, unlisted(first)], [first + lagMs - 1, unlisted(first + lagMs - 1)]);
  expect(quick.instance.phase).toBe('joining');
  expect(quick.sighting.missingSinceMs).toBeNull();
});
