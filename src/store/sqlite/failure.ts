import Database from 'better-sqlite3';
import { StoreError } from '../port.ts';

/** The errno of a failed file system call; null for any other error. */
export function errnoOf(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return null;
  return /^E[A-Z0-9]+$/.test(error.code) ? error.code : null;
}

export function corrupt(path: string, what: string, cause?: unknown): StoreError {
  const advice =
    `see \`spillway store check\`, then restore a backup with \`spillway store restore\`, or move the file away: ` +
    'a new store is made and machines that are still there are adopted';
  return new StoreError('corrupt', `${path}: ${what}; ${advice}`, cause === undefined ? {} : { cause });
}

/**
 * What SQLite or the file system said, in the words of the port. An error that is neither (a broken constraint, a
 * value of the wrong type) is a mistake of the program and is returned as it is.
 */
export function storeFailure(path: string, error: unknown): unknown {
  if (error instanceof StoreError) return error;
  const errno = errnoOf(error);
  if (errno === 'ENOSPC' || errno === 'EDQUOT') return full(path, errno, error);
  if (errno !== null && error instanceof Error) {
    return new StoreError('io', `${path}: ${error.message}`, { cause: error });
  }
  if (!(error instanceof Database.SqliteError)) return error;
  const said = `${error.message} (${error.code})`;
  // The primary code: SQLITE_IOERR_WRITE is a kind of SQLITE_IOERR.
  switch (error.code.split('_').slice(0, 2).join('_')) {
    case 'SQLITE_CORRUPT':
    case 'SQLITE_NOTADB':
      return corrupt(path, `not a database, or damaged: ${said}`, error);
    case 'SQLITE_FULL':
      return full(path, said, error);
    case 'SQLITE_BUSY':
    case 'SQLITE_LOCKED':
      return new StoreError('locked', `${path}: another process is writing to it: ${said}`, { cause: error });
    case 'SQLITE_IOERR':
    case 'SQLITE_CANTOPEN':
    case 'SQLITE_READONLY':
    case 'SQLITE_PERM':
    case 'SQLITE_AUTH':
    case 'SQLITE_NOLFS':
    case 'SQLITE_PROTOCOL':
    case 'SQLITE_NOMEM':
      return new StoreError('io', `${path}: ${said}`, { cause: error });
    default:
      return error;
  }
}

function full(path: string, said: string, cause: unknown): StoreError {
  return new StoreError(
    'full',
    `${path}: no room: ${said}; nothing was written; free space on the disk (or raise the store's size limit)`,
    { cause },
  );
}

/** Runs `work`; what it throws is thrown on in the words of the port. */
export function inStoreWords<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw storeFailure(path, error);
  }
}

/**
 * The same for the work of opening, where the statements are prepared: one that cannot be is a file whose tables are
 * not what its schema version says.
 */
export function inWordsOfOpening<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const failure = storeFailure(path, error);
    throw failure instanceof Database.SqliteError ? corrupt(path, failure.message, failure) : failure;
  }
}
