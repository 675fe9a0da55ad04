import { z } from 'zod';
import { journalKinds } from '../../model/journal.ts';
import type { JournalEntryView } from '../journalEntry.ts';
import { count, list, ms, text } from './scalars.ts';

const optional = text.exactOptional();

export const journalEntrySchema = z.object({
  number: count,
  kind: z.enum(journalKinds),
  atMs: ms,
  wallMs: ms,
  pool: optional,
  cloud: optional,
  offer: optional,
  intent: optional,
  instance: optional,
  demand: optional,
  why: text,
  data: z
    .record(text, z.union([text, z.number(), z.boolean(), z.null()]))
    .readonly()
    .exactOptional(),
}) satisfies z.ZodType<JournalEntryView>;

/** Newest first. */
export const journalSchema = z.object({ entries: list(journalEntrySchema) });
export type JournalView = z.output<typeof journalSchema>;
