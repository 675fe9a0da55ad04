import Database from 'better-sqlite3';
import type { InstanceId, QueueName, SiteId } from '../../model/ids.ts';
import type { Instance } from '../../model/instance.ts';
import type { Log } from '../../model/log.ts';
import type { Memory } from '../../model/memory.ts';
import { type Batch, type Store, type StoredState, StoreError } from '../port.ts';
import { accountsOf, openMachineReader, usageWriter } from './accounts.ts';
import { inStoreWords, inWordsOfOpening } from './failure.ts';
import { type OpenFile, openFile, openMemory, readMeta } from './file.ts';
import { boundedRows, journalReader } from './journal.ts';
import {
  decode,
  encodeEntry,
  encodeFact,
  encodeInstance,
  encodeIntent,
  factTable,
  instanceTable,
  intentTable,
} from './rows.ts';
import * as sql from './sql.ts';

export interface SqliteStoreOptions {
  /** The file (its folder must exist), or `:memory:` for a store that ends with the process. */
  readonly path: string;
  readonly site: SiteId;
  readonly log?: Log;
  /** The store grows to no more than that; default 4096. */
  readonly sizeMaxMiB?: number;
}

const sizeMaxMiBDefault = 4096;
/** The log is moved to the database file when it has grown by so much. */
const logBytesMax = 4 * 1024 * 1024;
/** Rows of each table that one call of prune drops: about 10 ms of work. */
const pruneRowsMax = 500;

/**
 * Opens the site's store and makes it if there is none. Throws StoreError: `locked`, `corrupt`, `newer`, `otherSite`,
 * `full` or `io`. Opening checks the whole file: about 0.3 s for 100 MB.
 */
export function openSqliteStore(options: SqliteStoreOptions): Store {
  const { path, site, log, sizeMaxMiB = sizeMaxMiBDefault } = options;
  const file = path === ':memory:' ? openMemory(site, sizeMaxMiB) : openFile({ path, site, sizeMaxMiB, log });
  try {
    return inWordsOfOpening(file.path, () => storeOn(file, log));
  } catch (error) {
    file.close();
    throw error;
  }
}

function storeOn(file: OpenFile, log: Log | undefined): Store {
  const { db, path } = file;
  const readState = stateReader(db, path);
  const readJournal = journalReader(db, path);
  const write = batchWriter(file);
  const prune = pruner(db);
  const instanceById = db.prepare<[string]>(sql.selectInstance);
  const newestEnded = db.prepare<[number]>(sql.selectEndedInstances);
  let checkpointAtBytes = logBytesMax;

  const tidyLog = () => {
    const bytes = file.logBytes();
    if (bytes < checkpointAtBytes) return;
    // A reader (a backup) may keep the log from shrinking: then again when it has grown as much again.
    checkpointAtBytes = bytes + logBytesMax;
    try {
      file.checkpoint();
      if (file.logBytes() < logBytesMax) checkpointAtBytes = logBytesMax;
    } catch (error) {
      // What was committed is safe in the log, so this is no failure of the commit.
      log?.warn({ path, bytes, error: String(error) }, 'store log could not be moved to the database file');
    }
  };

  return {
    load: () => inStoreWords(path, readState),
    commit: (batch) => {
      inStoreWords(path, () => {
        file.assertInPlace();
        write(batch);
      });
      tidyLog();
    },
    journal: (query) => inStoreWords(path, () => readJournal(query)),
    instance: (id: InstanceId): Instance | null =>
      inStoreWords(path, () => {
        const row = instanceById.get(id);
        return row === undefined ? null : decode(path, instanceTable, row);
      }),
    endedInstances: (limit) =>
      inStoreWords(path, () =>
        newestEnded.all(boundedRows(limit)).map((row) => decode(path, instanceTable, row)),
      ),
    memory: (queue) => memoryOf(file, queue),
    accounts: accountsOf(file),
    prune: (beforeMs) =>
      inStoreWords(path, () => {
        file.assertInPlace();
        return prune(beforeMs);
      }),
    close: () => inStoreWords(path, () => file.close()),
  };
}

