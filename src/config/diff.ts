import { type Described, type DescribedEntry, hiddenIn } from './describe.ts';
import { formatDuration, formatSize } from './units.ts';

/** One thing that differs between two configurations, in words. */
export interface ConfigChange {
  readonly change: 'added' | 'removed' | 'changed';
  /** One of `describedKinds`. */
  readonly kind: string;
  readonly name: string;
  /** As in `limits.idle`; null where the whole entry came or went. */
  readonly field: string | null;
  /** Null where there was, or is, none. */
  readonly from: string | null;
  readonly to: string | null;
}

/** More than that nobody reads; they are counted in the last one's place by `describeChanges`. */
const changesMax = 500;
const textMax = 200;

/** What differs, in the order of the second config; what went comes last. Cost: linear in both. */
export function diffConfigs(
  before: readonly DescribedEntry[],
  after: readonly DescribedEntry[],
): ConfigChange[] {
  // A site has one name, and it may be that which differs.
  const keyOf = ({ kind, name }: DescribedEntry) => (kind === 'site' ? kind : `${kind} ${name}`);
  const was = new Map(before.map((entry) => [keyOf(entry), entry]));
  const is = new Set(after.map(keyOf));
  const whole = { field: null, from: null, to: null };
  return [
    ...after.flatMap((entry): ConfigChange[] => {
      const { kind, name } = entry;
      const old = was.get(keyOf(entry));
      if (old === undefined) return [{ change: 'added', kind, name, ...whole }];
      return differences(old.fields, entry.fields, []).map((change) => ({
        change: 'changed',
        kind,
        name,
        ...change,
      }));
    }),
    ...before
      .filter((entry) => !is.has(keyOf(entry)))
      .map(({ kind, name }): ConfigChange => ({ change: 'removed', kind, name, ...whole })),
  ];
}

type Difference = Pick<ConfigChange, 'field' | 'from' | 'to'>;

function differences(
  before: Described | undefined,
  after: Described | undefined,
  path: readonly string[],
): Difference[] {
  const [old, now] = [hiddenIn(before), hiddenIn(after)];
  const field = path.map(withoutUnit).join('.');
  if (old !== null && now !== null && old.from === now.from) {
    // Where either side does not tell, it is taken to be the same.
    const isSame = old.digest === undefined || now.digest === undefined || old.digest === now.digest;
    return isSame ? [] : [{ field, from: now.from, to: `${now.from} (new content)` }];
  }
  if (old === null && now === null && isFields(before) && isFields(after))
    return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((key) =>
      differences(before[key], after[key], [...path, key]),
    );
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  const key = path.at(-1) ?? '';
  return [{ field, from: textOf(key, before), to: textOf(key, after) }];
}

function isFields(value: Described | undefined): value is { readonly [field: string]: Described } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The config says `idle: 1m` where the program says `idleMs: 60000`. */
const withoutUnit = (key: string): string => key.replace(/(?:Ms|MiB)$/, '');

function textOf(key: string, value: Described | undefined): string | null {
  if (value === undefined) return null;
  const hiding = hiddenIn(value);
  if (hiding !== null) return hiding.from;
  if (value === null) return 'none';
  if (typeof value === 'number' && key.endsWith('WallMs')) return String(value);
  if (typeof value === 'number' && key.endsWith('Ms')) return formatDuration(value);
  if (typeof value === 'number' && key.endsWith('MiB')) return formatSize(value);
  const text = typeof value === 'string' ? value : JSON.stringify(value, withoutDigests);
  return text.length > textMax ? `${text.slice(0, textMax)}…` : text;
}

const withoutDigests = (key: string, value: unknown): unknown => (key === 'digest' ? undefined : value);

/** `pool main: max 10 → 20`, `cloud east: removed`. */
export function describeChange({ change, kind, name, field, from, to }: ConfigChange): string {
  const what = kind === 'site' ? 'site' : `${kind} ${name}`;
  if (change !== 'changed') return `${what}: ${change}`;
  return `${what}: ${field} ${from ?? 'unset'} → ${to ?? 'unset'}`;
}

/** A line for each, bounded. */
export function describeChanges(changes: readonly ConfigChange[]): string[] {
  const lines = changes.slice(0, changesMax).map(describeChange);
  const left = changes.length - lines.length;
  return left === 0 ? lines : [...lines, `and ${left} more`];
}
