import type { Store } from '../store/port.ts';

const everyMs = 3_600_000;
/** One call drops no more than some hundred rows: where it did, more may be left. */
const rowsLeftFrom = 500;
const againMs = 10_000;

/** To be called at each tick: drops what is older than the retention, little by little. Throws StoreError. */
export function createPruning(
  store: Pick<Store, 'prune'>,
  { retentionMs, startMs }: { retentionMs: number; startMs: number },
): (nowMs: number) => void {
  let dueMs = startMs + everyMs;
  return (nowMs) => {
    if (nowMs <= dueMs) return;
    dueMs = nowMs + (store.prune(nowMs - retentionMs) < rowsLeftFrom ? everyMs : againMs);
  };
}
