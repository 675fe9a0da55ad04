import { afterEach, describe, it } from 'vitest';
import type { Column } from '../../tools/conformance/results.ts';
import { type Bench, type Case, expectNoSecret, makeBench } from './adapter/bench.ts';
import { demandCases } from './adapter/demand-cases.ts';
import { failureCases } from './adapter/failure-cases.ts';
import type { QueueUnderTest } from './adapter/harness.ts';
import { workerCases } from './adapter/worker-cases.ts';
import { columnNotes } from './column.ts';

/** What every queue adapter does on its scheduler, by title: the rows of the matrix cases × adapters. */
export const adapterCases = { ...demandCases, ...workerCases, ...failureCases };
export type AdapterCase = keyof typeof adapterCases;

export interface AdapterHarness {
  /** A scheduler with an empty queue and no workers for one case. */
  start(): Promise<QueueUnderTest>;
  /** Cases that this scheduler cannot show, each with the reason. */
  readonly gaps: Readonly<Partial<Record<AdapterCase, string>>>;
  /** Where its results are in the matrix of docs/queues.md; absent: in none. */
  readonly column?: Column;
}

/**
 * Registers the cases for an adapter and a scheduler. A case that is a gap is skipped with its reason in its title. After
 * each case everything that was logged and every error that was seen is searched for secrets.
 */
export function adapterConformance(name: string, harness: AdapterHarness): void {
  const { column = null, gaps } = harness;
  const notes = columnNotes({ suite: 'adapters', name, column, titles: Object.keys(adapterCases) });
  describe(`adapter conformance: ${name}`, () => {
    let bench: Bench | null = null;
    afterEach(async () => {
      const used = bench;
      bench = null;
      await used?.close();
      await used?.test.stop();
    });

    for (const [title, run] of entries(adapterCases)) {
      const gap = gaps[title];
      if (gap !== undefined) {
        notes.gap(title, gap);
        it.skip(`${title} (gap: ${gap})`);
        continue;
      }
      it(title, () =>
        notes.run(title, async () => {
          bench = makeBench(await harness.start());
          await run(bench);
          expectNoSecret(bench);
        }),
      );
    }
    notes.compare();
  });
}

function entries(cases: Readonly<Record<AdapterCase, Case>>): readonly (readonly [AdapterCase, Case])[] {
  return Object.entries(cases) as [AdapterCase, Case][];
}
