import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cloudDrivers } from '../../src/clouds/index.ts';
import { queueAdapters } from '../../src/queues/index.ts';
import { matrices, matrixText, readColumns, withMatrix } from '../../tools/conformance/page.ts';
import type { ColumnResults } from '../../tools/conformance/results.ts';

const root = join(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const parts = { drivers: cloudDrivers.names, adapters: queueAdapters.names };

describe.each(matrices)('$page', (matrix) => {
  const columns = readColumns(matrix);

  it('has the matrix of the committed results: `npm run conformance` writes it', () => {
    expect(withMatrix(read(matrix.page), columns, matrix.what)).toBe(read(matrix.page));
  });

  it('has columns of what there is, and of nothing else', () => {
    expect(columns.map(({ part }) => part).filter((part) => !parts[matrix.suite].includes(part))).toEqual([]);
  });

  it('has a link to the page of each', () => {
    const page = read(matrix.page);
    const folder = matrix.suite === 'drivers' ? 'clouds' : 'queues';
    expect(parts[matrix.suite].filter((name) => !page.includes(`(${folder}/${name}.md)`))).toEqual([]);
  });
});

it('each driver has been run through the suite', () => {
  const [drivers] = matrices;
  const run = new Set(readColumns(drivers).map(({ part }) => part));
  expect(cloudDrivers.names.filter((name) => !run.has(name))).toEqual([]);
});

it('a matrix names each gap once, and says what was not run', () => {
  const columns: readonly ColumnResults[] = [
    { name: 'one', part: 'ec2', server: 'S', proven: 'real', cases: { a: 'passed', b: { gap: 'why' } } },
    {
      name: 'two',
      part: 'local',
      server: 'T',
      proven: 'contract',
      cases: { a: { gap: 'why' }, b: 'failed', c: 'passed' },
    },
  ];
  const text = matrixText(columns, 'driver');
  expect(text).toContain('| a | yes | gap 1 |\n| b | gap 1 | **failed** |\n| c | not run | yes |\n');
  expect(text).toContain(
    '| A | `ec2` | real | S | 1 | 1 | 0 |\n| B | `local` | contract | T | 1 | 1 | 1 |\n',
  );
  expect(text).toContain('Gaps:\n\n1. why\n');
  expect(text).not.toContain('2. ');
});
