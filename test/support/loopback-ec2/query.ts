import { refuse } from './refusal.ts';

/** The parameters of one call, `Name.1.Sub=value` as they came. */
export type Params = ReadonlyMap<string, string>;

export function parseParams(body: string): Params {
  return new Map(new URLSearchParams(body));
}

/** The values of `Name.1`, `Name.2`, … */
export function listOf(params: Params, name: string): readonly string[] {
  const values: string[] = [];
  for (let n = 1; ; n += 1) {
    const value = params.get(`${name}.${n}`);
    if (value === undefined) return values;
    values.push(value);
  }
}

export function integerOf(params: Params, name: string, bounds: { min: number; max: number }): number | null {
  const text = params.get(name);
  if (text === undefined) return null;
  const value = Number(text);
  if (!Number.isInteger(value) || value < bounds.min || value > bounds.max) {
    refuse('InvalidParameterValue', `Value (${text}) for parameter ${name} is invalid.`);
  }
  return value;
}

export interface Filter {
  readonly name: string;
  /** Whether one of the filter's values lets this one through. */
  readonly passes: (value: string) => boolean;
}

export function filtersOf(params: Params): readonly Filter[] {
  const filters: Filter[] = [];
  for (let n = 1; ; n += 1) {
    const name = params.get(`Filter.${n}.Name`);
    if (name === undefined) return filters;
    const values = listOf(params, `Filter.${n}.Value`);
    if (values.length === 0) refuse('InvalidParameterValue', `The filter '${name}' has no values`);
    const patterns = values.map(patternOf);
    filters.push({ name, passes: (value) => patterns.some((pattern) => pattern.test(value)) });
  }
}

/** `*` is any text and `?` any character, unless a backslash stands before them. */
function patternOf(pattern: string): RegExp {
  let expression = '';
  for (let i = 0; i < pattern.length; i += 1) {
    const char = pattern.charAt(i);
    if (char === '*') expression += '.*';
    else if (char === '?') expression += '.';
    else {
      const escaped = char === '\\' && i + 1 < pattern.length;
      if (escaped) i += 1;
      expression += (escaped ? pattern.charAt(i) : char).replace(/[\\^$.*+?()[\]{}|/]/, '\\$&');
    }
  }
  return new RegExp(`^${expression}$`, 'su');
}

/** Tags by the kind of resource that they are for. */
export function tagSpecificationsOf(params: Params): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const all = new Map<string, ReadonlyMap<string, string>>();
  for (let n = 1; ; n += 1) {
    const kind = params.get(`TagSpecification.${n}.ResourceType`);
    if (kind === undefined) return all;
    if (all.has(kind))
      refuse('InvalidParameterValue', `Tag specification resource type '${kind}' is repeated`);
    all.set(kind, tagsOf(params, `TagSpecification.${n}.Tag`));
  }
}

function tagsOf(params: Params, prefix: string): ReadonlyMap<string, string> {
  const tags = new Map<string, string>();
  for (let n = 1; ; n += 1) {
    const key = params.get(`${prefix}.${n}.Key`);
    if (key === undefined) return tags;
    const value = params.get(`${prefix}.${n}.Value`) ?? '';
    if (key.length > 128 || value.length > 256 || key.toLowerCase().startsWith('aws:')) {
      refuse('InvalidParameterValue', `Tag '${key.slice(0, 20)}' is not allowed`);
    }
    if (tags.has(key)) refuse('InvalidParameterValue', `Duplicate tag key '${key}' specified.`);
    if (tags.size >= 50) refuse('TagLimitExceeded', 'More than 50 tags specified');
    tags.set(key, value);
  }
}
