import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { matrices, readColumns, withMatrix } from './page.ts';

/**
 * Writes the matrices into docs/clouds.md and docs/queues.md from the columns in test/data/conformance. `npm run conformance`, after a
 * suite has written a column (`npx vitest run FILE -u`); a test compares the two.
 */
const root = join(import.meta.dirname, '../..');
for (const matrix of matrices) {
  const path = join(root, matrix.page);
  writeFileSync(path, withMatrix(readFileSync(path, 'utf8'), readColumns(matrix), matrix.what));
}
