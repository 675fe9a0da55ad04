import type Database from 'better-sqlite3';
import type { SiteId } from '../../model/ids.ts';
import { assertLogPresent, readMeta } from './file.ts';
import { assertOurs, schemaVersion } from './schema.ts';
import {
  pageFaults,
  type RowCounts,
  referenceFaults,
  rowFaults,
  schemaAdditions,
  schemaFaults,
} from './soundness.ts';

/** What a check found: plain data that survives JSON. */
export interface StoreReport {
  readonly path: string;
  readonly ok: boolean;
  /** What is wrong, one line each; no more than a few of a kind. */
  readonly faults: readonly string[];
  /** What is worth knowing and no damage. */
  readonly notes: readonly string[];
  readonly site: SiteId | null;
  readonly schema: number | null;
  /** Null where the file could not be read so far. */
  readonly rows: RowCounts | null;
}

const faultsOfAKindMax = 20;

/** Reads all of an open store in one transaction. Throws StoreError where it is no store that could be opened. */
export function inspectStore(db: Database.Database, path: string): StoreReport {
  return db.transaction(() => {
    assertOurs(db, path);
    const meta = readMeta(db, path);
    assertLogPresent(db, path, meta);
    const read = rowFaults(db, faultsOfAKindMax);
    const faults = [
      ...pageFaults(db, faultsOfAKindMax, 'full'),
      ...schemaFaults(db),
      ...referenceFaults(db, faultsOfAKindMax),
      ...read.faults,
    ];
    const notes = schemaAdditions(db);
    const schema = schemaVersion(db);
    return { path, ok: faults.length === 0, faults, notes, site: meta.site, schema, rows: read.rows };
  })();
}
