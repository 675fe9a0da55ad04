import { absoluteGroup, readName } from './groups.ts';
import type { Assertion, RegexNode } from './node.ts';
import type { PatternReader } from './parse.ts';
import { escapeSets, setOf } from './sets.ts';

const controls: ReadonlyMap<string, number> = new Map([
  ['a', 7],
  ['e', 27],
  ['f', 12],
  ['n', 10],
  ['r', 13],
  ['t', 9],
]);

const assertions: ReadonlyMap<string, Assertion> = new Map([
  ['A', 'subjectStart'],
  ['Z', 'subjectEndOrNewline'],
  ['z', 'subjectEnd'],
  ['G', 'matchStart'],
  ['b', 'wordBoundary'],
  ['B', 'noWordBoundary'],
]);

function oneByte(byte: number): RegexNode {
  return { kind: 'set', set: setOf((candidate) => candidate === byte) };
}

/** `\R`: any end of line, CRLF as one. */
function anyNewline(): RegexNode {
  const single = setOf((byte) => (byte >= 10 && byte <= 13) || byte === 0x85);
  return {
    kind: 'atomic',
    body: {
      kind: 'choice',
      items: [
        { kind: 'sequence', items: [oneByte(13), oneByte(10)] },
        { kind: 'set', set: single },
      ],
    },
  };
}

/** The byte that an escape stands for, in a class and outside; null: it is no byte. The backslash is read. */
export function escapedByte(reader: PatternReader): number | null {
  const char = reader.peek();
  const control = controls.get(char);
  if (control !== undefined) {
    reader.at++;
    return control;
  }
  if (char === 'c') {
    reader.at++;
    const byte = reader.ended ? -1 : reader.take().toUpperCase().charCodeAt(0);
    return byte < 32 || byte > 126 ? reader.fail('\\c without a character') : byte ^ 64;
  }
  if (char === 'x') return hexadecimalByte(reader);
  if (char === 'o') {
    const match = reader.match(/o\{([0-7]+)\}/y);
    return match === null
      ? reader.fail('\\o without digits')
      : checkedByte(reader, Number.parseInt(match[1] ?? '', 8));
  }
  if (char === '0') return Number.parseInt(reader.match(/0[0-7]{0,2}/y)?.[0] ?? '0', 8);
  if (/[A-Za-z0-9]/.test(char) || char === '') return null;
  reader.at++;
  return char.charCodeAt(0);
}

function hexadecimalByte(reader: PatternReader): number {
  const braced = reader.match(/x\{([0-9A-Fa-f]+)\}/y);
  if (braced !== null) return checkedByte(reader, Number.parseInt(braced[1] ?? '', 16));
  if (reader.startsWith('x{')) return reader.fail('\\x{} without digits');
  const digits = reader.match(/x([0-9A-Fa-f]{0,2})/y)?.[1] ?? '';
  return digits === '' ? 0 : Number.parseInt(digits, 16);
}

function checkedByte(reader: PatternReader, value: number): number {
  return value > 255 ? reader.fail('a character beyond a byte') : value;
}

/** An escape outside of a class; the backslash is read. A quoted run gives several nodes. */
export function parseEscape(reader: PatternReader): RegexNode | readonly RegexNode[] | null {
  if (reader.ended) return reader.fail('a backslash at the end');
  const char = reader.peek();
  if (char === 'Q') return quotedRun(reader);
  if (char === 'E') {
    reader.at++;
    return null;
  }
  const set = escapeSets.get(char);
  if (set !== undefined && !(char === 'N' && /^N\{(?!\d+(?:,\d*)?\})/.test(reader.text.slice(reader.at)))) {
    reader.at++;
    return { kind: 'set', set };
  }
  const assertion = assertions.get(char);
  if (assertion !== undefined) {
    reader.at++;
    return { kind: 'assertion', assertion };
  }
  if (char === 'R') {
    reader.at++;
    return anyNewline();
  }
  if (char === 'K') {
    reader.at++;
    return { kind: 'keep' };
  }
  const reference = parseReference(reader);
  if (reference !== null) return reference;
  const byte = escapedByte(reader);
  if (byte !== null) return reader.byte(byte);
  return 'pPXCN'.includes(char) ? reader.uncovered(`\\${char}`) : reader.fail(`unknown escape \\${char}`);
}

function quotedRun(reader: PatternReader): readonly RegexNode[] {
  const start = reader.at + 1;
  const end = reader.text.indexOf('\\E', start);
  reader.at = end < 0 ? reader.text.length : end + 2;
  const run = reader.text.slice(start, end < 0 ? undefined : end);
  return Array.from(run, (char) => reader.byte(char.charCodeAt(0)));
}

/** `\1`, `\g1`, `\g{-1}`, `\g{name}`, `\k<name>`; `\g<name>` is a call. */
function parseReference(reader: PatternReader): RegexNode | null {
  const char = reader.peek();
  if (char >= '1' && char <= '9') return numberedReference(reader);
  if (char === 'k') {
    const opening = reader.match(/k([<'{])/y)?.[1];
    if (opening === undefined) return reader.fail('\\k without a name');
    const close = opening === '<' ? '>' : opening === '{' ? '}' : opening;
    return backreference(reader, readName(reader, close));
  }
  if (char !== 'g') return null;
  const call = reader.match(/g(?:<([-+]?)(\d+)>|'([-+]?)(\d+)')/y);
  if (call !== null) {
    const group = absoluteGroup(reader, call[1] ?? call[3] ?? '', Number(call[2] ?? call[4]));
    return { kind: 'call', group: reader.refer(group) };
  }
  const opening = reader.match(/g([<'])/y)?.[1];
  if (opening !== undefined) {
    return { kind: 'call', group: reader.refer(readName(reader, opening === '<' ? '>' : opening)) };
  }
  const numbered = reader.match(/g(?:\{([-+]?)(\d+)\}|([-+]?)(\d+))/y);
  if (numbered !== null) {
    const sign = numbered[1] ?? numbered[3] ?? '';
    return backreference(reader, absoluteGroup(reader, sign, Number(numbered[2] ?? numbered[4])));
  }
  if (reader.match(/g\{/y) === null) return reader.fail('\\g without a group');
  return backreference(reader, readName(reader, '}'));
}

function backreference(reader: PatternReader, group: number | string): RegexNode {
  return { kind: 'backreference', groups: reader.refer(group), caseless: reader.flags.caseless };
}

function numberedReference(reader: PatternReader): RegexNode {
  const digits = reader.match(/\d+/y)?.[0] ?? '';
  const number = Number(digits);
  if (number < 10 || number <= reader.groupTotal) return backreference(reader, number);
  // No such group: up to three octal digits, or the digit 8 or 9 as itself.
  reader.at -= digits.length;
  const octal = reader.match(/[0-7]{1,3}/y)?.[0];
  if (octal === undefined) return reader.byte(reader.take().charCodeAt(0));
  return reader.byte(checkedByte(reader, Number.parseInt(octal, 8)));
}
