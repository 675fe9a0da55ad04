import type { z } from 'zod';
import { CloudError } from '../../model/errors.ts';
import { type Account, remember } from './account.ts';
import { listAll } from './client/pages.ts';
import type { Params } from './client/signature.ts';
import { namedRow, serviceOfferingRow, templateRow, zoneRow } from './client/wire.ts';

/** What a name stands for is looked up anew after so long: a template may have been replaced by a newer one. */
const namesHoldMs = 10 * 60_000;

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export interface Row {
  readonly id: string;
  readonly name: string;
  readonly created?: string | null | undefined;
  readonly isready?: boolean | null | undefined;
}

/**
 * The lists that names are looked up in, and what they are asked for. Filters of names may find more than the name. `owned`: the
 * rows are an account's; of the others a domain in the call would leave out those that are everybody's.
 */
const lists = {
  zone: {
    command: 'listZones',
    key: 'zone',
    row: zoneRow,
    owned: false,
    filter: (name: string) => ({ name }),
  },
  serviceOffering: {
    command: 'listServiceOfferings',
    key: 'serviceoffering',
    row: serviceOfferingRow,
    owned: false,
    filter: (name: string) => ({ name }),
  },
  diskOffering: {
    command: 'listDiskOfferings',
    key: 'diskoffering',
    row: namedRow,
    owned: false,
    filter: (name: string) => ({ name }),
  },
  template: {
    command: 'listTemplates',
    key: 'template',
    row: templateRow,
    owned: true,
    filter: (name: string) => ({ name, templatefilter: 'executable' }),
  },
  network: {
    command: 'listNetworks',
    key: 'network',
    row: namedRow,
    owned: true,
    filter: (name: string) => ({ keyword: name }),
  },
} as const satisfies Record<
  string,
  { command: string; key: string; row: z.ZodType<Row>; owned: boolean; filter: (name: string) => Params }
>;

export type Kind = keyof typeof lists;

/** Ids by kind, scope and name. */
export type Names = Map<string, { readonly id: string; readonly atMs: number }>;

/**
 * The id of what a config names; an id is taken as it is, without a call. Throws notFound where there is none of the name, and
 * invalid where there are several (but of templates the newest is taken: that is how an image is renewed).
 */
export async function idOf(
  account: Account,
  names: Names,
  wanted: { readonly kind: Kind; readonly name: string; readonly scope?: Params },
  signal: AbortSignal,
): Promise<string> {
  const { kind, name, scope = {} } = wanted;
  if (uuid.test(name)) return name;
  const key = JSON.stringify([kind, scope, name]);
  const now = account.clock.monotonicNow();
  const known = names.get(key);
  if (known !== undefined && now - known.atMs < namesHoldMs) return known.id;
  const { command, row, filter, owned, key: rowsKey } = lists[kind];
  const rows = await listAll<Row>(
    account.client,
    {
      command,
      key: rowsKey,
      row,
      params: { ...(owned ? account.scope : {}), ...scope, ...filter(name) },
      pageSize: account.settings.pageSize,
    },
    { signal },
  );
  const id = chosen(kind, name, rows);
  remember(names, key, { id, atMs: now });
  return id;
}

/** Whether there is one with the id: a config's ids are taken at their word otherwise. A name is there when it is found. */
export async function isThere(
  account: Account,
  { kind, name, scope = {} }: { readonly kind: Kind; readonly name: string; readonly scope?: Params },
  signal: AbortSignal,
): Promise<boolean> {
  if (!uuid.test(name)) return true;
  const { command, key, row, owned } = lists[kind];
  const params = {
    ...(owned ? account.scope : {}),
    ...scope,
    ...(kind === 'template' ? { templatefilter: 'executable' } : {}),
  };
  const { pageSize } = account.settings;
  const rows = await listAll<Row>(account.client, { command, key, row, params, pageSize }, { signal });
  return rows.some(({ id }) => id === name);
}

function chosen(kind: Kind, name: string, rows: readonly Row[]): string {
  const named = rows.filter((row) => row.name === name && row.isready !== false);
  const [first, second] =
    kind === 'template'
      ? named.toSorted((a, b) => ((a.created ?? '') < (b.created ?? '') ? 1 : -1)).slice(0, 1)
      : named;
  if (first === undefined) throw new CloudError('notFound', `there is no ${kindWords[kind]} named ${name}`);
  if (second !== undefined) {
    throw new CloudError('invalid', `several ${kindWords[kind]}s are named ${name}: give its id`);
  }
  return first.id;
}

export const kindWords: Readonly<Record<Kind, string>> = {
  zone: 'zone',
  serviceOffering: 'service offering',
  diskOffering: 'disk offering',
  template: 'template',
  network: 'network',
};
