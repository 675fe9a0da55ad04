import { readFileSync } from 'node:fs';
import type { ClassAd } from '../../src/classad/ad.ts';
import { type EvaluateOptions, evaluate } from '../../src/classad/evaluate.ts';
import { parseLongAd } from '../../src/classad/long.ts';
import { parseExpression, parseNewAd } from '../../src/classad/parse.ts';
import { ClassAdSyntaxError } from '../../src/classad/syntaxError.ts';
import { unparse } from '../../src/classad/unparse.ts';

export interface MeasuredVector {
  readonly expr: string;
  readonly ad: string | null;
  readonly target: string | null;
  readonly kind: string;
  readonly v25_14_1: string;
  readonly v23_9_6?: string;
  readonly v25_new_semantics?: string;
}

export interface AssertedVector {
  readonly expr: string;
  readonly ad: string | null;
  readonly target: string | null;
  readonly expected: unknown;
  readonly kind: string;
  readonly source: string;
  readonly observed_25_14_1?: string;
}

function rows(name: string): readonly unknown[] {
  const text = readFileSync(new URL(`../data/classad/${name}.jsonl`, import.meta.url), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line): unknown => JSON.parse(line));
}

export const measured = (): readonly MeasuredVector[] => rows('measured') as MeasuredVector[];
/** Answers of the library to expressions on which it and we once differed, or that are of such a kind. */
export const found = (): readonly MeasuredVector[] => rows('found') as MeasuredVector[];
export const asserted = (): readonly AssertedVector[] => rows('asserted') as AssertedVector[];

/** An ad in the new form if it begins with a bracket, else in the long one. */
export function adOf(text: string): ClassAd {
  return text.trimStart().startsWith('[') ? parseNewAd(text) : parseLongAd(text);
}

/** The value as the vectors have it: unparsed in new syntax, `PARSEFAIL` for what is no expression. */
export function answerOf(
  { expr, ad, target }: Pick<MeasuredVector, 'expr' | 'ad' | 'target'>,
  context?: EvaluateOptions['context'],
): string {
  try {
    const parsed = parseExpression(expr, {
      syntax: 'new',
      ...(context === undefined ? {} : { semantics: context.semantics, dialect: context.dialect }),
    });
    const value = evaluate(parsed, {
      ...(ad === null ? {} : { ad: adOf(ad) }),
      ...(target === null ? {} : { target: adOf(target) }),
      ...(context === undefined ? {} : { context }),
    });
    return unparse(value, 'new');
  } catch (error) {
    if (error instanceof ClassAdSyntaxError) return 'PARSEFAIL';
    throw error;
  }
}
