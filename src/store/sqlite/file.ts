import { existsSync, rmSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename } from 'node:path';
import Database from 'better-sqlite3';
import type { SiteId } from '../../model/ids.ts';
import type { Log } from '../../model/log.ts';
import { StoreError } from '../port.ts';
import { putInPlace, realPath, removeSideFiles, writeCopy } from './copy.ts';
import { corrupt, inWordsOfOpening, storeFailure } from './failure.ts';
import { createPrivately, takeWriterLock } from './lock.ts';
import { migrations } from './migrations.ts';
import { decode, type Meta, metaTable } from './rows.ts';
import { assertOurs, latestVersion, makeSchema, migrate, schemaVersion } from './schema.ts';
import { pageFaults, rowFaults, schemaFaults } from './soundness.ts';

/** A wait for a foreign reader or writer blocks the whole daemon. */
const busyTimeoutMs = 250;
const bytesPerMiB = 1024 * 1024;

export interface OpenFile {
  readonly db: Database.Database;
  readonly path: string;
  /** Which opening of this store it is: commits of an earlier one are refused. */
  readonly opening: number;
  /** Throws StoreError `io` where the file that is open is no longer the one at the path. */
  assertInPlace(): void;
  /** Moves commits from the log to the database file. A failure leaves them in the log, where they are as safe. */
  checkpoint(): void;
  logBytes(): number;
  close(): void;
}

export interface FileOptions {
  readonly path: string;
  readonly site: SiteId;
  readonly sizeMaxMiB: number;
  readonly log: Log | undefined;
}

export const metaSql =
  'SELECT site, now_ms AS nowMs, wall_ms AS wallMs, sequence, opening, holder, log FROM meta WHERE id = 1';

/** Takes the lock, makes the store if there is none, checks it whole and brings its schema up to date. */
export function openFile(options: FileOptions): OpenFile {
  const path = realPath(options.path);
  const lock = takeWriterLock(path);
  try {
    return inWordsOfOpening(path, () => {
      if (!existsSync(path)) makeFile(path, options.site, options.log);
      return openLocked({ ...options, path }, () => lock.release());
    });
  } catch (error) {
    lock.release();
    throw error;
  }
}

function openLocked(options: FileOptions, release: () => void): OpenFile {
  const { path, site, log } = options;
  const db = connect(path);
  try {
    assertOurs(db, path);
    assertSound(db, path);
    const meta = readMeta(db, path);
    if (meta.site !== site) {
      const whose = `is the store of site ${JSON.stringify(meta.site)}, not of ${JSON.stringify(site)}`;
      throw new StoreError(
        'otherSite',
        `${path}: ${whose}; give this site another stateDir, or correct \`site\``,
      );
    }
    assertLogPresent(db, path, meta);
    db.pragma(`max_page_count = ${pagesIn(db, options.sizeMaxMiB)}`);
    const from = schemaVersion(db);
    if (from < latestVersion()) {
      const copy = `${path}.v${from}`;
      writeCopy(db, copy);
      migrate(db, migrations);
      log?.warn({ from, to: latestVersion(), copy }, 'store schema brought up to date; the old one is kept');
    }
    return started(db, path, log, release);
  } catch (error) {
    db.close();
    throw error;
  }
}

function started(db: Database.Database, path: string, log: Log | undefined, release: () => void): OpenFile {
  if (db.pragma('journal_mode = WAL', { simple: true }) !== 'wal') {
    throw new StoreError(
      'io',
      `${path}: its file system has no shared memory; put the store on a local disk`,
    );
  }
  const holder = `process ${process.pid} on ${hostname()}`;
  const opening = db
    .prepare<[string], number>(
      "UPDATE meta SET opening = opening + 1, holder = ?, log = 'seen' RETURNING opening",
    )
    .pluck()
    .get(holder);
  if (opening === undefined) throw corrupt(path, 'table meta is empty');
  const markLog = db.prepare('UPDATE meta SET log = ? WHERE opening = ?');
  const { dev, ino } = statSync(path, { bigint: true });
  const checkpoint = () => {
    // See migrations.ts: the file by itself must say that its log is missing.
    markLog.run('needed', opening);
    try {
      db.pragma('wal_checkpoint(FULL)');
    } finally {
      markLog.run('seen', opening);
    }
  };
  try {
    checkpoint();
  } catch (error) {
    const failure = storeFailure(path, error);
    if (!(failure instanceof StoreError) || (failure.code !== 'full' && failure.code !== 'locked'))
      throw failure;
    // All is in the log still; a nearly full disk must not keep a daemon from its machines.
    log?.warn({ path, error: failure.message }, 'store log could not be moved to the database file');
  }
  let open = true;
  return {
    db,
    path,
    opening,
    checkpoint,
    logBytes: () => statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0,
    assertInPlace: () => {
      const now = statSync(path, { bigint: true, throwIfNoEntry: false });
      if (now?.ino === ino && now.dev === dev) return;
      const what = now === undefined ? 'removed' : 'replaced';
      throw new StoreError('io', `${path}: the file was ${what} while it was open; restart the daemon`);
    },
    close: () => {
      if (!open) return;
      open = false;
      try {
        markLog.run('none', opening);
      } catch {
        // On a full or failing disk it stays `seen`, and the log stays with the file: nothing is lost.
      }
      db.close();
      release();
    },
  };
}

