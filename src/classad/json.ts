import { AdBuilder, type ClassAd, exprOf, slotOf } from './ad.ts';
import { detached, fromBytes, toBytes } from './bytes.ts';
import { type Expr, literal } from './expr.ts';
import { integerLiteral } from './integer.ts';
import { parseExpression } from './parse.ts';
import type { Shape } from './shape.ts';
import { ClassAdSyntaxError } from './syntaxError.ts';
import { unparse } from './unparse.ts';
import { Real, type Slot } from './value.ts';

/**
 * The JSON form, as `condor_q -json` prints it: an array of objects. What is no literal is a string
 * `"\/Expr(text)\/"`, and only the backslashes tell it from a string that happens to look so; therefore the text is
 * scanned as it is, not given to JSON.parse.
 */

const depthMax = 500;
const exprPattern = /^\\\/Expr\(([\s\S]*)\)\\\/$/;
const numberPattern = /-?\d+(\.\d+)?([eE][+-]?\d+)?/y;
const rememberedMax = 4096;

class JsonScanner {
  private readonly text: string;
  private at: number;
  private depth = 0;
  private readonly remembered: Map<string, Expr>;
  private shape: Shape | null = null;

  constructor(text: string, start = 0, remembered = new Map<string, Expr>()) {
    this.text = text;
    this.at = start;
    this.remembered = remembered;
  }

  private fail(message: string, expected: readonly string[] = []): never {
    const ended = this.at >= this.text.length;
    throw new ClassAdSyntaxError({
      code: ended ? 'unexpectedEnd' : 'unexpectedToken',
      text: this.text,
      offset: Math.min(this.at, this.text.length),
      message,
      expected,
    });
  }

  private peek(): string {
    while (' \t\n\r'.includes(this.text[this.at] ?? '?')) this.at++;
    return this.text[this.at] ?? '';
  }

  private expect(char: string): void {
    if (this.peek() !== char) this.fail('not JSON', [`'${char}'`]);
    this.at++;
  }

  /** Nothing at all is no ads: that is what the tools print where there are none. */
  ads(): ClassAd[] {
    const ads: ClassAd[] = [];
    if (this.peek() === '') return ads;
    if (this.peek() === '{') {
      ads.push(this.ad());
    } else {
      this.expect('[');
      if (this.peek() === ']') {
        this.at++;
      } else {
        for (;;) {
          ads.push(this.ad());
          if (this.peek() === ']') break;
          this.expect(',');
        }
        this.at++;
      }
    }
    if (this.peek() !== '') this.fail('text after the ads', ['the end']);
    return ads;
  }

  ad(): ClassAd {
    this.expect('{');
    this.enter();
    const builder = new AdBuilder(this.depth === 1 ? this.shape : null);
    if (this.peek() === '}') {
      this.at++;
    } else {
      for (;;) {
        if (this.peek() !== '"') this.fail('not JSON', ['a name']);
        const name = toBytes(this.string(this.rawString()));
        this.expect(':');
        builder.setSlot(name, this.slot());
        if (this.peek() === '}') break;
        this.expect(',');
      }
      this.at++;
    }
    this.depth--;
    const ad = builder.build();
    if (this.depth === 0) this.shape = ad.shape;
    return ad;
  }

  private enter(): void {
    this.depth++;
    if (this.depth > depthMax) this.fail(`nested more than ${depthMax} deep`);
  }

  private slot(): Slot {
    const char = this.peek();
    return char === '"' || char === '{' || char === '[' ? slotOf(this.value()) : slotOf(this.scalar());
  }

  private value(): Expr {
    const char = this.peek();
    if (char === '"') return this.stringOrExpr();
    if (char === '{') return { kind: 'ad', ad: this.ad() };
    if (char !== '[') return this.scalar();
    this.at++;
    this.enter();
    const items: Expr[] = [];
    if (this.peek() === ']') {
      this.at++;
    } else {
      for (;;) {
        items.push(this.value());
        if (this.peek() === ']') break;
        this.expect(',');
      }
      this.at++;
    }
    this.depth--;
    return { kind: 'list', items };
  }

