import { describe, expect, it } from 'vitest';
import { references } from '../../src/classad/analyze.ts';
import { fixedContext } from '../../src/classad/context.ts';
import { Lexer } from '../../src/classad/lexer.ts';
import { requirementsHold, symmetricMatch } from '../../src/classad/match.ts';
import { parseExpression } from '../../src/classad/parse.ts';
import { ClassAdSyntaxError } from '../../src/classad/syntaxError.ts';
import { type AssertedVector, adOf, answerOf, asserted, found, measured } from './vectors.ts';

/** Rows whose answer is not the library's, with the reason; docs/classads.md lists them too. None at present. */
const measuredExceptions: ReadonlyMap<string, string> = new Map();

/** Functions that HTCondor registers; the bare library, on which new semantics was measured, lacks them. */
const ofHtcondor = /^(?:stringList|split(?!Time)|env|mergeEnv|args|listTo|user|countMatches|evalInEach)/i;

describe('answers measured on HTCondor 25.14.1', () => {
  it('are ours, in old semantics', () => {
    const different = measured()
      .filter((row) => !measuredExceptions.has(row.expr))
      .map((row) => ({ expr: row.expr, wanted: row.v25_14_1, found: answerOf(row) }))
      .filter(({ wanted, found }) => wanted !== found);
    expect(different).toEqual([]);
  });

  it('are ours where the differential run once found a difference', () => {
    const different = found()
      .map((row) => ({ expr: row.expr, wanted: row.v25_14_1, found: answerOf(row) }))
      .filter(({ wanted, found: ours }) => wanted !== ours);
    expect(different).toEqual([]);
  });

  it('are ours in new semantics, for functions of the bare library', () => {
    const context = { ...fixedContext, semantics: 'new' } as const;
    const different = measured()
      .filter((row) => row.v25_new_semantics !== undefined && !ofHtcondor.test(row.expr))
      .map((row) => ({ expr: row.expr, wanted: row.v25_new_semantics, found: answerOf(row, context) }))
      .filter(({ wanted, found }) => wanted !== found);
    expect(different).toEqual([]);
  });

  it('are those of 23.9 in its dialect where that differs', () => {
    const context = { ...fixedContext, dialect: '23.9' } as const;
    const different = measured()
      .filter((row) => row.v23_9_6 !== undefined && !/^(?:rc=|EXC|CRASH)/.test(row.v23_9_6))
      .map((row) => ({ expr: row.expr, wanted: row.v23_9_6, found: answerOf(row, context) }))
      .filter(({ wanted, found }) => wanted !== found);
    expect(different).toEqual([]);
  });
});

const evaluations = asserted().filter((row) => row.observed_25_14_1 !== undefined);
const others = asserted().filter((row) => row.observed_25_14_1 === undefined);

describe('what HTCondor’s own tests and manual assert', () => {
  it('is what we answer, or what the library answers in its place', () => {
    const different = evaluations
      .map((row) => ({ expr: row.expr, wanted: row.observed_25_14_1, found: answerOf(row) }))
      .filter(({ wanted, found }) => wanted !== found);
    expect(different).toEqual([]);
  });

  it.each(others.map((row) => [row.kind, row.expr, row] as const))('%s: %s', (_kind, _expr, row) => {
    expect(answerTo(row)).toEqual(row.expected);
  });
});

/** A token's kind in the words of the library, as far as it has one of its own. */
function tokenName(text: string): string {
  try {
    const { kind, text: symbol } = new Lexer(text, { syntax: 'new', leadingZeros: true }).next();
    return tokenNames.get(kind === 'punctuation' ? symbol : kind) ?? kind;
  } catch (error) {
    if (error instanceof ClassAdSyntaxError) return 'LEX_TOKEN_ERROR';
    throw error;
  }
}

const tokenNames: ReadonlyMap<string, string> = new Map([
  ['integer', 'LEX_INTEGER_VALUE'],
  ['real', 'LEX_REAL_VALUE'],
  ['true', 'LEX_BOOLEAN_VALUE'],
  ['false', 'LEX_BOOLEAN_VALUE'],
  ['string', 'LEX_STRING_VALUE'],
  ['undefined', 'LEX_UNDEFINED_VALUE'],
  ['error', 'LEX_ERROR_VALUE'],
  ['identifier', 'LEX_IDENTIFIER'],
  ['dot', 'LEX_SELECTION'],
  ['end', 'LEX_END_OF_INPUT'],
  ['elvis', 'LEX_ELVIS'],
  ['*', 'LEX_MULTIPLY'],
  ['/', 'LEX_DIVIDE'],
  ['%', 'LEX_MODULUS'],
  ['+', 'LEX_PLUS'],
  ['-', 'LEX_MINUS'],
  ['&', 'LEX_BITWISE_AND'],
  ['|', 'LEX_BITWISE_OR'],
  ['~', 'LEX_BITWISE_NOT'],
  ['^', 'LEX_BITWISE_XOR'],
  ['<<', 'LEX_LEFT_SHIFT'],
  ['>>', 'LEX_RIGHT_SHIFT'],
  ['>>>', 'LEX_URIGHT_SHIFT'],
  ['&&', 'LEX_LOGICAL_AND'],
  ['||', 'LEX_LOGICAL_OR'],
  ['!', 'LEX_LOGICAL_NOT'],
  ['<', 'LEX_LESS_THAN'],
  ['<=', 'LEX_LESS_OR_EQUAL'],
  ['>', 'LEX_GREATER_THAN'],
  ['>=', 'LEX_GREATER_OR_EQUAL'],
  ['==', 'LEX_EQUAL'],
  ['!=', 'LEX_NOT_EQUAL'],
  ['=?=', 'LEX_META_EQUAL'],
  ['=!=', 'LEX_META_NOT_EQUAL'],
  ['=', 'LEX_BOUND_TO'],
  ['?', 'LEX_QMARK'],
  [':', 'LEX_COLON'],
  [';', 'LEX_SEMICOLON'],
  [',', 'LEX_COMMA'],
  ['[', 'LEX_OPEN_BOX'],
  [']', 'LEX_CLOSE_BOX'],
  ['(', 'LEX_OPEN_PAREN'],
  [')', 'LEX_CLOSE_PAREN'],
  ['{', 'LEX_OPEN_BRACE'],
  ['}', 'LEX_CLOSE_BRACE'],
]);

function parses(text: string): string {
  try {
    parseExpression(text, { syntax: 'new' });
    return 'OK';
  } catch (error) {
    if (error instanceof ClassAdSyntaxError) return 'PARSE_ERROR';
    throw error;
  }
}

function answerTo(row: AssertedVector): unknown {
  const ad = adOf(row.ad ?? '[]');
  const target = adOf(row.target ?? '[]');
  switch (row.kind) {
    case 'token':
      return tokenName(row.expr);
    case 'parse-error':
      return parses(row.expr);
    case 'symmetricMatch':
      return symmetricMatch(ad, target);
    // The right ad's Requirements are asked whether the left one matches, and the other way round.
    case 'matches':
    case 'leftMatchesRight':
      return requirementsHold(target, ad);
    case 'rightMatchesLeft':
      return requirementsHold(ad, target);
    case 'internalRefs':
      return references(parseExpression(row.expr, { syntax: 'new' }), ad).internal;
    case 'externalRefs':
      return references(parseExpression(row.expr, { syntax: 'new' }), ad).external;
    case 'externalRefsFull':
      return references(ad.get(row.expr) ?? { kind: 'literal', value: undefined }, ad).externalFull;
    default:
      return `no test for ${row.kind}`;
  }
}
