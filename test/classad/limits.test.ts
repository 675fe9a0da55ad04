import { describe, expect, it } from 'vitest';
import { defaultLimits, type EvaluationLimits, fixedContext } from '../../src/classad/context.ts';
import { evaluate } from '../../src/classad/evaluate.ts';
import { parseExpression, parseNewAd } from '../../src/classad/parse.ts';
import { unparse } from '../../src/classad/unparse.ts';

function value(expr: string, ad = '[]', limits: Partial<EvaluationLimits> = {}): string {
  const context = { ...fixedContext, limits: { ...defaultLimits, ...limits } };
  return unparse(evaluate(parseExpression(expr, { syntax: 'new' }), { ad: parseNewAd(ad), context }), 'new');
}

/** a0 refers twice to a1, a1 to a2, …: as many evaluations as two to the power of the length. */
const doubling = (length: number, operator: string, last: string) =>
  `[${Array.from({ length }, (_name, at) => `a${at} = a${at + 1} ${operator} a${at + 1}`).join(';')}; a${length} = ${last}]`;

describe('what a hostile ad costs', () => {
  it('is bounded in steps', () => {
    expect(value('a0', doubling(10, '+', '1'))).toBe('1024');
    expect(value('a0', doubling(60, '+', '1'), { stepsMax: 100_000 })).toBe('error');
    expect(value('isError(a0)', doubling(60, '+', '1'), { stepsMax: 100_000 })).toBe('error');
  });

  it('is bounded in depth, as in the library', () => {
    const chain = (length: number) =>
      `[${Array.from({ length }, (_name, at) => `a${at} = a${at + 1}`).join(';')}; a${length} = 1]`;
    expect(value('a0', chain(398))).toBe('1');
    expect(value('a0', chain(500))).toBe('error');
    expect(value(`1${' + 1'.repeat(400)}`)).toBe('401');
    expect(value(`1${' + 1'.repeat(401)}`)).toBe('error');
    expect(value(`1${' + 1'.repeat(100_000)}`)).toBe('error');
  });

  it('is bounded in the length of strings', () => {
    const strings = doubling(40, '', '')
      .replaceAll(/(a\d+) {2}(a\d+)/g, 'strcat($1,$2)')
      .replace(/= ]$/, '= "xx"]');
    expect(value('size(a0)', strings, { stringBytesMax: 1000 })).toBe('error');
  });

  it('is bounded in the time of a regular expression', () => {
    const steps = { regexStepsMax: 100_000 };
    expect(value(`regexp("(a+)+$", "${'a'.repeat(40)}b")`, '[]', steps)).toBe('error');
    expect(value(`regexp("(a|a)*c", "${'a'.repeat(40)}b")`, '[]', steps)).toBe('false');
    expect(value('regexp("(a+)+$", "aaaa")', '[]', steps)).toBe('true');
  });

  it('is bounded where a regular expression calls itself, forwards or on the spot', () => {
    expect(value('regexp("(?R)?a", "aaa")')).toBe('error');
    expect(value('regexp("((?1)b|a)", "aaa")')).toBe('error');
    expect(
      value('regexp("(a(?1)?(?1)?(?1)?)b", x)', `[x = "${'a'.repeat(40)}"]`, { regexStepsMax: 100_000 }),
    ).toBe('error');
    const nested = `regexp("${'('.repeat(240)}a${')'.repeat(240)}", "a")`;
    expect(value(nested)).toBe('true');
    expect(value(nested.replaceAll(/\({240}/g, '('.repeat(10_000)))).toBe('error');
  });

  it('refuses a pattern that PCRE2 reads in a way of its own', () => {
    expect(value(String.raw`regexp("(x|\\G[a-c]){0}+_", " b_c")`)).toBe('error');
    expect(value('regexp("(x|[a-c]){0}+_", " b_c")')).toBe('true');
    expect(value(String.raw`regexp("\\G b", " b_c")`)).toBe('true');
  });

  it('is bounded in lists and in what functions make of long strings', () => {
    const long = `[x = "${'a,'.repeat(500_000)}"]`;
    expect(value('size(split(x, ","))', long)).toMatch(/^(?:error|\d+)$/);
    expect(value('size(replaceAll("a", x, x))', long)).toBe('error');
    expect(value('stringListSize(x)', long)).toBe('500000');
    const list = `{${'1,'.repeat(200_000)}1}`;
    expect(value(`sum(${list})`)).toBe('200001');
    expect(value('size(l)', `[l = {l, l, l}]`)).toBe('3');
  });

  it('does not grow with attributes that refer to each other', () => {
    expect(value('a', '[a = b; b = c; c = a]')).toBe('undefined');
    expect(value('a', '[a = b ?: 3; b = a]')).toBe('3');
    expect(value('a', '[a = {a}[0]]')).toBe('undefined');
    expect(value('a', '[a = eval("a + 1")]')).toBe('undefined');
  });

  it('takes numbers to their limits', () => {
    expect(value('9223372036854775807 + 1')).toBe('-9223372036854775808');
    expect(value('-9223372036854775808 / -1')).toBe('9223372036854775807');
    expect(value('-9223372036854775808 % -1')).toBe('0');
    expect(value('int(1e30)')).toBe('-9223372036854775808');
    expect(value('1e308 * 10')).toBe('error');
    expect(value('-1e308 * 10')).toBe('real("-INF")');
    expect(value('1234567890123456.5')).toBe('1.234567890123456E+15');
  });
});
