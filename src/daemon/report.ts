import type { Outcome } from '../fleet/fleet.ts';
import type { JournalEntry } from '../model/journal.ts';
import type { Log } from '../model/log.ts';
import type { SourceTrouble } from './source.ts';
import type { Where } from './sources.ts';
import type { TickResult } from './tick.ts';

/** The log has all that the journal has; what should not be, and what somebody should look at, as errors. */
export function reportTick(
  log: Log,
  ended: readonly Outcome[],
  { batch, plan: { launches, drains, undrains } }: TickResult,
): void {
  for (const entry of batch?.journal ?? []) {
    const { kind, why, atMs: _, ...fields } = entry;
    if (kind === 'anomaly' || kind === 'alarm') log.error({ ...fields, why }, kind);
    else log.info({ kind, ...fields, why }, 'journal');
  }
  if (launches.length + drains.length + undrains.length + ended.length > 0)
    log.debug({ launches, drains, undrains, outcomes: ended.map(({ kind }) => kind) }, 'decision');
}

/** For the journal: a source does not answer, or (null) answers again. */
export function troubleEntry(atMs: number, where: Where, trouble: SourceTrouble | null): JournalEntry {
  const what = where.kind === 'cloud' ? `cloud ${where.cloud}` : `queue ${where.queue}`;
  const why = trouble === null ? `${what} answers again` : `${what}: ${trouble.code}: ${trouble.message}`;
  return where.kind === 'cloud'
    ? { kind: trouble === null ? 'cloudBack' : 'cloudTrouble', atMs, cloud: where.cloud, why }
    : { kind: trouble === null ? 'queueBack' : 'queueTrouble', atMs, why };
}
