import { parseDuration } from '../../config/units.ts';

/** What the hooks of a pbs_mom go by: lines of `name = value`, as a shell script can read them too. */
export interface TorqueSettings {
  /** Holds what is known of jobs between their hooks. On a local disk, of root. */
  readonly stateDir: string;
  /** Where the daemon is asked, as in the options of every command; all null: as they have it. */
  readonly socket: string | null;
  readonly url: string | null;
  readonly token: string | null;
  readonly ca: string | null;
  /** Where machines are borrowed. */
  readonly pool: string;
  /** Other pools for jobs of some queues. */
  readonly poolOfQueue: ReadonlyMap<string, string>;
  /** What a feature of `nodes=1:FEATURE` asks of the machine: a ClassAd expression. */
  readonly requirementsOfFeature: ReadonlyMap<string, string>;
  /** `$prologalarm` of the mom: after so long it kills a hook. */
  readonly prologAlarmMs: number;
  /** A machine is given back by itself when this host is dead for so long. */
  readonly ttlMs: number;
  /** Slept before Torque may try a job again; doubled each time. */
  readonly retryMsFirst: number;
  readonly retryMsMax: number;
  /** Folder of Torque's programs; null: those of PATH. */
  readonly torqueBin: string | null;
  /** The worker node's name in Torque, for `torque sync`. */
  readonly node: string | null;
}

export interface SettingsFault {
  readonly line: number;
  readonly message: string;
}

export type ParsedSettings =
  | { readonly kind: 'settings'; readonly settings: TorqueSettings }
  | { readonly kind: 'faults'; readonly faults: readonly SettingsFault[] };

const linesMax = 10_000;
const texts = ['stateDir', 'socket', 'url', 'token', 'ca', 'pool', 'torqueBin', 'node'] as const;
const durations = ['prologAlarm', 'ttl', 'retryFirst', 'retryMax'] as const;
/** For the shell scripts alone. */
const ofScripts = ['spillway', 'credentials'] as const;
const families = ['pool', 'feature'] as const;
/** Longer than it takes to give a machine back when the alarm is near. */
const alarmMsMin = 10_000;

/** Every fault of the file, with its line; a name that is not known is one. */
export function parseTorqueSettings(text: string): ParsedSettings {
  const faults: SettingsFault[] = [];
  const found = new Map<string, { readonly value: string; readonly line: number }>();
  for (const [index, raw] of text.split('\n').slice(0, linesMax).entries()) {
    const line = index + 1;
    const content = raw.trim();
    if (content === '' || content.startsWith('#')) continue;
    const [, name = '', value = ''] = /^([A-Za-z]+(?:\.[A-Za-z0-9_-]+)?)\s*=\s*(.*)$/.exec(content) ?? [];
    if (name === '') faults.push({ line, message: 'expected NAME = VALUE' });
    else if (!isKnown(name)) faults.push({ line, message: `there is no setting "${name}"` });
    else if (found.has(name)) faults.push({ line, message: `"${name}" is set twice` });
    else if (value === '') faults.push({ line, message: `"${name}" has no value` });
    else found.set(name, { value, line });
  }

  const textOf = (name: (typeof texts)[number]) => found.get(name)?.value ?? null;
  const path = (name: (typeof texts)[number]) => {
    const value = textOf(name);
    if (value !== null && !value.startsWith('/'))
      faults.push({ line: found.get(name)?.line ?? 0, message: `"${name}" is an absolute path` });
    return value;
  };
  const span = (name: (typeof durations)[number], fallbackMs: number, leastMs: number) => {
    const entry = found.get(name);
    if (entry === undefined) return fallbackMs;
    const ms = parseDuration(entry.value);
    if (typeof ms === 'number' && ms >= leastMs) return ms;
    const wrong = typeof ms === 'number' ? `is at least ${leastMs / 1000}s` : ms.wrong;
    faults.push({ line: entry.line, message: `"${name}": ${wrong}` });
    return fallbackMs;
  };
  const family = (name: (typeof families)[number]) =>
    new Map(
      [...found].flatMap(([key, { value }]) =>
        key.startsWith(`${name}.`) ? [[key.slice(name.length + 1), value] as const] : [],
      ),
    );

  const settings: TorqueSettings = {
    stateDir: path('stateDir') ?? '/var/lib/spillway/torque',
    socket: path('socket'),
    url: textOf('url'),
    token: textOf('token'),
    ca: path('ca'),
    pool: textOf('pool') ?? '',
    poolOfQueue: family('pool'),
    requirementsOfFeature: family('feature'),
    prologAlarmMs: span('prologAlarm', 300_000, alarmMsMin),
    ttlMs: span('ttl', 300_000, 10_000),
    retryMsFirst: span('retryFirst', 5_000, 100),
    retryMsMax: span('retryMax', 300_000, 100),
    torqueBin: path('torqueBin'),
    node: textOf('node'),
  };
  if (settings.pool === '') faults.push({ line: 1, message: '"pool" is missing' });
  const { socket, url } = settings;
  if (socket !== null && url !== null)
    faults.push({ line: found.get('url')?.line ?? 0, message: '"socket" or "url", not both' });
  return faults.length > 0 ? { kind: 'faults', faults } : { kind: 'settings', settings };
}

function isKnown(name: string): boolean {
  const [first = '', second] = name.split('.');
  if (second !== undefined) return families.some((word) => word === first);
  return [...texts, ...durations, ...ofScripts].some((word) => word === name);
}
