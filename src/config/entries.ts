import type { ZodType } from 'zod';
import { check, type Finding, shapeKeys, unknownField } from './issues.ts';
import type { Registry } from './parts.ts';
import { checkName } from './references.ts';
import type { Locate, Report } from './report.ts';

/** A queue or cloud of the config: the fields that all have, and its own as its adapter or driver returned them. */
export interface LoadedEntry<Fields, Part> {
  readonly name: string | null;
  /** Null where a field that all have is wrong. */
  readonly fields: Fields | null;
  /** Null where it is unknown. */
  readonly part: Part | null;
  readonly settings: unknown;
  readonly ok: boolean;
  readonly locate: Locate;
}

export interface EntryKind<Fields, Part> {
  /** `adapter` or `driver`: the field that names the part. */
  readonly partField: string;
  readonly schema: ZodType<Fields>;
  readonly registry: Registry<Part>;
  settingsSchema(part: Part): ZodType;
}

/** Reads an entry whose fields belong partly to us and partly to the adapter or driver that it names. */
export async function loadEntry<Fields, Part>(
  entry: unknown,
  kind: EntryKind<Fields, Part>,
  locate: Locate,
  report: Report,
): Promise<LoadedEntry<Fields, Part>> {
  const name = nameOf(entry);
  const failed = { name, fields: null, part: null, settings: undefined, ok: false, locate };
  const known = shapeKeys(kind.schema) ?? [];
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
    const checked = check(kind.schema, entry);
    if (!checked.ok) report.findings(locate, checked.findings);
    return failed;
  }
  const record = Object.entries(entry);
  const common = check(kind.schema, Object.fromEntries(record.filter(([key]) => known.includes(key))));
  if (!common.ok) report.findings(locate, common.findings);
  const fields = common.ok ? common.value : null;

  const part = await loadPart(record, kind, locate, report);
  if (part === null) return { ...failed, fields };
  const schema = kind.settingsSchema(part);
  const own = check(schema, Object.fromEntries(record.filter(([key]) => !known.includes(key))));
  if (!own.ok) report.findings(locate, withAllNames(own.findings, [...known, ...(shapeKeys(schema) ?? [])]));
  return { name, fields, part, settings: own.ok ? own.value : undefined, ok: common.ok && own.ok, locate };
}

/** The name of an entry, right or wrong otherwise: what others refer to it by. */
export function nameOf(entry: unknown): string | null {
  const name = textOf(entry, 'name');
  return name === '' ? null : name;
}

/** A field of what may be anything; undefined where there is none. */
export function fieldOf(entry: unknown, field: string): unknown {
  return typeof entry === 'object' && entry !== null ? Reflect.get(entry, field) : undefined;
}

export function textOf(entry: unknown, field: string): string | null {
  const value = fieldOf(entry, field);
  return typeof value === 'string' ? value : null;
}

async function loadPart<Part>(
  record: readonly (readonly [string, unknown])[],
  { partField, registry }: Pick<EntryKind<unknown, Part>, 'partField' | 'registry'>,
  locate: Locate,
  report: Report,
): Promise<Part | null> {
  const word = record.find(([key]) => key === partField)?.[1];
  if (typeof word !== 'string') return null;
  if (!checkName(partField, word, registry.names, locate([partField]), report)) return null;
  try {
    return await registry.load(word);
  } catch (error) {
    const why = error instanceof Error ? error.message.split('\n', 1)[0] : String(error);
    report.add('error', locate([partField]), `the ${partField} "${word}" cannot be loaded: ${why}`);
    return null;
  }
}

/** An unknown field may be meant as one of ours as well as one of the part's. */
function withAllNames(findings: readonly Finding[], known: readonly string[]): readonly Finding[] {
  return findings.map((finding) => {
    const [key] = finding.path;
    const unknown =
      finding.at === 'key' && finding.path.length === 1 && finding.message.startsWith('unknown field');
    return unknown && typeof key === 'string' ? { ...finding, message: unknownField(key, known) } : finding;
  });
}
