import type Database from 'better-sqlite3';
import type { SiteId } from '../../model/ids.ts';
import { StoreError } from '../port.ts';
import { corrupt } from './failure.ts';
import { applicationId, type Migration, migrations } from './migrations.ts';

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

export function makeSchema(db: Database.Database, site: SiteId): void {
  db.pragma(`application_id = ${applicationId}`);
  migrate(db, migrations);
  db.prepare("INSERT INTO meta (id, site, sequence, opening, log) VALUES (1, ?, 0, 0, 'none')").run(site);
}
