import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { streamEvents } from '../../src/api/eventStream.ts';
import { SiteId } from '../../src/model/ids.ts';
import type { JournalKind } from '../../src/model/journal.ts';
import { createVirtualClock } from '../../src/simulate/virtualClock.ts';
import { createMemoryStore } from '../../src/store/memory/store.ts';

const kind = fc.constantFrom<JournalKind>('launch', 'phase', 'ended');

/** More than one piece of an answer has room for, now and then. */
const entries = fc.oneof(
  fc.array(kind, { maxLength: 20 }),
  fc
    .tuple(kind, fc.integer({ min: 150, max: 500 }))
    .map(([one, count]) => Array.from({ length: count }, () => one)),
);

const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('append' as const), entries }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('cut' as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('slow' as const) }) },
  ),
  { maxLength: 12 },
);

/** All that can happen without time has happened. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await setImmediate();
}

test('whoever is cut off, reads slowly, or comes back gets every entry once and in order', async () => {
  await fc.assert(
    fc.asyncProperty(
      steps,
      fc.subarray<JournalKind>(['launch', 'phase', 'ended'], { minLength: 1 }),
      async (all, kinds) => {
        const store = createMemoryStore({ site: SiteId('lab') });
        const listeners = new Set<() => void>();
        const clock = createVirtualClock();
        const seen: number[] = [];
        let sequence = 0;
        /** Set while a reader does not read. */
        let stalled: PromiseWithResolvers<void> | null = null;

        function follow(): { stop(): Promise<void> } {
          const stop = new AbortController();
          const done = streamEvents(
            {
              control: {
                journal: (query) => store.journal(query),
                onJournal: (listener) => {
                  listeners.add(listener);
                  return () => void listeners.delete(listener);
                },
              },
              query: { kinds, afterNumber: seen.at(-1) ?? 0 },
              clock,
              write: async (text) => {
                for (const [, id] of text.matchAll(/^id: (\d+)$/gm)) seen.push(Number(id));
                await stalled?.promise;
              },
            },
            stop.signal,
          );
          return {
            stop: async () => {
              stop.abort(new Error('cut'));
              stalled?.resolve();
              stalled = null;
              await done;
            },
          };
        }

        let reader = follow();
        for (const step of all) {
          switch (step.kind) {
            case 'append':
              sequence += 1;
              store.commit({
                nowMs: sequence,
                wallMs: sequence,
                sequence,
                intents: [],
                instances: [],
                facts: [],
                journal: step.entries.map((of) => ({ kind: of, atMs: sequence, why: 'so' })),
              });
              for (const listener of listeners) listener();
              break;
            case 'slow':
              stalled ??= Promise.withResolvers();
              break;
            case 'cut':
              await reader.stop();
              reader = follow();
              break;
          }
          await settled();
        }
        stalled?.resolve();
        stalled = null;
        await settled();
        const wanted = store.journal({ kinds, oldestFirst: true, limit: 10_000 }).map(({ number }) => number);
        expect(seen).toEqual(wanted);
        await reader.stop();
        expect(listeners.size).toBe(0);
      },
    ),
    { numRuns: 60 },
  );
});
