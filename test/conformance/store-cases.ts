import * as fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import {
  CloudId,
  CloudName,
  DemandId,
  InstanceId,
  IntentId,
  JobId,
  OfferName,
  PoolName,
  QueueName,
  WorkerId,
} from '../../src/model/ids.ts';
import {
  endReasons,
  type Instance,
  intentStates,
  type LaunchCause,
  phases,
} from '../../src/model/instance.ts';
import { type JournalEntry, journalKinds } from '../../src/model/journal.ts';
import type { Batch, Fact, Store } from '../../src/store/port.ts';
import { modelStore } from '../support/model-store.ts';
import { aBatch, anEntry, anInstance, anIntent, site } from './rows.ts';

/** Opens the same store again and again; where that is not possible, `reopen` is null. */
export interface StoreUnderTest {
  readonly store: Store;
  /** Closes the store and opens what it wrote. */
  readonly reopen: (() => Store) | null;
}

/** A new store and how to read it back: after a reopen where there is one, else as it is. Closed after each test. */
export function storesOf(open: () => StoreUnderTest) {
  const opened: Store[] = [];
  afterEach(() => {
    for (const store of opened.splice(0)) store.close();
  });
  return (): { readonly store: Store; readonly again: () => Store } => {
    const { store, reopen } = open();
    opened.push(store);
    const again = () => {
      const reopened = reopen?.() ?? store;
      opened.push(reopened);
      return reopened;
    };
    return { store, again };
  };
}

