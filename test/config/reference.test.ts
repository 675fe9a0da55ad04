import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { cloudDrivers } from '../../src/clouds/index.ts';
import { accountingSchema, apelSchema } from '../../src/config/accounting.ts';
import {
  apiSchema,
  listenSchema,
  tokenSchema,
  userSocketSchema,
  visitorsSchema,
} from '../../src/config/api-schema.ts';
import {
  budgetSchema,
  capSchema,
  cloudSchema,
  downtimeSchema,
  fairShareSchema,
  generateSchema,
  hookSchema,
  limitsSchema,
  offerSchema,
  policySchema,
  poolSchema,
  probeSchema,
  queueSchema,
  siteSchema,
} from '../../src/config/schema.ts';
import { machineVariables } from '../../src/config/template.ts';
import { formatDuration } from '../../src/config/units.ts';
import { queueAdapters } from '../../src/queues/index.ts';

/** docs/configuration.md against the schemas: every field with its default, and no field that is not there. */
const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');

const adapter = await queueAdapters.load('htcondor');
const htcondor = adapter.configSchema;
const { configSchema: ec2, offerSchema: ec2Boot } = await cloudDrivers.load('ec2');
const cloudstack = await cloudDrivers.load('cloudstack');
const openstack = await cloudDrivers.load('openstack');
const kubernetes = await cloudDrivers.load('kubernetes');
const local = await cloudDrivers.load('local');
const fixed = await cloudDrivers.load('fixed');
const lease = await queueAdapters.load('lease');

const sections: readonly (readonly [heading: string, schema: unknown])[] = [
  ['## The site', siteSchema],
  ['### `api`', apiSchema],
  ['#### `listen`', listenSchema],
  ['#### `tokens`', tokenSchema],
  ['#### `userSocket`', userSocketSchema],
  ['#### `visitors`', visitorsSchema],
  ['### `accounting`', accountingSchema],
  ['#### `apel`', apelSchema],
  ['### `policy`', policySchema],
  ['#### `fairShare`', fairShareSchema],
  ['#### `caps`', capSchema],
  ['### `downtimes`', downtimeSchema],
  ['## `queues`', queueSchema],
  ['### `adapter: htcondor`', htcondor],
  ['#### `cloudScheduler`', field(htcondor, 'cloudScheduler')],
  ['#### `join`', field(htcondor, 'join')],
  ['## `clouds`', cloudSchema],
  ['### `driver: ec2`', ec2],
  ['#### `credentials`', field(ec2, 'credentials')],
  ['### `adapter: lease`', lease.configSchema],
  ['### `driver: cloudstack`', cloudstack.configSchema],
  ['### `boot`, with `driver: cloudstack`', cloudstack.offerSchema],
  ['### `driver: openstack`', openstack.configSchema],
  ['### `boot`, with `driver: openstack`', openstack.offerSchema],
  ['### `driver: kubernetes`', kubernetes.configSchema],
  ['### `boot`, with `driver: kubernetes`', kubernetes.offerSchema],
  ['### `driver: local`', local.configSchema],
  ['### `driver: fixed`', fixed.configSchema],
  ['### `boot`, with `driver: local`', local.offerSchema],
  ['### `boot`, with `driver: fixed`', fixed.offerSchema],
  ['## `hooks`', hookSchema],
  ['### `probe`', probeSchema],
  ['## `offers`', offerSchema],
  ['#### `generate`', generateSchema],
  ['### `boot`, with `driver: ec2`', ec2Boot],
  ['## `pools`', poolSchema],
  ['### `limits`', limitsSchema],
  ['## `budgets`', budgetSchema],
];

describe('the reference of the configuration', () => {
  it('has a section for every adapter and driver', () => {
    for (const name of queueAdapters.names) expect(page).toContain(`### \`adapter: ${name}\``);
    for (const name of cloudDrivers.names) {
      expect(page).toContain(`### \`driver: ${name}\``);
      expect(page).toContain(`### \`boot\`, with \`driver: ${name}\``);
    }
  });

  it.each(sections)('%s has every field, with its default', (heading, schema) => {
    const shape = objectOf(schema).shape;
    const said = rowsOf(heading);
    expect(said.map(([name]) => name)).toEqual(Object.keys(shape));
    for (const [name, text] of said) expect(defaultsOf(shape[name]), name).toContain(text);
  });

  it('names every variable of boot templates', () => {
    const [, text = ''] = page.split('## Boot templates');
    const join = { collector: 'c', trustDomain: 't', signingKey: 'env:KEY' };
    const variables = adapter.templateVariables?.(htcondor.parse({ join })) ?? [];
    expect(variables).toContain('token');
    for (const name of [...machineVariables, ...variables]) expect(text).toContain(`\`${name}\``);
  });
});

/** Field and default of each row of the table below a heading. */
function rowsOf(heading: string): readonly (readonly [string, string])[] {
  const [, below = ''] = page.split(`\n${heading}\n`);
  const [own = ''] = below.split(/\n#{2,4} /);
  return [...own.matchAll(/^\| `(\w+)` \|[^|]*\| ([^|]*) \|/gm)].map(([, name = '', text = '']) => [
    name,
    text,
  ]);
}

/** The ways in which a field's default may be written. */
function defaultsOf(schema: unknown): readonly string[] {
  const def = (schema as z.ZodType | undefined)?.def;
  if (def === undefined) return [];
  if (def.type === 'optional') return ['none'];
  if (def.type !== 'default' && def.type !== 'prefault') return ['required'];
  const value: unknown = (def as z.core.$ZodDefaultDef).defaultValue;
  if (value === null) return ['none'];
  if (typeof value === 'number') return [`\`${value}\``, `\`${formatDuration(value)}\``];
  if (typeof value === 'object') {
    const items = Object.values(value);
    return items.length === 0 ? ['none', 'see below'] : [`\`[${items.join(', ')}]\``];
  }
  return [`\`${value as string}\``];
}

function objectOf(schema: unknown): z.ZodObject {
  if (schema instanceof z.ZodObject) return schema;
  if (schema instanceof z.ZodPipe) return objectOf(schema.def.in);
  if (schema instanceof z.ZodPrefault) return objectOf(schema.def.innerType);
  if (schema instanceof z.ZodOptional) return objectOf(schema.def.innerType);
  throw new Error('not a schema of fields');
}

function field(schema: unknown, name: string): unknown {
  return objectOf(schema).shape[name];
}
