import { describe, expect, test } from 'vitest';
import type { FleetEntry } from '../../src/fleet/entry.ts';
import type { Fleet, FleetChange } from '../../src/fleet/fleet.ts';
import { type FoldInput, fold } from '../../src/fleet/fold.ts';
import { CloudId, InstanceId, IntentId, OfferName, PoolName } from '../../src/model/ids.ts';
import type { Instance } from '../../src/model/instance.ts';
import {
  foldContext,
  found,
  makeEntry,
  makeFleet,
  makeInstance,
  makeIntent,
  makeList,
  makeView,
  makeWorker,
  news,
  t0,
} from '../support/fleetParts.ts';

/** Folds one thing after the other, each at its own time; returns the last change. */
function folds(fleet: Fleet, ...steps: readonly (readonly [number, Partial<FoldInput>])[]): FleetChange {
  let change = fold(fleet, news({}), foldContext(t0));
  for (const [atMs, input] of steps) change = fold(change.result(), news(input), foldContext(atMs));
  return change;
}

const phasesOf = (change: FleetChange) =>
  Object.fromEntries([...change.entries.values()].map(({ instance }) => [instance.id, instance.phase]));
const only = (change: FleetChange): Instance => {
  const [entry, ...rest] = change.entries.values();
  expect(rest).toEqual([]);
  if (entry === undefined) throw new Error('no machine');
  return entry.instance;
};
const inService = (name: string, activity: 'idle' | 'claimed' = 'claimed'): FleetEntry =>
  makeEntry(makeInstance(activity, { name }), { cloudState: 'running', activity, workerSeenAtMs: t0 });

