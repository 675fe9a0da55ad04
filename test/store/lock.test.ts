import { rmSync, symlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { openSqliteStore } from '../../src/store/sqlite/store.ts';
import { aBatch, anIntent, site } from '../conformance/rows.ts';
import { aFolder, aStoreFile, opened, startWriter, storeErrorOf } from './folder.ts';

const open = (path: string) => openSqliteStore({ path, site });

describe('one writer for a store', () => {
  it('refuses a second one at once, by any name of the file, until the first has closed it', () => {
    const folder = aFolder();
    const path = join(folder, 'spillway.db');
    const first = open(path);
    const link = join(folder, 'link.db');
    symlinkSync(path, link);
    for (const name of [path, link]) {
      const error = storeErrorOf(() => open(name));
      expect(error.code).toBe('locked');
      expect(error.message).toBe(
        `${path}: another daemon has it (process ${process.pid} on ${hostname()}); one daemon for each store: stop that one first`,
      );
    }
    first.commit(aBatch());
    first.close();
    expect(opened(path).load().sequence).toBe(1);
  });

  it('is free again when the process that had it was killed', { timeout: 60_000 }, async () => {
    const path = join(aFolder(), 'spillway.db');
    const holder = await startWriter('hold', path);
    const error = storeErrorOf(() => open(path));
    expect(error.code).toBe('locked');
    expect(error.message).toContain(`process ${holder.pid} on `);
    await holder.kill();
    expect(opened(path).load().sequence).toBe(0);
  });

  it('lets others read meanwhile, and never waits for them', () => {
    const path = aStoreFile(aFolder());
    const store = opened(path);
    const reader = new Database(path, { readonly: true });
    reader.exec('BEGIN');
    const count = reader.prepare('SELECT count(*) FROM intents').pluck();
    expect(count.get()).toBe(1);
    store.commit(aBatch({ sequence: 2, intents: [anIntent('i2')] }));
    expect(count.get()).toBe(1);
    reader.exec('COMMIT');
    expect(count.get()).toBe(2);
    reader.close();
  });

  it('refuses the commits of one that lost the store to another, where the lock could not hold', () => {
    const path = aStoreFile(aFolder());
    const first = opened(path);
    rmSync(`${path}.lock`);
    const second = opened(path);
    const error = storeErrorOf(() => first.commit(aBatch({ sequence: 2 })));
    expect(error.code).toBe('locked');
    expect(error.message).toContain('another daemon has opened it');
    second.commit(aBatch({ sequence: 3 }));
    expect(second.load().sequence).toBe(3);
  });

  it('says that somebody else is writing, and loses nothing of its own', () => {
    const path = aStoreFile(aFolder());
    const store = opened(path);
    const stranger = new Database(path);
    stranger.exec('BEGIN IMMEDIATE');
    const error = storeErrorOf(() => store.commit(aBatch({ sequence: 2 })));
    expect(error.code).toBe('locked');
    expect(error.message).toContain('another process is writing to it');
    stranger.exec('ROLLBACK');
    stranger.close();
    store.commit(aBatch({ sequence: 2 }));
    expect(store.load().sequence).toBe(2);
  });
});
