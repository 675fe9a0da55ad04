import { describe, expect, test } from 'vitest';
import { CloudId, InstanceId, OfferName } from '../../src/model/ids.ts';
import type { Instance } from '../../src/model/instance.ts';
import {
  found,
  makeEntry,
  makeFleet,
  makeInstance,
  makeList,
  makeView,
  makeWorker,
  t0,
} from '../support/fleetParts.ts';
import { foldedPhases, folds, inService, onlyOf } from '../support/folds.ts';
import { east } from '../support/siteParts.ts';

describe('a list of a cloud', () => {
  test('the same row twice is the same machine', () => {
    const fleet = makeFleet([inService('a')]);
    const row = found(makeInstance('claimed', { name: 'a' }));
    const change = folds(fleet, [t0 + 1, { lists: [makeList(t0, [row, row])] }]);
    expect(foldedPhases(change)).toEqual({ 'a-0': 'claimed' });
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
    expect(foldedPhases(change)).toEqual({ 'a-0': 'claimed', 'a-0-twin-late': 'terminating' });
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
    expect(Object.values(foldedPhases(folds(fleet, ...empties)))).toEqual([
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
    expect(foldedPhases(folds(fleet, ...empties))).toEqual({
      'a-0': 'claimed',
      'b-0': 'idle',
      'late-0': 'joining',
    });
  });

  test('a worker that is linked by address belongs to a machine that was booted without user data only', () => {
    const address = '10.0.0.7';
    const joining = makeEntry(makeInstance('joining', { address }));
    const view = makeView(t0 + 1, { workers: [makeWorker(null, 'idle', { address })] });
    expect(onlyOf(folds(makeFleet([joining]), [t0 + 1, { views: [view] }])).phase).toBe('idle');
  });

  test('many silent at once are ended only when the silence has lasted twice as long', () => {
    const silent = ['a', 'b', 'c', 'd'].map((name) =>
      makeEntry(makeInstance('unreachable', { name, deadlineMs: t0 + 300_000 }), { unseen: 5 }),
    );
    const view = (atMs: number) => [atMs, { views: [makeView(atMs)] }] as const;
    const first = folds(makeFleet(silent), view(t0 + 300_000));
    expect(new Set(Object.values(foldedPhases(first)))).toEqual(new Set(['unreachable']));
    expect(new Set(Object.values(foldedPhases(folds(first.result(), view(t0 + 600_000)))))).toEqual(
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
    const { idleSinceMs, deadlineMs } = onlyOf(folds(makeFleet([idle]), [t0 + 3_600_000, back]));
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
    expect(booted.lessons).toEqual([
      { kind: 'booted', offer: OfferName('small'), cloud: east, tookMs: 30_000 },
    ]);
    const view = makeView(t0 + 40_000, { workers: [makeWorker(building.instance.id, 'idle')] });
    const joined = folds(booted.result(), [t0 + 40_000, { views: [view] }]);
    expect(joined.lessons).toMatchObject([{ kind: 'joined', tookMs: 10_000 }]);
  });

  test('that there was no room after all is a lesson of the cloud, and not a machine that failed', () => {
    const { instance, ...building } = makeEntry(makeInstance('building', { createdAtMs: t0 }));
    const lesson = (over: object) =>
      folds(makeFleet([{ instance, ...building }]), [
        t0 + 30_000,
        {
          lists: [
            makeList(t0 + 30_000, [found(instance, { state: 'error', fault: 'Quota exceeded', ...over })]),
          ],
        },
      ]).lessons;
    expect(lesson({ faultCode: 'quota' })).toMatchObject([
      { kind: 'lacked', cloud: east, code: 'quota', message: 'Quota exceeded' },
    ]);
    expect(lesson({})).toMatchObject([{ kind: 'failed', reason: 'bootFailed' }]);
  });

  test('an operator´s order is carried out with that reason', () => {
    const fleet = makeFleet([inService('a')]);
    const order = { kind: 'terminate', instance: InstanceId('a-0') } as const;
    const change = folds(fleet, [t0 + 1, { orders: [order] }]);
    expect(onlyOf(change)).toMatchObject({ phase: 'terminating', endReason: 'operator' });
    expect(change.journal).toMatchObject([{ why: 'operator: asked for by the operator' }]);
  });
});

test('a fold leaves the fleet that it began with as it was', () => {
  const fleet = makeFleet([inService('a')]);
  const before = structuredClone([...fleet.entries.values()]);
  folds(fleet, [t0 + 1, { orders: [{ kind: 'terminate', instance: InstanceId('a-0') }] }]);
  expect([...fleet.entries.values()]).toEqual(before);
});