describe('what came of a create call', () => {
  const requested = (seats: number) => {
    const instances = Array.from({ length: seats }, (_, seat) =>
      makeInstance('requested', { name: 'call', seat }),
    );
    const fleet = makeFleet(instances.map((instance) => makeEntry(instance)));
    const intent = makeIntent('call', { seats, state: 'open' });
    return { instances, fleet: { ...fleet, intents: new Map([[intent.id, intent]]) } };
  };
  const intent = IntentId('call');

  test('seats are bound to what the cloud made, in their order', () => {
    const { fleet, instances } = requested(2);
    const rows = instances.map((instance) => found(instance, { state: 'pending' }));
    const change = folds(fleet, [t0, { outcomes: [{ kind: 'launched', intent, instances: rows }] }]);
    expect(phasesOf(change)).toEqual({ 'call-0': 'building', 'call-1': 'building' });
    expect(change.intents.get(intent)?.state).toBe('accepted');
    expect(change.lessons).toMatchObject([{ kind: 'accepted', intent }]);
  });

  test('seats that the cloud had no room for never were', () => {
    const { fleet, instances } = requested(3);
    const rows = instances.slice(0, 1).map((instance) => found(instance));
    const change = folds(fleet, [t0, { outcomes: [{ kind: 'launched', intent, instances: rows }] }]);
    expect(phasesOf(change)).toEqual({ 'call-0': 'joining' });
    expect(change.changedInstances.get(InstanceId('call-2'))).toMatchObject({
      phase: 'ended',
      endReason: 'refused',
    });
  });

  test('refused: nothing is left, and there is something to learn', () => {
    const { fleet } = requested(1);
    const change = folds(fleet, [
      t0,
      {
        outcomes: [
          {
            kind: 'launchFailed',
            intent,
            code: 'capacity',
            message: 'full',
            inDoubt: false,
            retryAfterMs: null,
          },
        ],
      },
    ]);
    expect(phasesOf(change)).toEqual({});
    expect([...change.intents]).toEqual([]);
    expect(change.changedIntents.get(intent)?.state).toBe('refused');
    expect(change.lessons).toMatchObject([{ kind: 'refused', code: 'capacity' }]);
  });

  const doubt = {
    outcomes: [
      {
        kind: 'launchFailed',
        intent,
        code: 'timeout',
        message: 'no answer',
        inDoubt: true,
        retryAfterMs: null,
      } as const,
    ],
  };

  test('in doubt: looked for until the cloud´s list has had its time, then it never was', () => {
    const { fleet } = requested(1);
    const asked = (askedAtMs: number) => ({
      outcomes: [{ kind: 'resolved', intent, instances: [], askedAtMs } as const],
    });
    const early = folds(fleet, [t0, doubt], [t0 + 9999, asked(t0 + 9999)]);
    expect(phasesOf(early)).toEqual({ 'call-0': 'unknown' });
    const late = folds(early.result(), [t0 + 10_001, asked(t0 + 10_000)]);
    expect(late.changedInstances.get(InstanceId('call-0'))).toMatchObject({
      phase: 'ended',
      endReason: 'neverLaunched',
    });
    expect(late.changedIntents.get(intent)?.state).toBe('never');
    expect([...late.intents]).toEqual([]);
  });

  test('a look-up that was begun early and answered late is still too early', () => {
    const { fleet } = requested(1);
    const slow = { outcomes: [{ kind: 'resolved', intent, instances: [], askedAtMs: t0 + 5000 } as const] };
    expect(phasesOf(folds(fleet, [t0, doubt], [t0 + 60_000, slow]))).toEqual({ 'call-0': 'unknown' });
  });

  test('in doubt, and found by the look-up', () => {
    const { fleet, instances } = requested(2);
    const rows = instances.slice(0, 1).map((instance) => found(instance));
    const change = folds(
      fleet,
      [t0, doubt],
      [t0 + 20_000, { outcomes: [{ kind: 'resolved', intent, instances: rows, askedAtMs: t0 + 15_000 }] }],
    );
    expect(phasesOf(change)).toEqual({ 'call-0': 'joining' });
    expect(change.intents.get(intent)?.state).toBe('accepted');
  });

  test('in doubt, and found by a list: the intent is settled, too', () => {
    const { fleet, instances } = requested(1);
    const rows = instances.map((instance) => found(instance));
    const change = folds(fleet, [t0, doubt], [t0 + 5000, { lists: [makeList(t0 + 4000, rows)] }]);
    expect(phasesOf(change)).toEqual({ 'call-0': 'joining' });
    expect(change.intents.get(intent)?.state).toBe('accepted');
  });

  test('in doubt, and the list shows it gone already: nothing is left to look for', () => {
    const { fleet, instances } = requested(1);
    const rows = instances.map((instance) => found(instance, { state: 'gone' }));
    const change = folds(fleet, [t0, doubt], [t0 + 5000, { lists: [makeList(t0 + 4000, rows)] }]);
    expect(phasesOf(change)).toEqual({});
    expect([...change.intents]).toEqual([]);
  });

  test('the daemon ended before the answer: unknown, and a list may have told first', () => {
    const { fleet, instances } = requested(2);
    const [first] = instances;
    if (first === undefined) throw new Error('two seats');
    const change = folds(
      fleet,
      [t0, { lists: [makeList(t0 - 1, [found(first)])] }],
      [t0 + 1, { outcomes: [{ kind: 'interrupted', intent }] }],
    );
    expect(phasesOf(change)).toEqual({ 'call-0': 'joining', 'call-1': 'unknown' });
    expect(change.intents.get(intent)?.state).toBe('unknown');
  });

  test('an answer for an intent that nobody knows changes nothing', () => {
    const change = folds(makeFleet([]), [t0, doubt]);
    expect(change.journal).toEqual([]);
  });
});

