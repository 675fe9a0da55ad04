import { closeSync, existsSync, fsyncSync, openSync, realpathSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { StoreError } from '../port.ts';
import { inStoreWords } from './failure.ts';
import { createPrivately } from './lock.ts';

/** A whole copy at `to`, as of one moment, on disk when it returns; a file that is there is replaced. */
export function writeCopy(db: Database.Database, to: string): void {
  const draft = `${to}.part`;
  writeDraft(db, draft, () => undefined);
  putInPlace(draft, to);
}

/** Copies the store as of one moment, marks the copy as closed in good order and lets `amend` see to it. */
export function writeDraft<T>(
  db: Database.Database,
  draft: string,
  amend: (copy: Database.Database) => T,
): T {
  rmSync(draft, { force: true });
  removeSideFiles(draft);
  createPrivately(draft);
  db.prepare('VACUUM INTO ?').run(draft);
  const copy = new Database(draft, { fileMustExist: true });
  try {
    copy.exec("UPDATE meta SET log = 'none', holder = NULL");
    return amend(copy);
  } finally {
    copy.close();
  }
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
