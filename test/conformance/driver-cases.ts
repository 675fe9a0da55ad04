import { afterEach, describe, it } from 'vitest';
import type { Column } from '../../tools/conformance/results.ts';
import { columnNotes } from './column.ts';
import { type Bench, type Case, expectNoSecret, makeBench } from './driver/bench.ts';
import { failureCases } from './driver/failure-cases.ts';
import type { CloudUnderTest } from './driver/harness.ts';
import { lifeCases } from './driver/life-cases.ts';
import { userDataCases } from './driver/user-data-cases.ts';
import { viewCases } from './driver/view-cases.ts';

/** What every driver does on its server, by title: the rows of the matrix cases × drivers. */
export const driverCases = { ...lifeCases, ...viewCases, ...failureCases, ...userDataCases };
export type DriverCase = keyof typeof driverCases;

export interface DriverHarness {
  /** A fresh, empty cloud for one case. */
  start(): Promise<CloudUnderTest>;
  /** Cases that this server or this cloud cannot show, each with the reason. */
  readonly gaps: Readonly<Partial<Record<DriverCase, string>>>;
  /** Where its results are in the matrix of docs/clouds.md; null for a driver that is not among ours. */
  readonly column: Column | null;
}

/**
 * Registers the cases for a driver and a server. A case that is a gap is skipped with its reason in its title. After
 * each case everything that was logged and every error that was seen is searched for secrets.
 */
export function driverConformance(name: string, harness: DriverHarness): void {
  const { column, gaps } = harness;
  const notes = columnNotes({ suite: 'drivers', name, column, titles: Object.keys(driverCases) });
  describe(`driver conformance: ${name}`, () => {
    let bench: Bench | null = null;
    afterEach(async () => {
      const used = bench;
      bench = null;
      await used?.cloud.close();
      await used?.test.stop();
    });

    for (const [title, run] of entries(driverCases)) {
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

function entries(cases: Readonly<Record<DriverCase, Case>>): readonly (readonly [DriverCase, Case])[] {
  return Object.entries(cases) as [DriverCase, Case][];
}