describe('a list of a cloud', () => {
  test('the same row twice is the same machine', () => {
    const fleet = makeFleet([inService('a')]);
    const row = found(makeInstance('claimed', { name: 'a' }));
    const change = folds(fleet, [t0 + 1, { lists: [makeList(t0, [row, row])] }]);
    expect(phasesOf(change)).toEqual({ 'a-0': 'claimed' });
    expect([...change.strangers]).toEqual([]);
  });

  test('a second machine for a seat is ended as a twin, the first lives', () => {
    const fleet = makeFleet([inService('a')]);
    const instance = makeInstance('claimed', { name: 'a' });
    const rows = [found(instance), found(instance, { cloudId: CloudId('late') })];
    const view = makeView(t0, { workers: [makeWorker(instance.id, 'claimed')] });
    const change = folds(
      fleet,
      [t0 + 1, { lists: [makeList(t0, rows)], views: [view] }],
      [t0 + 10_000, { lists: [makeList(t0 + 9000, rows)], views: [view] }],
      [
        t0 + 130_000,
        { lists: [makeList(t0 + 129_000, rows)], views: [{ ...view, takenAtMs: t0 + 129_500 }] },
      ],
    );
    expect(phasesOf(change)).toEqual({ 'a-0': 'claimed', 'a-0-twin-late': 'terminating' });
    expect(change.entries.get(InstanceId('a-0-twin-late'))?.instance).toMatchObject({
      endReason: 'twin',
      cloudId: 'late',
    });
  });

  test('empty after many: nothing that has not joined is ended before the fifth', () => {
    const fleet = makeFleet(['a', 'b', 'c', 'd'].map((name) => makeEntry(makeInstance('joining', { name }))));
    const empties = [2, 3, 4, 5].map(
      (n) => [t0 + n * 10_000, { lists: [makeList(t0 + n * 10_000, [])] }] as const,
    );
    expect(Object.values(phasesOf(folds(fleet, ...empties)))).toEqual([
      'joining',
      'joining',
      'joining',
      'joining',
    ]);
  });

  test('another cloud´s list says nothing', () => {
    const fleet = makeFleet([inService('a')]);
    const list = { ...makeList(t0 + 50_000, []), cloud: makeInstance('idle').cloud };
    const elsewhere = makeFleet([
      makeEntry({ ...makeInstance('joining', { name: 'w' }), cloud: 'west' as Instance['cloud'] }),
    ]);
    const both = { ...fleet, entries: new Map([...fleet.entries, ...elsewhere.entries]) };
    const change = folds(
      both,
      [t0 + 50_000, { lists: [list] }],
      [t0 + 90_000, { lists: [{ ...list, takenAtMs: t0 + 90_000 }] }],
    );
    expect(change.entries.get(InstanceId('w-0'))?.sighting.unlisted).toBe(0);
  });
});

describe('a machine that bears our mark and is not in the store', () => {
  const stranger = makeInstance('claimed', { name: 'old' });
  const lists = (atMs: number, over = {}) => [makeList(atMs, [found(stranger, over)])];
  const withWorker = (atMs: number) => [makeView(atMs, { workers: [makeWorker(stranger.id, 'claimed')] })];

  test('seen once it is left alone; seen twice and with a worker it is adopted, and its job lives', () => {
    const once = folds(makeFleet([]), [t0, { lists: lists(t0), views: withWorker(t0) }]);
    expect(phasesOf(once)).toEqual({});
    const twice = folds(once.result(), [
      t0 + 10_000,
      { lists: lists(t0 + 10_000), views: withWorker(t0 + 10_000) },
    ]);
    expect(only(twice)).toMatchObject({
      id: 'old-0',
      phase: 'joining',
      cause: { kind: 'adopted' },
      endReason: null,
    });
    const seen = folds(twice.result(), [t0 + 20_000, { views: withWorker(t0 + 20_000) }]);
    expect(only(seen).phase).toBe('claimed');
  });

  test('without a worker it is ended, but only when the reap period is over', () => {
    const quiet = (atMs: number) => [atMs, { lists: lists(atMs), views: [makeView(atMs)] }] as const;
    const young = folds(makeFleet([]), quiet(t0), quiet(t0 + 60_000), quiet(t0 + 119_999));
    expect(phasesOf(young)).toEqual({});
    const old = folds(young.result(), quiet(t0 + 120_000));
    expect(only(old)).toMatchObject({ phase: 'terminating', endReason: 'orphan', cloudId: 'cloud-of-old-0' });
  });

  test.each([
    ['no view of its queue', []],
    ['an incomplete view', [makeView(t0 + 200_000, { workersComplete: false })]],
    ['a view from before the reap period was over', [makeView(t0 + 1)]],
  ])('with %s nobody can say that it has no worker: it lives', (_, views) => {
    const change = folds(
      makeFleet([]),
      [t0, { lists: lists(t0) }],
      [t0 + 200_000, { lists: lists(t0 + 200_000), views }],
    );
    expect(phasesOf(change)).toEqual({});
    expect(change.strangers.size).toBe(1);
  });

  test('of a pool that is not in the config, with a worker: it is left alone, as whatever runs on it would die', () => {
    const other = { pool: PoolName('gone') };
    const change = folds(
      makeFleet([]),
      [t0, { lists: lists(t0, other), views: withWorker(t0) }],
      [t0 + 300_000, { lists: lists(t0 + 300_000, other), views: withWorker(t0 + 300_000) }],
    );
    expect(phasesOf(change)).toEqual({});
    expect(change.strangers.size).toBe(1);
  });

  test('its mark cannot be read back: it stays known as a stranger', () => {
    const unmarked = { pool: null, offer: null };
    const change = folds(
      makeFleet([]),
      [t0, { lists: lists(t0, unmarked) }],
      [t0 + 300_000, { lists: lists(t0 + 300_000, unmarked), views: [makeView(t0 + 300_000)] }],
    );
    expect(change.strangers.size).toBe(1);
    expect([...change.strangers.values()][0]?.firstListedAtMs).toBe(t0);
  });

  test('not in the next list it is forgotten, and so it is when it is gone', () => {
    const met = folds(makeFleet([]), [t0, { lists: lists(t0) }]);
    expect(met.strangers.size).toBe(1);
    expect(folds(met.result(), [t0 + 1, { lists: [makeList(t0 + 1, [])] }]).strangers.size).toBe(0);
    expect(folds(met.result(), [t0 + 1, { lists: lists(t0 + 1, { state: 'gone' }) }]).strangers.size).toBe(0);
  });
});

