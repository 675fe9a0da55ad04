import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { SiteId } from '../../src/model/ids.ts';
import { backupStore } from '../../src/store/sqlite/maintenance.ts';
import { openSqliteStore } from '../../src/store/sqlite/store.ts';
import { aBatch, anEntry, anInstance, anIntent, site } from '../conformance/rows.ts';
import { aFolder, aStoreFile, opened, storeErrorOf, tamper } from './folder.ts';

const open = (path: string) => openSqliteStore({ path, site });

/** As another user than root, for whom no permission is missing. */
function withoutRoot<T>(work: () => T): T {
  if (process.getuid?.() !== 0) return work();
  process.seteuid?.(65_534);
  try {
    return work();
  } finally {
    process.seteuid?.(0);
  }
}

function overwrite(path: string, at: number, bytes: Buffer): void {
  const whole = readFileSync(path);
  bytes.copy(whole, at);
  writeFileSync(path, whole);
}

describe('a store that cannot be opened', () => {
  it('is another site’s', () => {
    const path = aStoreFile(aFolder());
    const error = storeErrorOf(() => openSqliteStore({ path, site: SiteId('other') }));
    expect(error.code).toBe('otherSite');
    expect(error.message).toBe(
      `${path}: is the store of site "farm", not of "other"; give this site another stateDir, or correct \`site\``,
    );
  });

  it('was written by a later version', () => {
    const path = aStoreFile(aFolder());
    tamper(path, 'PRAGMA user_version = 99');
    const error = storeErrorOf(() => open(path));
    expect(error.code).toBe('newer');
    expect(error.message).toMatch(
      /^.*spillway\.db: its schema is version 99, this Spillway knows 1; run the newer Spillway/,
    );
  });

  it('lies in no folder, in a file, or is a folder itself', () => {
    const folder = aFolder();
    writeFileSync(join(folder, 'file'), '');
    mkdirSync(join(folder, 'sub'));
    for (const path of [join(folder, 'none', 's.db'), join(folder, 'file', 's.db'), join(folder, 'sub')]) {
      const error = storeErrorOf(() => open(path));
      expect(error.code).toBe('io');
      expect(error.message).toContain(path);
    }
  });

  it.runIf(process.platform !== 'win32')('lies in a folder, or is a file, that may not be written', () => {
    const folder = aFolder();
    const path = aStoreFile(folder);
    unlinkSync(`${path}.lock`);
    chmodSync(folder, 0o555);
    const inFolder = storeErrorOf(() => withoutRoot(() => open(path)));
    expect([inFolder.code, inFolder.message]).toEqual(['io', expect.stringContaining(folder)]);

    chmodSync(folder, 0o777);
    chmodSync(path, 0o444);
    const file = storeErrorOf(() => withoutRoot(() => open(path)));
    expect([file.code, file.message]).toEqual(['io', expect.stringContaining(path)]);
  });
});

