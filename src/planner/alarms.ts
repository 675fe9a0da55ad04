import { type CloudName, PoolName, type QueueName } from '../model/ids.ts';
import type { BlackHole } from './conduct.ts';
import { closedBy, type DowntimeOutlook } from './downtimes.ts';
import type { CloudOutlook, QueueOutlook } from './plan.ts';
import type { SetAsides } from './setAside.ts';

/** Something that does not mend itself, or has not for long: somebody should look. */
export const alarmKinds = [
  'offerFails',
  'cloudFails',
  'cloudSilent',
  'queueSilent',
  'blackHole',
  'suspect',
  'launchRate',
  'unfit',
  'jobWords',
  'credentialEnds',
] as const;
export type AlarmKind = (typeof alarmKinds)[number];

export interface Alarm {
  /** What it is of: an alarm with the same key is the same one. */
  readonly key: string;
  readonly kind: AlarmKind;
  readonly why: string;
  readonly sinceMs: number;
}

export type Alarms = ReadonlyMap<string, Alarm>;

export interface AlarmInput {
  readonly nowMs: number;
  readonly setAsides: SetAsides;
  /** So many failures of an offer or a cloud in a row are an alarm. */
  readonly alarmAfter: number;
  readonly clouds: ReadonlyMap<CloudName, CloudOutlook>;
  readonly queues: ReadonlyMap<QueueName, QueueOutlook>;
  readonly downtimes: DowntimeOutlook;
  /** Null: no view has told since. */
  readonly blackHoles: readonly BlackHole[] | null;
  /** Pools that have launched as many machines as they may in an hour. */
  readonly atLaunchRate: readonly PoolName[];
}

/** A source may be silent for so long without an alarm. */
const silentMs = 900_000;
/** A black hole that was drained is told of for so long. */
const rememberedMs = 86_400_000;

/** The alarms that hold now; those that go on keep their beginning. Pure. */
export function raiseAlarms(before: Alarms, input: AlarmInput): Alarms {
  const { nowMs, setAsides, alarmAfter, downtimes } = input;
  const next = new Map<string, Alarm>();
  const raise = (key: string, kind: AlarmKind, why: string) => {
    next.set(key, { key, kind, why, sinceMs: before.get(key)?.sinceMs ?? nowMs });
  };
  for (const { key, failures, reason, message } of setAsides.values())
    if (failures >= alarmAfter) {
      const kind = key.startsWith('cloud:') ? 'cloudFails' : 'offerFails';
      raise(key, kind, `${key} has failed ${failures} times in a row: ${reason}: ${message}`);
    }
  const silence = (key: string, kind: AlarmKind, what: string, trouble: string | null) => {
    if (trouble === null) return;
    const sinceMs = before.get(key)?.sinceMs ?? nowMs;
    next.set(key, { key, kind, why: `${what}: ${trouble}`, sinceMs });
  };
  for (const [name, { trouble }] of input.clouds) {
    const isDown = closedBy({ pool: noPool, cloud: name }, nowMs, downtimes) !== null;
    if (!isDown) silence(`silent cloud:${name}`, 'cloudSilent', `cloud ${name}`, trouble);
  }
  for (const [name, { trouble }] of input.queues)
    silence(`silent queue:${name}`, 'queueSilent', `queue ${name}`, trouble);
  for (const [name, outlook] of input.queues) raiseJobAlarms(name, outlook, raise);
  for (const { instance, kind, why } of input.blackHoles ?? [])
    raise(`instance:${instance}`, kind === 'suspect' ? 'suspect' : 'blackHole', why);
  for (const alarm of before.values())
    if (!next.has(alarm.key) && lasts(alarm, input)) next.set(alarm.key, alarm);
  for (const pool of input.atLaunchRate)
    raise(
      `launches:${pool}`,
      'launchRate',
      `pool ${pool} has launched as many machines in an hour as it may`,
    );
  return next;
}

/** What is wrong with jobs themselves: one alarm of a kind for each queue. */
function raiseJobAlarms(
  queue: QueueName,
  { view, unfit }: QueueOutlook,
  raise: (key: string, kind: AlarmKind, why: string) => void,
): void {
  if (unfit != null) {
    const { jobs, groups, sample, why } = unfit;
    const kinds = groups > 1 ? ` of ${groups} kinds` : '';
    const what = `${jobs} waiting jobs${kinds} fit no offer and no worker`;
    raise(`unfit queue:${queue}`, 'unfit', `queue ${queue}: ${what}; ${sample}: ${why}`);
  }
  const odd = view?.demand.filter(({ remarks = [] }) => remarks.length > 0) ?? [];
  const [first] = odd;
  if (first !== undefined) {
    const more = odd.length > 1 ? `; and ${odd.length - 1} more kinds of jobs` : '';
    const said = (first.remarks ?? []).join('; ');
    raise(`words queue:${queue}`, 'jobWords', `queue ${queue}: ${first.sampleJobs[0]}: ${said}${more}`);
  }
  const credentials = view?.credentials;
  if (credentials !== undefined && credentials.ended + credentials.ending > 0) {
    const { ended, ending, users } = credentials;
    const what = `the credentials of ${ending} jobs end soon and those of ${ended} have ended`;
    raise(`credentials queue:${queue}`, 'credentialEnds', `queue ${queue}: ${what} (${users.join(', ')})`);
  }
}

/** A black hole is gone when it is told of; a suspect is one until a view shows otherwise. */
function lasts({ kind, sinceMs }: Alarm, { nowMs, blackHoles }: AlarmInput): boolean {
  return kind === 'blackHole' ? nowMs < sinceMs + rememberedMs : kind === 'suspect' && blackHoles === null;
}

const noPool = PoolName('');

/** Silence is one only when it lasts. */
export function isRaised({ kind, sinceMs }: Alarm, nowMs: number): boolean {
  return kind === 'cloudSilent' || kind === 'queueSilent' ? nowMs >= sinceMs + silentMs : true;
}
