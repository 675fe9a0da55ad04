import {
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SiteId } from '../../src/model/ids.ts';
import { backupStore, checkStore, restoreStore } from '../../src/store/sqlite/maintenance.ts';
import { openSqliteStore } from '../../src/store/sqlite/store.ts';
import { aBatch, anEntry, anInstance, anIntent, site } from '../conformance/rows.ts';
import { aFolder, aStoreFile, opened, startWriter, storeErrorOf, tamper } from './folder.ts';

const wallMs = 1_760_000_000_000;
const rows = { intents: 1, instances: 2, facts: 1, journal: 400, machineUses: 0, usage: 0 };

describe('check', () => {
  it('says what is in a sound store, and changes nothing', () => {
    const path = aStoreFile(aFolder());
    const before = readFileSync(path);
    const report = checkStore(path);
    expect(report).toEqual({ path, ok: true, faults: [], notes: [], site, schema: 1, rows });
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(opened(path).load().sequence).toBe(1);
  });

  it('may run while a daemon has the store, and sees what it has committed', () => {
    const path = aStoreFile(aFolder());
    const store = opened(path);
    store.commit(aBatch({ sequence: 2, intents: [anIntent('i2')] }));
    expect(checkStore(path)).toMatchObject({ ok: true, rows: { intents: 2 } });
    store.commit(aBatch({ sequence: 3 }));
    expect(store.load().sequence).toBe(3);
  });

  it('lists every fault: pages, schema, references, values', () => {
    const path = aStoreFile(aFolder());
    tamper(
      path,
      `DROP INDEX journal_by_time;
       CREATE INDEX of_the_site ON facts (value);
       UPDATE instances SET phase = 'asleep' WHERE seat = 0;
       UPDATE instances SET intent = 'i9' WHERE seat = 1;
       UPDATE facts SET value = '';`,
    );
    const report = checkStore(path);
    expect(report.ok).toBe(false);
    expect(report.notes).toEqual(['schema: index of_the_site is not ours']);
    expect(report.faults).toEqual([
      'schema: index journal_by_time is missing, or not as version 1 has it',
      'table instances: a row refers to one of intents that is not there',
      expect.stringContaining('table instances, id "i1-0": phase: '),
      'table facts, key "boot": value is not JSON',
    ]);
  });

  it.each([
    ['a file cut off', (path: string) => truncateSync(path, 20_000)],
    ['a text', (path: string) => writeFileSync(path, 'hello '.repeat(999))],
    ['an empty file', (path: string) => truncateSync(path, 0)],
    ['a later version', (path: string) => tamper(path, 'PRAGMA user_version = 7')],
  ])('reports %s', (_what, damage) => {
    const path = aStoreFile(aFolder());
    damage(path);
    const report = checkStore(path);
    expect(report.ok).toBe(false);
    expect(report.faults.length).toBeGreaterThan(0);
  });

  it('throws where there is no file', () => {
    const path = join(aFolder(), 'none.db');
    expect(storeErrorOf(() => checkStore(path)).message).toBe(`${path}: there is no such file`);
  });
});

describe('backup', () => {
  it('is a whole store in one file, taken while the daemon goes on', () => {
    const folder = aFolder();
    const path = aStoreFile(folder);
    const store = opened(path);
    store.commit(aBatch({ sequence: 2, intents: [anIntent('i2')] }));
    const to = join(folder, 'backup.db');
    expect(backupStore({ path, to })).toEqual({
      path,
      to,
      bytes: statSync(to).size,
      rows: { ...rows, intents: 2 },
    });
    store.commit(aBatch({ sequence: 3, intents: [anIntent('i3')] }));

    const { sequence, intents } = opened(to).load();
    expect(sequence).toBe(2);
    expect(intents.map(({ id }) => id)).toEqual(['i1', 'i2']);
    expect(store.load().intents).toHaveLength(3);
  });

  it('is consistent while another process writes', { timeout: 60_000 }, async () => {
    const folder = aFolder();
    const path = join(folder, 'spillway.db');
    const writer = await startWriter('write', path);
    await writer.untilAnswered(5);
    for (const to of ['1.db', '2.db', '3.db'].map((name) => join(folder, name))) {
      backupStore({ path, to });
      const copy = openSqliteStore({ path: to, site });
      const { sequence, instances, facts } = copy.load();
      copy.close();
      expect(instances).toHaveLength(2 * sequence);
      expect(facts).toEqual([{ key: 'newest', value: sequence }]);
    }
    await writer.kill();
  });

  it('replaces a file only when told to, and only by a whole backup', () => {
    const folder = aFolder();
    const path = aStoreFile(folder);
    const to = join(folder, 'backup.db');
    backupStore({ path, to });
    expect(storeErrorOf(() => backupStore({ path, to })).message).toContain('is there already');
    expect(backupStore({ path, to, overwrite: true }).rows).toEqual(rows);
    const good = readFileSync(to);
    tamper(path, "UPDATE facts SET value = ''");
    const error = storeErrorOf(() => backupStore({ path, to, overwrite: true }));
    expect(error.code).toBe('corrupt');
    expect(readFileSync(to).equals(good)).toBe(true);
    expect(readdirSync(folder).filter((name) => name.includes('.part'))).toEqual([]);
  });

  it('is not written over the store itself, nor into no folder', () => {
    const folder = aFolder();
    const path = aStoreFile(folder);
    expect(storeErrorOf(() => backupStore({ path, to: path, overwrite: true })).message).toContain(
      'is the store itself',
    );
    expect(storeErrorOf(() => backupStore({ path, to: join(folder, 'none', 'b.db') })).code).toBe('io');
  });
});