describe('a view of a queue', () => {
  test('what an incomplete view does not show is not silent', () => {
    const fleet = makeFleet([inService('a')]);
    const partial = makeView(t0 + 400_000, { workersComplete: false });
    const change = folds(
      fleet,
      [t0 + 400_000, { views: [partial] }],
      [t0 + 900_000, { views: [{ ...partial, takenAtMs: t0 + 900_000 }] }],
    );
    expect(change.entries.get(InstanceId('a-0'))?.sighting.unseen).toBe(0);
  });

  test('suddenly without any of the workers it had, it ends no machine that is joining, late as it is', () => {
    const late = makeEntry(makeInstance('joining', { name: 'late' }));
    const fleet = makeFleet([inService('a'), inService('b', 'idle'), late]);
    const empties = Array.from({ length: 10 }, (_, n) => {
      const atMs = t0 + 100_000 + n * 10_000;
      return [atMs, { views: [makeView(atMs)] }] as const;
    });
    expect(phasesOf(folds(fleet, ...empties))).toEqual({
      'a-0': 'claimed',
      'b-0': 'idle',
      'late-0': 'joining',
    });
  });

  test('a worker that is linked by address belongs to a machine that was booted without user data only', () => {
    const address = '10.0.0.7';
    const joining = makeEntry(makeInstance('joining', { address }));
    const view = makeView(t0 + 1, { workers: [makeWorker(null, 'idle', { address })] });
    expect(only(folds(makeFleet([joining]), [t0 + 1, { views: [view] }])).phase).toBe('idle');
  });

  test('many silent at once are ended only when the silence has lasted twice as long', () => {
    const silent = ['a', 'b', 'c', 'd'].map((name) =>
      makeEntry(makeInstance('unreachable', { name, deadlineMs: t0 + 300_000 }), { unseen: 5 }),
    );
    const view = (atMs: number) => [atMs, { views: [makeView(atMs)] }] as const;
    const first = folds(makeFleet(silent), view(t0 + 300_000));
    expect(new Set(Object.values(phasesOf(first)))).toEqual(new Set(['unreachable']));
    expect(new Set(Object.values(phasesOf(folds(first.result(), view(t0 + 600_000)))))).toEqual(
      new Set(['terminating']),
    );
  });

  test('one silent machine among many is ended at its deadline', () => {
    const silent = makeEntry(makeInstance('unreachable', { name: 's', deadlineMs: t0 + 300_000 }), {
      unseen: 5,
    });
    const fleet = makeFleet([silent, ...['a', 'b', 'c'].map((name) => inService(name))]);
    const workers = ['a', 'b', 'c'].map((name) => makeWorker(InstanceId(`${name}-0`), 'claimed'));
    const change = folds(fleet, [t0 + 300_000, { views: [makeView(t0 + 300_000, { workers })] }]);
    expect(change.entries.get(InstanceId('s-0'))?.instance).toMatchObject({
      phase: 'terminating',
      endReason: 'unreachable',
    });
  });
});

