import { CloudError } from '../../model/errors.ts';

const pagesMax = 200;

export interface Page<Row> {
  readonly rows: readonly Row[];
  /** Missing or empty after the last page. */
  readonly next: string | undefined;
}

/**
 * All pages, one after the other; `read` gets the one after a token, undefined for the first. A server whose pages do
 * not end is in trouble, and a part is never taken for the whole.
 */
export async function allPages<Row>(
  action: string,
  read: (token: string | undefined) => Promise<Page<Row>>,
): Promise<readonly Row[]> {
  const all: Row[] = [];
  const tokens = new Set<string>();
  let token: string | undefined;
  while (tokens.size < pagesMax) {
    const { rows, next } = await read(token);
    for (const row of rows) all.push(row);
    if (next === undefined || next === '') return all;
    if (tokens.has(next)) throw new CloudError('unavailable', `${action}: the same page is announced twice`);
    tokens.add(next);
    token = next;
  }
  throw new CloudError('unavailable', `${action}: more than ${pagesMax} pages`);
}
