import { afterEach, describe, it } from 'vitest';
import { type Bench, type Case, expectNoSecret, makeBench } from './adapter/bench.ts';
import { demandCases } from './adapter/demand-cases.ts';
import { failureCases } from './adapter/failure-cases.ts';
import type { QueueUnderTest } from './adapter/harness.ts';
import { workerCases } from './adapter/worker-cases.ts';

/** What every queue adapter does on its scheduler, by title: the rows of the matrix cases × adapters. */
export const adapterCases = { ...demandCases, ...workerCases, ...failureCases };
export type AdapterCase = keyof typeof adapterCases;

export interface AdapterHarness {
  /** A scheduler with an empty queue and no workers for one case. */
  start(): Promise<QueueUnderTest>;
  /** Cases that this scheduler cannot show, each with the reason. */
  readonly gaps: Readonly<Partial<Record<AdapterCase, string>>>;
}

/**
 * Registers the cases for an adapter and a scheduler. A case that is a gap is skipped with its reason in its title. After
 * each case everything that was logged and every error that was seen is searched for secrets.
 */
export function adapterConformance(name: string, harness: AdapterHarness): void {
  describe(`adapter conformance: ${name}`, () => {
    let bench: Bench | null = null;
    afterEach(async () => {
      const used = bench;
      bench = null;
      await used?.close();
      await used?.test.stop();
    });

    for (const [title, run] of entries(adapterCases)) {
      const gap = harness.gaps[title];
      if (gap !== undefined) {
        it.skip(`${title} (gap: ${gap})`);
        continue;
      }
      it(title, async () => {
        bench = makeBench(await harness.start());
        await run(bench);
        expectNoSecret(bench);
      });
    }
  });
}

function entries(cases: Readonly<Record<AdapterCase, Case>>): readonly (readonly [AdapterCase, Case])[] {
  return Object.entries(cases) as [AdapterCase, Case][];
}
