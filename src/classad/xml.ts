import { AdBuilder, type ClassAd, exprOf } from './ad.ts';
import { fromBytes, toBytes } from './bytes.ts';
import { type Expr, literal } from './expr.ts';
import { formatAbsTime, formatReal, formatRelTime } from './formatValue.ts';
import { integerLiteral } from './integer.ts';
import { parseExpression } from './parse.ts';
import { ClassAdSyntaxError } from './syntaxError.ts';
import { parseAbsTime, parseRelTime } from './timeLiteral.ts';
import { unparse, unparseBytes } from './unparse.ts';
import { AbsTime, ERROR, ErrorValue, Real, RelTime, type Value } from './value.ts';

/**
 * The XML form, as `condor_q -xml` prints it: `<c>` an ad, `<a n="…">` an attribute, `<l>` a list, `<i>`, `<r>`, `<s>`,
 * `<b v="t"/>`, `<un/>`, `<er/>`, `<at>`, `<rt>` literals, `<e>` an expression in new syntax. A strict reader of just
 * that: no entities but the predefined ones and numbers, no document types, nothing that could reach outside.
 */

const depthMax = 500;
const tagPattern = /<(\/?)([A-Za-z][\w.-]*)((?:\s+[\w:.-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>/y;
const ignoredPattern = /(?:\s+|<\?[^>]*\?>|<!--[\s\S]*?-->|<!DOCTYPE[^>[]*>)*/y;

interface Tag {
  readonly name: string;
  readonly closing: boolean;
  readonly empty: boolean;
  readonly attributes: string;
}

class XmlReader {
  private readonly text: string;
  private at = 0;
  private depth = 0;

  constructor(text: string) {
    this.text = text;
  }

  private fail(message: string): never {
    const code = this.at >= this.text.length ? 'unexpectedEnd' : 'badForm';
    throw new ClassAdSyntaxError({ code, text: this.text, offset: this.at, message });
  }

  private skip(): void {
    ignoredPattern.lastIndex = this.at;
    this.at += ignoredPattern.exec(this.text)?.[0].length ?? 0;
  }

  private tag(): Tag {
    this.skip();
    tagPattern.lastIndex = this.at;
    const match = tagPattern.exec(this.text);
    if (match === null) return this.fail('not a tag');
    this.at += match[0].length;
    const [, slash, name = '', attributes = '', end] = match;
    return { name: name.toLowerCase(), closing: slash === '/', empty: end === '/', attributes };
  }

  private close(name: string): void {
    const tag = this.tag();
    if (!tag.closing || tag.name !== name) this.fail(`</${name}> is missing`);
  }

  private attributeOf(tag: Tag, name: string): string | null {
    const match = new RegExp(`\\s${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)')`, 'i').exec(tag.attributes);
    return match === null ? null : unescapeXml(match[1] ?? match[2] ?? '');
  }

  ads(): ClassAd[] {
    const ads: ClassAd[] = [];
    for (this.skip(); this.at < this.text.length; this.skip()) {
      const tag = this.tag();
      if (tag.name === 'classads') continue;
      if (tag.name !== 'c' || tag.closing) this.fail('not an ad');
      ads.push(this.ad(tag));
    }
    return ads;
  }

  private ad(opening: Tag): ClassAd {
    this.enter();
    const builder = new AdBuilder();
    for (let tag = opening.empty ? null : this.tag(); tag !== null && !isEnd(tag, 'c'); tag = this.tag()) {
      const name = tag.name === 'a' && !tag.closing ? this.attributeOf(tag, 'n') : null;
      if (name === null || tag.empty) return this.fail('not an attribute');
      builder.setExpr(toBytes(name), this.value(this.tag()));
      this.close('a');
    }
    this.depth--;
    return builder.build();
  }

  private enter(): void {
    this.depth++;
    if (this.depth > depthMax) this.fail(`nested more than ${depthMax} deep`);
  }

  private content(tag: Tag): string {
    if (tag.empty) return '';
    const end = this.text.indexOf('<', this.at);
    if (end < 0) return this.fail(`</${tag.name}> is missing`);
    const text = unescapeXml(this.text.slice(this.at, end));
    this.at = end;
    this.close(tag.name);
    return text;
  }

  private value(tag: Tag): Expr {
    if (tag.closing) return this.fail('a value is missing');
    switch (tag.name) {
      case 'c':
        return { kind: 'ad', ad: this.ad(tag) };
      case 'l':
        return { kind: 'list', items: this.list(tag) };
      case 'e':
        return parseExpression(this.content(tag), { syntax: 'new' });
      case 's':
        return literal(toBytes(this.content(tag)));
      case 'b': {
        const truth = this.attributeOf(tag, 'v');
        if (!tag.empty) this.close('b');
        return literal(truth === 't' || truth === 'true');
      }
      case 'un':
      case 'er':
        if (!tag.empty) this.close(tag.name);
        return literal(tag.name === 'un' ? undefined : ERROR);
      default:
        return literal(this.scalar(tag));
    }
  }

  private list(opening: Tag): readonly Expr[] {
    this.enter();
    const items: Expr[] = [];
    for (let tag = opening.empty ? null : this.tag(); tag !== null && !isEnd(tag, 'l'); tag = this.tag()) {
      items.push(this.value(tag));
    }
    this.depth--;
    return items;
  }

  private scalar(tag: Tag): Value {
    const text = this.content(tag).trim();
    switch (tag.name) {
      case 'i':
      case 'n':
        return /^[-+]?\d+$/.test(text) ? integerLiteral(text) : this.fail('not an integer');
      case 'r':
        return new Real(realOf(text) ?? this.fail('not a real'));
      case 'at':
        return parseAbsTime(text, () => 0) ?? this.fail('not a time');
      case 'rt':
        return new RelTime(parseRelTime(text) ?? this.fail('not a span'));
      default:
        return this.fail(`unknown tag <${tag.name}>`);
    }
  }
}

function isEnd(tag: Tag, name: string): boolean {
  return tag.closing && tag.name === name;
}

function realOf(text: string): number | null {
  if (text === 'NaN') return Number.NaN;
  if (text === 'INF') return Number.POSITIVE_INFINITY;
  if (text === '-INF') return Number.NEGATIVE_INFINITY;
  return /^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/.test(text) ? Number(text) : null;
}

const entities: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
]);

function unescapeXml(text: string): string {
  return text.replaceAll(
    /&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|(\w+));/g,
    (whole, decimal, hexadecimal, name) => {
      if (name !== undefined) return entities.get(String(name)) ?? whole;
      const code = decimal === undefined ? Number.parseInt(String(hexadecimal), 16) : Number(decimal);
      return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole;
    },
  );
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** Ads from the XML form, with or without `<classads>` around them. Throws ClassAdSyntaxError. */
export function parseXmlAds(text: string): ClassAd[] {
  return new XmlReader(text).ads();
}

function writeExpr(expr: Expr): string {
  if (expr.kind === 'ad') return writeXmlAd(expr.ad);
  if (expr.kind === 'list') return `<l>${expr.items.map(writeExpr).join('')}</l>`;
  return expr.kind === 'literal' ? writeValue(expr.value) : `<e>${escapeXml(unparse(expr, 'new'))}</e>`;
}

function writeValue(value: Value): string {
  if (value === undefined) return '<un/>';
  if (value instanceof ErrorValue) return '<er/>';
  if (typeof value === 'boolean') return `<b v="${value ? 't' : 'f'}"/>`;
  if (typeof value === 'string') return `<s>${escapeXml(fromBytes(value)).replaceAll('\r', '&#13;')}</s>`;
  if (value instanceof Real)
    return `<r>${formatReal(value.value, 'new').replace(/^real\("(.*)"\)$/, '$1')}</r>`;
  if (value instanceof AbsTime) return `<at>${formatAbsTime(value)}</at>`;
  if (value instanceof RelTime) return `<rt>${formatRelTime(value.seconds)}</rt>`;
  return `<i>${unparseBytes(value, 'new')}</i>`;
}

/** One ad, an attribute on each line. */
export function writeXmlAd(ad: ClassAd): string {
  const flat = ad.flat();
  const lines = flat.slots.map((slot, index) => {
    const name = escapeXml(flat.shape.names[index] ?? '').replaceAll('"', '&quot;');
    return `<a n="${name}">${writeExpr(exprOf(slot))}</a>\n`;
  });
  return `<c>\n${lines.join('')}</c>\n`;
}

/** Ads inside `<classads>`. */
export function writeXmlAds(ads: Iterable<ClassAd>): string {
  const texts: string[] = [];
  for (const ad of ads) texts.push(writeXmlAd(ad));
  return `<?xml version="1.0"?>\n<!DOCTYPE classads SYSTEM "classads.dtd">\n<classads>\n${texts.join('')}</classads>\n`;
}
