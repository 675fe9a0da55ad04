import type { Outcome } from '../fleet/fleet.ts';
import type { CloudSnapshot } from '../model/cloud.ts';
import type { QueueSnapshot } from '../model/demand.ts';
import type { JournalEntry } from '../model/journal.ts';

/** What has come in and no tick has taken yet. */
export interface Arrived {
  readonly outcomes: readonly Outcome[];
  readonly lists: readonly CloudSnapshot[];
  readonly views: readonly QueueSnapshot[];
  readonly notes: readonly JournalEntry[];
}

/** What comes in between two ticks. It is dropped only when a tick that took it is stored. */
export interface News {
  outcome(outcome: Outcome): void;
  list(list: CloudSnapshot): void;
  view(view: QueueSnapshot): void;
  note(...entries: readonly JournalEntry[]): void;
  /** All of it, to be read at once. */
  arrived(): Arrived;
  clear(): void;
}

export function createNews(outcomes: readonly Outcome[]): News {
  let fresh = { ...none(), outcomes: [...outcomes] };
  return {
    outcome: (outcome) => void fresh.outcomes.push(outcome),
    list: (list) => void fresh.lists.push(list),
    view: (view) => void fresh.views.push(view),
    note: (...entries) => void fresh.notes.push(...entries),
    arrived: () => fresh,
    clear: () => {
      fresh = none();
    },
  };
}

function none() {
  return {
    outcomes: [] as Outcome[],
    lists: [] as CloudSnapshot[],
    views: [] as QueueSnapshot[],
    notes: [] as JournalEntry[],
  };
}
