import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { applicationId, migrations } from '../../src/store/sqlite/migrations.ts';
import { makeSchema, migrate, schemaVersion } from '../../src/store/sqlite/schema.ts';
import { site } from '../conformance/rows.ts';
import { aFolder, aStoreFile } from './folder.ts';

function withDatabase<T>(work: (db: Database.Database) => T): T {
  const db = new Database(':memory:');
  try {
    return work(db);
  } finally {
    db.close();
  }
}

describe('migrations', () => {
  it('are numbered from 1 without a gap', () => {
    expect(migrations.map(({ version }) => version)).toEqual(migrations.map((_step, at) => at + 1));
  });

  // A released step is never edited: write a new one. Only the newest may change, and only before its release.
  it('are as they were released', () => {
    const digests = migrations.map(({ sql }) => createHash('sha256').update(sql).digest('hex').slice(0, 16));
    expect(digests).toEqual(['503752f6928ba1a3']);
  });

  it('make tables that are strict, all of them', () => {
    withDatabase((db) => {
      makeSchema(db, site);
      const tables = db.pragma('table_list') as { readonly name: string; readonly strict: number }[];
      const ours = tables.filter(({ name }) => !name.startsWith('sqlite_'));
      expect(ours.length).toBeGreaterThan(4);
      expect(ours.filter(({ strict }) => strict !== 1)).toEqual([]);
      expect(db.pragma('application_id', { simple: true })).toBe(applicationId);
    });
  });

  it('are applied from where the file is, once', () => {
    withDatabase((db) => {
      const one = { version: 1, sql: 'CREATE TABLE a (x INTEGER) STRICT' };
      const two = { version: 2, sql: 'CREATE TABLE b (x INTEGER) STRICT; INSERT INTO b VALUES (1)' };
      migrate(db, [one]);
      expect(schemaVersion(db)).toBe(1);
      migrate(db, [one, two]);
      migrate(db, [one, two]);
      expect(schemaVersion(db)).toBe(2);
      expect(db.prepare('SELECT count(*) FROM b').pluck().get()).toBe(1);
    });
  });

  it('leave all as it was where one of them fails or breaks a reference', () => {
    withDatabase((db) => {
      const one = {
        version: 1,
        sql: `CREATE TABLE a (x INTEGER PRIMARY KEY) STRICT; INSERT INTO a VALUES (1);
              CREATE TABLE b (a INTEGER REFERENCES a (x)) STRICT; INSERT INTO b VALUES (1)`,
      };
      migrate(db, [one]);
      const fails = { version: 3, sql: 'INSERT INTO nowhere VALUES (1)' };
      const sound = { version: 2, sql: 'CREATE TABLE c (x INTEGER) STRICT' };
      expect(() => migrate(db, [one, sound, fails])).toThrow('no such table: nowhere');
      expect(() => migrate(db, [one, { version: 2, sql: 'DELETE FROM a' }])).toThrow('broke 1 references');
      expect(schemaVersion(db)).toBe(1);
      expect(db.prepare('SELECT count(*) FROM a').pluck().get()).toBe(1);
      expect(() => db.exec('INSERT INTO b VALUES (9)')).toThrow('FOREIGN KEY');
    });
  });

  it('keep the journal append-only', () => {
    withDatabase((db) => {
      makeSchema(db, site);
      db.exec("INSERT INTO journal (kind, at_ms, wall_ms, why) VALUES ('phase', 1, 1, 'so')");
      expect(() => db.exec("UPDATE journal SET why = 'otherwise'")).toThrow('the journal is append-only');
      expect(() =>
        db.exec("INSERT INTO journal (kind, at_ms, wall_ms, why) VALUES ('gossip', 1, 1, 'so')"),
      ).toThrow('FOREIGN KEY');
    });
  });

  it('make no copy of a store whose schema is up to date', () => {
    const path = aStoreFile(aFolder());
    expect(existsSync(`${path}.v1`)).toBe(false);
  });
});
