import { describe, expect, test } from 'vitest';
import { InstanceId, IntentId } from '../../src/model/ids.ts';
import {
  found,
  makeEntry,
  makeFleet,
  makeInstance,
  makeIntent,
  makeList,
  t0,
} from '../support/fleetParts.ts';
import { foldedPhases, folds } from '../support/folds.ts';

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
    expect(foldedPhases(change)).toEqual({ 'call-0': 'building', 'call-1': 'building' });
    expect(change.intents.get(intent)?.state).toBe('accepted');
    expect(change.lessons).toMatchObject([{ kind: 'accepted', intent }]);
  });

  test('seats that the cloud had no room for never were', () => {
    const { fleet, instances } = requested(3);
    const rows = instances.slice(0, 1).map((instance) => found(instance));
    const change = folds(fleet, [t0, { outcomes: [{ kind: 'launched', intent, instances: rows }] }]);
    expect(foldedPhases(change)).toEqual({ 'call-0': 'joining' });
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
    expect(foldedPhases(change)).toEqual({});
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
    expect(foldedPhases(early)).toEqual({ 'call-0': 'unknown' });
    const late = folds(early.result(), [t0 + 10_001, asked(t0 + 10_000)]);
    expect(late.changedInstances.get(InstanceId('call-0'))).toMatchObject({
      phase: 'ended',
      endReason: 'neverLaunched',
    });
    expect(late.changedIntents.get(intent)?.state).toBe('never');
    expect([...late.intents]).toEqual([]);
  });

  test.each(['capacity', 'invalid'] as const)(
    'in doubt, sent again, and refused (%s): the first call may have made its machine, which is looked for on',
    (code) => {
      const { fleet, instances } = requested(1);
      const refused = { kind: 'launchFailed', intent, code, message: 'no', inDoubt: false } as const;
      const change = folds(
        fleet,
        [t0, doubt],
        [t0 + 2000, { outcomes: [{ ...refused, retryAfterMs: null }] }],
      );
      expect(foldedPhases(change)).toEqual({ 'call-0': 'unknown' });
      expect(change.intents.get(intent)?.state).toBe('unknown');
      expect(change.lessons).toMatchObject([{ kind: 'refused', code }]);
      const rows = instances.map((instance) => found(instance));
      const later = folds(change.result(), [t0 + 5000, { lists: [makeList(t0 + 4000, rows)] }]);
      expect(foldedPhases(later)).toEqual({ 'call-0': 'joining' });
    },
  );

  test('a look-up that was begun early and answered late is still too early', () => {
    const { fleet } = requested(1);
    const slow = { outcomes: [{ kind: 'resolved', intent, instances: [], askedAtMs: t0 + 5000 } as const] };
    expect(foldedPhases(folds(fleet, [t0, doubt], [t0 + 60_000, slow]))).toEqual({ 'call-0': 'unknown' });
  });

  test('in doubt, and found by the look-up', () => {
    const { fleet, instances } = requested(2);
    const rows = instances.slice(0, 1).map((instance) => found(instance));
    const change = folds(
      fleet,
      [t0, doubt],
      [t0 + 20_000, { outcomes: [{ kind: 'resolved', intent, instances: rows, askedAtMs: t0 + 15_000 }] }],
    );
    expect(foldedPhases(change)).toEqual({ 'call-0': 'joining' });
    expect(change.intents.get(intent)?.state).toBe('accepted');
  });

  test('in doubt, and found by a list: the intent is settled, too', () => {
    const { fleet, instances } = requested(1);
    const rows = instances.map((instance) => found(instance));
    const change = folds(fleet, [t0, doubt], [t0 + 5000, { lists: [makeList(t0 + 4000, rows)] }]);
    expect(foldedPhases(change)).toEqual({ 'call-0': 'joining' });
    expect(change.intents.get(intent)?.state).toBe('accepted');
  });

  test('in doubt, and the list shows it gone already: nothing is left to look for', () => {
    const { fleet, instances } = requested(1);
    const rows = instances.map((instance) => found(instance, { state: 'gone' }));
    const change = folds(fleet, [t0, doubt], [t0 + 5000, { lists: [makeList(t0 + 4000, rows)] }]);
    expect(foldedPhases(change)).toEqual({});
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
    expect(foldedPhases(change)).toEqual({ 'call-0': 'joining', 'call-1': 'unknown' });
    expect(change.intents.get(intent)?.state).toBe('unknown');
  });

  test('an answer for an intent that nobody knows changes nothing', () => {
    const change = folds(makeFleet([]), [t0, doubt]);
    expect(change.journal).toEqual([]);
  });
});
