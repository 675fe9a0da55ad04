import { AdBuilder, type ClassAd } from './ad.ts';
import type { Dialect, Semantics } from './context.ts';
import { type BinaryOperator, binaryOperators, type Expr, literal, type UnaryOperator } from './expr.ts';
import { Lexer, type Syntax, type Token } from './lexer.ts';
import { foldTimeLiteral } from './timeLiteral.ts';
import { ERROR } from './value.ts';

export interface ParseOptions {
  /** How strings are written; everything else is the same in both. */
  readonly syntax: Syntax;
  /** old (default): `;` separates arguments too, and no number begins with 0. */
  readonly semantics?: Semantics;
  readonly dialect?: Dialect;
  /** Seconds east of Greenwich for `absTime("…")` without a zone; default 0. */
  readonly zoneOffsetSeconds?: (atSeconds: number) => number;
  /** Levels of nesting, of which a pair of parentheses takes three; default 500, as in the library. */
  readonly depthMax?: number;
  /** Characters of the text; default 16 Mi. */
  readonly lengthMax?: number;
}

/** Counted as the library does: an expression, a unary operator and a postfix expression are a level each. */
const defaultDepthMax = 500;
const linksMax = 1000;
const defaultLengthMax = 16_777_216;

/** Parses all of the text as one expression. Throws ClassAdSyntaxError. Linear in the length. */
export function parseExpression(text: string, options: ParseOptions): Expr {
  return new Parser(text, options).wholeExpression();
}

/** Parses `[ name = expr; … ]`. Throws ClassAdSyntaxError. */
export function parseNewAd(text: string, options: Omit<ParseOptions, 'syntax'> = {}): ClassAd {
  return new Parser(text, { ...options, syntax: 'new' }).wholeAd();
}

/** Parses ads in the new form, one after the other. Throws ClassAdSyntaxError. */
export function parseNewAds(text: string, options: Omit<ParseOptions, 'syntax'> = {}): ClassAd[] {
  return new Parser(text, { ...options, syntax: 'new' }).allAds();
}

/** From loosest to tightest; unary operators and postfix bind tighter. */
const levels: ReadonlyMap<string, number> = new Map<BinaryOperator, number>([
  ['||', 1],
  ['&&', 2],
  ['|', 3],
  ['^', 4],
  ['&', 5],
  ['==', 6],
  ['!=', 6],
  ['=?=', 6],
  ['=!=', 6],
  ['<', 7],
  ['<=', 7],
  ['>', 7],
  ['>=', 7],
  ['<<', 8],
  ['>>', 8],
  ['>>>', 8],
  ['+', 9],
  ['-', 9],
  ['*', 10],
  ['/', 10],
  ['%', 10],
]);

const anExpression: readonly string[] = ['an expression'];

function isBinaryOperator(text: string): text is BinaryOperator {
  return (binaryOperators as readonly string[]).includes(text);
}

class Parser {
  private readonly lexer: Lexer;
  private readonly options: ParseOptions;
  private readonly semantics: Semantics;
  private readonly depthMax: number;
  private token: Token;
  private depth = 0;

  constructor(text: string, options: ParseOptions) {
    this.options = options;
    this.semantics = options.semantics ?? 'old';
    this.depthMax = options.depthMax ?? defaultDepthMax;
    this.lexer = new Lexer(text, { syntax: options.syntax, leadingZeros: this.semantics === 'new' });
    if (text.length > (options.lengthMax ?? defaultLengthMax)) {
      this.lexer.fail('tooLarge', 0, 'the text is too long');
    }
    this.token = this.lexer.next();
  }

  wholeExpression(): Expr {
    const expr = this.expression();
    this.expectEnd();
    return expr;
  }

  wholeAd(): ClassAd {
    if (!this.is('[')) this.unexpected(["'['"]);
    const ad = this.ad();
    this.expectEnd();
    return ad;
  }

  allAds(): ClassAd[] {
    const ads: ClassAd[] = [];
    while (this.token.kind !== 'end') {
      if (!this.is('[')) this.unexpected(["'['"]);
      ads.push(this.ad());
    }
    return ads;
  }

  private expectEnd(): void {
    if (this.token.kind !== 'end') this.unexpected(['an operator', 'the end']);
  }

  private advance(): void {
    this.token = this.lexer.next();
  }

  private is(text: string): boolean {
    return this.token.kind === 'punctuation' && this.token.text === text;
  }

  private expect(text: string, ...others: readonly string[]): void {
    if (!this.is(text)) this.unexpected([...others, `'${text}'`]);
    this.advance();
  }

  private unexpected(expected: readonly string[]): never {
    const { kind, start, end } = this.token;
    if (kind === 'end') return this.lexer.fail('unexpectedEnd', start, 'the text ends too early', expected);
    const shown = JSON.stringify(this.lexer.text.slice(start, Math.min(end, start + 40)));
    return this.lexer.fail('unexpectedToken', start, `unexpected ${shown}`, expected);
  }

  private enter(): void {
    this.depth++;
    if (this.depth > this.depthMax) {
      this.lexer.fail('tooDeep', this.token.start, `nested more than ${this.depthMax} levels deep`);
    }
  }

  private expression(): Expr {
    this.enter();
    const expr = this.ternary();
    this.depth--;
    return expr;
  }

