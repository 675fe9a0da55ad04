import { z } from 'zod';
import type { CallOptions, Client } from './client.ts';
import { CallFailure } from './failure.ts';
import type { Params } from './signature.ts';
import { parsed } from './wire.ts';

const pagesMax = 200;
const passesMax = 5;

export interface ListRequest<Row> {
  readonly command: string;
  /** The key that the rows are under; it is missing where there are none. */
  readonly key: string;
  readonly row: z.ZodType<Row>;
  readonly params: Params;
  /** Rows in a page; the server refuses more than its `default.page.size`, 500 as it comes. */
  readonly pageSize: number;
}

interface Page<Row> {
  readonly rows: readonly Row[];
  /** Of the whole list, as the server counted it for this page. */
  readonly count: number;
}

/** What a row is told from others by: a template is listed once for each zone that it is in, under one id. */
export interface Identified {
  readonly id: string;
  readonly zoneid?: string | null | undefined;
}

/**
 * A whole list, each row once, or a CallFailure.
 *
 * Pages are cut out of the list as it is at each call, oldest row first: when a row goes, all that come after it move up, and one
 * of them moves from the next page to the one that has just been read. So the pages are read from the last to the first: a row
 * that moves is seen twice, and never missed. If the server counts more than were seen, rows came: it is read again.
 */
export async function listAll<Row extends Identified>(
  client: Client,
  request: ListRequest<Row>,
  options: CallOptions,
): Promise<readonly Row[]> {
  const read = (page: number) => readPage(client, request, page, options);
  const first = await read(1);
  if (first.count <= first.rows.length)
    return [...new Map(first.rows.map((row) => [keyOf(row), row])).values()];
  let total = first.count;
  for (let pass = 0; pass < passesMax; pass += 1) {
    const seen = new Map<string, Row>();
    const add = (page: Page<Row>) => {
      for (const row of page.rows) seen.set(keyOf(row), row);
      return page.count;
    };
    const last = Math.ceil(total / request.pageSize);
    if (last > pagesMax) {
      throw new CallFailure(request.command, `more than ${pagesMax} pages`, { kind: 'malformed' });
    }
    for (let page = last; page > 1; page -= 1) add(await read(page));
    total = add(await read(1));
    if (seen.size >= total) return [...seen.values()];
  }
  throw new CallFailure(request.command, `fewer rows than the ${total} that are counted`, {
    kind: 'malformed',
  });
}

async function readPage<Row>(
  client: Client,
  { command, key, row, params, pageSize }: ListRequest<Row>,
  page: number,
  options: CallOptions,
): Promise<Page<Row>> {
  const paged = { ...params, page: String(page), pagesize: String(pageSize) };
  const answer = parsed(
    command,
    z.record(z.string(), z.unknown()),
    await client.call(command, paged, options),
  );
  const rows = parsed(command, z.array(row).nullish(), answer[key]) ?? [];
  const count = parsed(command, z.number().int().nonnegative().nullish(), answer.count);
  if (typeof count !== 'number' && rows.length >= pageSize) {
    throw new CallFailure(command, 'a full page, and no count of what there is', { kind: 'malformed' });
  }
  return { rows, count: count ?? rows.length };
}

function keyOf({ id, zoneid }: Identified): string {
  return `${id} ${zoneid ?? ''}`;
}