describe('restore', () => {
  function aBackup() {
    const folder = aFolder();
    const path = aStoreFile(folder);
    const from = join(folder, 'backup.db');
    backupStore({ path, to: from });
    return { path, from };
  }

  it('puts the backup in place, keeps the store that was there, and makes no id twice', () => {
    const { path, from } = aBackup();
    const store = openSqliteStore({ path, site });
    store.commit(aBatch({ sequence: 500, intents: [anIntent('i2')], instances: [anInstance('i2')] }));
    store.close();

    expect(restoreStore({ from, path, site, wallMs })).toEqual({
      from,
      path,
      keptAs: `${path}.replaced-1`,
      rows,
    });
    const restored = openSqliteStore({ path, site });
    const { sequence, intents } = restored.load();
    restored.close();
    expect(intents.map(({ id }) => id)).toEqual(['i1']);
    expect(sequence).toBe(500 + wallMs);
    expect(opened(`${path}.replaced-1`).load().sequence).toBe(500);

    expect(restoreStore({ from, path, site, wallMs: wallMs + 1000 }).keptAs).toBe(`${path}.replaced-2`);
    expect(opened(path).load().sequence).toBeGreaterThan(sequence);
    expect(opened(from).load().sequence).toBe(1);
  });

  it('is refused while a daemon has the store', () => {
    const { path, from } = aBackup();
    const store = opened(path);
    expect(storeErrorOf(() => restoreStore({ from, path, site, wallMs })).code).toBe('locked');
    store.commit(aBatch({ sequence: 2 }));
  });

  it('works where there is no store, or only the ruins of one', () => {
    const { path, from } = aBackup();
    const elsewhere = join(aFolder(), 'spillway.db');
    expect(restoreStore({ from, path: elsewhere, site, wallMs }).keptAs).toBeNull();
    expect(opened(elsewhere).load().intents).toHaveLength(1);

    writeFileSync(path, 'ruins');
    expect(restoreStore({ from, path, site, wallMs }).keptAs).toBe(`${path}.replaced-1`);
    expect(readFileSync(`${path}.replaced-1`, 'utf8')).toBe('ruins');
    expect(opened(path).load().intents).toHaveLength(1);
  });

  it('keeps what a killed daemon had in its log', { timeout: 60_000 }, async () => {
    const { path, from } = aBackup();
    const writer = await startWriter('write', path);
    const answered = await writer.untilAnswered(5);
    await writer.kill();
    restoreStore({ from, path, site, wallMs });
    expect(opened(`${path}.replaced-1`).load().sequence).toBeGreaterThanOrEqual(answered);
    expect(opened(path).load().intents).toHaveLength(1);
  });

  it.each([
    ['damaged', 'corrupt', (from: string) => tamper(from, "UPDATE facts SET value = ''")],
    ['cut off', 'corrupt', (from: string) => truncateSync(from, 30_000)],
    ['newer', 'newer', (from: string) => tamper(from, 'PRAGMA user_version = 9')],
    ['another site’s', 'otherSite', (from: string) => tamper(from, "UPDATE meta SET site = 'other'")],
  ] as const)('refuses a backup that is %s and changes nothing', (_what, code, damage) => {
    const { path, from } = aBackup();
    damage(from);
    const before = readFileSync(path);
    expect(storeErrorOf(() => restoreStore({ from, path, site, wallMs })).code).toBe(code);
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(existsSync(`${path}.replaced-1`)).toBe(false);
    expect(existsSync(`${path}.part`)).toBe(false);
    expect(opened(path).load().sequence).toBe(1);
  });

  it('refuses the file of a running daemon copied without its log, and the store itself', () => {
    const { path } = aBackup();
    const store = opened(path);
    store.commit(aBatch({ sequence: 2, journal: [anEntry()] }));
    const copy = `${path}.copy`;
    copyFileSync(path, copy);
    store.close();
    const error = storeErrorOf(() => restoreStore({ from: copy, path, site: SiteId('farm'), wallMs }));
    expect(error.message).toContain('its write-ahead log spillway.db.copy-wal is missing');
    expect(storeErrorOf(() => restoreStore({ from: path, path, site, wallMs })).code).toBe('io');
  });
});
