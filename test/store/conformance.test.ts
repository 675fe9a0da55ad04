import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { openSqliteStore } from '../../src/store/sqlite/store.ts';
import { site } from '../conformance/rows.ts';
import { storeConformance } from '../conformance/store-cases.ts';

const folder = mkdtempSync(join(tmpdir(), 'spillway-store-'));
afterAll(() => rmSync(folder, { recursive: true }));
let stores = 0;

storeConformance('SQLite on disk', () => {
  stores += 1;
  const path = join(folder, `${stores}.db`);
  let store = openSqliteStore({ path, site });
  const reopen = () => {
    store.close();
    store = openSqliteStore({ path, site });
    return store;
  };
  return { store, reopen };
});

// A store in memory ends with its connection: nothing to open again.
storeConformance('SQLite in memory', () => ({
  store: openSqliteStore({ path: ':memory:', site }),
  reopen: null,
}));