describe('a damaged store is refused with what to do', () => {
  const damages: Record<string, (path: string) => void> = {
    'is empty': (path) => truncateSync(path, 0),
    'is cut off in the middle of a page': (path) =>
      truncateSync(path, Math.floor(statSync(path).size / 2) - 100),
    'lacks its last pages': (path) => truncateSync(path, statSync(path).size - 8192),
    'is something else': (path) => writeFileSync(path, 'A text, and not a database.\n'.repeat(400)),
    'is the database of another program': (path) => {
      unlinkSync(path);
      const db = new Database(path);
      db.exec('CREATE TABLE songs (title TEXT)');
      db.close();
    },
    'has a page of zeros': (path) => overwrite(path, 4096 * 12, Buffer.alloc(4096)),
    'has a damaged header': (path) => overwrite(path, 0, Buffer.from('SQLite format 4')),
    'has a page of noise': (path) => overwrite(path, 4096 * 12, Buffer.alloc(4096, 0xa5)),
    'has lost a table': (path) => tamper(path, 'DROP TABLE facts'),
    'has lost a column': (path) => tamper(path, 'ALTER TABLE journal DROP COLUMN data'),
    'has lost what it knows of itself': (path) => tamper(path, 'DELETE FROM meta'),
  };

  it.each(Object.entries(damages))('%s', (_what, damage) => {
    const path = aStoreFile(aFolder());
    damage(path);
    const before = readFileSync(path);
    const error = storeErrorOf(() => open(path));
    expect(error.code).toBe('corrupt');
    expect(error.message).toMatch(/spillway\.db: .+; see `spillway store check`, then restore a backup with/);
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  it('was copied while a daemon had it open, without its log', () => {
    const folder = aFolder();
    const path = aStoreFile(folder);
    const store = opened(path);
    store.commit(aBatch({ sequence: 2, journal: [anEntry()] }));
    const copy = join(folder, 'copy.db');
    copyFileSync(path, copy);
    const error = storeErrorOf(() => open(copy));
    expect(error.code).toBe('corrupt');
    expect(error.message).toContain('its write-ahead log copy.db-wal is missing');

    copyFileSync(`${path}-wal`, `${copy}-wal`);
    expect(opened(copy).load().sequence).toBe(2);
  });

  it('lost its log after commits of more than the log may hold', () => {
    const folder = aFolder();
    const path = join(folder, 'spillway.db');
    const store = opened(path);
    const journal = Array.from({ length: 500 }, () => anEntry({ why: 'w'.repeat(4000) }));
    for (let sequence = 1; sequence < 8; sequence += 1) store.commit(aBatch({ sequence, journal }));
    expect(statSync(`${path}-wal`).size).toBeLessThan(8 * 1024 * 1024);
    const copy = join(folder, 'copy.db');
    copyFileSync(path, copy);
    expect(statSync(copy).size).toBeGreaterThan(4 * 1024 * 1024);
    expect(storeErrorOf(() => open(copy)).code).toBe('corrupt');
  });
});

describe('a damaged value is refused, with its table and key', () => {
  const cases = [
    ["UPDATE instances SET phase = 'asleep' WHERE seat = 0", 'table instances, id "i1-0": phase: '],
    ['UPDATE instances SET claims = -1 WHERE seat = 1', 'table instances, id "i1-1": claims: '],
    ["UPDATE instances SET cause = '{' WHERE seat = 0", 'table instances, id "i1-0": cause is not JSON'],
    [
      `UPDATE instances SET cause = '{"kind":"whim"}' WHERE seat = 0`,
      'table instances, id "i1-0": cause.kind: ',
    ],
    [`UPDATE instances SET deadline_ms = 9e999 WHERE seat = 0`, 'table instances, id "i1-0": deadlineMs: '],
    [`UPDATE instances SET seat = -1 WHERE seat = 0`, 'table instances, id "i1-0": seat: '],
    ["UPDATE intents SET state = 'perhaps'", 'table intents, id "i1": state: '],
    ["UPDATE facts SET value = 'nope'", 'table facts, key "boot": value is not JSON'],
    ['UPDATE meta SET sequence = -4', 'table meta, site "farm": sequence: '],
  ] as const;

  it.each(cases)('%s', (sql, what) => {
    const path = aStoreFile(aFolder());
    tamper(path, sql);
    const error = storeErrorOf(() => opened(path).load());
    expect(error.code).toBe('corrupt');
    expect(error.message).toContain(what);
  });

  it('in the journal, when it is asked for', () => {
    const path = aStoreFile(aFolder());
    tamper(
      path,
      "INSERT INTO journal (kind, at_ms, wall_ms, why, data) VALUES ('phase', 1, 1, 'it did', '[1]')",
    );
    const store = opened(path);
    expect(store.journal({ limit: 3, kinds: ['decision'] })).toHaveLength(3);
    const error = storeErrorOf(() => store.journal({ limit: 3 }));
    expect(error.code).toBe('corrupt');
    expect(error.message).toContain('table journal, number 401: data: ');
  });
});

describe('a store while it is open', () => {
  it('takes no more than its disk or its limit has room for, and goes on when there is room', () => {
    const path = join(aFolder(), 'spillway.db');
    const store = openSqliteStore({ path, site, sizeMaxMiB: 1 });
    const large = (sequence: number) =>
      aBatch({
        sequence,
        intents: [anIntent(`i${sequence}`)],
        journal: Array.from({ length: 100 }, () => anEntry({ why: 'w'.repeat(2000) })),
      });
    let sequence = 1;
    const error = storeErrorOf(() => {
      for (; sequence < 100; sequence += 1) store.commit(large(sequence));
    });
    expect(error.code).toBe('full');
    expect(error.message).toContain('nothing was written; free space on the disk');
    expect(store.load()).toMatchObject({ sequence: sequence - 1 });
    expect(store.load().intents).toHaveLength(sequence - 1);
    expect(store.journal({ limit: 10_000 })).toHaveLength((sequence - 1) * 100);

    store.prune(Number.MAX_SAFE_INTEGER);
    store.commit(large(sequence));
    expect(store.load().sequence).toBe(sequence);
    store.close();
    expect(opened(path).load().sequence).toBe(sequence);
  });

  it('is not troubled by what a killed daemon left of a store or a copy in the making', () => {
    const path = join(aFolder(), 'spillway.db');
    for (const end of ['.new', '.new-journal', '.part']) writeFileSync(path + end, 'half of someth');
    opened(path).commit(aBatch());
    expect(existsSync(`${path}.new`)).toBe(false);
    backupStore({ path, to: path.replace('.db', '.backup') });
  });

  it('opens when it was killed right after its log was moved to the file', () => {
    const folder = aFolder();
    const path = aStoreFile(folder);
    opened(path);
    const db = new Database(path);
    db.exec("UPDATE meta SET log = 'needed'");
    db.pragma('wal_checkpoint(FULL)');
    const copy = join(folder, 'copy.db');
    for (const end of ['', '-wal']) copyFileSync(path + end, copy + end);
    db.close();
    expect(opened(copy).load().instances).toHaveLength(2);
  });

  it.each(['removed', 'replaced'])('notices that its file was %s', (what) => {
    const folder = aFolder();
    const path = aStoreFile(folder);
    const store = opened(path);
    unlinkSync(path);
    if (what === 'replaced') writeFileSync(path, 'something else');
    const error = storeErrorOf(() => store.commit(aBatch({ sequence: 2 })));
    expect(error.code).toBe('io');
    expect(error.message).toContain(`the file was ${what} while it was open`);
  });

  it('begins anew where its file was deleted, and not with the old one’s log', () => {
    const path = join(aFolder(), 'spillway.db');
    const lost = opened(path);
    lost.commit(aBatch({ sequence: 7, intents: [anIntent('i1')], instances: [anInstance('i1')] }));
    copyFileSync(`${path}-wal`, `${path}-kept`);
    lost.close();
    unlinkSync(path);
    copyFileSync(`${path}-kept`, `${path}-wal`);
    expect(opened(path).load()).toMatchObject({ sequence: 0, instances: [] });
  });

  it('is readable by its owner alone', () => {
    const path = join(aFolder(), 'spillway.db');
    opened(path).commit(aBatch());
    for (const file of [path, `${path}-wal`, `${path}.lock`]) {
      expect(statSync(file).mode & 0o777).toBe(0o600);
    }
  });

  it('leaves one file when it is closed, besides its lock', () => {
    const folder = aFolder();
    const path = join(folder, 'spillway.db');
    const link = join(folder, 'link.db');
    symlinkSync(path, link);
    opened(path).close();
    opened(link).close();
    expect(['-wal', '-shm', '-journal', '.new', '.part'].filter((end) => existsSync(path + end))).toEqual([]);
    expect(existsSync(`${link}.lock`)).toBe(false);
  });
});
