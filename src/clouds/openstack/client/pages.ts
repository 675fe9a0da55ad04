import { OpenStackFailure } from './failure.ts';

const pagesMax = 1000;

export interface Page<Row> {
  readonly rows: readonly Row[];
  /** The `next` link as it came; null after the last page. */
  readonly next: string | null;
}

/**
 * All pages, one after the other, each row once: `read` gets the marker, null for the first page. Of the `next` links only
 * the marker is taken, as hrefs may name a host that is not reached from here. A list that grows or shrinks meanwhile
 * may show a row twice: the later one is the fresher.
 */
export async function allPages<Row extends { readonly id: string }>(
  call: string,
  read: (marker: string | null) => Promise<Page<Row>>,
): Promise<readonly Row[]> {
  const byId = new Map<string, Row>();
  const markers = new Set<string>();
  let marker: string | null = null;
  for (let pages = 0; pages < pagesMax; pages += 1) {
    const page: Page<Row> = await read(marker);
    for (const row of page.rows) byId.set(row.id, row);
    if (page.next === null) return [...byId.values()];
    marker = markerOf(page.next) ?? page.rows.at(-1)?.id ?? null;
    if (marker === null || markers.has(marker)) throw endless(call, 'the same page is announced twice');
    markers.add(marker);
  }
  throw endless(call, `more than ${pagesMax} pages`);
}

function markerOf(link: string): string | null {
  return new URLSearchParams(link.slice(link.indexOf('?') + 1)).get('marker');
}

function endless(call: string, detail: string): OpenStackFailure {
  return new OpenStackFailure({ kind: 'malformed', call, detail, sent: true });
}
