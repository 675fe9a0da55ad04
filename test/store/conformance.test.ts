import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { createMemoryStore } from '../../src/store/memory/store.ts';
import { openSqliteStore } from '../../src/store/sqlite/store.ts';
import { accountConformance } from '../conformance/account-cases.ts';
import { site } from '../conformance/rows.ts';
import { storeConformance } from '../conformance/store-cases.ts';

const folder = mkdtempSync(join(tmpdir(), 'spillway-store-'));
afterAll(() => rmSync(folder, { recursive: true }));
let stores = 0;

const onDisk = () => {
  stores += 1;
  const path = join(folder, `${stores}.db`);
  let store = openSqliteStore({ path, site });
  const reopen = () => {
    store.close();
    store = openSqliteStore({ path, site });
    return store;
  };
  return { store, reopen };
};
storeConformance('SQLite on disk', onDisk);
accountConformance('SQLite on disk', onDisk);

// A store in memory ends with its connection: nothing to open again.
storeConformance('SQLite in memory', () => ({
  store: openSqliteStore({ path: ':memory:', site }),
  reopen: null,
}));

accountConformance('maps', () => ({ store: createMemoryStore({ site }), reopen: null }));
