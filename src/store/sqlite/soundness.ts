import Database from 'better-sqlite3';
import { SiteId } from '../../model/ids.ts';
import { machineUseTable, usageTable } from './accountRows.ts';
import { selectAllMachineUses, selectAllUsage } from './accountSql.ts';
import { entryFields } from './journal.ts';
import { factTable, inspect, instanceTable, intentTable, journalTable, type Table } from './rows.ts';
import { latestVersion, makeSchema, schemaVersion } from './schema.ts';
import * as sql from './sql.ts';

/** What can be wrong with a store that opens. Each function returns one line for each fault, `max` at most. */

export type RowCounts = Readonly<
  Record<'intents' | 'instances' | 'facts' | 'journal' | 'machineUses' | 'usage', number>
>;

interface Read {
  readonly table: Table<unknown>;
  readonly select: string;
  readonly fields: (row: unknown) => unknown;
}

const asItIs = (row: unknown) => row;
const reads: Readonly<Record<keyof RowCounts, Read>> = {
  intents: { table: intentTable, select: sql.selectAllIntents, fields: asItIs },
  instances: { table: instanceTable, select: sql.selectAllInstances, fields: asItIs },
  facts: { table: factTable, select: sql.selectFacts, fields: asItIs },
  journal: { table: journalTable, select: sql.selectAllEntries, fields: entryFields },
  machineUses: { table: machineUseTable, select: selectAllMachineUses, fields: asItIs },
  usage: { table: usageTable, select: selectAllUsage, fields: asItIs },
};

/** `quick` leaves out whether each index agrees with its table, which takes most of the time. */
export function pageFaults(db: Database.Database, max: number, extent: 'quick' | 'full'): string[] {
  const pragma = extent === 'quick' ? 'quick_check' : 'integrity_check';
  const found = db.prepare(`PRAGMA ${pragma}(${max})`).pluck().all();
  return found
    .filter((line) => line !== 'ok')
    .map((line) => `damaged: ${String(line).replaceAll('\n', ' ')}`);
}

/** Tables, indexes and triggers that are not as the migrations make them. A store of an older schema has none. */
export function schemaFaults(db: Database.Database): string[] {
  if (schemaVersion(db) < latestVersion()) return [];
  const present = objectsIn(db);
  const wrong = [...freshObjects()].filter(([name, text]) => present.get(name) !== text);
  return wrong.map(([name]) => `schema: ${name} is missing, or not as version ${latestVersion()} has it`);
}

/** What somebody has added to the schema: no damage, but it is theirs to look after. */
export function schemaAdditions(db: Database.Database): string[] {
  const fresh = freshObjects();
  return [...objectsIn(db).keys()]
    .filter((name) => !fresh.has(name))
    .map((name) => `schema: ${name} is not ours`);
}

function freshObjects(): ReadonlyMap<string, string> {
  const fresh = new Database(':memory:');
  try {
    makeSchema(fresh, SiteId('any'));
    return objectsIn(fresh);
  } finally {
    fresh.close();
  }
}

function objectsIn(db: Database.Database): ReadonlyMap<string, string> {
  const rows = db
    .prepare<[], { readonly kind: string; readonly name: string; readonly sql: string }>(
      "SELECT type AS kind, name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT GLOB 'sqlite_*'",
    )
    .all();
  return new Map(rows.map((row) => [`${row.kind} ${row.name}`, row.sql]));
}

export function referenceFaults(db: Database.Database, max: number): string[] {
  const rows = db.pragma('foreign_key_check') as { readonly table: string; readonly parent: string }[];
  return rows
    .slice(0, max)
    .map(({ table, parent }) => `table ${table}: a row refers to one of ${parent} that is not there`);
}

/** Reads every row as the store would. */
export function rowFaults(
  db: Database.Database,
  max: number,
): { readonly rows: RowCounts; readonly faults: readonly string[] } {
  const faults: string[] = [];
  const read = ({ table, select, fields }: Read): number => {
    let count = 0;
    for (const row of db.prepare(select).iterate()) {
      count += 1;
      if (faults.length === max) continue;
      const found = inspect(table, fields(row));
      if ('fault' in found) faults.push(found.fault);
    }
    return count;
  };
  const rows = {
    intents: read(reads.intents),
    instances: read(reads.instances),
    facts: read(reads.facts),
    journal: read(reads.journal),
    machineUses: read(reads.machineUses),
    usage: read(reads.usage),
  };
  return { rows, faults };
}
