import { describe, expect, it } from 'vitest';
import { parseLongAds } from '../../src/classad/long.ts';
import { type ParseOptions, parseExpression, parseNewAd } from '../../src/classad/parse.ts';
import { ClassAdSyntaxError } from '../../src/classad/syntaxError.ts';
import { unparse } from '../../src/classad/unparse.ts';

function errorOf(parse: () => unknown): ClassAdSyntaxError {
  try {
    parse();
  } catch (error) {
    if (error instanceof ClassAdSyntaxError) return error;
    throw error;
  }
  throw new Error('it parses');
}

const failure = (text: string, options: Partial<ParseOptions> = {}) =>
  errorOf(() => parseExpression(text, { syntax: 'new', ...options }));

describe('text that is no expression', () => {
  it.each([
    ['', 'unexpectedEnd', 1, 1],
    ['1 +', 'unexpectedEnd', 1, 4],
    ['a b', 'unexpectedToken', 1, 3],
    ['(1', 'unexpectedEnd', 1, 3],
    ['1\n+ * 2', 'unexpectedToken', 2, 3],
    ['"abc', 'badString', 1, 1],
    ['"a\\0b"', 'badString', 1, 1],
    ['1.', 'badNumber', 1, 3],
    ['1e+', 'badNumber', 1, 4],
    ['010', 'badNumber', 1, 1],
    ['a =? b', 'unexpectedToken', 1, 3],
    ['@x', 'badCharacter', 1, 1],
    ['1 /* x', 'unexpectedEnd', 1, 7],
    ['f(1,)', 'unexpectedToken', 1, 5],
    ['{1,}', 'unexpectedToken', 1, 4],
    ['[a 1]', 'unexpectedToken', 1, 4],
    ['absTime("soon")', 'badTime', 1, 1],
    ['undefined ?: -x', 'unexpectedToken', 1, 14],
  ] as const)('%j: %s at %d:%d', (text, code, line, column) => {
    expect(failure(text)).toMatchObject({ code, line, column });
  });

  it('says what could have stood there, and shows where', () => {
    const error = failure('Memory >= 100 &&\n  && Arch');
    expect(error.expected).toEqual(['an expression']);
    expect(error.render()).toBe('2:3: unexpected "&&", expected an expression\n  && Arch\n  ^');
  });

  it('shows the neighbourhood of a place in a long line only', () => {
    const error = failure(`${'a + '.repeat(500)}) + ${'b + '.repeat(500)}c`);
    const [shown = '', caret = ''] = error.caret.split('\n');
    expect(shown.length).toBeLessThanOrEqual(100);
    expect(shown[caret.indexOf('^')]).toBe(')');
  });

  it('names the line of an ad in long form', () => {
    const error = errorOf(() => parseLongAds('a = 1\nb = 2 +\n'));
    expect(error.message).toContain('line 2');
    expect(errorOf(() => parseLongAds('a = 1\nno attribute\n'))).toMatchObject({ code: 'badForm' });
  });
});

describe('limits of the parser', () => {
  it('takes the nesting that the library takes, and no more', () => {
    const nested = (depth: number) => `${'('.repeat(depth)}1${')'.repeat(depth)}`;
    expect(unparse(parseExpression(nested(165), { syntax: 'new' }), 'new')).toBe(nested(165));
    expect(failure(nested(166)).code).toBe('tooDeep');
    expect(failure(`${'- '.repeat(498)}1`).code).toBe('tooDeep');
    expect(failure('['.repeat(100_000)).code).toBe('unexpectedToken');
    expect(failure('{'.repeat(100_000)).code).toBe('tooDeep');
  });

  it('takes long chains in a loop', () => {
    const chain = `a${' + a'.repeat(50_000)}`;
    expect(unparse(parseExpression(chain, { syntax: 'new' }), 'new')).toBe(chain);
  });

  it('refuses a text beyond its length', () => {
    expect(failure('1 + 1', { lengthMax: 4 }).code).toBe('tooLarge');
  });
});

describe('the two syntaxes', () => {
  it('read a backslash each in its way', () => {
    const value = (text: string, syntax: 'old' | 'new') => parseExpression(text, { syntax });
    expect(value('"C:\\dir\\new"', 'old')).toEqual({ kind: 'literal', value: 'C:\\dir\\new' });
    expect(value('"a\\"b"', 'old')).toEqual({ kind: 'literal', value: 'a"b' });
    expect(value('"C:\\dir\\"', 'old')).toEqual({ kind: 'literal', value: 'C:\\dir\\' });
    expect(value('"a\\n\\101\\q"', 'new')).toEqual({ kind: 'literal', value: 'a\nAq' });
  });

  it('keep the last of two attributes of one name', () => {
    expect(unparse(parseNewAd('[ a = 1; A = 2 ]'), 'new')).toBe('[ a = 2 ]');
  });

  it('bind ?: as each dialect does', () => {
    const shape = (dialect: '25.14' | '23.9') =>
      parseExpression('1 + x ?: 5', { syntax: 'new', dialect }).kind;
    expect(shape('25.14')).toBe('binary');
    expect(shape('23.9')).toBe('elvis');
  });
});
