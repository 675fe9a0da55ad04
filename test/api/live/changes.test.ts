import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createChanges } from '../../../src/api/live/changes.ts';
import { type LiveInstance, liveInstance } from '../../../src/api/live/frame.ts';
import type { Phase } from '../../../src/model/instance.ts';
import { fixtureInstances } from '../../support/fixtureControl.ts';

const [, pattern] = fixtureInstances;

function machine(id: string, phase: Phase): LiveInstance {
  if (pattern === undefined) throw new Error('the fixture has no instance');
  return { ...liveInstance(pattern), id, phase };
}

const machines = fc.uniqueArray(
  fc.record({
    id: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    phase: fc.constantFrom<Phase>('idle', 'claimed'),
  }),
  { selector: ({ id }) => id },
);

test('whoever applies what has changed knows all that there is, however many frames were left out', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ now: machines, look: fc.boolean() }), { maxLength: 20 }),
      fc.integer({ min: 0, max: 3 }),
      (steps, goneKept) => {
        const changes = createChanges(goneKept);
        const known = new Map<string, Phase>();
        let seen: number | null = null;
        for (const [at, { now, look }] of steps.entries()) {
          changes.update(
            at + 1,
            now.map(({ id, phase }) => machine(id, phase)),
          );
          if (!look) continue;
          const { whole, put, gone } = changes.since(seen);
          if (whole) known.clear();
          for (const { id, phase } of put) known.set(id, phase);
          for (const id of gone) known.delete(id);
          seen = at + 1;
          expect(known).toEqual(new Map(now.map(({ id, phase }) => [id, phase])));
        }
      },
    ),
  );
});

test('what is as it was is not sent again', () => {
  const changes = createChanges();
  changes.update(1, [machine('a', 'idle'), machine('b', 'idle')]);
  changes.update(2, [machine('a', 'idle'), machine('b', 'claimed')]);
  expect(changes.since(1)).toMatchObject({ whole: false, put: [{ id: 'b' }], gone: [] });
  changes.update(3, [machine('b', 'claimed')]);
  expect(changes.since(2)).toEqual({ whole: false, put: [], gone: ['a'] });
});
