import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import Database from 'better-sqlite3';
import { onTestFinished } from 'vitest';
import { type Store, StoreError } from '../../src/store/port.ts';
import { openSqliteStore } from '../../src/store/sqlite/store.ts';
import { aBatch, anEntry, anInstance, anIntent, site } from '../conformance/rows.ts';

/** A folder for one test. */
export function aFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-store-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A store that is closed when the test ends. */
export function opened(path: string, options: { readonly sizeMaxMiB?: number } = {}): Store {
  const store = openSqliteStore({ path, site, ...options });
  onTestFinished(() => store.close());
  return store;
}

/** A closed store with an intent, two instances, a fact and some journal, about 40 pages of 4 KiB. */
export function aStoreFile(folder: string): string {
  const path = join(folder, 'spillway.db');
  const store = openSqliteStore({ path, site });
  store.commit(
    aBatch({
      intents: [anIntent('i1', { seats: 2, state: 'accepted' })],
      instances: [anInstance('i1', 0, { phase: 'idle' }), anInstance('i1', 1)],
      facts: [{ key: 'boot', value: { p95Ms: 60_000 } }],
      journal: Array.from({ length: 400 }, (_, n) =>
        anEntry({ atMs: n, why: `entry ${n} ${'.'.repeat(100)}` }),
      ),
    }),
  );
  store.close();
  return path;
}

/** Changes a closed store behind its back. */
export function tamper(path: string, sql: string): void {
  const db = new Database(path);
  db.pragma('foreign_keys = OFF');
  db.pragma('ignore_check_constraints = ON');
  db.exec(sql);
  db.close();
}

/** The StoreError that `work` throws. */
export function storeErrorOf(work: () => unknown): StoreError {
  try {
    work();
  } catch (error) {
    if (error instanceof StoreError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

export interface Writer {
  readonly pid: number;
  /** Waits for the answer to commit `n`; returns the number of the last one answered. */
  untilAnswered(n: number): Promise<number>;
  /** SIGKILL, and waits for its end. */
  kill(): Promise<void>;
}

/** A process that has the store open: see writer-process.ts. Killed when the test ends. */
export async function startWriter(mode: 'hold' | 'write', path: string): Promise<Writer> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'writer-process.ts'), mode, path], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const nextLine = async (): Promise<string> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error('the writer ended by itself');
    return value;
  };
  if ((await nextLine()) !== 'open') throw new Error('the writer did not open the store');
  return {
    pid: child.pid ?? 0,
    untilAnswered: async (n) => {
      for (;;) {
        const answered = Number(await nextLine());
        if (answered >= n) return answered;
      }
    },
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
