import type { InstanceId, IntentId, SiteId } from '../../src/model/ids.ts';
import type { Instance, Intent } from '../../src/model/instance.ts';
import { forgetfulMemory, type Memory } from '../../src/model/memory.ts';
import { memoryAccounts } from '../../src/store/memory/accounts.ts';
import type { Batch, Fact, Store, StoredJournalEntry } from '../../src/store/port.ts';

/** What a store does, said with maps: the oracle of the property test. It bounds no prune and checks no value. */
export function modelStore(site: SiteId): Store {
  const instances = new Map<InstanceId, Instance>();
  const intents = new Map<IntentId, Intent>();
  const facts = new Map<string, Fact>();
  const memories = new Map<string, Memory>();
  const used = memoryAccounts();
  let journal: StoredJournalEntry[] = [];
  let numbers = 0;
  let nowMs: number | null = null;
  let sequence = 0;

  const live = () =>
    inOrder(
      [...instances.values()].filter(({ phase }) => phase !== 'ended'),
      ({ id }) => id,
    );
  const unsettled = ({ state }: Intent) => state === 'open' || state === 'unknown';

  return {
    load: () => {
      const wanted = new Set(live().map(({ intent }) => intent));
      return {
        site,
        nowMs,
        sequence,
        instances: live(),
        intents: inOrder(
          [...intents.values()].filter((intent) => unsettled(intent) || wanted.has(intent.id)),
          ({ id }) => id,
        ),
        facts: inOrder([...facts.values()], ({ key }) => key),
        machineUses: inOrder(used.open(), ({ instance }) => instance),
      };
    },
    commit: (batch: Batch) => {
      ({ nowMs, sequence } = batch);
      for (const intent of batch.intents) intents.set(intent.id, intent);
      for (const instance of batch.instances) instances.set(instance.id, instance);
      for (const fact of batch.facts) facts.set(fact.key, fact);
      used.write(batch);
      for (const entry of batch.journal) {
        numbers += 1;
        journal.unshift({ ...entry, number: numbers, wallMs: batch.wallMs });
      }
    },
    journal: ({ limit }) => journal.slice(0, limit),
    instance: (id) => instances.get(id) ?? null,
    endedInstances: (limit) =>
      [...instances.values()]
        .filter(({ phase }) => phase === 'ended')
        .toSorted((a, b) => endOf(b) - endOf(a) || Buffer.compare(Buffer.from(a.id), Buffer.from(b.id)))
        .slice(0, limit),
    memory: (queue) => {
      const memory = memories.get(queue) ?? forgetfulMemory();
      memories.set(queue, memory);
      return memory;
    },
    accounts: used.accounts,
    prune: (beforeMs) => {
      const had = journal.length + instances.size + intents.size;
      journal = journal.filter(({ atMs }) => atMs >= beforeMs);
      for (const instance of instances.values()) {
        if (instance.phase === 'ended' && endOf(instance) < beforeMs) instances.delete(instance.id);
      }
      const kept = new Set([...instances.values()].map(({ intent }) => intent));
      for (const intent of intents.values()) {
        if (!unsettled(intent) && intent.createdAtMs < beforeMs && !kept.has(intent.id))
          intents.delete(intent.id);
      }
      return had - journal.length - instances.size - intents.size;
    },
    close: () => undefined,
  };
}

const endOf = ({ endedAtMs, phaseSinceMs }: Instance) => endedAtMs ?? phaseSinceMs;

/** By the bytes of the key in UTF-8, as SQLite orders text. */
function inOrder<T>(values: readonly T[], key: (value: T) => string): T[] {
  return values.toSorted((a, b) => Buffer.compare(Buffer.from(key(a)), Buffer.from(key(b))));
}
