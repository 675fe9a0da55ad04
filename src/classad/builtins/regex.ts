import type { Evaluation } from '../evaluation.ts';
import type { RegexFlags } from '../pcre/node.ts';
import { isUsable, type Regex, regexOf } from '../pcre/regex.ts';
import { ERROR, ErrorValue, ListValue, type Value } from '../value.ts';
import { type Builtin, type BuiltinTable, elementsOf, variadic } from './builtin.ts';
import { itemsOf } from './stringLists.ts';

/** Options are single letters; those that are unknown mean nothing. */
function flagsOf(options: string): RegexFlags {
  return {
    caseless: options.includes('i'),
    multiline: options.includes('m'),
    dotAll: options.includes('s'),
    extended: options.includes('x'),
  };
}

/** What is wrong with arguments that all must be strings; null: nothing. */
function misfit(values: readonly Value[]): ErrorValue | 'undefined' | null {
  if (values.some((value) => value instanceof ErrorValue)) return ERROR;
  return values.some((value) => value === undefined) ? 'undefined' : null;
}

export interface SearchRequest {
  readonly pattern: string;
  readonly flags: RegexFlags;
}

function prepared(request: SearchRequest): Regex | ErrorValue {
  const regex = regexOf(request.pattern, request.flags);
  return isUsable(regex) ? regex : new ErrorValue(`regular expression: ${regex.reason}`);
}

/** A search within the budget; undefined: it was not enough. */
export function searchIn(
  evaluation: Evaluation,
  regex: Regex,
  subject: string,
  options: { start: number; anchored?: boolean; notEmptyAtStart?: boolean; notEmpty?: boolean },
): Int32Array | null | undefined {
  const { groups, steps } = regex.search(subject, {
    ...options,
    stepsMax: evaluation.context.limits.regexStepsMax,
  });
  evaluation.charge(steps);
  return groups;
}

/** Whether a pattern occurs in a text. */
export function occurs(evaluation: Evaluation, regex: Regex, subject: string, notEmpty = false): Value {
  const groups = searchIn(evaluation, regex, subject, { start: 0, notEmpty });
  return groups === undefined ? new ErrorValue('regular expression: too many steps') : groups !== null;
}

function regexp(values: readonly Value[], evaluation: Evaluation): Value {
  const wrong = misfit(values);
  if (wrong !== null) return wrong === 'undefined' ? undefined : wrong;
  const [pattern, text, options = ''] = values;
  if (typeof pattern !== 'string' || typeof text !== 'string' || typeof options !== 'string') return ERROR;
  const regex = prepared({ pattern, flags: flagsOf(options) });
  return regex instanceof ErrorValue ? regex : occurs(evaluation, regex, text);
}

/** True if one matches; else undefined if one is undefined. */
function regexpMember(values: readonly Value[], evaluation: Evaluation, nesting: number): Value {
  const wrong = misfit(values);
  if (wrong !== null) return wrong === 'undefined' ? undefined : wrong;
  const [pattern, list, options = ''] = values;
  if (typeof pattern !== 'string' || !(list instanceof ListValue) || typeof options !== 'string')
    return ERROR;
  let missing = false;
  for (const element of elementsOf(evaluation, list, nesting)) {
    if (element === undefined) {
      missing = true;
    } else if (typeof element !== 'string') {
      return ERROR;
    } else {
      const regex = prepared({ pattern, flags: flagsOf(options) });
      if (!(regex instanceof ErrorValue) && occurs(evaluation, regex, element) === true) return true;
    }
  }
  return missing ? undefined : false;
}

/** `\0` to `\9` in a replacement; null: a group that the pattern has not set. */
function filledIn(replacement: string, subject: string, groups: Int32Array): string | null {
  let highest = 0;
  for (let group = 0; 2 * group < groups.length; group++)
    if ((groups[2 * group + 1] ?? -1) >= 0) highest = group;
  let unset = false;
  const text = replacement.replaceAll(/\\(\d)/g, (_whole, digit: string) => {
    const group = Number(digit);
    if (group > highest) {
      unset = true;
      return '';
    }
    const start = groups[2 * group] ?? -1;
    return start < 0 ? '' : subject.slice(start, groups[2 * group + 1]);
  });
  return unset ? null : text;
}

/** `extra` are options that the function always has: f keeps the rest of the text, g replaces all matches. */
function substitution(extra: string): Builtin {
  return variadic(3, 4, (values, evaluation) => {
    const wrong = misfit(values);
    if (wrong !== null) return wrong === 'undefined' ? undefined : wrong;
    const [pattern, text, replacement, given = ''] = values;
    if (typeof pattern !== 'string' || typeof text !== 'string') return ERROR;
    if (typeof replacement !== 'string' || typeof given !== 'string') return ERROR;
    const options = given + extra;
    const regex = prepared({ pattern, flags: flagsOf(options) });
    if (regex instanceof ErrorValue) return regex;
    return substitute(evaluation, regex, text, { replacement, options });
  });
}

function substitute(
  evaluation: Evaluation,
  regex: Regex,
  subject: string,
  { replacement, options }: { readonly replacement: string; readonly options: string },
): Value {
  const full = options.includes('f');
  const all = options.includes('g');
  let output = '';
  let at = 0;
  let afterEmpty = false;
  for (;;) {
    const groups = searchIn(evaluation, regex, subject, {
      start: at,
      anchored: afterEmpty,
      notEmptyAtStart: afterEmpty,
    });
    if (groups === undefined) return new ErrorValue('regular expression: too many steps');
    if (groups === null && afterEmpty) {
      // The library steps over the end of the text here, and takes the failure that follows for an error.
      if (at >= subject.length) return ERROR;
      output += subject[at] ?? '';
      at++;
      afterEmpty = false;
      continue;
    }
    if (groups === null) break;
    const [start = 0, end = 0] = groups;
    if (full) output += subject.slice(at, start);
    const part = filledIn(replacement, subject, groups);
    if (part === null) return ERROR;
    output += part;
    at = end;
    if (start === end) afterEmpty = true;
    if (!all) break;
    if (output.length > evaluation.context.limits.stringBytesMax) return evaluation.fail('string too long');
  }
  return full ? output + subject.slice(at) : output;
}

/** Options in either case here. */
function stringListRegexpMember(values: readonly Value[], evaluation: Evaluation): Value {
  const [pattern, list, delimiters = ', ', options = ''] = values;
  if (values.length > 2 && values.slice(2).some((value) => typeof value !== 'string')) return ERROR;
  if (typeof pattern !== 'string' || typeof list !== 'string') return ERROR;
  if (typeof delimiters !== 'string' || typeof options !== 'string') return ERROR;
  const regex = prepared({ pattern, flags: flagsOf(options.toLowerCase()) });
  if (regex instanceof ErrorValue) return regex;
  const items = itemsOf(list, delimiters);
  if (items.length === 0) return undefined;
  return items.some((item) => occurs(evaluation, regex, item) === true);
}

export const regexBuiltins: BuiltinTable = [
  ['regexp', variadic(2, 3, regexp)],
  ['regexpmember', variadic(2, 3, regexpMember)],
  ['regexps', substitution('')],
  ['replace', substitution('f')],
  ['replaceall', substitution('fg')],
  ['stringlist_regexpmember', variadic(2, 4, stringListRegexpMember)],
];
