import { ClassAd, exprOf } from './ad.ts';
import { fromBytes } from './bytes.ts';
import { type BinaryExpr, type Expr, leftSpine } from './expr.ts';
import { formatAbsTime, formatReal, formatRelTime, wholeSeconds } from './formatValue.ts';
import type { Syntax } from './lexer.ts';
import { AbsTime, AdValue, ErrorValue, ListValue, Real, RelTime, type Slot, type Value } from './value.ts';

/**
 * The text of an expression, a value or an ad, as the library prints it; parsed again it gives the same.
 * Attributes of an ad come in the library's order: shorter names first. Throws nothing; linear in the size.
 */
export function unparse(subject: Expr | Value | ClassAd, syntax: Syntax): string {
  return fromBytes(unparseBytes(subject, syntax));
}

/** The same in bytes, for use as a value. */
export function unparseBytes(subject: Expr | Value | ClassAd, syntax: Syntax): string {
  const printer = new Printer(syntax);
  // A span that was computed shows whole seconds, one that was written shows what was written.
  if (subject instanceof RelTime) printer.value(new RelTime(wholeSeconds(subject.seconds)));
  else if (subject instanceof ClassAd) printer.ad(subject);
  else if (isExpr(subject)) printer.expr(subject);
  else printer.value(subject);
  return printer.text();
}

function isExpr(subject: Expr | Value): subject is Expr {
  if (typeof subject !== 'object') return false;
  switch (subject.kind) {
    case 'real':
    case 'absTime':
    case 'relTime':
    case 'error':
      return false;
    case 'list':
      return !(subject instanceof ListValue);
    case 'ad':
      return !(subject instanceof AdValue);
    default:
      return true;
  }
}

/** An expression with each attribute of an ad and each element of a list on a line of its own. */
export function prettyBytes(expr: Expr): string {
  const printer = new Printer('new', true);
  printer.expr(expr);
  return printer.text();
}

const reserved = /^(?:true|false|undefined|error|is|isnt)$/i;
const plainName = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** An attribute's name, quoted where it is no identifier or a word of the language; and `parent`, as the library does. */
export function unparseName(bytes: string): string {
  return /^parent$/i.test(bytes) ? `'${bytes}'` : unparsePart(bytes);
}

/** A name after a dot or before parentheses: the library never quotes these, and could not read them again. */
function unparsePart(bytes: string): string {
  if (plainName.test(bytes) && !reserved.test(bytes)) return bytes;
  return `'${escapeNew(bytes, "'")}'`;
}

