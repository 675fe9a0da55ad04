import {
  CloudName,
  InstanceId,
  IntentId,
  OfferName,
  PoolName,
  QueueName,
  SiteId,
} from '../../src/model/ids.ts';
import type { Instance, Intent } from '../../src/model/instance.ts';
import type { JournalEntry } from '../../src/model/journal.ts';
import type { Batch } from '../../src/store/port.ts';

export const site = SiteId('farm');

export function anIntent(id: string, over: Partial<Intent> = {}): Intent {
  return {
    id: IntentId(id),
    pool: PoolName('batch'),
    offer: OfferName('small'),
    cloud: CloudName('east'),
    seats: 1,
    state: 'open',
    createdAtMs: 1000,
    sentAtMs: null,
    ...over,
  };
}

export function anInstance(intent: string, seat = 0, over: Partial<Instance> = {}): Instance {
  return {
    id: InstanceId(`${intent}-${seat}`),
    intent: IntentId(intent),
    seat,
    pool: PoolName('batch'),
    queue: QueueName('condor'),
    offer: OfferName('small'),
    cloud: CloudName('east'),
    cause: { kind: 'min' },
    terms: {
      market: 'spot',
      price: { perHour: 0.25, currency: 'EUR' },
      billing: { minimumMs: 60_000, incrementMs: 1000 },
    },
    phase: 'requested',
    phaseSinceMs: 1000,
    deadlineMs: 61_000,
    cloudId: null,
    address: null,
    worker: null,
    createdAtMs: 1000,
    runningAtMs: null,
    joinedAtMs: null,
    idleSinceMs: null,
    claims: 0,
    endReason: null,
    endedAtMs: null,
    ...over,
  };
}

export function anEntry(over: Partial<JournalEntry> = {}): JournalEntry {
  return { kind: 'decision', atMs: 1000, why: 'because', ...over };
}

export function aBatch(over: Partial<Batch> = {}): Batch {
  return {
    nowMs: 1000,
    wallMs: 1_700_000_000_000,
    sequence: 1,
    intents: [],
    instances: [],
    facts: [],
    journal: [],
    ...over,
  };
}
