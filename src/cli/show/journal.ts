import type { JournalEntryView } from '../../api/journalEntry.ts';
import { timestamp } from '../format.ts';
import { renderTable, type Style } from '../table.ts';

const columns = [
  { header: 'NUMBER', align: 'right' } as const,
  { header: 'TIME' },
  { header: 'KIND' },
  { header: 'ABOUT' },
  { header: 'WHY' },
];

/** In the order given. */
export function renderEntries(entries: readonly JournalEntryView[], style: Style): readonly string[] {
  return renderTable(columns, entries.map(cellsOf), style);
}

const cellsOf = (entry: JournalEntryView): readonly string[] => [
  String(entry.number),
  timestamp(entry.wallMs),
  entry.kind,
  about(entry),
  entry.why,
];

/** The same piece by piece: the header stands above the first, and columns do not get narrower. */
export function createEntryRows(style: Style): (entries: readonly JournalEntryView[]) => readonly string[] {
  // The widest text of each column so far; that of the last is never padded.
  let widest: readonly string[] | null = null;
  return (entries) => {
    if (entries.length === 0) return [];
    const rows = entries.map(cellsOf);
    const isFirst = widest === null;
    const before = widest ?? columns.map(() => '');
    widest = before.map((text, at) =>
      rows.reduce((most, row) => ((row[at] ?? '').length > most.length ? (row[at] ?? '') : most), text),
    );
    const lines = renderTable(columns, [before, ...rows], style);
    return [...(isFirst ? lines.slice(0, 1) : []), ...lines.slice(2)];
  };
}

/** What the entry is about: the instance, or else the widest thing that it names. */
function about(entry: JournalEntryView): string {
  const { instance, intent, offer, cloud, pool, demand } = entry;
  if (instance !== undefined) return instance;
  if (intent !== undefined) return intent;
  if (offer !== undefined) return `offer ${offer}`;
  if (cloud !== undefined) return `cloud ${cloud}`;
  if (pool !== undefined) return `pool ${pool}`;
  if (demand !== undefined) return `demand ${demand}`;
  return '-';
}