/** What every implementation of the Store port does. */
export function storeConformance(name: string, open: () => StoreUnderTest): void {
  describe(`store conformance: ${name}`, () => {
    const setUp = storesOf(open);

    it('is empty when new, and says whose it is', () => {
      expect(setUp().store.load()).toEqual({
        site,
        nowMs: null,
        sequence: 0,
        instances: [],
        intents: [],
        facts: [],
        machineUses: [],
      });
    });

    it("keeps an adapter's memory: by queue, replaced, removed, all of a change or nothing", () => {
      const { store, again } = setUp();
      const [one, other] = [QueueName('one'), QueueName('other')];
      store.memory(one).save(
        new Map<string, unknown>([
          ['a', { n: 1.5, text: 'é"' }],
          ['b', [null]],
        ]),
      );
      store.memory(other).save(new Map([['a', 'theirs']]));
      store.memory(one).save(
        new Map<string, unknown>([
          ['a', 2],
          ['b', null],
          ['c', false],
        ]),
      );
      const torn = new Map<string, unknown>([
        ['a', 3],
        ['bad', 1n],
      ]);
      expect(() => store.memory(one).save(torn)).toThrow();
      const reopened = again();
      expect([...reopened.memory(one).load()]).toEqual([
        ['a', 2],
        ['c', false],
      ]);
      expect([...reopened.memory(other).load()]).toEqual([['a', 'theirs']]);
      expect(reopened.load()).toMatchObject({ nowMs: null, facts: [] });
    });

    it('gives back what was committed, to the last field', () => {
      const { store, again } = setUp();
      const intent = anIntent('i1', { seats: 2, state: 'accepted', sentAtMs: 1000.25 });
      const full = anInstance('i1', 1, {
        cause: {
          kind: 'demand',
          demand: DemandId('condor/7'),
          job: JobId('schedd@head#12.3'),
          user: 'ann',
          group: 'physics',
        },
        phase: 'claimed',
        phaseSinceMs: 4000.125,
        deadlineMs: null,
        cloudId: CloudId('i-0abc'),
        address: '10.0.0.7',
        worker: WorkerId('slot1@i1-1'),
        runningAtMs: 2000,
        joinedAtMs: 3000,
        idleSinceMs: 3500,
        claims: 3,
        endReason: 'lifetime',
      });
      // One that was found in the cloud, of a pool that is no longer known, has no queue.
      const bare = anInstance('i1', 0, { queue: QueueName('') });
      const fact: Fact = { key: 'boot/east/small', value: { p95Ms: 61_000.5, seen: [1, 2, null], ok: true } };
      store.commit(
        aBatch({
          nowMs: 4000.5,
          sequence: 9,
          intents: [intent],
          instances: [bare, full],
          facts: [fact],
        }),
      );

      expect(again().load()).toEqual({
        site,
        nowMs: 4000.5,
        sequence: 9,
        instances: [bare, full],
        intents: [intent],
        facts: [fact],
        machineUses: [],
      });
    });

    it('replaces an instance, an intent and a fact of the same key; the last in a batch counts', () => {
      const { store, again } = setUp();
      store.commit(
        aBatch({ intents: [anIntent('i1')], instances: [anInstance('i1')], facts: [{ key: 'a', value: 1 }] }),
      );
      store.commit(
        aBatch({
          sequence: 2,
          intents: [anIntent('i1', { state: 'unknown' }), anIntent('i1', { state: 'accepted' })],
          instances: [anInstance('i1', 0, { phase: 'building' }), anInstance('i1', 0, { phase: 'joining' })],
          facts: [
            { key: 'a', value: 2 },
            { key: 'a', value: null },
          ],
        }),
      );

      const state = again().load();
      expect(state.intents).toEqual([anIntent('i1', { state: 'accepted' })]);
      expect(state.instances).toEqual([anInstance('i1', 0, { phase: 'joining' })]);
      expect(state.facts).toEqual([{ key: 'a', value: null }]);
    });

    it('takes every word that the model has', () => {
      const { store, again } = setUp();
      const causes: LaunchCause[] = [
        { kind: 'demand', demand: DemandId('d'), job: null, user: null, group: null },
        { kind: 'min' },
        { kind: 'headroom' },
        { kind: 'operator' },
        { kind: 'adopted' },
      ];
      const intents = intentStates.map((state, n) => anIntent(`s${n}`, { state }));
      const instances = [
        ...phases.map((phase, n) => anInstance('s0', n, { phase })),
        ...endReasons.map((endReason, n) => anInstance('s1', n, { endReason })),
        ...causes.map((cause, n) => anInstance('s2', n, { cause })),
      ];
      const journal = journalKinds.map((kind) => anEntry({ kind }));
      store.commit(aBatch({ intents, instances, journal }));

      const after = again();
      expect(instances.map(({ id }) => after.instance(id))).toEqual(instances);
      expect(after.journal({ limit: 100 }).map(({ kind }) => kind)).toEqual(journalKinds.toReversed());
    });

    it('loads what has not ended, and the intents that still matter', () => {
      const { store, again } = setUp();
      store.commit(
        aBatch({
          intents: [
            anIntent('over', { state: 'accepted' }),
            anIntent('half', { state: 'accepted', seats: 2 }),
            anIntent('open'),
            anIntent('unknown', { state: 'unknown' }),
            anIntent('refused', { state: 'refused' }),
          ],
          instances: [
            anInstance('over', 0, { phase: 'ended', endReason: 'idle', endedAtMs: 1000 }),
            anInstance('half', 0, { phase: 'ended', endReason: 'idle', endedAtMs: 1000 }),
            anInstance('half', 1, { phase: 'idle' }),
          ],
        }),
      );

      const state = again().load();
      expect(state.intents.map(({ id }) => id)).toEqual(['half', 'open', 'unknown']);
      expect(state.instances.map(({ id }) => id)).toEqual(['half-1']);
    });

    it('finds an ended instance until it is pruned, and knows nothing of an unknown one', () => {
      const { store, again } = setUp();
      const ended = anInstance('i1', 0, { phase: 'ended', endReason: 'idle', endedAtMs: 5000 });
      store.commit(aBatch({ intents: [anIntent('i1', { state: 'accepted' })], instances: [ended] }));
      const after = again();
      expect(after.instance(ended.id)).toEqual(ended);
      expect(after.instance(InstanceId('i9-0'))).toBeNull();
      after.prune(5000);
      expect(after.instance(ended.id)).toEqual(ended);
      after.prune(5000.5);
      expect(after.instance(ended.id)).toBeNull();
    });

    it('lists what has ended, newest end first, no more than asked for', () => {
      const { store, again } = setUp();
      const ends = [3000, 9000, 5000];
      store.commit(
        aBatch({
          intents: [anIntent('i1', { seats: 4 })],
          instances: [
            ...ends.map((endedAtMs, seat) => anInstance('i1', seat, { phase: 'ended', endedAtMs })),
            anInstance('i1', 3, { phase: 'idle' }),
          ],
        }),
      );
      const after = again();
      expect(after.endedInstances(10).map(({ endedAtMs }) => endedAtMs)).toEqual([9000, 5000, 3000]);
      expect(after.endedInstances(1).map(({ seat }) => seat)).toEqual([1]);
    });

    describe('commit is all or nothing', () => {
      const before = aBatch({
        sequence: 5,
        intents: [anIntent('i1')],
        instances: [anInstance('i1')],
        journal: [anEntry()],
      });

      const notANumber = anInstance('i2', 0, { deadlineMs: Number.NaN });
      const wrong = {
        'a value that could not be read back': aBatch({
          sequence: 6,
          intents: [anIntent('i2')],
          instances: [notANumber],
        }),
        'an instance of no intent': aBatch({ sequence: 6, instances: [anInstance('i2')] }),
        'a fact that is no JSON': aBatch({
          sequence: 6,
          intents: [anIntent('i2')],
          facts: [{ key: 'k', value: () => 1 }],
        }),
        'a journal entry of an unknown kind': aBatch({
          sequence: 6,
          intents: [anIntent('i2')],
          // @ts-expect-error the model has no such kind
          journal: [anEntry({ kind: 'gossip' })],
        }),
        'a sequence that goes back': aBatch({ sequence: 4, intents: [anIntent('i2')] }),
        'a time that is none': aBatch({ sequence: 6, nowMs: Number.NaN, intents: [anIntent('i2')] }),
      } satisfies Record<string, Batch>;

      it.each(Object.entries(wrong))('refuses %s and keeps what was', (_what, batch) => {
        const { store, again } = setUp();
        store.commit(before);
        const was = store.load();
        expect(() => store.commit(batch)).toThrow(Error);
        expect(store.load()).toEqual(was);
        const after = again();
        expect(after.load()).toEqual(was);
        expect(after.journal({ limit: 10 })).toHaveLength(1);
        after.commit(aBatch({ sequence: 6, intents: [anIntent('i3')] }));
        expect(after.load().intents.map(({ id }) => id)).toEqual(['i1', 'i3']);
      });
    });

    describe('journal', () => {
      function filled() {
        const { store, again } = setUp();
        const entry = (n: number): JournalEntry => ({
          kind: n % 3 === 0 ? 'launch' : n % 3 === 1 ? 'phase' : 'anomaly',
          atMs: n * 100,
          why: `entry ${n}`,
          ...(n % 2 === 0 ? { pool: PoolName('even') } : { cloud: CloudName('odd') }),
          ...(n === 7 ? { instance: InstanceId('i1-0'), intent: IntentId('i1') } : {}),
          ...(n === 8
            ? { offer: OfferName('big'), demand: DemandId('d'), data: { a: 1, b: 'x', c: null } }
            : {}),
        });
        for (let n = 1; n <= 12; n += 4) {
          const journal = [n, n + 1, n + 2, n + 3].map(entry);
          store.commit(aBatch({ sequence: n, wallMs: 9000 + n, journal }));
        }
        return again();
      }
      const why = (store: Store, query: Partial<Parameters<Store['journal']>[0]>) =>
        store.journal({ limit: 100, ...query }).map((entry) => Number(entry.why.slice(6)));

      it('is newest first, and no longer than asked for', () => {
        const store = filled();
        expect(why(store, {})).toEqual([12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
        expect(why(store, { limit: 2 })).toEqual([12, 11]);
        expect(why(store, { limit: 0 })).toEqual([]);
      });

      it('is oldest first where that is asked for, and a limit then leaves the oldest', () => {
        const store = filled();
        const [first] = store.journal({ limit: 1, oldestFirst: true });
        expect(why(store, { oldestFirst: true, limit: 3 })).toEqual([1, 2, 3]);
        expect(why(store, { oldestFirst: true, afterNumber: first?.number ?? 0, limit: 2 })).toEqual([2, 3]);
        expect(why(store, { oldestFirst: true, pool: PoolName('even') })).toEqual([2, 4, 6, 8, 10, 12]);
      });

      it('answers by each field, and by all of them at once', () => {
        const store = filled();
        expect(why(store, { kinds: ['launch'] })).toEqual([12, 9, 6, 3]);
        expect(why(store, { kinds: ['launch', 'anomaly'] })).toEqual([12, 11, 9, 8, 6, 5, 3, 2]);
        expect(why(store, { kinds: [] })).toEqual([]);
        expect(why(store, { pool: PoolName('even') })).toEqual([12, 10, 8, 6, 4, 2]);
        expect(why(store, { cloud: CloudName('odd'), limit: 2 })).toEqual([11, 9]);
        expect(why(store, { instance: InstanceId('i1-0') })).toEqual([7]);
        expect(why(store, { intent: IntentId('i1') })).toEqual([7]);
        expect(why(store, { offer: OfferName('big') })).toEqual([8]);
        expect(why(store, { sinceMs: 1100 })).toEqual([12, 11]);
        expect(why(store, { kinds: ['launch'], pool: PoolName('even'), sinceMs: 700 })).toEqual([12]);
      });

      it('can be followed by number', () => {
        const store = filled();
        const [newest] = store.journal({ limit: 1 });
        expect(why(store, { afterNumber: (newest?.number ?? 0) - 2 })).toEqual([12, 11]);
        store.commit(aBatch({ sequence: 20, journal: [anEntry({ why: 'entry 13' })] }));
        expect(why(store, { afterNumber: newest?.number ?? 0 })).toEqual([13]);
      });

      it('gives an entry back whole, with the wall clock of its commit', () => {
        const [entry] = filled().journal({ limit: 1, offer: OfferName('big') });
        expect(entry).toEqual({
          number: entry?.number,
          wallMs: 9005,
          kind: 'anomaly',
          atMs: 800,
          why: 'entry 8',
          pool: 'even',
          offer: 'big',
          demand: 'd',
          data: { a: 1, b: 'x', c: null },
        });
      });

      it('gives no number twice, pruned or not', () => {
        const { store, again } = setUp();
        store.commit(aBatch({ journal: [anEntry({ atMs: 1 }), anEntry({ atMs: 2 })] }));
        const [last] = store.journal({ limit: 1 });
        expect(store.prune(10)).toBe(2);
        const after = again();
        after.commit(aBatch({ sequence: 2, journal: [anEntry()] }));
        expect(after.journal({ limit: 1 })[0]?.number).toBeGreaterThan(last?.number ?? 0);
      });
    });

    describe('prune', () => {
      it('keeps what is younger, alive or not settled', () => {
        const { store, again } = setUp();
        store.commit(
          aBatch({
            intents: [
              anIntent('gone', { state: 'accepted' }),
              anIntent('live', { state: 'accepted' }),
              anIntent('open'),
              anIntent('refused', { state: 'refused' }),
              anIntent('young', { state: 'never', createdAtMs: 9000 }),
            ],
            instances: [
              anInstance('gone', 0, { phase: 'ended', endedAtMs: 2000 }),
              anInstance('live', 0, { phase: 'ended', endedAtMs: 2000 }),
              anInstance('live', 1, { phase: 'idle' }),
            ],
            journal: [anEntry({ atMs: 2000 }), anEntry({ atMs: 3000 })],
          }),
        );
        // One entry, two instances, and the intents `gone` and `refused`.
        expect(store.prune(3000)).toBe(5);
        expect(store.prune(3000)).toBe(0);
        const after = again();
        expect(after.journal({ limit: 9 }).map(({ atMs }) => atMs)).toEqual([3000]);
        expect(after.load().instances.map(({ id }) => id)).toEqual(['live-1']);
        expect(after.load().intents.map(({ id }) => id)).toEqual(['live', 'open']);
      });

      it('drops a bounded number at a call, and all in the end', () => {
        const { store } = setUp();
        const journal = Array.from({ length: 5000 }, (_, n) => anEntry({ atMs: n }));
        store.commit(aBatch({ journal }));
        let calls = 0;
        let dropped = 0;
        for (let now = store.prune(4000); now > 0; now = store.prune(4000)) {
          calls += 1;
          dropped += now;
        }
        expect(dropped).toBe(4000);
        expect(calls).toBeGreaterThan(1);
        expect(store.journal({ limit: 9999 }).map(({ atMs }) => atMs)).toEqual(
          Array.from({ length: 1000 }, (_, n) => 4999 - n),
        );
      });
    });

    it('cannot be used once it is closed, and can be closed again', () => {
      const { store } = setUp();
      store.close();
      store.close();
      expect(() => store.commit(aBatch())).toThrow(Error);
      expect(() => store.load()).toThrow(Error);
    });

    it('does as a map of maps does, whatever is written', { timeout: 60_000 }, () => {
      fc.assert(
        fc.property(fc.array(stepArbitrary, { maxLength: 12 }), (steps) => {
          const { store, reopen } = open();
          let real = store;
          const model = modelStore(site);
          try {
            for (const step of steps) {
              if (step.kind === 'reopen') real = reopen?.() ?? real;
              else if (step.kind === 'prune')
                expect(real.prune(step.beforeMs)).toBe(model.prune(step.beforeMs));
              else {
                const batch = { ...step.batch, sequence: model.load().sequence + step.ahead };
                real.commit(batch);
                model.commit(batch);
              }
              expect(real.load()).toEqual(model.load());
              expect(real.endedInstances(3)).toEqual(model.endedInstances(3));
              expect(real.journal({ limit: 100 })).toEqual(model.journal({ limit: 100 }));
              for (const { id } of manyInstances) expect(real.instance(id)).toEqual(model.instance(id));
            }
          } finally {
            real.close();
          }
        }),
        { numRuns: 25 },
      );
    });
  });
}

const ids = ['a', 'b', 'c', 'd'];
const manyInstances = ids.flatMap((id) => [anInstance(id, 0), anInstance(id, 1)]);
const msArbitrary = fc.oneof(fc.integer({ min: 0, max: 100 }), fc.double({ min: 0, max: 100, noNaN: true }));
const wordArbitrary = fc.oneof(
  fc.constantFrom('x', 'y'),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 5 }),
);

