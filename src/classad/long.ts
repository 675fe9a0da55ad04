import { AdBuilder, type ClassAd, exprOf, slotOf } from './ad.ts';
import { detached, fromBytes, toBytes } from './bytes.ts';
import { integerLiteral } from './integer.ts';
import { parseExpression } from './parse.ts';
import type { Shape } from './shape.ts';
import { ClassAdSyntaxError } from './syntaxError.ts';
import { unparse, unparseName } from './unparse.ts';
import type { Slot } from './value.ts';

/**
 * The long form, as `condor_q -long` prints it: a line `Name = expression` in old syntax for each attribute, an empty
 * line between ads; lines that begin with `#` are comments.
 */

/** Values and expressions remembered by their text; ads of one queue repeat the same ones. Then it starts anew. */
const rememberedMax = 4096;
/** Longer texts are not worth remembering. */
const rememberedLengthMax = 4096;
const lineLengthMax = 16_777_216;

const assignment = /^[ \t]*(?:([A-Za-z_][A-Za-z0-9_]*)|'((?:[^'\\]|\\.)*)')[ \t]*=[ \t]*/;
const simpleInteger = /^-?(?:0|[1-9]\d{0,14})$/;
const simpleString = /^"[^"\\\0]*"$/;

/** Reads attribute lines into ads, one stream of text each. */
export class LongReader {
  private readonly remembered = new Map<string, Slot>();
  private builder: AdBuilder = new AdBuilder();
  private shape: Shape | null = null;
  private line = 0;

  /** Takes one line without its end; returns an ad when the line ends one. Throws ClassAdSyntaxError. */
  take(line: string): ClassAd | null {
    this.line++;
    const text = line.endsWith('\r') ? line.slice(0, -1) : line;
    const trimmed = text.trimStart();
    if (trimmed === '') return this.end();
    if (trimmed.startsWith('#')) return null;
    const match = assignment.exec(text);
    if (match === null) {
      throw new ClassAdSyntaxError({
        code: 'badForm',
        text,
        offset: text.length - trimmed.length,
        message: `line ${this.line} is no attribute`,
        expected: ["'name = expression'"],
      });
    }
    const name = match[1] ?? toBytes((match[2] ?? '').replaceAll(/\\(.)/g, '$1'));
    this.builder.setSlot(name, this.slot(text, match[0].length));
    return null;
  }

  /** The ad that the last line left open; null if there is none. */
  end(): ClassAd | null {
    if (this.builder.size === 0) return null;
    const ad = this.builder.build();
    this.shape = ad.shape;
    this.builder = new AdBuilder(this.shape);
    return ad;
  }

  private slot(line: string, start: number): Slot {
    const text = line.slice(start).trimEnd();
    if (simpleInteger.test(text)) return integerLiteral(text);
    const known = this.remembered.get(text);
    if (known !== undefined) return known;
    const slot = simpleString.test(text)
      ? toBytes(detached(text.slice(1, -1)))
      : slotOf(this.parse(line, start));
    if (text.length <= rememberedLengthMax) {
      if (this.remembered.size >= rememberedMax) this.remembered.clear();
      this.remembered.set(detached(text), slot);
    }
    return slot;
  }

  private parse(line: string, start: number) {
    try {
      return parseExpression(detached(line.slice(start)), { syntax: 'old' });
    } catch (error) {
      if (!(error instanceof ClassAdSyntaxError)) throw error;
      const place = this.line === 1 ? '' : `line ${this.line}: `;
      throw new ClassAdSyntaxError({
        code: error.code,
        text: line,
        offset: start + error.offset,
        message: place + error.reason,
        expected: error.expected,
      });
    }
  }
}

/** Ads from a text in long form. Throws ClassAdSyntaxError for a line that is no attribute. */
export function parseLongAds(text: string): ClassAd[] {
  const reader = new LongReader();
  const ads: ClassAd[] = [];
  for (const line of text.split('\n')) {
    const ad = reader.take(line);
    if (ad !== null) ads.push(ad);
  }
  const last = reader.end();
  if (last !== null) ads.push(last);
  return ads;
}

/** One ad; empty lines count for nothing. An empty text is an empty ad. */
export function parseLongAd(text: string): ClassAd {
  const reader = new LongReader();
  for (const line of text.split('\n')) if (line.trim() !== '') reader.take(line);
  return reader.end() ?? new AdBuilder().build();
}

/** Ads from chunks of text, as they come; holds one ad and one line at a time. Throws ClassAdSyntaxError. */
export async function* readLongAds(chunks: AsyncIterable<string>): AsyncGenerator<ClassAd, void, void> {
  const reader = new LongReader();
  let rest = '';
  for await (const chunk of chunks) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > lineLengthMax) {
      throw new ClassAdSyntaxError({ code: 'tooLarge', text: '', offset: 0, message: 'a line is too long' });
    }
    for (const line of lines) {
      const ad = reader.take(line);
      if (ad !== null) yield ad;
    }
  }
  const last = rest === '' ? null : reader.take(rest);
  if (last !== null) yield last;
  const open = reader.end();
  if (open !== null) yield open;
}

/** An ad in long form, each line ended; without an empty line after it. */
export function writeLongAd(ad: ClassAd): string {
  const flat = ad.flat();
  return flat.slots
    .map((slot, index) => {
      const name = fromBytes(unparseName(flat.shape.byteNames[index] ?? ''));
      return `${name} = ${unparse(exprOf(slot), 'old')}\n`;
    })
    .join('');
}

/** Ads in long form, an empty line after each. */
export function writeLongAds(ads: Iterable<ClassAd>): string {
  const texts: string[] = [];
  for (const ad of ads) texts.push(writeLongAd(ad), '\n');
  return texts.join('');
}
