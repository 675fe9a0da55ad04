import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type Column, type Outcome, resultsFolder, resultsText } from '../../tools/conformance/results.ts';

const root = join(import.meta.dirname, '../..');

/**
 * Notes what each case of a suite comes to on one server, and holds it against what is committed in test/data/conformance. Where
 * it has changed for good: `npx vitest run FILE -u`, then `npm run conformance`.
 */
export interface ColumnNotes {
  /** A case that is not shown here, and the reason. */
  gap(title: string, reason: string): void;
  /** Runs a case and notes how it ends. */
  run(title: string, work: () => Promise<void>): Promise<void>;
  /** Registers the last test of the suite, which compares; nothing for a column that is in no matrix. */
  compare(): void;
}

export interface ColumnOptions {
  readonly suite: 'drivers' | 'adapters';
  readonly name: string;
  /** Null: a column that is in no matrix. */
  readonly column: Column | null;
  /** Of all cases, in the order of the matrix. */
  readonly titles: readonly string[];
}

export function columnNotes({ suite, name, column, titles }: ColumnOptions): ColumnNotes {
  const outcomes = new Map<string, Outcome>();
  return {
    gap(title, reason) {
      outcomes.set(title, { gap: reason });
    },
    async run(title, work) {
      outcomes.set(title, 'failed');
      await work();
      outcomes.set(title, 'passed');
    },
    compare() {
      if (column === null) return;
      const { file, ...facts } = column;
      it('comes out as the matrix in docs has it', async () => {
        const path = join(root, resultsFolder, suite, `${file}.json`);
        const cases = Object.fromEntries(titles.map((title) => [title, outcomes.get(title) ?? 'failed']));
        await expect(resultsText({ name, ...facts, cases })).toMatchFileSnapshot(path);
      });
    },
  };
}
