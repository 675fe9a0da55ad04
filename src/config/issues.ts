import type { ZodType, z } from 'zod';
import { didYouMean } from './nearest.ts';
import { type FieldPath, showValue } from './problem.ts';

/** One finding about a value, before it has a place in a file. */
export interface Finding {
  readonly path: FieldPath;
  /** Which part of the field is wrong: an unknown field by its name, all else by its value. */
  readonly at: 'key' | 'value';
  readonly message: string;
}

export type Checked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly findings: readonly Finding[] };

/**
 * Parses a value with a schema and says everything that is wrong with it, each finding with its path and in plain
 * words. An object schema refuses unknown fields here even if it was not made strict.
 */
export function check<T>(schema: ZodType<T>, value: unknown, path: FieldPath = []): Checked<T> {
  const knownKeys = new Map<string, readonly string[]>();
  const result = schema.safeParse(value, {
    error: (issue) => {
      if (issue.code === 'unrecognized_keys')
        knownKeys.set(JSON.stringify(issue.path ?? []), shapeKeys(issue.inst) ?? []);
      return describe(issue);
    },
  });
  const findings = (result.error?.issues ?? []).flatMap((issue) => fromIssue(issue, path, knownKeys));
  findings.push(...unknownIn(schema, value, path, findings));
  return result.success && findings.length === 0 ? { ok: true, value: result.data } : { ok: false, findings };
}

/** The fields of an object schema, through refinements and transforms; null if it is none. */
export function shapeKeys(schema: unknown): readonly string[] | null {
  const def = objectDef(schema);
  return def === null ? null : Object.keys(def.shape);
}

export function unknownField(key: string, known: Iterable<string>): string {
  return `unknown field${didYouMean(key, known)}`;
}

function fromIssue(
  issue: z.core.$ZodIssue,
  base: FieldPath,
  knownKeys: ReadonlyMap<string, readonly string[]>,
): Finding[] {
  const path = [...base, ...issue.path.map((step) => (typeof step === 'number' ? step : String(step)))];
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys.get(JSON.stringify(issue.path)) ?? [];
    return issue.keys.map((key) => ({ path: [...path, key], at: 'key', message: unknownField(key, known) }));
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    // What the nearest branch misses: the one with the fewest findings, if it got further than the type.
    const [least] = issue.errors.toSorted((a, b) => a.length - b.length);
    const deep = least?.some((inner) => inner.path.length > 0) ?? false;
    if (least !== undefined && deep) return least.flatMap((inner) => fromIssue(inner, path, knownKeys));
  }
  if (issue.code === 'invalid_key') {
    const message = issue.issues[0]?.message ?? issue.message;
    return [{ path, at: 'key', message }];
  }
  return [{ path, at: 'value', message: issue.message }];
}

/** In plain words; undefined leaves it to zod. */
function describe(issue: z.core.$ZodRawIssue): string | undefined {
  const got = showValue(issue.input);
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined
        ? 'missing'
        : `expected ${typeName(String(issue.expected))}, got ${got}`;
    case 'invalid_value': {
      if (issue.input === undefined) return 'missing';
      const values = issue.values.map((value) => showValue(value));
      const near = typeof issue.input === 'string' ? didYouMean(issue.input, issue.values.map(String)) : '';
      return `expected ${values.length === 1 ? '' : 'one of '}${values.join(', ')}, got ${got}${near}`;
    }
    case 'too_small':
      if (issue.origin === 'string')
        return issue.minimum === 1 ? 'must not be empty' : `shorter than ${issue.minimum} letters`;
      if (issue.origin === 'array') return `needs at least ${count(issue.minimum, 'entry', 'entries')}`;
      return `must be ${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}, got ${got}`;
    case 'too_big':
      if (issue.origin === 'string') return `longer than ${issue.maximum} letters`;
      if (issue.origin === 'array') return `has more than ${count(issue.maximum, 'entry', 'entries')}`;
      return `must be ${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}, got ${got}`;
    case 'invalid_format':
      return `not a valid ${issue.format}: ${got}`;
    case 'invalid_union':
      return issue.input === undefined ? 'missing' : `not one of the allowed forms: ${got}`;
    default:
      return undefined;
  }
}

const typeNames: Readonly<Record<string, string>> = {
  string: 'text',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map of fields',
  record: 'a map',
};

function typeName(expected: string): string {
  return typeNames[expected] ?? expected;
}

function count(n: number | bigint, one: string, many: string): string {
  return `${n} ${String(n) === '1' ? one : many}`;
}

/** Unknown top-level fields that a lax object schema would drop in silence. */
function unknownIn(schema: unknown, value: unknown, path: FieldPath, found: readonly Finding[]): Finding[] {
  const def = objectDef(schema);
  if (def === null || def.catchall !== undefined || typeof value !== 'object' || value === null) return [];
  const known = Object.keys(def.shape);
  return Object.keys(value)
    .filter((key) => !known.includes(key))
    .map((key): Finding => ({ path: [...path, key], at: 'key', message: unknownField(key, known) }))
    .filter((finding) => !found.some((other) => other.path.join('\0') === finding.path.join('\0')));
}

function objectDef(schema: unknown): z.core.$ZodObjectDef | null {
  let def = defOf(schema);
  for (let depth = 0; depth < 8 && def !== null; depth += 1) {
    if (def.type === 'object') return def as z.core.$ZodObjectDef;
    if ('innerType' in def) def = defOf(def.innerType);
    else if ('in' in def) def = defOf(def.in);
    else return null;
  }
  return null;
}

function defOf(schema: unknown): z.core.$ZodTypeDef | null {
  return (schema as { def?: z.core.$ZodTypeDef } | undefined)?.def ?? null;
}
