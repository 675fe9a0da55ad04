import type { JournalKind } from '../model/journal.ts';

/** A StoredJournalEntry of the store, as it is. */
export interface JournalEntryView {
  readonly number: number;
  readonly kind: JournalKind;
  readonly atMs: number;
  /** Epoch ms by the wall clock, for people. */
  readonly wallMs: number;
  readonly pool?: string;
  readonly cloud?: string;
  readonly offer?: string;
  readonly intent?: string;
  readonly instance?: string;
  readonly demand?: string;
  readonly why: string;
  readonly data?: Readonly<Record<string, string | number | boolean | null>>;
}
