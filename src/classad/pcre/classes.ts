import { escapedByte } from './escapes.ts';
import type { ByteSet, RegexNode } from './node.ts';
import type { PatternReader } from './parse.ts';
import { addAll, complementOf, emptySet, escapeSets, foldCase, posixSets, wordSet } from './sets.ts';

/** `[…]`, the bracket is read. What begins or ends a word, as `[[:<:]]`, gives two nodes. */
export function parseClass(reader: PatternReader): RegexNode | readonly RegexNode[] {
  const edge = reader.match(/\[:([<>]):\]\]/y)?.[1];
  if (edge !== undefined) return wordEdge(edge);
  if (posixEnd(reader) !== null) return reader.fail('a POSIX class outside of a class');
  const { negated, set } = new ClassParser(reader).parse();
  const folded = reader.flags.caseless ? foldCase(set) : set;
  return { kind: 'set', set: negated ? complementOf(folded) : folded };
}

function wordEdge(edge: string): readonly RegexNode[] {
  const body: RegexNode = { kind: 'set', set: wordSet };
  return [
    { kind: 'assertion', assertion: 'wordBoundary' },
    { kind: 'look', body, behind: edge === '>', negated: false },
  ];
}

/** Where `:name:]`, `.name.]` or `=name=]` that begins here ends; null: nothing of the kind. */
function posixEnd(reader: PatternReader): number | null {
  const { text } = reader;
  const terminator = reader.peek();
  if (!':.='.includes(terminator) || terminator === '') return null;
  for (let at = reader.at + 1; at + 1 < text.length; at++) {
    const next = text[at + 1];
    if (text[at] === '\\' && (next === ']' || next === '\\')) at++;
    else if (text[at] === ']' || (text[at] === '[' && next === terminator)) return null;
    else if (text[at] === terminator && next === ']') return at;
  }
  return null;
}

class ClassParser {
  private readonly reader: PatternReader;
  private readonly set: ByteSet = emptySet();
  /** A byte that a minus would make the start of a range; null after a set or a range. */
  private start: number | null = null;
  /** After the minus. */
  private open = false;
  private quoted = false;

  constructor(reader: PatternReader) {
    this.reader = reader;
  }

  parse(): { readonly negated: boolean; readonly set: ByteSet } {
    const { reader } = this;
    const ignored = /(?:\\E|\\Q\\E)+/y;
    reader.match(ignored);
    const negated = reader.match(/\^/y) !== null;
    reader.match(ignored);
    // The first is itself even if it is a closing bracket.
    for (let first = true; first || this.quoted || reader.peek() !== ']'; first = false) {
      if (reader.ended) return reader.fail('missing ]');
      this.item();
      if (reader.ended) return reader.fail('missing ]');
    }
    reader.at++;
    if (this.open) this.set[45] = 1;
    return { negated, set: this.set };
  }

  private item(): void {
    const { reader } = this;
    const char = reader.take();
    if (this.quoted) {
      if (char === '\\' && reader.peek() === 'E') {
        reader.at++;
        this.quoted = false;
      } else {
        this.byte(char.charCodeAt(0));
      }
      return;
    }
    const end = char === '[' ? posixEnd(reader) : null;
    if (end !== null) this.posix(end);
    else if (char === '-' && this.start !== null && !this.open) this.open = true;
    else if (char === '\\') this.escape();
    else this.byte(char.charCodeAt(0));
  }

  private byte(byte: number): void {
    if (this.open && this.start !== null) {
      if (byte < this.start) this.reader.fail('range out of order');
      this.set.fill(1, this.start, byte + 1);
      this.open = false;
      this.start = null;
    } else {
      this.set[byte] = 1;
      this.start = byte;
    }
  }

  /** A set neither begins nor ends a range: a minus beside it must be the last of the class. */
  private several(add: () => void): void {
    const { reader } = this;
    if (this.open) reader.fail('a range that ends with a set');
    add();
    this.start = null;
    if (reader.peek() === '-' && reader.peek(1) !== ']' && reader.peek(1) !== '') {
      reader.fail('a range that begins with a set');
    }
  }

  private posix(end: number): void {
    const { reader } = this;
    this.several(() => {
      if (reader.take() !== ':') reader.fail('collating elements');
      const negated = reader.match(/\^/y) !== null;
      const name = reader.text.slice(reader.at, end);
      const named = posixSets.get(name);
      if (named === undefined) return reader.fail('unknown POSIX class');
      const set = reader.flags.caseless && /^(?:lower|upper)$/.test(name) ? foldCase(named) : named;
      addAll(this.set, negated ? complementOf(set) : set);
      reader.at = end + 2;
    });
  }

  private escape(): void {
    const { reader } = this;
    const char = reader.peek();
    const named = escapeSets.get(char);
    if (char === 'Q' || char === 'E') {
      reader.at++;
      this.quoted = char === 'Q';
    } else if (named !== undefined && char !== 'N') {
      reader.at++;
      this.several(() => addAll(this.set, named));
    } else {
      this.byte(escapedInClass(reader, char));
    }
  }
}

function escapedInClass(reader: PatternReader, char: string): number {
  if (char === 'b') {
    reader.at++;
    return 8;
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