  private ternary(): Expr {
    const condition = this.binary(1);
    if (this.token.kind === 'elvis' && this.options.dialect === '23.9') {
      this.advance();
      return { kind: 'elvis', left: condition, right: this.expression() };
    }
    if (!this.is('?')) return condition;
    this.advance();
    const whenTrue = this.expression();
    this.expect(':', 'an operator');
    return { kind: 'ternary', condition, whenTrue, whenFalse: this.expression() };
  }

  /** Operators of this level and tighter ones; all are left associative. */
  private binary(level: number): Expr {
    let left = this.unary();
    for (;;) {
      const operator = this.token.text;
      const found = this.token.kind === 'punctuation' ? levels.get(operator) : undefined;
      if (found === undefined || found < level || !isBinaryOperator(operator)) return left;
      this.advance();
      left = { kind: 'binary', operator, left, right: this.binary(found + 1) };
    }
  }

  private unary(): Expr {
    const before = this.depth;
    const operators: UnaryOperator[] = [];
    this.enter();
    for (;;) {
      const { text, kind } = this.token;
      if (kind !== 'punctuation' || !(text === '-' || text === '+' || text === '!' || text === '~')) break;
      operators.push(text);
      this.enter();
      this.advance();
    }
    let expr = this.postfix();
    for (const operator of operators.toReversed()) expr = { kind: 'unary', operator, operand: expr };
    this.depth = before;
    return expr;
  }

  private postfix(): Expr {
    this.enter();
    let expr = this.selection();
    if (this.token.kind === 'elvis' && this.options.dialect !== '23.9') {
      this.advance();
      expr = { kind: 'elvis', left: expr, right: this.postfix() };
    }
    this.depth--;
    return expr;
  }

  /** Links are taken in a loop, but what comes of them is as deep as they are many. */
  private selection(): Expr {
    let expr = this.primary();
    for (let links = 0; ; links++) {
      if (links > linksMax) this.lexer.fail('tooDeep', this.token.start, `more than ${linksMax} selections`);
      if (this.token.kind === 'dot') {
        this.advance();
        expr = { kind: 'attribute', scope: expr, name: this.name(), absolute: false };
      } else if (this.is('[')) {
        this.advance();
        const index = this.expression();
        this.expect(']', 'an operator');
        expr = { kind: 'subscript', base: expr, index };
      } else {
        return expr;
      }
    }
  }

  private name(): string {
    const { kind, text } = this.token;
    if (kind !== 'identifier') return this.unexpected(['an attribute name']);
    this.advance();
    return text;
  }

  private primary(): Expr {
    const { kind, text, number } = this.token;
    switch (kind) {
      case 'identifier':
        return this.nameOrCall();
      case 'integer':
      case 'real':
        this.advance();
        return literal(number);
      case 'string':
        this.advance();
        return literal(text);
      case 'true':
      case 'false':
        this.advance();
        return literal(kind === 'true');
      case 'undefined':
        this.advance();
        return literal(undefined);
      case 'error':
        this.advance();
        return literal(ERROR);
      case 'dot':
        this.advance();
        return { kind: 'attribute', scope: null, name: this.name(), absolute: true };
      case 'end':
      case 'elvis':
        return this.unexpected(anExpression);
      case 'punctuation':
        break;
    }
    if (text === '(') {
      this.advance();
      const inner = this.expression();
      this.expect(')', 'an operator');
      return { kind: 'parentheses', inner };
    }
    if (text === '{') return { kind: 'list', items: this.list() };
    if (text === '[') return { kind: 'ad', ad: this.ad() };
    return this.unexpected(anExpression);
  }

  private nameOrCall(): Expr {
    const { text, start } = this.token;
    this.advance();
    if (!this.is('(')) return { kind: 'attribute', scope: null, name: text, absolute: false };
    this.advance();
    const args: Expr[] = [];
    while (!this.is(')')) {
      args.push(this.expression());
      if (this.is(',') || (this.is(';') && this.semantics === 'old')) {
        this.advance();
        if (this.is(')')) this.unexpected(anExpression);
      } else if (!this.is(')')) {
        this.unexpected(['an operator', "','", "')'"]);
      }
    }
    this.advance();
    const folded = foldTimeLiteral(text, args, this.options.zoneOffsetSeconds ?? (() => 0));
    if (folded === null) {
      return this.lexer.fail('badTime', start, `the argument of ${text} is not a time`);
    }
    return folded ?? { kind: 'call', name: text, args };
  }

  private list(): readonly Expr[] {
    this.advance();
    const items: Expr[] = [];
    if (this.is('}')) {
      this.advance();
      return items;
    }
    for (;;) {
      items.push(this.expression());
      if (this.is('}')) {
        this.advance();
        return items;
      }
      this.expect(',', 'an operator', "'}'");
    }
  }

  private ad(): ClassAd {
    this.advance();
    const builder = new AdBuilder();
    for (;;) {
      while (this.is(';')) this.advance();
      if (this.is(']')) {
        this.advance();
        return builder.build();
      }
      if (this.token.kind !== 'identifier') this.unexpected(['an attribute name', "']'"]);
      const name = this.name();
      this.expect('=');
      builder.setExpr(name, this.expression());
      if (!this.is(';') && !this.is(']')) this.unexpected(['an operator', "';'", "']'"]);
    }
  }
}
