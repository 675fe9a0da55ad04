import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MachineUse, UsageRow } from '../../src/model/accounting.ts';
import { perSecond } from '../../src/model/billing.ts';
import { CloudId, CloudName, InstanceId, OfferName, PoolName, QueueName } from '../../src/model/ids.ts';
import type { Store } from '../../src/store/port.ts';
import { aBatch } from './rows.ts';
import { type StoreUnderTest, storesOf } from './store-cases.ts';

export function aMachineUse(instance: string, over: Partial<MachineUse> = {}): MachineUse {
  return {
    instance: InstanceId(instance),
    cloudId: CloudId(`cloud-${instance}`),
    pool: PoolName('batch'),
    queue: QueueName('condor'),
    offer: OfferName('small'),
    cloud: CloudName('east'),
    user: 'ann',
    group: null,
    resources: { cpus: 2, memoryMiB: 4096, diskMiB: 10_240, gpus: 0 },
    terms: { market: 'onDemand', price: { perHour: 0.25, currency: 'EUR' }, billing: perSecond },
    startedAtMs: 1000,
    endedAtMs: null,
    busyMs: 0,
    busyCoreMs: 0,
    jobs: 0,
    month: null,
    uses: [],
    sinceMs: 1000,
    ...over,
  };
}

export function aUsageRow(over: Partial<UsageRow> = {}): UsageRow {
  return {
    day: 100,
    queue: QueueName('condor'),
    pool: PoolName('batch'),
    cloud: CloudName('east'),
    offer: OfferName('small'),
    user: 'ann',
    group: null,
    currency: 'EUR',
    machines: 1,
    machineMs: 1000,
    coreMs: 2000,
    memoryMiBSeconds: 4096.5,
    cost: 0.25,
    busyMs: 500,
    busyCoreMs: 700,
    jobs: 3,
    ...over,
  };
}

