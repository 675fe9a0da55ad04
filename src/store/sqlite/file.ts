import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import type { SiteId } from '../../model/ids.ts';
import type { Log } from '../../model/log.ts';
import { StoreError } from '../port.ts';
import { corrupt, inStoreWords } from './failure.ts';
import { createPrivately, takeWriterLock } from './lock.ts';
import { applicationId, type Migration, migrations } from './migrations.ts';
import { decode, type Meta, metaTable } from './rows.ts';

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
    return inStoreWords(path, () => {
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
    return started(db, path, release);
  } catch (error) {
    db.close();
    throw error;
  }
}

function started(db: Database.Database, path: string, release: () => void): OpenFile {
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
  checkpoint();
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
export function connect(path: string): Database.Database {
  if (statSync(path).size === 0) throw corrupt(path, 'the file is empty');
  const db = new Database(path, { fileMustExist: true, timeout: busyTimeoutMs });
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

/** Throws unless the file is a store of ours with a schema that this version knows. */
export function assertOurs(db: Database.Database, path: string): void {
  if (db.pragma('application_id', { simple: true }) !== applicationId) {
    throw corrupt(path, 'a database, but not a store of Spillway');
  }
  const version = schemaVersion(db);
  if (version > latestVersion()) {
    const what = `its schema is version ${version}, this Spillway knows ${latestVersion()}`;
    const todo = `run the newer Spillway that wrote it, or restore the copy made before it was upgraded (${path}.v…)`;
    throw new StoreError('newer', `${path}: ${what}; ${todo}`);
  }
}

function assertSound(db: Database.Database, path: string): void {
  const found: unknown = db.pragma('quick_check(1)', { simple: true });
  if (found !== 'ok') throw corrupt(path, `damaged: ${String(found)}`);
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

export function schemaVersion(db: Database.Database): number {
  return Number(db.pragma('user_version', { simple: true }));
}

export function latestVersion(): number {
  return migrations.at(-1)?.version ?? 0;
}

/** Applies the steps that are missing: all of them or none. */
export function migrate(db: Database.Database, steps: readonly Migration[]): void {
  // A step may rebuild a table that others refer to; what it leaves is checked before it is committed.
  db.pragma('foreign_keys = OFF');
  try {
    db.transaction(() => {
      for (const step of steps) {
        if (step.version <= schemaVersion(db)) continue;
        db.exec(step.sql);
        db.pragma(`user_version = ${step.version}`);
      }
      const broken = db.pragma('foreign_key_check') as unknown[];
      if (broken.length > 0) throw new Error(`a migration broke ${broken.length} references`);
    }).immediate();
  } finally {
    db.pragma('foreign_keys = ON');
  }
}

function makeSchema(db: Database.Database, site: SiteId): void {
  db.pragma(`application_id = ${applicationId}`);
  migrate(db, migrations);
  db.prepare("INSERT INTO meta (id, site, sequence, opening, log) VALUES (1, ?, 0, 0, 'none')").run(site);
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

/** A whole copy at `to`, as of one moment, on disk when it returns; a file that is there is replaced. */
export function writeCopy(
  db: Database.Database,
  to: string,
  amend?: (copy: Database.Database) => void,
): void {
  const draft = `${to}.part`;
  rmSync(draft, { force: true });
  removeSideFiles(draft);
  createPrivately(draft);
  db.prepare('VACUUM INTO ?').run(draft);
  const copy = new Database(draft, { fileMustExist: true });
  try {
    copy.exec("UPDATE meta SET log = 'none', holder = NULL");
    amend?.(copy);
  } finally {
    copy.close();
  }
  putInPlace(draft, to);
}

/** Renames within a folder so that it holds after a power cut. */
export function putInPlace(draft: string, path: string): void {
  syncToDisk(draft);
  renameSync(draft, path);
  syncToDisk(dirname(path));
}

function syncToDisk(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

export function removeSideFiles(path: string): void {
  for (const end of ['-wal', '-shm', '-journal']) rmSync(`${path}${end}`, { force: true });
}

/** The file itself, whatever links lead to it: two names of one store have one lock. */
export function realPath(path: string): string {
  return inStoreWords(path, () => {
    if (existsSync(path)) return realpathSync(path);
    if (!existsSync(dirname(path)))
      throw new StoreError('io', `${path}: its folder does not exist, or may not be seen`);
    return join(realpathSync(dirname(path)), basename(path));
  });
}

function pagesIn(db: Database.Database, sizeMiB: number): number {
  return Math.floor((sizeMiB * bytesPerMiB) / Number(db.pragma('page_size', { simple: true })));
}