/** A store that lives as long as its connection. */
export function openMemory(site: SiteId, sizeMaxMiB: number): OpenFile {
  const db = new Database(':memory:');
  makeSchema(db, site);
  db.pragma(`max_page_count = ${pagesIn(db, sizeMaxMiB)}`);
  return {
    db,
    path: ':memory:',
    opening: 0,
    assertInPlace: () => undefined,
    checkpoint: () => undefined,
    logBytes: () => 0,
    close: () => db.close(),
  };
}

/** An open connection to a file that is there, with the settings that every writer of ours uses. */
export function connect(path: string, options: { readonly readonly?: boolean } = {}): Database.Database {
  if (statSync(path).size === 0) throw corrupt(path, 'the file is empty');
  const db = new Database(path, { ...options, fileMustExist: true, timeout: busyTimeoutMs });
  try {
    db.pragma('synchronous = FULL');
    db.pragma('foreign_keys = ON');
    db.pragma('trusted_schema = OFF');
    db.pragma('cell_size_check = ON');
    // The store moves its log itself (see checkpoint); a log that has been moved shrinks.
    db.pragma('wal_autocheckpoint = 0');
    db.pragma('journal_size_limit = 0');
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Damage that would show in time is better known at the start, before anything is decided by it. */
function assertSound(db: Database.Database, path: string): void {
  const [fault] = [...schemaFaults(db), ...pageFaults(db, 1, 'quick')];
  if (fault === undefined) return;
  if (!fault.includes('constraint failed')) throw corrupt(path, fault);
  // A value that its column does not allow is named with its row.
  readMeta(db, path);
  throw corrupt(path, rowFaults(db, 1).faults[0] ?? fault);
}

export function readMeta(db: Database.Database, path: string): Meta {
  const row: unknown = db.prepare(metaSql).get();
  if (row === undefined) throw corrupt(path, 'table meta is empty');
  return decode(path, metaTable, row);
}

/** The file says that newer commits are in its log: then a log must have been read. */
export function assertLogPresent(db: Database.Database, path: string, meta: Meta): void {
  if (meta.log !== 'needed' || framesInLog(db) > 0) return;
  throw corrupt(
    path,
    `its write-ahead log ${basename(path)}-wal is missing (a file copied while the daemon ran? use \`spillway store backup\`)`,
  );
}

function framesInLog(db: Database.Database): number {
  const [counts] = db.pragma('wal_checkpoint(NOOP)') as { readonly log: number }[];
  return counts?.log ?? 0;
}

/** Made under another name and then renamed: a store is there whole or not at all. */
function makeFile(path: string, site: SiteId, log: Log | undefined): void {
  if (existsSync(`${path}-wal`)) {
    // The log of a store that was deleted; SQLite would take it for the new one's.
    log?.warn({ path }, 'removed the log of a store that is gone');
    removeSideFiles(path);
  }
  const draft = `${path}.new`;
  rmSync(draft, { force: true });
  removeSideFiles(draft);
  createPrivately(draft);
  const db = new Database(draft);
  try {
    makeSchema(db, site);
  } finally {
    db.close();
  }
  putInPlace(draft, path);
  log?.info({ path, site }, 'made a new store');
}

function pagesIn(db: Database.Database, sizeMiB: number): number {
  return Math.floor((sizeMiB * bytesPerMiB) / Number(db.pragma('page_size', { simple: true })));
}
