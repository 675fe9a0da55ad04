import { int32Of } from '../integer.ts';
import { ERROR, ListValue, type Value } from '../value.ts';
import { type BuiltinTable, elementsOf, unary, variadic } from './builtin.ts';

/** Command lines and environments as strings: V2 quotes with single quotes, V1 does not quote at all. */

/** Splits at white space; single quotes keep it, two of them inside are one. Null: a quote has no end. */
function splitQuoted(text: string): string[] | null {
  const words: string[] = [];
  let word: string | null = null;
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? '';
    if (' \t\n\r'.includes(char)) {
      if (word !== null) words.push(word);
      word = null;
    } else if (char !== "'") {
      word = (word ?? '') + char;
    } else {
      word ??= '';
      for (at++; ; at++) {
        if (at >= text.length) return null;
        if (text[at] === "'") {
          if (text[at + 1] !== "'") break;
          at++;
        }
        word += text[at];
      }
    }
  }
  if (word !== null) words.push(word);
  return words;
}

/** Quotes the runs of white space and quotes in a word, and nothing else. */
function quoted(word: string): string {
  if (word === '') return "''";
  return word.replaceAll(/[ \t\n\r']+/g, (run) => `'${run.replaceAll("'", "''")}'`);
}

function versionOf(args: readonly Value[]): 1 | 2 | null {
  if (args.length < 2) return 2;
  const [, given] = args;
  if (typeof given !== 'number' && typeof given !== 'bigint') return null;
  const version = int32Of(given);
  return version === 1 || version === 2 ? version : null;
}

function argsToList(args: readonly Value[]): Value {
  const version = versionOf(args);
  const [text] = args;
  if (version === null || typeof text !== 'string') return ERROR;
  const words = version === 2 ? splitQuoted(text) : text.split(/[ \t\n\r]+/).filter((word) => word !== '');
  return words === null ? ERROR : new ListValue(words, null, true);
}

const listToArgs = variadic(1, 2, (args, evaluation, nesting) => {
  const version = versionOf(args);
  const [list] = args;
  if (version === null || !(list instanceof ListValue)) return ERROR;
  const words: string[] = [];
  for (const word of elementsOf(evaluation, list, nesting)) {
    if (typeof word !== 'string') return ERROR;
    words.push(word);
  }
  if (version === 2) return words.map(quoted).join(' ');
  return words.some((word) => /[ \t\n\r]/.test(word)) ? ERROR : words.join(' ');
});

/** Takes in `name=value`; false: it is none. */
function putEntry(environment: Map<string, string>, entry: string): boolean {
  const at = entry.indexOf('=');
  if (at <= 0) return false;
  environment.set(entry.slice(0, at), entry.slice(at + 1));
  return true;
}

function written(environment: ReadonlyMap<string, string>): string {
  return [...environment]
    .toSorted(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, value]) => quoted(`${name}=${value}`))
    .join(' ');
}

function envV1ToV2(value: Value): Value {
  if (value === undefined) return undefined;
  if (typeof value !== 'string') return ERROR;
  const own = /^[^A-Za-z0-9_]/.test(value);
  const delimiter = own ? (value[0] ?? ';') : ';';
  const environment = new Map<string, string>();
  for (const line of (own ? value.slice(1) : value).split('\n')) {
    for (const entry of line.split(delimiter)) {
      if (entry !== '' && !putEntry(environment, entry)) return ERROR;
    }
  }
  return written(environment);
}

function mergeEnvironment(args: readonly Value[]): Value {
  const environment = new Map<string, string>();
  for (const text of args) {
    if (text === undefined) continue;
    const entries = typeof text === 'string' ? splitQuoted(text) : null;
    if (entries === null) return ERROR;
    for (const entry of entries) if (!putEntry(environment, entry)) return ERROR;
  }
  return written(environment);
}

export const argumentBuiltins: BuiltinTable = [
  ['argstolist', variadic(1, 2, argsToList)],
  ['listtoargs', listToArgs],
  ['envv1tov2', unary(envV1ToV2)],
  ['mergeenvironment', variadic(0, Number.POSITIVE_INFINITY, mergeEnvironment)],
];
