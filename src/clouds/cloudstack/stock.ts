import type { z } from 'zod';
import type { Catalog } from '../../model/catalog.ts';
import type { Quota } from '../port.ts';
import type { Account } from './account.ts';
import { listAll } from './client/pages.ts';
import type { Params } from './client/signature.ts';
import { accountRow, serviceOfferingRow, templateRow, zoneRow } from './client/wire.ts';

const mibPerGib = 1024;

/** Three lists, one after the other; for `check` and people. Service offerings that leave their size open are not in it. */
export async function readCatalog(account: Account, signal: AbortSignal): Promise<Catalog> {
  const read = reader(account, signal);
  const offerings = await read('listServiceOfferings', 'serviceoffering', serviceOfferingRow, {});
  const templates = await read('listTemplates', 'template', templateRow, {
    ...account.scope,
    templatefilter: 'executable',
  });
  const zones = await read('listZones', 'zone', zoneRow, { available: 'true' });
  return {
    flavors: offerings
      .flatMap(({ name, cpunumber, memory, rootdisksize, gpucount }) =>
        typeof cpunumber !== 'number' || typeof memory !== 'number'
          ? []
          : [
              {
                name,
                resources: {
                  cpus: cpunumber,
                  memoryMiB: memory,
                  diskMiB: (rootdisksize ?? 0) * mibPerGib,
                  gpus: gpucount ?? 0,
                },
                arch: account.settings.arch,
              },
            ],
      )
      .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    images: [
      ...new Map(
        templates.filter(({ isready }) => isready !== false).map(({ id, name }) => [id, { id, name }]),
      ).values(),
    ],
    zones: zones.filter(({ allocationstate }) => allocationstate !== 'Disabled').map(({ name }) => name),
  };
}

/**
 * What the account or the project may still have, by the server's own count of what it has. Null where the key sees several
 * accounts and none of them is told to be its own. A domain's limit may be nearer: its refusal comes as `quota`.
 */
export async function readQuota(
  account: Account,
  apiKey: string,
  signal: AbortSignal,
): Promise<Quota | null> {
  const read = reader(account, signal);
  const { project, account: name, domain } = account.settings;
  const whose: Params = name === undefined || domain === undefined ? {} : { name, domainid: domain };
  const rows =
    project === undefined
      ? await read('listAccounts', 'account', accountRow, whose)
      : await read('listProjects', 'project', accountRow, { id: project });
  const own = rows.find(({ user }) => user?.some(({ apikey }) => apikey === apiKey) ?? false);
  const row = rows.length === 1 ? rows[0] : own;
  if (row === undefined) return null;
  return {
    instances: row.vmavailable ?? null,
    cpus: row.cpuavailable ?? null,
    memoryMiB: row.memoryavailable ?? null,
  };
}

function reader({ client, settings }: Account, signal: AbortSignal) {
  return <Row extends { readonly id: string }>(
    command: string,
    key: string,
    row: z.ZodType<Row>,
    params: Params,
  ) => listAll(client, { command, key, row, params, pageSize: settings.pageSize }, { signal });
}