const intentArbitrary = fc
  .record({
    id: fc.constantFrom(...ids).map(IntentId),
    pool: wordArbitrary.map(PoolName),
    seats: fc.integer({ min: 1, max: 3 }),
    state: fc.constantFrom(...intentStates),
    createdAtMs: msArbitrary,
    sentAtMs: fc.option(msArbitrary),
  })
  .map((over) => anIntent(over.id, over));

const instanceArbitrary = fc
  .record({
    phase: fc.constantFrom(...phases),
    phaseSinceMs: msArbitrary,
    deadlineMs: fc.option(msArbitrary),
    cloudId: fc.option(wordArbitrary.map(CloudId)),
    worker: fc.option(wordArbitrary.map(WorkerId)),
    claims: fc.nat(),
    endReason: fc.option(fc.constantFrom(...endReasons)),
    endedAtMs: fc.option(msArbitrary),
  })
  .chain((over) => fc.constantFrom(...manyInstances).map((instance): Instance => ({ ...instance, ...over })));

const entryArbitrary: fc.Arbitrary<JournalEntry> = fc.record(
  {
    kind: fc.constantFrom(...journalKinds),
    atMs: msArbitrary,
    why: fc.string({ unit: 'grapheme' }),
    pool: wordArbitrary.map(PoolName),
    instance: fc.constantFrom(...manyInstances.map(({ id }) => id)),
    data: fc.dictionary(
      wordArbitrary,
      fc
        .oneof(
          fc.string(),
          fc.double({ noNaN: true, noDefaultInfinity: true }),
          fc.boolean(),
          fc.constant(null),
        )
        .map((v) => (Object.is(v, -0) ? 0 : v)),
    ),
  },
  { requiredKeys: ['kind', 'atMs', 'why'], noNullPrototype: true },
);

const factArbitrary: fc.Arbitrary<Fact> = fc.record({
  key: wordArbitrary,
  value: fc.jsonValue().map((value): unknown => JSON.parse(JSON.stringify(value))),
});

const batchArbitrary = fc
  .record({
    nowMs: msArbitrary,
    wallMs: msArbitrary,
    intents: fc.array(intentArbitrary, { maxLength: 3 }),
    instances: fc.array(instanceArbitrary, { maxLength: 4 }),
    facts: fc.array(factArbitrary, { maxLength: 2 }),
    journal: fc.array(entryArbitrary, { maxLength: 4 }),
  })
  // An instance is never without its intent.
  .map(({ intents, ...rest }) => ({
    ...rest,
    sequence: 0,
    intents: [...rest.instances.map(({ intent }) => anIntent(intent)), ...intents],
  }));

const stepArbitrary = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('commit' as const), batch: batchArbitrary, ahead: fc.nat(9) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('reopen' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('prune' as const), beforeMs: msArbitrary }) },
);
