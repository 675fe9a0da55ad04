import { isAnswer, KubernetesFailure } from './failure.ts';

const pagesMax = 1000;
const beginningsMax = 3;

export interface Page<Row> {
  readonly rows: readonly Row[];
  /** Null after the last page. */
  readonly next: string | null;
}

/**
 * All pages, as of one moment: the server reads every page from the state at the first one. It keeps old states for some
 * minutes only (five unless its operator says otherwise); a list that takes longer is refused in the middle (410) and begun
 * again from the start. The token that the refusal offers would give a rest that is of another moment: no inventory.
 */
export async function allPages<Row>(
  call: string,
  read: (next: string | null) => Promise<Page<Row>>,
): Promise<readonly Row[]> {
  for (let beginnings = 0; beginnings < beginningsMax; beginnings += 1) {
    const rows = await onePass(call, read);
    if (rows !== null) return rows;
  }
  throw new KubernetesFailure({
    kind: 'expired',
    call,
    detail: 'the list takes longer than it is kept',
    sent: true,
  });
}

async function onePass<Row>(
  call: string,
  read: (next: string | null) => Promise<Page<Row>>,
): Promise<readonly Row[] | null> {
  const rows: Row[] = [];
  const seen = new Set<string>();
  let next: string | null = null;
  for (let pages = 0; pages < pagesMax; pages += 1) {
    let page: Page<Row>;
    try {
      page = await read(next);
    } catch (thrown) {
      if (next !== null && isAnswer(thrown, 410, 'Expired')) return null;
      throw thrown;
    }
    rows.push(...page.rows);
    if (page.next === null) return rows;
    if (seen.has(page.next)) throw endless(call, 'the same page is announced twice');
    seen.add(page.next);
    next = page.next;
  }
  throw endless(call, `more than ${pagesMax} pages`);
}

function endless(call: string, detail: string): KubernetesFailure {
  return new KubernetesFailure({ kind: 'malformed', call, detail, sent: true });
}
