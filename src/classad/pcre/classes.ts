import { escapedByte } from './escapes.ts';
import type { ByteSet, RegexNode } from './node.ts';
import type { PatternReader } from './parse.ts';
import { addAll, complementOf, emptySet, escapeSets, foldCase, posixSets } from './sets.ts';

/** `[…]`, the bracket is read. */
export function parseClass(reader: PatternReader): RegexNode {
  const negated = reader.match(/\^/y) !== null;
  const set = emptySet();
  let first = true;
  for (; ; first = false) {
    if (reader.ended) return reader.fail('missing ]');
    if (reader.peek() === ']' && !first) break;
    const start = classItem(reader, set);
    if (start === null) continue;
    if (!isRange(reader)) {
      set[start] = 1;
      continue;
    }
    reader.at++;
    const end = classItem(reader, set);
    if (end === null) {
      // A set cannot end a range: the minus is itself.
      set[start] = 1;
      set[45] = 1;
    } else {
      if (end < start) return reader.fail('range out of order');
      set.fill(1, start, end + 1);
    }
  }
  reader.at++;
  const folded = reader.flags.caseless ? foldCase(set) : set;
  return { kind: 'set', set: negated ? complementOf(folded) : folded };
}

function isRange(reader: PatternReader): boolean {
  return reader.peek() === '-' && reader.peek(1) !== ']' && reader.peek(1) !== '';
}

/** A byte, or null where a whole set was added (or nothing). */
function classItem(reader: PatternReader, set: ByteSet): number | null {
  const posix = reader.match(/\[:(\^?)([a-z]+):\]/y);
  if (posix !== null) {
    const named = posixSets.get(posix[2] ?? '');
    if (named === undefined) return reader.fail('unknown POSIX class');
    const caseSet =
      reader.flags.caseless && /^(?:lower|upper)$/.test(posix[2] ?? '') ? foldCase(named) : named;
    addAll(set, posix[1] === '^' ? complementOf(caseSet) : caseSet);
    return null;
  }
  if (reader.match(/\[([.=]).*?\1\]/y) !== null) return reader.fail('collating elements');
  const char = reader.take();
  return char === '\\' ? classEscape(reader, set) : char.charCodeAt(0);
}

function classEscape(reader: PatternReader, set: ByteSet): number | null {
  const char = reader.peek();
  if (char === 'b') {
    reader.at++;
    return 8;
  }
  if (char === 'E') {
    reader.at++;
    return null;
  }
  if (char === 'Q') {
    const end = reader.text.indexOf('\\E', reader.at);
    for (const quoted of reader.text.slice(reader.at + 1, end < 0 ? undefined : end)) {
      set[quoted.charCodeAt(0)] = 1;
    }
    reader.at = end < 0 ? reader.text.length : end + 2;
    return null;
  }
  const named = escapeSets.get(char);
  if (named !== undefined && char !== 'N') {
    reader.at++;
    addAll(set, named);
    return null;
  }
  if (char >= '1' && char <= '7') {
    const value = Number.parseInt(reader.match(/[0-7]{1,3}/y)?.[0] ?? '', 8);
    return value > 255 ? reader.fail('a character beyond a byte') : value;
  }
  if (char === '8' || char === '9') return reader.take().charCodeAt(0);
  const byte = escapedByte(reader);
  if (byte !== null) return byte;
  return 'pP'.includes(char) && char !== ''
    ? reader.uncovered(`\\${char}`)
    : reader.fail(`unknown escape \\${char}`);
}
