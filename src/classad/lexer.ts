import { toBytes } from './bytes.ts';
import { type Integer, integerLiteral } from './integer.ts';
import { ClassAdSyntaxError, type SyntaxErrorCode } from './syntaxError.ts';
import { Real } from './value.ts';

/** old: a backslash is itself but before a quote. new: escapes as in C. They differ in nothing else. */
export type Syntax = 'old' | 'new';

export type TokenKind =
  | 'end'
  | 'integer'
  | 'real'
  | 'string'
  | 'identifier'
  | 'true'
  | 'false'
  | 'undefined'
  | 'error'
  /** `.` */
  | 'dot'
  /** `?:` and `? :` */
  | 'elvis'
  /** Operators and punctuation: the token's text says which; `is` and `isnt` are `=?=` and `=!=`. */
  | 'punctuation';

export interface Token {
  readonly kind: TokenKind;
  /** Punctuation as in the grammar; bytes of a string or of an identifier. */
  readonly text: string;
  readonly number: Integer | Real;
  readonly start: number;
  readonly end: number;
}

const words: ReadonlyMap<string, TokenKind> = new Map<string, TokenKind>([
  ['true', 'true'],
  ['false', 'false'],
  ['undefined', 'undefined'],
  ['error', 'error'],
]);

/** After these a minus is an operator; else `-5` is a number. */
const endsValue: ReadonlySet<TokenKind> = new Set<TokenKind>([
  'integer',
  'real',
  'true',
  'false',
  'string',
  'undefined',
  'error',
  'identifier',
  'dot',
]);

const space = /[ \t\n\v\f\r]/;
const punctuation = ['>>>', '=?=', '=!=', '||', '&&', '==', '!=', '<=', '>=', '<<', '>>'] as const;
const single = new Set('*/%+-~^?:;,[](){}&|<>=!');
const numberPattern = /(?:(\d+)(\.)?(\d*)|\.{1,2}(\d+))([eE][+-]?\d*)?/y;
const identifierPattern = /[A-Za-z_][A-Za-z0-9_]*/y;

export interface LexerOptions {
  readonly syntax: Syntax;
  /** New semantics reads `010` as 10 and `0x1F` as 0; old semantics refuses both. */
  readonly leadingZeros: boolean;
}

/** Splits a text into tokens, one at a time. Throws ClassAdSyntaxError. */
export class Lexer {
  readonly text: string;
  private position: number;
  private readonly limit: number;
  private readonly options: LexerOptions;
  private previous: Token = { kind: 'end', text: '', number: 0, start: 0, end: 0 };

  constructor(text: string, options: LexerOptions, start = 0, limit = text.length) {
    this.text = text;
    this.options = options;
    this.position = start;
    this.limit = limit;
  }

  next(): Token {
    const token = this.read();
    this.previous = token;
    return token;
  }

  fail(code: SyntaxErrorCode, offset: number, message: string, expected: readonly string[] = []): never {
    throw new ClassAdSyntaxError({ code, text: this.text, offset, message, expected });
  }

  private charAt(offset: number): string {
    return offset < this.limit ? (this.text[offset] ?? '') : '';
  }

  private skipSpace(): void {
    for (;;) {
      const char = this.charAt(this.position);
      if (space.test(char)) {
        this.position++;
      } else if (char === '/' && this.charAt(this.position + 1) === '/') {
        const end = this.text.indexOf('\n', this.position);
        this.position = end < 0 ? this.limit : Math.min(end, this.limit);
      } else if (char === '/' && this.charAt(this.position + 1) === '*') {
        const end = this.text.indexOf('*/', this.position + 2);
        if (end < 0 || end + 2 > this.limit) {
          this.fail('unexpectedEnd', this.limit, 'comment without an end', ["'*/'"]);
        }
        this.position = end + 2;
      } else {
        return;
      }
    }
  }

  private token(
    kind: TokenKind,
    start: number,
    end: number,
    text: string,
    number: Integer | Real = 0,
  ): Token {
    this.position = end;
    return { kind, text, number, start, end };
  }

  private read(): Token {
    this.skipSpace();
    const start = this.position;
    const char = this.charAt(start);
    if (char === '' || char === '\0') return this.token('end', start, start, '');
    if (char >= '0' && char <= '9') return this.readNumber(start, start);
    if (char === '.') return this.readDot(start);
    if (char === '-') return this.readMinus(start);
    if (char === '"' || char === "'") return this.readQuoted(start, char);
    identifierPattern.lastIndex = start;
    const word = identifierPattern.exec(this.text)?.[0];
    if (word !== undefined) return this.readWord(start, word.slice(0, this.limit - start));
    return this.readPunctuation(start, char);
  }

  private readWord(start: number, word: string): Token {
    const end = start + word.length;
    if (word.length <= 9) {
      const lower = word.toLowerCase();
      const kind = words.get(lower);
      if (kind !== undefined) return this.token(kind, start, end, word);
      if (lower === 'is') return this.token('punctuation', start, end, '=?=');
      if (lower === 'isnt') return this.token('punctuation', start, end, '=!=');
    }
    return this.token('identifier', start, end, word);
  }

  private readPunctuation(start: number, char: string): Token {
    for (const symbol of punctuation) {
      if (this.text.startsWith(symbol, start) && start + symbol.length <= this.limit) {
        return this.token('punctuation', start, start + symbol.length, symbol);
      }
    }
    if (char === '=' && this.charAt(start + 1) === '?') {
      this.fail('unexpectedToken', start, "'=?' is not an operator", ["'=?='"]);
    }
    if (char === '?') {
      let after = start + 1;
      while (space.test(this.charAt(after))) after++;
      if (this.charAt(after) === ':') return this.token('elvis', start, after + 1, '?:');
    }
    if (single.has(char)) return this.token('punctuation', start, start + 1, char);
    return this.fail('badCharacter', start, `unexpected character ${JSON.stringify(char)}`);
  }

