import type { JournalEntryView } from '../../api/journalEntry.ts';
import { timestamp } from '../format.ts';
import { renderTable, type Style } from '../table.ts';

/** In the order given. */
export function renderEntries(entries: readonly JournalEntryView[], style: Style): readonly string[] {
  const columns = [
    { header: 'NUMBER', align: 'right' } as const,
    { header: 'TIME' },
    { header: 'KIND' },
    { header: 'ABOUT' },
    { header: 'WHY' },
  ];
  const rows = entries.map((entry) => [
    entry.number,
    timestamp(entry.wallMs),
    entry.kind,
    about(entry),
    entry.why,
  ]);
  return renderTable(columns, rows, style);
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