const escapes: ReadonlyMap<string, string> = new Map([
  ['\x07', '\\a'],
  ['\b', '\\b'],
  ['\f', '\\f'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
  ['\v', '\\v'],
  ['\\', '\\\\'],
]);

function escapeNew(bytes: string, quote: string): string {
  // Anything that is not printable ASCII, the backslash and the quote.
  return bytes.replaceAll(/[^ -~]|\\|["']/g, (char) => {
    if (char === '"' || char === "'") return char === quote ? `\\${char}` : char;
    return escapes.get(char) ?? `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`;
  });
}

/** A string literal. The old form knows no escape but that of the quote: everything else stands as it is. */
export function unparseString(bytes: string, syntax: Syntax): string {
  return syntax === 'new' ? `"${escapeNew(bytes, '"')}"` : `"${bytes.replaceAll('"', '\\"')}"`;
}

class Printer {
  private readonly parts: string[] = [];
  private readonly syntax: Syntax;
  private readonly pretty: boolean;
  private indent = 0;

  constructor(syntax: Syntax, pretty = false) {
    this.syntax = syntax;
    this.pretty = pretty;
  }

  private newline(): void {
    this.put('\n', ' '.repeat(this.indent));
  }

  /** Opens and closes a bracket around things that stand on lines of their own. */
  private block(
    brackets: readonly [string, string],
    step: number,
    count: number,
    item: (at: number) => void,
  ): void {
    this.indent += step;
    this.newline();
    this.put(brackets[0]);
    this.indent += step;
    for (let at = 0; at < count; at++) {
      this.newline();
      item(at);
      if (at < count - 1) this.put(brackets[0] === '[' ? '; ' : ',');
    }
    this.indent -= step;
    this.newline();
    this.put(brackets[1]);
    this.indent -= step;
  }

  text(): string {
    return this.parts.join('');
  }

  private put(...texts: readonly string[]): void {
    this.parts.push(...texts);
  }

  value(value: Value): void {
    switch (typeof value) {
      case 'undefined':
        this.put('undefined');
        return;
      case 'boolean':
      case 'number':
      case 'bigint':
        this.put(String(value));
        return;
      case 'string':
        this.put(unparseString(value, this.syntax));
        return;
      default:
        this.boxed(value);
    }
  }

  private boxed(value: Real | AbsTime | RelTime | ErrorValue | ListValue | AdValue): void {
    if (value instanceof Real) this.put(formatReal(value.value, this.syntax));
    else if (value instanceof AbsTime) this.put(`absTime("${formatAbsTime(value)}")`);
    else if (value instanceof RelTime) this.put(`relTime("${formatRelTime(value.seconds)}")`);
    else if (value instanceof ErrorValue) this.put('error');
    else if (value instanceof ListValue) this.items(value.items);
    else this.ad(value.ad);
  }

  private items(slots: readonly Slot[]): void {
    this.put('{ ');
    slots.forEach((slot, index) => {
      if (index > 0) this.put(',');
      this.expr(exprOf(slot));
    });
    this.put(' }');
  }

  ad(ad: ClassAd): void {
    const flat = ad.flat();
    const order = flat.shape.printOrder;
    const entry = (at: number) => {
      const index = order[at] ?? 0;
      this.put(unparseName(flat.shape.byteNames[index] ?? ''), ' = ');
      this.expr(exprOf(flat.slots[index]));
    };
    if (this.pretty) {
      this.block(['[', ']'], 4, order.length, entry);
      return;
    }
    this.put('[ ');
    for (let at = 0; at < order.length; at++) {
      if (at > 0) this.put('; ');
      entry(at);
    }
    this.put(' ]');
  }

  expr(expr: Expr): void {
    switch (expr.kind) {
      case 'literal':
        this.value(expr.value);
        return;
      case 'attribute':
        if (expr.scope !== null) this.expr(expr.scope);
        if (expr.scope !== null || expr.absolute) this.put('.');
        this.put(expr.scope === null ? unparseName(expr.name) : unparsePart(expr.name));
        return;
      case 'unary':
        this.put(' ', expr.operator);
        this.expr(expr.operand);
        return;
      case 'binary':
        this.binary(expr);
        return;
      case 'elvis':
        this.expr(expr.left);
        this.put(' ?: ');
        this.expr(expr.right);
        return;
      case 'ternary':
        this.expr(expr.condition);
        this.put(' ? ');
        this.expr(expr.whenTrue);
        this.put(' : ');
        this.expr(expr.whenFalse);
        return;
      case 'subscript':
        this.expr(expr.base);
        this.put('[');
        this.expr(expr.index);
        this.put(']');
        return;
      case 'call':
        this.call(expr.name, expr.args);
        return;
      case 'parentheses':
        this.put('(');
        this.expr(expr.inner);
        this.put(')');
        return;
      case 'list':
        this.list(expr.items);
        return;
      case 'ad':
        this.ad(expr.ad);
    }
  }

  private binary(expr: BinaryExpr): void {
    const { first, steps } = leftSpine(expr);
    this.expr(first);
    for (const { operator, right } of steps) {
      this.put(' ', this.operator(operator), ' ');
      this.expr(right);
    }
  }

  private operator(operator: string): string {
    if (this.syntax === 'old') return operator;
    if (operator === '=?=') return 'is';
    return operator === '=!=' ? 'isnt' : operator;
  }

  private call(name: string, args: readonly Expr[]): void {
    this.put(unparsePart(name), '(');
    args.forEach((arg, index) => {
      if (index > 0) this.put(',');
      this.expr(arg);
    });
    this.put(')');
  }

  private list(items: readonly Expr[]): void {
    if (this.pretty) {
      this.block(['{', '}'], 3, items.length, (index) => {
        const item = items[index];
        if (item !== undefined) this.expr(item);
      });
      return;
    }
    this.put('{ ');
    items.forEach((item, index) => {
      if (index > 0) this.put(',');
      this.expr(item);
    });
    this.put(' }');
  }
}