  private scalar(): Expr {
    for (const [word, value] of jsonWords) {
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length;
        return literal(value);
      }
    }
    numberPattern.lastIndex = this.at;
    const match = numberPattern.exec(this.text);
    if (match === null) return this.fail('not JSON', ['a value']);
    this.at += match[0].length;
    const real = match[1] !== undefined || match[2] !== undefined;
    return literal(real ? new Real(Number(match[0])) : integerLiteral(match[0]));
  }

  /** The text between the quotes, escapes and all. */
  private rawString(): string {
    const start = this.at + 1;
    let end = this.text.indexOf('"', start);
    for (; end >= 0; end = this.text.indexOf('"', end + 1)) {
      let slashes = 0;
      while (this.text[end - 1 - slashes] === '\\' && end - 1 - slashes >= start) slashes++;
      if (slashes % 2 === 0) break;
    }
    if (end < 0) this.fail('string without an end', ["'\"'"]);
    this.at = end + 1;
    return detached(this.text.slice(start, end));
  }

  private string(raw: string): string {
    if (!raw.includes('\\')) return raw;
    return raw.replaceAll(/\\(?:u([0-9a-fA-F]{4})|([\s\S]))/g, (_whole, unit?: string, char?: string) => {
      if (unit !== undefined) return String.fromCharCode(Number.parseInt(unit, 16));
      return jsonEscapes.get(char ?? '') ?? char ?? '';
    });
  }

  private stringOrExpr(): Expr {
    const start = this.at;
    const raw = this.rawString();
    const expr = raw.startsWith('\\/Expr(') ? exprPattern.exec(raw)?.[1] : undefined;
    if (expr === undefined) return literal(toBytes(this.string(raw)));
    const known = this.remembered.get(expr);
    if (known !== undefined) return known;
    const parsed = this.parse(this.string(expr), start);
    if (this.remembered.size >= rememberedMax) this.remembered.clear();
    this.remembered.set(expr, parsed);
    return parsed;
  }

  private parse(text: string, start: number): Expr {
    try {
      return parseExpression(text, { syntax: 'new' });
    } catch (error) {
      if (!(error instanceof ClassAdSyntaxError)) throw error;
      throw new ClassAdSyntaxError({
        code: error.code,
        text: this.text,
        offset: start,
        message: `in the expression, ${error.message}`,
        expected: [],
      });
    }
  }
}

const jsonWords: readonly (readonly [string, boolean | undefined])[] = [
  ['true', true],
  ['false', false],
  ['null', undefined],
];

const jsonEscapes: ReadonlyMap<string, string> = new Map([
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
]);

/** Ads from a JSON array of objects, or one object; none from an empty text. Throws ClassAdSyntaxError. */
export function parseJsonAds(text: string): ClassAd[] {
  return new JsonScanner(text).ads();
}

const adLengthMax = 67_108_864;

/** Ads from chunks of text, as they come; holds the text of one ad at a time. Throws ClassAdSyntaxError. */
export async function* readJsonAds(chunks: AsyncIterable<string>): AsyncGenerator<ClassAd, void, void> {
  const remembered = new Map<string, Expr>();
  let buffer = '';
  let scanned = 0;
  let start = -1;
  let depth = 0;
  let quoted = false;
  let open = false;
  for await (const chunk of chunks) {
    buffer += chunk;
    for (; scanned < buffer.length; scanned++) {
      const char = buffer[scanned];
      if (quoted) {
        if (char === '\\') scanned++;
        else if (char === '"') quoted = false;
      } else if (char === '"' && start >= 0) {
        quoted = true;
      } else if (char === '{') {
        if (depth === 0) start = scanned;
        depth++;
      } else if (char === '}' && depth > 0) {
        depth--;
        if (depth > 0) continue;
        yield new JsonScanner(buffer.slice(start, scanned + 1), 0, remembered).ad();
        start = -1;
      } else if (depth === 0 && (char === '[') !== open && (char === '[' || char === ']')) {
        open = char === '[';
      } else if (depth === 0 && !/[,\s]/.test(char ?? '')) {
        throw new ClassAdSyntaxError({
          code: 'unexpectedToken',
          text: char ?? '',
          offset: 0,
          message: 'not an array of ads',
          expected: ["'{'"],
        });
      }
    }
    const keep = start >= 0 ? start : buffer.length;
    buffer = buffer.slice(keep);
    scanned -= keep;
    if (start >= 0) start = 0;
    if (buffer.length > adLengthMax) {
      throw new ClassAdSyntaxError({ code: 'tooLarge', text: '', offset: 0, message: 'an ad is too long' });
    }
  }
  if (start >= 0) new JsonScanner(buffer).ads();
  if (open) new JsonScanner('[').ads();
}

function writeSlot(slot: Slot): string {
  return writeExpr(exprOf(slot));
}

function writeExpr(expr: Expr): string {
  if (expr.kind === 'ad') return writeJsonAd(expr.ad);
  if (expr.kind === 'list') return `[ ${expr.items.map(writeExpr).join(', ')} ]`;
  if (expr.kind === 'literal') {
    const { value } = expr;
    if (value === undefined) return 'null';
    if (typeof value === 'string') return JSON.stringify(fromBytes(value));
    if (typeof value !== 'object') return String(value);
    if (value instanceof Real && Number.isFinite(value.value)) return writeReal(value.value);
  }
  const text = JSON.stringify(unparse(expr, 'new'));
  return `"\\/Expr(${text.slice(1, -1)})\\/"`;
}

function writeReal(value: number): string {
  const text = Object.is(value, -0) ? '-0' : String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

/** One ad as a JSON object on a line. */
export function writeJsonAd(ad: ClassAd): string {
  const flat = ad.flat();
  const members = flat.slots.map(
    (slot, index) => `${JSON.stringify(flat.shape.names[index] ?? '')}: ${writeSlot(slot)}`,
  );
  return `{ ${members.join(', ')} }`;
}

/** Ads as an array, an ad on each line. */
export function writeJsonAds(ads: Iterable<ClassAd>): string {
  const texts: string[] = [];
  for (const ad of ads) texts.push(writeJsonAd(ad));
  return texts.length === 0 ? '[\n]\n' : `[\n${texts.join('\n,\n')}\n]\n`;
}