describe('the daemon is back', () => {
  const back = { outcomes: [{ kind: 'resumed', awayMs: 3_600_000 } as const] };

  test('what a machine had time left for it has as much time left for', () => {
    const names = ['building', 'joining', 'unreachable', 'draining'] as const;
    const fleet = makeFleet(names.map((phase) => makeEntry(makeInstance(phase, { name: phase }))));
    const change = folds(fleet, [t0 + 3_600_000, back]);
    const deadlines = [...change.changedInstances.values()].map(({ deadlineMs }) => deadlineMs);
    expect(deadlines).toEqual(names.map(() => t0 + 100_000 + 3_600_000));
  });

  test('an idle time goes on where it was, a lifetime does not stop', () => {
    const idle = makeEntry(makeInstance('idle', { deadlineMs: t0 + 5_000_000, idleSinceMs: t0 - 1000 }));
    const { idleSinceMs, deadlineMs } = only(folds(makeFleet([idle]), [t0 + 3_600_000, back]));
    expect({ idleSinceMs, deadlineMs }).toEqual({
      idleSinceMs: t0 - 1000 + 3_600_000,
      deadlineMs: t0 + 5_000_000,
    });
  });
});

describe('what is told', () => {
  test('a change of phase is journalled with its reason; a sighting is not', () => {
    const fleet = makeFleet([inService('a', 'idle')]);
    const idle = makeView(t0 + 1, { workers: [makeWorker(InstanceId('a-0'), 'idle')] });
    expect(folds(fleet, [t0 + 1, { views: [idle] }]).journal).toEqual([]);
    const busy = makeView(t0 + 2, { workers: [makeWorker(InstanceId('a-0'), 'claimed')] });
    expect(folds(fleet, [t0 + 2, { views: [busy] }]).journal).toMatchObject([
      {
        kind: 'phase',
        instance: 'a-0',
        data: { from: 'idle', to: 'claimed' },
        why: expect.stringContaining('is claimed'),
      },
    ]);
  });

  test('boot and join times are lessons of the offer', () => {
    const building = makeEntry(makeInstance('building', { createdAtMs: t0 }));
    const booted = folds(makeFleet([building]), [
      t0 + 30_000,
      { lists: [makeList(t0 + 30_000, [found(building.instance)])] },
    ]);
    expect(booted.lessons).toEqual([{ kind: 'booted', offer: OfferName('small'), tookMs: 30_000 }]);
    const view = makeView(t0 + 40_000, { workers: [makeWorker(building.instance.id, 'idle')] });
    const joined = folds(booted.result(), [t0 + 40_000, { views: [view] }]);
    expect(joined.lessons).toMatchObject([{ kind: 'joined', tookMs: 10_000 }]);
  });

  test('an operator´s order is carried out with that reason', () => {
    const fleet = makeFleet([inService('a')]);
    const order = { kind: 'terminate', instance: InstanceId('a-0') } as const;
    const change = folds(fleet, [t0 + 1, { orders: [order] }]);
    expect(only(change)).toMatchObject({ phase: 'terminating', endReason: 'operator' });
    expect(change.journal).toMatchObject([{ why: 'operator: asked for by the operator' }]);
  });
});

test('a fold leaves the fleet that it began with as it was', () => {
  const fleet = makeFleet([inService('a')]);
  const before = structuredClone([...fleet.entries.values()]);
  folds(fleet, [t0 + 1, { orders: [{ kind: 'terminate', instance: InstanceId('a-0') }] }]);
  expect([...fleet.entries.values()]).toEqual(before);
});
