import { chownSync, closeSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { StoreError } from '../port.ts';
import { errnoOf, inStoreWords } from './failure.ts';

/** Held by the one process that may write to a store. */
export interface WriterLock {
  release(): void;
}

/**
 * Takes the store's lock or throws StoreError `locked` at once.
 *
 * The lock is the operating system's, on a file of its own beside the store: it dies with the process, however that
 * ends, and leaves the store itself open to readers (a backup, a check). The file is an empty SQLite database in which
 * a write transaction is begun and never ended, because Node has no call to lock a file and SQLite does. It must not be
 * opened by other means in the process that holds it: closing any descriptor of a file drops its POSIX locks.
 */
export function takeWriterLock(storePath: string): WriterLock {
  const path = `${storePath}.lock`;
  inStoreWords(path, () => createPrivately(path));
  return inStoreWords(path, () => {
    const db = new Database(path, { timeout: 0 });
    try {
      db.pragma('journal_mode = MEMORY');
      db.exec('BEGIN IMMEDIATE');
    } catch (error) {
      db.close();
      if (!(error instanceof Database.SqliteError) || !error.code.startsWith('SQLITE_BUSY')) throw error;
      throw new StoreError(
        'locked',
        `${storePath}: another daemon has it (${holderOf(storePath)}); one daemon for each store: stop that one first`,
        { cause: error },
      );
    }
    return { release: () => db.close() };
  });
}

/** Who opened the store last, as it wrote down itself. */
function holderOf(storePath: string): string {
  try {
    const db = new Database(storePath, { readonly: true, fileMustExist: true, timeout: 0 });
    try {
      const holder: unknown = db.prepare('SELECT holder FROM meta').pluck().get();
      return typeof holder === 'string' ? holder : 'it has not said which process it is';
    } finally {
      db.close();
    }
  } catch {
    return 'its process is unknown';
  }
}

/**
 * Makes an empty file that only its owner may read; no error if there is one. Made by root, it belongs to the owner of
 * its folder: else `spillway store restore` as root would leave files that the daemon cannot open.
 */
export function createPrivately(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return;
    throw error;
  }
  if (process.geteuid?.() !== 0) return;
  const folder = statSync(dirname(path));
  chownSync(path, folder.uid, folder.gid);
}
