import { constants, copyFileSync, existsSync, rmSync, statSync } from 'node:fs';
import type Database from 'better-sqlite3';
import type { SiteId } from '../../model/ids.ts';
import { StoreError } from '../port.ts';
import { inspectStore, type StoreReport } from './check.ts';
import { putInPlace, realPath, removeSideFiles, writeDraft } from './copy.ts';
import { corrupt, inStoreWords, inWordsOfOpening } from './failure.ts';
import { assertLogPresent, connect, readMeta } from './file.ts';
import { takeWriterLock } from './lock.ts';
import type { Meta } from './rows.ts';
import { assertOurs } from './schema.ts';

/**
 * What `spillway store check|backup|restore` does. Each call opens the file for itself and is synchronous: about
 * 5 s for 100 MB. Check and backup may run while a daemon has the store; they see the state of one moment and stop no
 * commit. All throw StoreError.
 */

/** Reads every row. What is wrong is in the report; throws only where the file cannot be read at all (`io`). */
export function checkStore(path: string): StoreReport {
  const source = existing(path);
  try {
    return inWordsOfOpening(source, () => reading(source, (db) => inspectStore(db, source)));
  } catch (error) {
    if (!(error instanceof StoreError) || error.code === 'io' || error.code === 'locked') throw error;
    return {
      path: source,
      ok: false,
      faults: [error.message],
      notes: [],
      site: null,
      schema: null,
      rows: null,
    };
  }
}

export interface BackupOptions {
  readonly path: string;
  /** A new file; its folder must exist. */
  readonly to: string;
  /** Replace a file that is there, in one step and only by a backup that is whole; default false. */
  readonly overwrite?: boolean;
}

export interface BackupReport {
  readonly path: string;
  readonly to: string;
  readonly bytes: number;
  readonly rows: StoreReport['rows'];
}

/** Writes a copy that is checked and on disk when this returns. A damaged store is not backed up (`corrupt`). */
export function backupStore(options: BackupOptions): BackupReport {
  const path = existing(options.path);
  const to = realPath(options.to);
  if (to === path) throw new StoreError('io', `${to}: is the store itself; name another file for the backup`);
  if (existsSync(to) && options.overwrite !== true) {
    throw new StoreError('io', `${to}: is there already; name a new file, or say that it may be replaced`);
  }
  return inWordsOfOpening(path, () =>
    reading(path, (db) => {
      sourceMeta(db, path);
      const draft = `${to}.part`;
      try {
        const rows = inStoreWords(to, () => writeDraft(db, draft, (copy) => assertWhole(copy, path)));
        inStoreWords(to, () => putInPlace(draft, to));
        return { path, to, bytes: statSync(to).size, rows };
      } finally {
        rmSync(draft, { force: true });
      }
    }),
  );
}

export interface RestoreOptions {
  /** A backup, or any store that is closed. */
  readonly from: string;
  /** Where the daemon looks for its store. */
  readonly path: string;
  readonly site: SiteId;
  /** Epoch ms by the wall clock. */
  readonly wallMs: number;
}

export interface RestoreReport {
  readonly from: string;
  readonly path: string;
  /** Where the store that was there is now; null if there was none. */
  readonly keptAs: string | null;
  readonly rows: StoreReport['rows'];
}

/**
 * Puts a backup in the store's place; the store that was there is kept beside it. Refused while a daemon has the store
 * (`locked`), and for a backup that is damaged, newer, or another site's: then nothing is changed. At every moment in
 * between, the file at `path` is the old store, the new one, or one that a daemon refuses to open.
 */
export function restoreStore(options: RestoreOptions): RestoreReport {
  const { site, wallMs } = options;
  const from = existing(options.from);
  const path = realPath(options.path);
  if (from === path) throw new StoreError('io', `${from}: is the store itself; name a backup to restore`);
  const lock = takeWriterLock(path);
  const draft = `${path}.part`;
  try {
    const rows = inWordsOfOpening(from, () =>
      reading(from, (db) => {
        const owner = sourceMeta(db, from).site;
        if (owner !== site) {
          throw new StoreError(
            'otherSite',
            `${from}: is of site ${JSON.stringify(owner)}, not of ${JSON.stringify(site)}`,
          );
        }
        return writeDraft(db, draft, (copy) => {
          leap(copy, from, sequenceOf(path), wallMs);
          return assertWhole(copy, from);
        });
      }),
    );
    return inStoreWords(path, () => {
      const keptAs = existsSync(path) ? keepAside(path) : null;
      removeSideFiles(path);
      putInPlace(draft, path);
      return { from, path, keptAs, rows };
    });
  } finally {
    rmSync(draft, { force: true });
    lock.release();
  }
}

/**
 * Ids are made from the sequence, and the cloud may know ids that were made after the backup: none may be made again.
 * Added to both, the wall clock (ms) outruns whatever was counted since, even where the old store cannot be read.
 */
function leap(copy: Database.Database, path: string, replaced: number, wallMs: number): void {
  const sequence = Math.max(readMeta(copy, path).sequence, replaced) + Math.floor(wallMs);
  copy.prepare('UPDATE meta SET sequence = ?').run(sequence);
}

/** How far the store that is to be replaced has counted; 0 where it cannot be read. */
function sequenceOf(path: string): number {
  if (!existsSync(path)) return 0;
  try {
    return reading(path, (db) => readMeta(db, path).sequence);
  } catch {
    return 0;
  }
}

function keepAside(path: string): string {
  let number = 1;
  while (existsSync(`${path}.replaced-${number}`)) number += 1;
  const aside = `${path}.replaced-${number}`;
  copyFileSync(path, aside, constants.COPYFILE_EXCL);
  if (existsSync(`${path}-wal`)) copyFileSync(`${path}-wal`, `${aside}-wal`, constants.COPYFILE_EXCL);
  return aside;
}

/** What a store that is to be copied says of itself; throws where it could not be opened either. */
function sourceMeta(db: Database.Database, path: string): Meta {
  assertOurs(db, path);
  const meta = readMeta(db, path);
  // While a daemon begins its log anew, for the length of one commit, the log's index says that it is empty.
  if (!hasLogFile(path)) assertLogPresent(db, path, meta);
  return meta;
}

function hasLogFile(path: string): boolean {
  return (statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0;
}

/** Runs `work` on the state of one moment; changes nothing in the file. */
function reading<T>(path: string, work: (db: Database.Database) => T): T {
  const db = connect(path, { readonly: true });
  try {
    return work(db);
  } finally {
    db.close();
  }
}

function assertWhole(copy: Database.Database, path: string): StoreReport['rows'] {
  const report = inspectStore(copy, path);
  if (!report.ok) throw corrupt(path, report.faults.join('; '));
  return report.rows;
}

function existing(path: string): string {
  const source = realPath(path);
  if (!existsSync(source)) throw new StoreError('io', `${path}: there is no such file`);
  return source;
}
