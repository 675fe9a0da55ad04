import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClassAd } from '../../src/classad/ad.ts';
import { defaultLimits, fixedContext } from '../../src/classad/context.ts';
import { evaluate } from '../../src/classad/evaluate.ts';
import { parseJsonAds, readJsonAds, writeJsonAds } from '../../src/classad/json.ts';
import { parseLongAd, parseLongAds, readLongAds, writeLongAds } from '../../src/classad/long.ts';
import { symmetricMatch } from '../../src/classad/match.ts';
import { matchAds } from '../../src/classad/matcher.ts';
import { parseExpression, parseNewAd } from '../../src/classad/parse.ts';
import { ClassAdSyntaxError } from '../../src/classad/syntaxError.ts';
import { unparse } from '../../src/classad/unparse.ts';
import { parseXmlAds, writeXmlAds } from '../../src/classad/xml.ts';
import { diceOf, expression, longAd, matchAd } from '../../tools/classad/generate.ts';

const seeds = fc.integer({ min: 0, max: 2 ** 31 });
const ads = seeds.map((seed) => {
  const dice = diceOf(seed);
  return [
    parseLongAd(longAd(dice)),
    parseNewAd(`[x = ${expression(diceOf(seed), 3).replaceAll(/(?:abs|rel)Time\("[^"]*"\)/gi, '1')}]`),
  ];
});
const expressions = seeds.map((seed) => expression(diceOf(seed), 4)).filter((text) => parses(text));

function parses(text: string): boolean {
  try {
    parseExpression(text, { syntax: 'new' });
    return true;
  } catch (error) {
    if (error instanceof ClassAdSyntaxError) return false;
    throw error;
  }
}

async function collected(ads: AsyncIterable<ClassAd>): Promise<ClassAd[]> {
  const all: ClassAd[] = [];
  for await (const ad of ads) all.push(ad);
  return all;
}

describe('what is printed', () => {
  it('parses to the same expression, in new syntax', () => {
    fc.assert(
      fc.property(expressions, (text) => {
        const printed = unparse(parseExpression(text, { syntax: 'new' }), 'new');
        expect(unparse(parseExpression(printed, { syntax: 'new' }), 'new')).toBe(printed);
      }),
    );
  });

  it('is the same ad in every form', () => {
    fc.assert(
      fc.property(ads, (list) => {
        const text = list.map((ad) => unparse(ad, 'new'));
        const again = (read: typeof list) => expect(read.map((ad) => unparse(ad, 'new'))).toEqual(text);
        again(parseJsonAds(writeJsonAds(list)));
        again(parseXmlAds(writeXmlAds(list)));
        again(list.map((ad) => parseNewAd(unparse(ad, 'new'))));
        // Old syntax cannot write every string: a quote after a backslash, or a line's end.
        if (!/\\[n\\]/.test(text.join())) again(parseLongAds(writeLongAds(list)));
      }),
    );
  });

  it('is read from chunks as from one text', async () => {
    await fc.assert(
      fc.asyncProperty(ads, fc.integer({ min: 1, max: 50 }), async (list, size) => {
        async function* chunks(text: string) {
          for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size);
        }
        const json = writeJsonAds(list);
        const long = writeLongAds(list.slice(0, 1));
        expect(writeJsonAds(await collected(readJsonAds(chunks(json))))).toBe(json);
        expect(writeLongAds(await collected(readLongAds(chunks(long))))).toBe(long);
      }),
      { numRuns: 30 },
    );
  });
});

describe('evaluation', () => {
  const context = { ...fixedContext, limits: { ...defaultLimits, stepsMax: 50_000, regexStepsMax: 50_000 } };

  it('never throws, whatever the text', () => {
    const pieces = fc.constantFrom(
      '(',
      ')',
      '[',
      ']',
      '{',
      '}',
      '"',
      "'",
      '\\',
      '.',
      ',',
      ';',
      '=',
      '?',
      ':',
      '-',
      '+',
      '*',
      '<',
      '&&',
      '||',
      'a',
      'MY',
      'TARGET',
      'x1',
      '1',
      '0',
      '9223372036854775808',
      '1e400',
      'é',
      '\u0000',
      '\n',
      ' ',
      'is',
      'undefined',
      'regexp',
      'eval',
      'strcat',
      'sum',
      'absTime',
      'unparse',
      '//',
      '/*',
      '=?=',
      '>>>',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 25 }), (parts) => {
        const text = parts.join('');
        if (!parses(text)) return;
        unparse(evaluate(parseExpression(text, { syntax: 'new' }), { context }), 'new');
      }),
      { numRuns: 2000 },
    );
  });

  it('never throws for an expression of the grammar, alone or in a match', () => {
    fc.assert(
      fc.property(expressions, seeds, (text, seed) => {
        const dice = diceOf(seed);
        const expr = parseExpression(text, { syntax: 'new' });
        evaluate(expr, { context });
        evaluate(expr, { ad: parseLongAd(longAd(dice)), target: parseLongAd(longAd(dice)), context });
      }),
    );
  });

  it('of regular expressions never throws', () => {
    const parts = fc.constantFrom(
      '(',
      ')',
      '(?:',
      '(?=',
      '(?<',
      '(?<=',
      '(?>',
      '|',
      '*',
      '+',
      '?',
      '{2}',
      '{1,',
      '[',
      ']',
      '[^',
      '\\',
      '\\\\',
      'a',
      'b',
      '.',
      '^',
      '$',
      '\\\\d',
      '\\\\1',
      '(?R)',
      '(?1)',
      '(?i)',
      '\\\\K',
      '[:alpha:]',
      '-',
      '\\\\Q',
      '(?(1)',
    );
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 15 }), (pieces) => {
        const text = `regexp("${pieces.join('').replaceAll(/\\+$/g, '')}", "aabab ab")`;
        if (parses(text)) evaluate(parseExpression(text, { syntax: 'new' }), { context });
      }),
      { numRuns: 2000 },
    );
  });
});

describe('many matched with many', () => {
  it('are matched as each pair by itself', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const dice = diceOf(seed);
        const make = () => Array.from({ length: 8 }, () => parseLongAd(matchAd(dice)));
        const [left, right] = [make(), make()];
        const matches = matchAds(left, right);
        const expected = left.map((one) => right.map((other) => symmetricMatch(one, other)));
        expect(left.map((_one, at) => right.map((_other, index) => matches.has(at, index)))).toEqual(
          expected,
        );
        expect(matches.count).toBe(expected.flat().filter(Boolean).length);
      }),
      { numRuns: 60 },
    );
  });
});
