import { parseClass } from './classes.ts';
import { parseEscape } from './escapes.ts';
import { type OpenHead, parseGroupHead } from './groups.ts';
import {
  type ConditionNode,
  type ParsedRegex,
  RegexError,
  type RegexFlags,
  type RegexNode,
  type RepeatMode,
} from './node.ts';
import { anySet, complementOf, foldCase, newlineSet, setOf } from './sets.ts';

const depthMax = 250;
const repeatMax = 65535;
const lengthMax = 65536;

/** Where the parser stands; shared by its parts. */
export class PatternReader {
  readonly text: string;
  at = 0;
  groupCount = 0;
  branchReset = false;
  /** Groups in the whole pattern, counted beforehand: `\11` is a reference if there are so many, else a byte. */
  readonly groupTotal: number;
  readonly names = new Map<string, number[]>();
  readonly references: (number | string)[] = [];
  flags: RegexFlags;

  constructor(text: string, flags: RegexFlags, groupTotal: number) {
    this.text = text;
    this.flags = flags;
    this.groupTotal = groupTotal;
  }

  get ended(): boolean {
    return this.at >= this.text.length;
  }

  peek(offset = 0): string {
    return this.text[this.at + offset] ?? '';
  }

  take(): string {
    return this.text[this.at++] ?? '';
  }

  startsWith(prefix: string): boolean {
    return this.text.startsWith(prefix, this.at);
  }

  /** Matches a sticky expression here and moves on. */
  match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.at;
    const match = pattern.exec(this.text);
    if (match !== null) this.at += match[0].length;
    return match;
  }

  byte(byte: number): RegexNode {
    const set = setOf((candidate) => candidate === byte);
    return { kind: 'set', set: this.flags.caseless ? foldCase(set) : set };
  }

  isNamed(index: number): boolean {
    return [...this.names.values()].some((indexes) => indexes.includes(index));
  }

  /** Resolves a relative number; the reference is checked at the end. */
  refer(reference: number | string): number | string {
    this.references.push(reference);
    return reference;
  }

  fail(message: string): never {
    throw new RegexError(`${message} at ${this.at}`, true);
  }

  /** PCRE2 may understand it; we do not. */
  uncovered(what: string): never {
    throw new RegexError(`${what} is not supported`, false);
  }
}

/** Parses a pattern in bytes. Throws RegexError. */
export function parseRegex(pattern: string, flags: RegexFlags): ParsedRegex {
  if (pattern.length > lengthMax) throw new RegexError('pattern too long', false);
  // A first pass counts the groups.
  const counting = new PatternReader(pattern, flags, 0);
  new PatternParser(counting).choice(0);
  const reader = new PatternReader(pattern, flags, counting.groupCount);
  const root = new PatternParser(reader).choice(0);
  if (!reader.ended) reader.fail('unmatched )');
  for (const reference of reader.references) {
    const known =
      typeof reference === 'number' ? reference <= reader.groupCount : reader.names.has(reference);
    if (!known) reader.fail(`no group ${reference}`);
  }
  return { root, groupCount: reader.groupCount, branchReset: reader.branchReset, names: reader.names };
}