function memoryOf(file: OpenFile, queue: QueueName): Memory {
  const { db, path } = file;
  const all = db.prepare<[string], { key: string; value: string }>(sql.selectMemory);
  const put = db.prepare<[string, string, string]>(sql.upsertMemory);
  const drop = db.prepare<[string, string]>(sql.deleteMemory);
  const saveAll = db.transaction((changes: ReadonlyMap<string, unknown>) => {
    for (const [key, value] of changes) {
      if (value === null) drop.run(queue, key);
      else put.run(queue, key, JSON.stringify(value));
    }
  });
  return {
    load: () =>
      inStoreWords(path, () => new Map(all.all(queue).map(({ key, value }) => [key, JSON.parse(value)]))),
    save: (changes) =>
      inStoreWords(path, () => {
        file.assertInPlace();
        saveAll.immediate(changes);
      }),
  };
}

function stateReader(db: Database.Database, path: string): () => StoredState {
  const liveInstances = db.prepare(sql.selectLiveInstances);
  const openIntents = db.prepare(sql.selectOpenIntents);
  const facts = db.prepare(sql.selectFacts);
  const openMachines = openMachineReader(db, path);
  return db.transaction(() => {
    const meta = readMeta(db, path);
    return {
      site: meta.site,
      nowMs: meta.nowMs,
      sequence: meta.sequence,
      instances: liveInstances.all().map((row) => decode(path, instanceTable, row)),
      intents: openIntents.all().map((row) => decode(path, intentTable, row)),
      facts: facts.all().map((row) => decode(path, factTable, row)),
      machineUses: openMachines(),
    };
  });
}

function batchWriter(file: OpenFile): (batch: Batch) => void {
  const { db } = file;
  const stamp = db.prepare(sql.stampMeta);
  const putIntent = db.prepare(sql.upsertIntent);
  const putInstance = db.prepare(sql.upsertInstance);
  const putFact = db.prepare(sql.upsertFact);
  const append = db.prepare(sql.insertEntry);
  const addUsage = usageWriter(db);

  const writeAll = db.transaction((batch: Batch) => {
    const { nowMs, wallMs, sequence } = batch;
    const stamped = stamp.run({ nowMs, wallMs, sequence, opening: file.opening });
    if (stamped.changes === 0) throw refusedStamp(file, sequence);
    for (const intent of batch.intents) putIntent.run(encodeIntent(intent));
    for (const instance of batch.instances) {
      try {
        putInstance.run(encodeInstance(instance));
      } catch (error) {
        if (!(error instanceof Database.SqliteError) || error.code !== 'SQLITE_CONSTRAINT_FOREIGNKEY')
          throw error;
        const what = `instance ${instance.id} is of intent ${instance.intent}, which is not stored`;
        throw new TypeError(what, { cause: error });
      }
    }
    for (const fact of batch.facts) putFact.run(encodeFact(fact));
    for (const entry of batch.journal) append.run({ ...encodeEntry(entry), wallMs });
    addUsage(batch.machineUses ?? [], batch.usage ?? []);
  });

  return (batch) => {
    if (!Number.isFinite(batch.nowMs) || !Number.isFinite(batch.wallMs))
      throw new TypeError('a batch needs its times');
    if (!Number.isSafeInteger(batch.sequence)) throw new TypeError('a sequence is a whole number');
    writeAll.immediate(batch);
  };
}

/** Two writers can only be where the lock file was deleted or its file system has no locks: the later one wins. */
function refusedStamp(file: OpenFile, sequence: number): Error {
  const meta = readMeta(file.db, file.path);
  if (meta.opening !== file.opening) {
    const who = meta.holder ?? 'a process that has ended since';
    return new StoreError(
      'locked',
      `${file.path}: another daemon has opened it (${who}); this one must stop`,
    );
  }
  return new RangeError(`the sequence never goes back: ${sequence} after ${meta.sequence}`);
}

function pruner(db: Database.Database): (beforeMs: number) => number {
  // Instances before intents: an intent goes when it has no instance left.
  const statements = [sql.pruneJournal, sql.pruneInstances, sql.pruneIntents].map((text) =>
    db.prepare<[number, number]>(text),
  );
  const pruneAll = db.transaction((beforeMs: number) => {
    let dropped = 0;
    for (const statement of statements) dropped += statement.run(beforeMs, pruneRowsMax).changes;
    return dropped;
  });
  return (beforeMs) => pruneAll.immediate(beforeMs);
}
