import type { GroupReference, RegexFlags, RegexNode } from './node.ts';
import type { PatternReader } from './parse.ts';

export interface OpenHead {
  readonly kind: 'open';
  readonly form: 'capture' | 'plain' | 'branchReset' | 'atomic' | 'look' | 'condition';
  readonly flags: RegexFlags;
  readonly name: string | null;
  readonly behind: boolean;
  readonly negated: boolean;
  /** Of a condition: a group; null: an assertion that follows, or none (DEFINE). */
  readonly test: GroupReference | null;
  readonly asserted: boolean;
}

/** What stands after an opening parenthesis. */
export type GroupHead =
  | OpenHead
  /** `(?i)`: the flags of the reader are set for what follows. */
  | { readonly kind: 'flags'; readonly test?: never }
  /** Complete, with its closing parenthesis: a call or a reference. */
  | { readonly kind: 'done'; readonly node: RegexNode };

const namePattern = /[A-Za-z_]\w{0,31}/y;
const flagsPattern = /(\^?)([imsxnJU]*)(?:-([imsxnJU]*))?([:)])/y;

function open(reader: PatternReader, form: OpenHead['form'], more: Partial<OpenHead> = {}): OpenHead {
  return {
    kind: 'open',
    form,
    flags: reader.flags,
    name: null,
    behind: false,
    negated: false,
    test: null,
    asserted: false,
    ...more,
  };
}

export function readName(reader: PatternReader, close: string): string {
  const name = reader.match(namePattern)?.[0];
  if (name === undefined || reader.take() !== close) return reader.fail('not a group name');
  return name;
}

const signs: readonly (readonly [string, OpenHead['form'], Partial<OpenHead>])[] = [
  ['?:', 'plain', {}],
  ['?|', 'branchReset', {}],
  ['?>', 'atomic', {}],
  ['?=', 'look', {}],
  ['?!', 'look', { negated: true }],
  ['?<=', 'look', { behind: true }],
  ['?<!', 'look', { behind: true, negated: true }],
];

/** Reads what follows the opening parenthesis, up to the body of the group. */
export function parseGroupHead(reader: PatternReader): GroupHead {
  if (reader.startsWith('*')) return reader.uncovered('(*verb)');
  if (!reader.startsWith('?')) return open(reader, 'capture');
  for (const [sign, form, more] of signs) {
    if (reader.startsWith(sign)) {
      reader.at += sign.length;
      return open(reader, form, more);
    }
  }
  const named = reader.match(/\?(?:P?<|')/y)?.[0];
  if (named !== undefined) {
    return open(reader, 'capture', { name: readName(reader, named.endsWith("'") ? "'" : '>') });
  }
  if (reader.match(/\?\(/y) !== null) return conditionHead(reader);
  if (reader.match(/\?C/y) !== null) return reader.uncovered('a callout');
  const call = callHead(reader);
  if (call !== null) return { kind: 'done', node: call };
  reader.at++;
  return flagsHead(reader);
}

/** `(?R)`, `(?1)`, `(?-1)`, `(?&name)`, `(?P>name)`, `(?P=name)` */
function callHead(reader: PatternReader): RegexNode | null {
  if (reader.match(/\?R\)/y) !== null) return { kind: 'call', group: 0 };
  const number = reader.match(/\?([-+]?)(\d+)\)/y);
  if (number !== null) {
    return { kind: 'call', group: reader.refer(absoluteGroup(reader, number[1] ?? '', Number(number[2]))) };
  }
  if (reader.match(/\?(?:&|P>)/y) !== null) {
    return { kind: 'call', group: reader.refer(readName(reader, ')')) };
  }
  if (reader.match(/\?P=/y) === null) return null;
  const groups = reader.refer(readName(reader, ')'));
  return { kind: 'backreference', groups, caseless: reader.flags.caseless };
}

/** The number of a group given as such or relative to here. */
export function absoluteGroup(reader: PatternReader, sign: string, number: number): number {
  if (sign === '') return number;
  const group = sign === '-' ? reader.groupCount - number + 1 : reader.groupCount + number;
  return number === 0 || group < 1 ? reader.fail('no such group') : group;
}

function conditionHead(reader: PatternReader): GroupHead {
  const number = reader.match(/([-+]?)(\d+)\)/y);
  if (number !== null) {
    const group = absoluteGroup(reader, number[1] ?? '', Number(number[2]));
    return open(reader, 'condition', { test: reader.refer(group) });
  }
  if (reader.match(/DEFINE\)/y) !== null) return open(reader, 'condition');
  if (reader.match(/R(?:\d*|&\w+)\)/y) !== null) return reader.uncovered('a test for recursion');
  if (reader.match(/VERSION/y) !== null) return reader.uncovered('a test for the version');
  if (reader.startsWith('?')) return open(reader, 'condition', { asserted: true });
  const quote = reader.match(/[<']/y)?.[0];
  if (quote !== undefined) {
    const name = readName(reader, quote === '<' ? '>' : quote);
    if (reader.take() !== ')') reader.fail('missing )');
    return open(reader, 'condition', { test: reader.refer(name) });
  }
  return open(reader, 'condition', { test: reader.refer(readName(reader, ')')) });
}

function flagsHead(reader: PatternReader): GroupHead {
  const match = reader.match(flagsPattern);
  if (match === null) return reader.fail('unrecognized after (?');
  const [, caret, on = '', off = '', end] = match;
  if (/[nJU]/.test(on + off)) return reader.uncovered('one of the flags n, J, U');
  const base =
    caret === '^' ? { caseless: false, multiline: false, dotAll: false, extended: false } : reader.flags;
  if (caret === '^' && off !== '') return reader.fail('a minus after (?^');
  if (on.includes('xx')) return reader.uncovered('the flag xx');
  const flag = (letter: string, was: boolean) => !off.includes(letter) && (was || on.includes(letter));
  const flags: RegexFlags = {
    caseless: flag('i', base.caseless),
    multiline: flag('m', base.multiline),
    dotAll: flag('s', base.dotAll),
    extended: flag('x', base.extended),
  };
  if (end === ':') return open(reader, 'plain', { flags });
  reader.flags = flags;
  return { kind: 'flags' };
}
