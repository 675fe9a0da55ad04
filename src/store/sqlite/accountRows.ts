import { z } from 'zod';
import type { MachineUse, ReportMessage, UnreportedMachine, UsageRow } from '../../model/accounting.ts';
import type { CloudId, CloudName, InstanceId, OfferName, PoolName, QueueName } from '../../model/ids.ts';
import type { Resources } from '../../model/resources.ts';
import { checkedAs, count, keyed, ms, named, type Row, type Table, termsSchema, text } from './rows.ts';

/** What may be in a row of the accounts: checked on its way in and on its way out, as all rows are. */

const amount = z.number().min(0);

const resources = z.strictObject({
  cpus: amount,
  memoryMiB: amount,
  diskMiB: amount,
  gpus: amount,
}) satisfies z.ZodType<Resources>;

const openUse = z.strictObject({
  user: text.nullable(),
  group: text.nullable(),
  cpus: amount,
  jobIds: z.array(text),
});

const machineFields = {
  instance: keyed<InstanceId>(),
  cloudId: named<CloudId>(),
  pool: named<PoolName>(),
  queue: named<QueueName>(),
  offer: named<OfferName>(),
  cloud: named<CloudName>(),
  user: text.nullable(),
  group: text.nullable(),
  resources,
  terms: termsSchema,
  startedAtMs: ms,
  endedAtMs: ms.nullable(),
  busyMs: amount,
  busyCoreMs: amount,
  jobs: count,
  month: z.strictObject({ index: z.int(), busyCoreMs: amount }).nullable(),
  uses: z.array(openUse),
  sinceMs: ms,
};
const machineSchema = z.strictObject(machineFields) satisfies z.ZodType<MachineUse>;

export const machineUseTable: Table<UnreportedMachine> = {
  name: 'machine_uses',
  key: 'instance',
  json: ['resources', 'terms', 'month', 'uses'],
  schema: z
    .strictObject({ ...machineFields, reportedUntilMs: ms.nullable() })
    .transform(({ reportedUntilMs, ...machine }) => ({ machine, reportedUntilMs })),
};

/** Nobody, in a column that is part of a key. */
const known = <Name extends string>() =>
  text.transform((value): Name | null => (value === '' ? null : (value as Name)));

export const usageTable: Table<UsageRow> = {
  name: 'usage_sums',
  key: 'day',
  json: [],
  schema: z.strictObject({
    day: z.int(),
    queue: named<QueueName>(),
    pool: named<PoolName>(),
    cloud: named<CloudName>(),
    offer: named<OfferName>(),
    user: known(),
    group: known(),
    currency: known(),
    machines: count,
    machineMs: amount,
    coreMs: amount,
    memoryMiBSeconds: amount,
    cost: amount,
    busyMs: amount,
    busyCoreMs: amount,
    jobs: count,
  }),
};

export const messageTable: Table<ReportMessage> = {
  name: 'report_messages',
  key: 'name',
  json: [],
  schema: z.strictObject({
    name: z.string().min(1),
    text,
    records: z.int().min(1),
    madeAtMs: ms,
    folder: text.nullable(),
  }),
};

export function encodeMachineUse(machine: MachineUse): Row {
  const checked = checkedAs('machine use', machine.instance, machineSchema, machine);
  return {
    ...checked,
    resources: JSON.stringify(checked.resources),
    terms: JSON.stringify(checked.terms),
    month: checked.month === null ? null : JSON.stringify(checked.month),
    uses: JSON.stringify(checked.uses),
  };
}

export function encodeUsage(row: UsageRow): Row {
  const { user, group, currency } = row;
  const raw = { ...row, user: user ?? '', group: group ?? '', currency: currency ?? '' };
  checkedAs('usage of day', String(row.day), usageTable.schema, raw);
  return raw;
}

export function encodeMessage(message: ReportMessage): Row {
  return { ...checkedAs('message', message.name, messageTable.schema, message) };
}
