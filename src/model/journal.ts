import type { CloudName, DemandId, InstanceId, IntentId, OfferName, PoolName } from './ids.ts';

/** Kinds of what the journal keeps: changes only, never a sighting. */
export const journalKinds = [
  'started',
  'stopped',
  'decision',
  'launch',
  'phase',
  'ended',
  'adopted',
  'offerSetAside',
  'offerBack',
  'cloudTrouble',
  'cloudBack',
  'queueTrouble',
  'queueBack',
  'operator',
  'anomaly',
  'budget',
  'alarm',
  'alarmOver',
  'jobs',
  'downtime',
  'hook',
  'reload',
  'observe',
] as const;
export type JournalKind = (typeof journalKinds)[number];

export interface JournalEntry {
  readonly kind: JournalKind;
  /** Daemon time, ms. */
  readonly atMs: number;
  readonly pool?: PoolName;
  readonly cloud?: CloudName;
  readonly offer?: OfferName;
  readonly intent?: IntentId;
  readonly instance?: InstanceId;
  readonly demand?: DemandId;
  /** One clause for people: why. */
  readonly why: string;
  /** Figures and names for programs. */
  readonly data?: Readonly<Record<string, string | number | boolean | null>>;
}
