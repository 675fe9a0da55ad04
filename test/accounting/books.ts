import { type AccountingState, accrue, nothingAccounted } from '../../src/accounting/accrue.ts';
import { rowsOfLive } from '../../src/accounting/summary.ts';
import { accountingFacts, rememberAccounting } from '../../src/daemon/accounting.ts';
import type { UsageAmount, UsageRow } from '../../src/model/accounting.ts';
import type { QueueSnapshot, WorkerUse } from '../../src/model/demand.ts';
import type { InstanceId } from '../../src/model/ids.ts';
import type { Instance } from '../../src/model/instance.ts';
import type { Offer } from '../../src/model/offer.ts';
import type { Store } from '../../src/store/port.ts';
import { aBatch } from '../conformance/rows.ts';
import { makeView, makeWorker } from '../support/fleetParts.ts';

/** A daemon's books and nothing else of it: ticks that store what they accrue, and restarts that read it. */
export interface Books {
  readonly state: () => AccountingState;
  tick(nowMs: number, news: { changed?: readonly Instance[]; views?: readonly QueueSnapshot[] }): void;
  /** As after SIGKILL: what is not stored is forgotten. */
  restart(): void;
  /** Booked and going on, by `nowMs`. */
  rows(nowMs: number): readonly UsageRow[];
}

export function openBooks(store: Store, offers: readonly Offer[]): Books {
  let state = nothingAccounted;
  let sequence = 0;
  const known = new Map(offers.map((offer) => [offer.name as string, offer]));
  return {
    state: () => state,
    tick: (nowMs, { changed = [], views = [] }) => {
      const accrual = accrue(state, {
        nowMs,
        views,
        instanceOf: ({ instance }) => instance,
        changed: new Map(changed.map((instance) => [instance.id, instance])),
        offers: known,
      });
      const facts = accountingFacts(state, accrual.state);
      sequence += 1;
      store.commit(aBatch({ nowMs, sequence, facts, machineUses: accrual.machines, usage: accrual.usage }));
      state = accrual.state;
    },
    restart: () => {
      const { facts, machineUses } = store.load();
      state = rememberAccounting(new Map(facts.map(({ key, value }) => [key, value])), machineUses);
    },
    rows: (nowMs) => [
      ...store.accounts.usage({ from: 0, to: 1e9, grain: 'day' }),
      ...rowsOfLive(state, nowMs),
    ],
  };
}

export function workerWith(id: InstanceId, usage: readonly WorkerUse[]) {
  return makeWorker(id, usage.length > 0 ? 'claimed' : 'idle', { usage, runningJobs: usage.length });
}

export function viewOf(
  takenAtMs: number,
  workers: ReadonlyMap<InstanceId, readonly WorkerUse[]>,
  over: Partial<QueueSnapshot> = {},
): QueueSnapshot {
  return makeView(takenAtMs, { workers: [...workers].map(([id, usage]) => workerWith(id, usage)), ...over });
}

export function sumOf(rows: readonly UsageRow[], amount: UsageAmount): number {
  return rows.reduce((sum, row) => sum + row[amount], 0);
}