/** What every implementation of the store's accounts does. */
export function accountConformance(name: string, open: () => StoreUnderTest): void {
  describe(`store accounts: ${name}`, () => {
    const setUp = storesOf(open);

    it('adds usage up by account and day, over restarts', () => {
      const { store, again } = setUp();
      const nobody = aUsageRow({ user: null, currency: null, cost: 0 });
      store.commit(aBatch({ usage: [aUsageRow(), nobody, aUsageRow({ jobs: 1 })] }));
      const after = again();
      after.commit(aBatch({ sequence: 2, usage: [aUsageRow(), aUsageRow({ day: 101 })] }));
      const sum = aUsageRow({
        machines: 3,
        machineMs: 3000,
        coreMs: 6000,
        memoryMiBSeconds: 12_289.5,
        cost: 0.75,
        busyMs: 1500,
        busyCoreMs: 2100,
        jobs: 7,
      });
      const days = after.accounts.usage({ from: 100, to: 101, grain: 'day' });
      expect(days).toHaveLength(2);
      expect(days).toEqual(expect.arrayContaining([sum, nobody]));
      expect(after.accounts.usage({ from: 101, to: 200, grain: 'day' })).toEqual([aUsageRow({ day: 101 })]);
    });

    it('adds days up to months, or to one, as its answer may be asked for', () => {
      const { store, again } = setUp();
      // 2026-11-29 to 2026-12-02.
      const usage = [20_786, 20_787, 20_788, 20_789].map((day) => aUsageRow({ day, jobs: 1, cost: 0.5 }));
      store.commit(aBatch({ usage: [...usage, aUsageRow({ day: 20_788, user: 'bob', jobs: 5 })] }));
      const { accounts } = again();
      const jobs = (grain: 'day' | 'month' | 'all', user: string) => {
        const months = new Map<string, number>();
        for (const row of accounts.usage({ from: 20_787, to: 20_790, grain }))
          if (row.user === user) {
            const key = grain === 'all' ? 'all' : row.day < 20_788 ? 'November' : 'December';
            months.set(key, (months.get(key) ?? 0) + row.jobs);
          }
        return Object.fromEntries(months);
      };
      expect(jobs('month', 'ann')).toEqual({ November: 1, December: 2 });
      expect([jobs('all', 'ann'), jobs('all', 'bob')]).toEqual([{ all: 3 }, { all: 5 }]);
    });

    it('loads machines that have not ended, to the last field', () => {
      const { store, again } = setUp();
      const full = aMachineUse('i1-0', {
        group: 'physics',
        busyMs: 12.5,
        busyCoreMs: 25,
        jobs: 4,
        month: { index: 24_322, busyCoreMs: 5 },
        uses: [{ user: null, group: 'g', cpus: 2, jobIds: ['a', 'b'] }],
        sinceMs: 1012.5,
      });
      store.commit(aBatch({ machineUses: [aMachineUse('i1-0'), aMachineUse('i2-0')] }));
      store.commit(aBatch({ sequence: 2, machineUses: [full, aMachineUse('i2-0', { endedAtMs: 2000 })] }));
      expect(again().load().machineUses).toEqual([full]);
    });

    it('tells what is not reported: by names, what has ended, and what goes on up to a moment', () => {
      const { store, again } = setUp();
      const machineUses = [
        aMachineUse('ended', { endedAtMs: 9000 }),
        aMachineUse('old', { startedAtMs: 1000 }),
        aMachineUse('young', { startedAtMs: 5000 }),
      ];
      store.commit(aBatch({ machineUses }));
      const ids = (from: Store, beforeMs: number, after: string | null = null, limit = 9) =>
        from.accounts
          .unreported({ beforeMs, after: after === null ? null : InstanceId(after), limit })
          .map(({ machine }) => machine.instance);
      expect(ids(store, 5000)).toEqual(['ended', 'old']);
      expect(ids(store, 5001)).toEqual(['ended', 'old', 'young']);
      expect(ids(store, 5001, 'ended', 1)).toEqual(['old']);
      const marks = [
        { instance: InstanceId('ended'), untilMs: 5000 },
        { instance: InstanceId('old'), untilMs: 5000 },
      ];
      store.accounts.report([], marks);
      const after = again();
      // A later change of the machine leaves the mark as it is.
      after.commit(aBatch({ sequence: 2, machineUses: [aMachineUse('old', { jobs: 1 })] }));
      expect(ids(after, 5000)).toEqual(['ended']);
      expect(ids(after, 6000)).toEqual(['ended', 'old', 'young']);
      expect(after.accounts.unreported({ beforeMs: 6000, after: null, limit: 1 })).toEqual([
        { machine: aMachineUse('ended', { endedAtMs: 9000 }), reportedUntilMs: 5000 },
      ]);
      after.accounts.report([], [{ instance: InstanceId('ended'), untilMs: 9000 }]);
      expect(ids(after, 6000)).toEqual(['old', 'young']);
    });

    it('keeps messages until they are in place', () => {
      const { store, again } = setUp();
      const message = (n: number) => ({
        name: `m${n}`,
        text: 'x\n',
        records: 1,
        madeAtMs: 10 - n,
        folder: null,
      });
      store.accounts.report([message(2), message(1)], []);
      store.accounts.placing('m1', '/out');
      const after = again();
      expect(after.accounts.messages()).toEqual([message(2), { ...message(1), folder: '/out' }]);
      after.accounts.placed('m2');
      after.accounts.placing('m1', null);
      expect(after.accounts.messages()).toEqual([message(1)]);
    });

    it('prunes days and ended machines, not those that go on', () => {
      const { store, again } = setUp();
      const machineUses = [
        aMachineUse('a', { endedAtMs: 2000 }),
        aMachineUse('b'),
        aMachineUse('c', { endedAtMs: 3000 }),
      ];
      store.commit(aBatch({ machineUses, usage: [aUsageRow({ day: 99 }), aUsageRow()] }));
      expect(store.accounts.prune({ day: 100, endedMs: 3000 })).toBe(2);
      expect(store.accounts.prune({ day: 100, endedMs: 3000 })).toBe(0);
      const after = again();
      expect(after.accounts.usage({ from: 0, to: 1000, grain: 'day' })).toEqual([aUsageRow()]);
      const left = after.accounts.unreported({ beforeMs: 9000, after: null, limit: 9 });
      expect(left.map(({ machine }) => machine.instance)).toEqual(['b', 'c']);
    });

    it('sums what comes in whatever parts', () => {
      const amount = fc.nat({ max: 1_000_000 });
      const row = fc
        .record({
          day: fc.nat({ max: 2 }),
          user: fc.constantFrom(null, 'ann', 'bob'),
          machineMs: amount,
          busyCoreMs: amount,
        })
        .map((over) => aUsageRow(over));
      fc.assert(
        fc.property(fc.array(fc.array(row, { maxLength: 5 }), { maxLength: 5 }), (batches) => {
          const { store } = setUp();
          for (const [at, usage] of batches.entries()) store.commit(aBatch({ sequence: at + 1, usage }));
          const all = store.accounts.usage({ from: 0, to: 1000, grain: 'day' });
          const sum = (rows: readonly UsageRow[], by: 'machineMs' | 'busyCoreMs') =>
            rows.reduce((total, each) => total + each[by], 0);
          expect(sum(all, 'machineMs')).toBe(sum(batches.flat(), 'machineMs'));
          expect(sum(all, 'busyCoreMs')).toBe(sum(batches.flat(), 'busyCoreMs'));
          expect(new Set(all.map(({ day, user }) => `${day} ${user}`)).size).toBe(all.length);
        }),
        { numRuns: 30 },
      );
    });
  });
}