  private readMinus(start: number): Token {
    const { kind, text } = this.previous;
    const after = this.charAt(start + 1);
    const digit = after === '.' ? this.charAt(start + 2) : after;
    const closed = kind === 'punctuation' && (text === ')' || text === ']' || text === '}');
    if (endsValue.has(kind) || closed || !(digit >= '0' && digit <= '9')) {
      return this.token('punctuation', start, start + 1, '-');
    }
    return this.readNumber(start, start + 1);
  }

  /** `.5`, `.`; the library takes `..` for one dot as well. */
  private readDot(start: number): Token {
    const second = this.charAt(start + 1);
    const doubled = second === '.';
    const next = doubled ? this.charAt(start + 2) : second;
    if (next >= '0' && next <= '9') return this.readNumber(start, start);
    return this.token('dot', start, start + (doubled ? 2 : 1), '.');
  }

  private readNumber(start: number, digits: number): Token {
    numberPattern.lastIndex = digits;
    const match = numberPattern.exec(this.text);
    if (match === null) return this.fail('badNumber', start, 'not a number');
    const [whole, integer, dot, fraction, bareFraction, exponent] = match;
    const end = digits + whole.length;
    if (end > this.limit) return this.fail('badNumber', start, 'not a number');
    if (dot !== undefined && fraction === '') {
      return this.fail('badNumber', end, 'a digit is missing after the decimal point', ['a digit']);
    }
    if (exponent !== undefined && !/\d/.test(exponent)) {
      return this.fail('badNumber', end, 'the exponent has no digits', ['a digit']);
    }
    if (dot !== undefined || bareFraction !== undefined || exponent !== undefined) {
      const value = whole.startsWith('..') ? 0 : Number(this.text.slice(start, end));
      return this.token('real', start, end, '', new Real(value));
    }
    return this.readInteger(start, end, integer ?? '');
  }

  private readInteger(start: number, end: number, digits: string): Token {
    if (digits.startsWith('0') && (digits.length > 1 || /[xX]/.test(this.charAt(end)))) {
      if (!this.options.leadingZeros) {
        return this.fail(
          'badNumber',
          start,
          'a number may not begin with 0: octal and hexadecimal do not exist',
        );
      }
      if (digits.length === 1) return this.readHexadecimal(start, end + 1);
      if (/[89]/.test(digits)) return this.fail('badNumber', start, 'not an octal number');
    }
    return this.token('integer', start, end, '', integerLiteral(this.text.slice(start, end)));
  }

  /** Read as hexadecimal, converted as decimal: its value is that of the 0 before the x. */
  private readHexadecimal(start: number, from: number): Token {
    let end = from;
    while (/[0-9a-fA-F]/.test(this.charAt(end))) end++;
    if (end === from) return this.fail('badNumber', start, 'a hexadecimal number has no digits', ['a digit']);
    return this.token('integer', start, end, '', 0);
  }

  private readQuoted(start: number, quote: string): Token {
    const kind = quote === '"' ? 'string' : 'identifier';
    return this.options.syntax === 'old'
      ? this.readOldQuoted(start, quote, kind)
      : this.readNewQuoted(start, quote, kind);
  }

  /** `\"` is a quote unless it ends the line or the text, where the backslash is the last character. */
  private readOldQuoted(start: number, quote: string, kind: TokenKind): Token {
    let value = '';
    let from = start + 1;
    for (;;) {
      const at = this.text.indexOf(quote, from);
      if (at < 0 || at >= this.limit) return this.unterminated(start, quote);
      const after = this.charAt(at + 1);
      if (at === from || this.text[at - 1] !== '\\' || after === '' || after === '\n') {
        value += this.text.slice(from, at);
        return this.token(kind, start, at + 1, this.checkedBytes(start, value));
      }
      value += `${this.text.slice(from, at - 1)}"`;
      from = at + 1;
    }
  }

  /** Strings that follow one another with only space between are one. */
  private readNewQuoted(start: number, quote: string, kind: TokenKind): Token {
    let value = '';
    let from = start;
    let end = start;
    for (;;) {
      let at = from + 1;
      let escaped = false;
      for (; ; at++) {
        const char = this.charAt(at);
        if (char === '' || char === '\0') return this.unterminated(start, quote);
        if (char === quote) break;
        if (char === '\\') {
          escaped = true;
          at++;
        }
      }
      const raw = toBytes(this.text.slice(from + 1, at));
      value += escaped ? this.unescape(raw, from) : raw;
      end = at + 1;
      let next = end;
      while (space.test(this.charAt(next))) next++;
      if (this.charAt(next) !== quote) return this.token(kind, start, end, value);
      from = next;
    }
  }

  private unterminated(start: number, quote: string): never {
    return this.fail('badString', start, 'string without an end', [quote]);
  }

  private checkedBytes(start: number, value: string): string {
    if (value.includes('\0')) this.fail('badString', start, 'a string may not contain a NUL');
    return toBytes(value);
  }

  private unescape(raw: string, start: number): string {
    return raw.replaceAll(/\\([0-3][0-7]{0,2}|[4-7][0-7]?|[\s\S])/g, (_whole, code: string) => {
      if (code >= '0' && code <= '777') {
        const byte = Number.parseInt(code, 8);
        if (byte === 0) this.fail('badString', start, 'a string may not contain a NUL');
        return String.fromCharCode(byte);
      }
      return escapes.get(code) ?? code;
    });
  }
}

const escapes: ReadonlyMap<string, string> = new Map([
  ['a', '\x07'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['v', '\v'],
]);
