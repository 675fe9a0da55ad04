import type { InstanceId, IntentId, QueueName, SiteId } from '../../model/ids.ts';
import type { Instance, Intent } from '../../model/instance.ts';
import { forgetfulMemory, type Memory } from '../../model/memory.ts';
import type { Batch, Fact, JournalQuery, Store, StoredJournalEntry } from '../port.ts';
import { memoryAccounts } from './accounts.ts';

export interface MemoryStoreOptions {
  readonly site: SiteId;
  /** The newest entries that are kept. */
  readonly journalMax?: number;
}

const journalMaxDefault = 10_000;

/**
 * A store of maps that ends with its process: for simulations that write millions of rows. It checks no value. Each
 * commit costs as much as it changes; ended instances are kept until they are pruned.
 */
export function createMemoryStore({ site, journalMax = journalMaxDefault }: MemoryStoreOptions): Store {
  const live = new Map<InstanceId, Instance>();
  /** In the order in which they ended. */
  const ended = new Map<InstanceId, Instance>();
  /** In the order in which they were made. */
  const intents = new Map<IntentId, Intent>();
  const facts = new Map<string, Fact>();
  const memories = new Map<QueueName, Memory>();
  const used = memoryAccounts();
  let journal: StoredJournalEntry[] = [];
  let number = 0;
  let nowMs: number | null = null;
  let sequence = 0;

  function keep(instance: Instance): void {
    if (instance.phase !== 'ended') {
      live.set(instance.id, instance);
      return;
    }
    live.delete(instance.id);
    ended.set(instance.id, instance);
  }

  function commit(batch: Batch): void {
    if (batch.sequence < sequence) throw new RangeError('the sequence never goes back');
    ({ nowMs, sequence } = batch);
    for (const intent of batch.intents) intents.set(intent.id, intent);
    for (const instance of batch.instances) keep(instance);
    for (const fact of batch.facts) facts.set(fact.key, fact);
    used.write(batch);
    for (const entry of batch.journal) {
      number += 1;
      journal.push({ ...entry, number, wallMs: batch.wallMs });
    }
    if (journal.length > 2 * journalMax) journal = journal.slice(-journalMax);
  }

  function prune(beforeMs: number): number {
    let dropped = used.forget(beforeMs);
    const kept = new Set([...live.values()].map(({ intent }) => intent));
    for (const [id, instance] of ended) {
      if ((instance.endedAtMs ?? instance.phaseSinceMs) >= beforeMs) {
        kept.add(instance.intent);
        continue;
      }
      ended.delete(id);
      dropped += 1;
    }
    for (const [id, { createdAtMs, state }] of intents) {
      if (createdAtMs >= beforeMs) break;
      if (state === 'open' || state === 'unknown' || kept.has(id)) continue;
      intents.delete(id);
      dropped += 1;
    }
    const had = journal.length;
    journal = journal.filter(({ atMs }) => atMs >= beforeMs);
    return dropped + had - journal.length;
  }

  return {
    load: () => {
      const instances = [...live.values()];
      const wanted = new Set(instances.map(({ intent }) => intent));
      const open = [...intents.values()].filter(
        ({ id, state }) => state === 'open' || state === 'unknown' || wanted.has(id),
      );
      const machineUses = used.open();
      return { site, nowMs, sequence, instances, intents: open, facts: [...facts.values()], machineUses };
    },
    commit,
    journal: (query) => {
      const asked = journal.filter((entry) => isAsked(entry, query));
      return query.oldestFirst === true
        ? asked.slice(0, query.limit)
        : asked.slice(-query.limit).toReversed();
    },
    instance: (id) => live.get(id) ?? ended.get(id) ?? null,
    endedInstances: (limit) => [...ended.values()].slice(-limit).toReversed(),
    memory: (queue) => {
      const memory = memories.get(queue) ?? forgetfulMemory();
      memories.set(queue, memory);
      return memory;
    },
    accounts: used.accounts,
    prune,
    close: () => undefined,
  };
}

function isAsked(entry: StoredJournalEntry, query: JournalQuery): boolean {
  const { kinds, afterNumber = 0, sinceMs = Number.NEGATIVE_INFINITY } = query;
  return (
    (kinds === undefined || kinds.includes(entry.kind)) &&
    (query.instance === undefined || entry.instance === query.instance) &&
    (query.intent === undefined || entry.intent === query.intent) &&
    (query.pool === undefined || entry.pool === query.pool) &&
    (query.cloud === undefined || entry.cloud === query.cloud) &&
    (query.offer === undefined || entry.offer === query.offer) &&
    entry.number > afterNumber &&
    (query.beforeNumber === undefined || entry.number < query.beforeNumber) &&
    entry.atMs >= sinceMs
  );
}
