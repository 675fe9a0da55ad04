import { expect, test } from 'vitest';
import type { InstanceEvent } from '../../src/fleet/event.ts';
import { step } from '../../src/fleet/step.ts';
import { makeEntry, makeInstance, stepContext, t0 } from '../support/fleetParts.ts';

/** A view without its worker, a list without the machine, a look-up in vain, again and again: its phase after each. */
function phasesOver(lists: number, mass: boolean): readonly string[] {
  let entry = makeEntry(makeInstance('joining'));
  return Array.from({ length: lists }, (_, n) => {
    const atMs = t0 + (n + 2) * 12_000;
    const events: readonly InstanceEvent[] = [
      { kind: 'workerUnseen', takenAtMs: atMs - 1 },
      { kind: 'unlisted', takenAtMs: atMs, mass },
      { kind: 'absent', askedAtMs: atMs },
    ];
    for (const event of events) entry = step(entry, event, stepContext(atMs)).entry;
    return entry.instance.phase;
  });
}

test('one that vanishes alone is believed gone after two lists', () => {
  expect(phasesOver(2, false)).toEqual(['joining', 'terminating']);
});

test('many that vanish at once are believed gone only after five lists', () => {
  expect(phasesOver(5, true)).toEqual(['joining', 'joining', 'joining', 'joining', 'terminating']);
});
