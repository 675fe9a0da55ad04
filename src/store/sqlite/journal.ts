import type Database from 'better-sqlite3';
import type { JournalQuery, StoredJournalEntry } from '../port.ts';
import { decode, journalTable } from './rows.ts';
import { selectAllEntries } from './sql.ts';

/** Rows in one answer; a larger limit is cut down to it. */
const rowsMax = 10_000;

export function boundedRows(limit: number): number {
  return Math.max(0, Math.min(Math.floor(limit), rowsMax));
}

type Value = string | number;

/** A function that answers journal queries, newest first unless asked otherwise; statements are prepared once for each form of query. */
export function journalReader(
  db: Database.Database,
  path: string,
): (query: JournalQuery) => StoredJournalEntry[] {
  const prepared = new Map<string, Database.Statement<Value[]>>();
  return (query) => {
    const { where, values } = conditionsOf(query);
    const text = sqlFor(where, query.oldestFirst === true ? 'ASC' : 'DESC');
    const statement = prepared.get(text) ?? db.prepare<Value[]>(text);
    prepared.set(text, statement);
    return statement.all(...values, boundedRows(query.limit)).map((row) => readEntry(path, row));
  };
}

function sqlFor(where: string, order: 'ASC' | 'DESC'): string {
  return `${selectAllEntries} ${where} ORDER BY number ${order} LIMIT ?`;
}

/** The conditions are fixed text in a fixed order, so there are few forms; what is asked for is always a parameter. */
function conditionsOf(query: JournalQuery): { readonly where: string; readonly values: readonly Value[] } {
  const conditions: string[] = [];
  const values: Value[] = [];
  const add = (condition: string, ...parameters: readonly (Value | undefined)[]) => {
    const given = parameters.filter((value) => value !== undefined);
    if (given.length === 0 && parameters.length > 0) return;
    conditions.push(condition);
    values.push(...given);
  };
  add('instance = ?', query.instance);
  add('intent = ?', query.intent);
  add('pool = ?', query.pool);
  add('cloud = ?', query.cloud);
  add('offer = ?', query.offer);
  add('number > ?', query.afterNumber);
  add('number < ?', query.beforeNumber);
  add('at_ms >= ?', query.sinceMs);
  if (query.kinds !== undefined) {
    const kinds = [...new Set(query.kinds)];
    conditions.push(kinds.length === 0 ? '0' : `kind IN (${kinds.map(() => '?').join(', ')})`);
    values.push(...kinds);
  }
  return { where: conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`, values };
}

function readEntry(path: string, row: unknown): StoredJournalEntry {
  return decode(path, journalTable, entryFields(row));
}

/** Absent fields are NULL in the table and missing in the entry. */
export function entryFields(row: unknown): Readonly<Record<string, unknown>> {
  const fields = Object.entries(row as Readonly<Record<string, unknown>>);
  return Object.fromEntries(fields.filter(([, value]) => value !== null));
}
