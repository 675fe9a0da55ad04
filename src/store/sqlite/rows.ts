import { z } from 'zod';
import { markets, type Terms } from '../../model/billing.ts';
import type {
  Branded,
  CloudId,
  CloudName,
  DemandId,
  InstanceId,
  IntentId,
  JobId,
  OfferName,
  PoolName,
  QueueName,
  SiteId,
  WorkerId,
} from '../../model/ids.ts';
import { endReasons, type Instance, type Intent, intentStates, phases } from '../../model/instance.ts';
import { type JournalEntry, journalKinds } from '../../model/journal.ts';
import type { Fact } from '../port.ts';
import { corrupt } from './failure.ts';

/**
 * What may be in a row. Every value passes here on its way in, so that nothing is stored which could not be read
 * back, and again on its way out, so that a damaged value is an error and never a wrong object.
 */
const key = z.string().min(1);
export const text = z.string();
export const ms = z.number();
export const count = z.int().min(0);

/** A name is its text: only the type differs, so there is nothing to transform. */
export const named = <Name extends Branded<string>>() => text as unknown as z.ZodType<Name>;
export const keyed = <Name extends Branded<string>>() => key as unknown as z.ZodType<Name>;

const cause = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('demand'),
    demand: named<DemandId>(),
    job: named<JobId>().nullable(),
    user: text.nullable(),
    group: text.nullable(),
    keepAliveMs: ms.exactOptional(),
  }),
  z.strictObject({ kind: z.literal('min') }),
  z.strictObject({ kind: z.literal('headroom') }),
  z.strictObject({ kind: z.literal('operator') }),
  z.strictObject({ kind: z.literal('adopted') }),
]);

export const termsSchema = z.strictObject({
  market: z.enum(markets),
  price: z.strictObject({ perHour: ms, currency: text }).nullable(),
  billing: z.strictObject({ minimumMs: ms, incrementMs: ms }),
}) satisfies z.ZodType<Terms>;

const instanceSchema = z.strictObject({
  id: keyed<InstanceId>(),
  intent: named<IntentId>(),
  seat: count,
  pool: named<PoolName>(),
  queue: named<QueueName>(),
  offer: named<OfferName>(),
  cloud: named<CloudName>(),
  cause,
  terms: termsSchema,
  phase: z.enum(phases),
  phaseSinceMs: ms,
  deadlineMs: ms.nullable(),
  cloudId: named<CloudId>().nullable(),
  address: text.nullable(),
  worker: named<WorkerId>().nullable(),
  createdAtMs: ms,
  runningAtMs: ms.nullable(),
  joinedAtMs: ms.nullable(),
  idleSinceMs: ms.nullable(),
  claims: count,
  endReason: z.enum(endReasons).nullable(),
  endedAtMs: ms.nullable(),
}) satisfies z.ZodType<Instance>;

const intentSchema = z.strictObject({
  id: keyed<IntentId>(),
  pool: named<PoolName>(),
  offer: named<OfferName>(),
  cloud: named<CloudName>(),
  seats: z.int().min(1),
  state: z.enum(intentStates),
  createdAtMs: ms,
  sentAtMs: ms.nullable(),
}) satisfies z.ZodType<Intent>;

const entrySchema = z.strictObject({
  kind: z.enum(journalKinds),
  atMs: ms,
  pool: named<PoolName>().exactOptional(),
  cloud: named<CloudName>().exactOptional(),
  offer: named<OfferName>().exactOptional(),
  intent: named<IntentId>().exactOptional(),
  instance: named<InstanceId>().exactOptional(),
  demand: named<DemandId>().exactOptional(),
  why: z.string(),
  data: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])).exactOptional(),
}) satisfies z.ZodType<JournalEntry>;

const storedEntrySchema = entrySchema.extend({ number: count, wallMs: ms });

const metaSchema = z.strictObject({
  site: named<SiteId>(),
  nowMs: ms.nullable(),
  wallMs: ms.nullable(),
  sequence: count,
  opening: count,
  holder: text.nullable(),
  log: z.enum(['none', 'needed', 'seen']),
});
export type Meta = z.infer<typeof metaSchema>;

/** How one table's rows become values of the model. */
export interface Table<T> {
  readonly name: string;
  readonly key: string;
  /** Columns whose text is JSON. */
  readonly json: readonly string[];
  readonly schema: z.ZodType<T>;
}

export const metaTable: Table<Meta> = { name: 'meta', key: 'site', json: [], schema: metaSchema };
export const instanceTable: Table<Instance> = {
  name: 'instances',
  key: 'id',
  json: ['cause', 'terms'],
  schema: instanceSchema,
};
export const intentTable: Table<Intent> = { name: 'intents', key: 'id', json: [], schema: intentSchema };
export const factTable: Table<Fact> = {
  name: 'facts',
  key: 'key',
  json: ['value'],
  schema: z.strictObject({ key, value: z.json() }),
};
export const journalTable = {
  name: 'journal',
  key: 'number',
  json: ['data'],
  schema: storedEntrySchema,
} satisfies Table<unknown>;

export type Row = Readonly<Record<string, unknown>>;

/** A row as a value, or StoreError `corrupt` that names table, key and field. */
export function decode<T>(path: string, table: Table<T>, row: unknown): T {
  const found = inspect(table, row);
  if ('fault' in found) throw corrupt(path, found.fault);
  return found.value;
}

/** The same without throwing, for a check that goes on after a damaged row. */
export function inspect<T>(
  table: Table<T>,
  row: unknown,
): { readonly value: T } | { readonly fault: string } {
  const fields: Record<string, unknown> = { ...(row as Row) };
  const where = `table ${table.name}, ${table.key} ${JSON.stringify(fields[table.key])}`;
  for (const column of table.json) {
    const written = fields[column];
    if (typeof written !== 'string') continue;
    try {
      fields[column] = JSON.parse(written);
    } catch {
      return { fault: `${where}: ${column} is not JSON` };
    }
  }
  const read = table.schema.safeParse(fields);
  return read.success ? { value: read.data } : { fault: `${where}: ${faultsOf(read.error)}` };
}

/** Named parameters for a statement. Throws TypeError for a value that could not be read back. */
export function encodeInstance(instance: Instance): Row {
  const checked = checkedAs('instance', instance.id, instanceSchema, instance);
  return { ...checked, cause: JSON.stringify(checked.cause), terms: JSON.stringify(checked.terms) };
}

export function encodeIntent(intent: Intent): Row {
  return checkedAs('intent', intent.id, intentSchema, intent);
}

export function encodeFact(fact: Fact): Row {
  const checked = checkedAs('fact', fact.key, factTable.schema, fact);
  return { key: checked.key, value: JSON.stringify(checked.value) };
}

export function encodeEntry(entry: JournalEntry): Row {
  const checked = checkedAs('journal entry', entry.kind, entrySchema, entry);
  return {
    kind: checked.kind,
    atMs: checked.atMs,
    pool: checked.pool ?? null,
    cloud: checked.cloud ?? null,
    offer: checked.offer ?? null,
    intent: checked.intent ?? null,
    instance: checked.instance ?? null,
    demand: checked.demand ?? null,
    why: checked.why,
    data: checked.data === undefined ? null : JSON.stringify(checked.data),
  };
}

export function checkedAs<T>(what: string, key: string, schema: z.ZodType<T>, value: unknown): T {
  const read = schema.safeParse(value);
  if (!read.success) throw new TypeError(`${what} ${JSON.stringify(key)}: ${faultsOf(read.error)}`);
  return read.data;
}

function faultsOf(error: z.ZodError): string {
  return error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join(', ');
}