/** Comments and empty quotes between a quantifier and what says how it is meant. */
const between = /(?:\(\?#[^)]*\)|\\E|\\Q\\E)+(?=[?+])/y;
const extendedBetween = /(?:\(\?#[^)]*\)|\\E|\\Q\\E|[ \t\n\v\f\r]|#[^\n]*\n)+(?=[?+])/y;
const quantifierPattern = /\{(\d+)(,(\d*))?\}/y;

class PatternParser {
  private readonly reader: PatternReader;

  constructor(reader: PatternReader) {
    this.reader = reader;
  }

  /** Alternatives up to a `)` or the end. Flags set inside end with it. */
  choice(depth: number, branchReset = false): RegexNode {
    if (depth > depthMax) this.reader.fail('nested too deep');
    const { reader } = this;
    const outerFlags = reader.flags;
    const firstGroup = reader.groupCount;
    let mostGroups = firstGroup;
    const items: RegexNode[] = [this.sequence(depth)];
    while (reader.peek() === '|' && !reader.ended) {
      reader.at++;
      mostGroups = Math.max(mostGroups, reader.groupCount);
      if (branchReset) reader.groupCount = firstGroup;
      items.push(this.sequence(depth));
    }
    reader.groupCount = Math.max(mostGroups, reader.groupCount);
    reader.flags = outerFlags;
    const [only] = items;
    return items.length === 1 && only !== undefined ? only : { kind: 'choice', items };
  }

  private sequence(depth: number): RegexNode {
    const { reader } = this;
    const items: RegexNode[] = [];
    while (!reader.ended && reader.peek() !== '|' && reader.peek() !== ')') {
      const item = this.item(depth);
      if (item === null) continue;
      items.push(...this.quantified(item));
    }
    const [only] = items;
    return items.length === 1 && only !== undefined ? only : { kind: 'sequence', items };
  }

  /** White space and comments of the extended form, `(?#…)` and empty quotes, which also may come before a quantifier. */
  private skipIgnored(): void {
    const { reader } = this;
    for (;;) {
      if (reader.flags.extended && reader.match(/[ \t\n\v\f\r]+|#[^\n]*\n?/y) !== null) continue;
      if (reader.match(/\\E|\\Q\\E/y) !== null) continue;
      if (reader.startsWith('(?#')) {
        const end = reader.text.indexOf(')', reader.at);
        if (end < 0) reader.fail('comment without an end');
        reader.at = end + 1;
        continue;
      }
      return;
    }
  }

  /** One thing that may be repeated; null: nothing came of it. */
  private item(depth: number): RegexNode | readonly RegexNode[] | null {
    const { reader } = this;
    const before = reader.at;
    this.skipIgnored();
    if (reader.at !== before) return null;
    const char = reader.take();
    switch (char) {
      case '.':
        return { kind: 'set', set: reader.flags.dotAll ? anySet : complementOf(newlineSet) };
      case '^':
        return {
          kind: 'assertion',
          assertion: reader.flags.multiline ? 'lineStart' : 'subjectStart',
        };
      case '$':
        return {
          kind: 'assertion',
          assertion: reader.flags.multiline ? 'lineEnd' : 'subjectEndOrNewline',
        };
      case '[':
        return parseClass(reader);
      case '(':
        return this.group(depth);
      case '\\':
        return parseEscape(reader);
      case '*':
      case '+':
      case '?':
        return reader.fail('nothing to repeat');
      case '{':
        reader.at--;
        if (reader.match(quantifierPattern) !== null) reader.fail('nothing to repeat');
        reader.at++;
        return reader.byte(123);
      default:
        return reader.byte(char.charCodeAt(0));
    }
  }

  private group(depth: number): RegexNode | null {
    const { reader } = this;
    const head = parseGroupHead(reader);
    if (head.kind === 'flags') return null;
    if (head.kind === 'done') return head.node;
    const outerFlags = reader.flags;
    reader.flags = head.flags;
    const node = this.groupBody(head, depth + 1);
    reader.flags = outerFlags;
    if (reader.take() !== ')') reader.fail('missing )');
    return node;
  }

  private groupBody(head: OpenHead, depth: number): RegexNode {
    const { reader } = this;
    switch (head.form) {
      case 'capture': {
        const index = ++reader.groupCount;
        if (head.name !== null) {
          const known = reader.names.get(head.name) ?? [];
          if (known.length > 0 && !known.includes(index)) reader.fail('two groups of one name');
          if (known.length === 0 && reader.isNamed(index)) reader.fail('two names of one group');
          if (!known.includes(index)) reader.names.set(head.name, [...known, index]);
        }
        return { kind: 'group', index, body: this.choice(depth) };
      }
      case 'plain':
        return grouped(this.choice(depth));
      case 'branchReset':
        reader.branchReset = true;
        return grouped(this.choice(depth, true));
      case 'atomic':
        return { kind: 'atomic', body: this.choice(depth) };
      case 'look':
        return { kind: 'look', body: this.choice(depth), behind: head.behind, negated: head.negated };
      default:
        return this.condition(head, depth);
    }
  }

  private condition(head: OpenHead, depth: number): RegexNode {
    const { reader } = this;
    let test: ConditionNode['test'] = head.test;
    if (head.asserted) {
      const look = this.group(depth + 1);
      if (look?.kind !== 'look') return reader.fail('a condition must be an assertion');
      test = look;
    }
    const body = this.choice(depth);
    const branches = body.kind === 'choice' ? body.items : [body];
    const [whenTrue = empty, whenFalse = empty] = branches;
    if (branches.length > 2 || (test === null && branches.length > 1)) {
      reader.fail('a condition with more than two branches');
    }
    return { kind: 'condition', test, whenTrue, whenFalse };
  }

  private quantified(item: RegexNode | readonly RegexNode[]): readonly RegexNode[] {
    const { reader } = this;
    // Of a quoted run of bytes the quantifier concerns the last.
    const [repeated, ...before] = isList(item) ? item.toReversed() : [item];
    if (repeated === undefined) return [];
    this.skipIgnored();
    const bounds = this.bounds();
    if (bounds === null) return [...before.toReversed(), repeated];
    if (repeated.kind === 'assertion' || repeated.kind === 'keep') reader.fail('nothing to repeat');
    const [least, most] = bounds;
    reader.match(reader.flags.extended ? extendedBetween : between);
    let mode: RepeatMode = 'greedy';
    if (reader.peek() === '?') mode = 'lazy';
    if (reader.peek() === '+') mode = 'possessive';
    if (mode !== 'greedy') reader.at++;
    return [...before.toReversed(), { kind: 'repeat', body: repeated, least, most, mode }];
  }

  private bounds(): readonly [number, number] | null {
    const { reader } = this;
    switch (reader.peek()) {
      case '*':
        reader.at++;
        return [0, Number.POSITIVE_INFINITY];
      case '+':
        reader.at++;
        return [1, Number.POSITIVE_INFINITY];
      case '?':
        reader.at++;
        return [0, 1];
      case '{': {
        const match = reader.match(quantifierPattern);
        if (match === null) return null;
        const least = Number(match[1]);
        let most = least;
        if (match[2] !== undefined) most = match[3] === '' ? Number.POSITIVE_INFINITY : Number(match[3]);
        if (least > repeatMax || (most > repeatMax && most !== Number.POSITIVE_INFINITY)) {
          reader.fail('too many repetitions');
        }
        return most < least ? reader.fail('repetitions out of order') : [least, most];
      }
      default:
        return null;
    }
  }
}

const empty: RegexNode = { kind: 'empty' };

/** An assertion alone cannot be repeated, as a group it can; and branches belong to the group that they are in. */
function grouped(body: RegexNode): RegexNode {
  const apart = body.kind === 'assertion' || body.kind === 'keep' || body.kind === 'choice';
  return apart ? { kind: 'sequence', items: [body] } : body;
}

function isList(item: RegexNode | readonly RegexNode[]): item is readonly RegexNode[] {
  return Array.isArray(item);
}
