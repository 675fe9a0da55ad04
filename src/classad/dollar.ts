import { type ClassAd, exprOf } from './ad.ts';
import { type EvaluationContext, fixedContext } from './context.ts';
import { toStringValue } from './convert.ts';
import { evaluate } from './evaluate.ts';
import { parseExpression } from './parse.ts';
import { ClassAdSyntaxError } from './syntaxError.ts';
import { unparse } from './unparse.ts';
import { Deferred, stringOf } from './value.ts';

export type DollarOutcome =
  | {
      readonly kind: 'expanded';
      readonly text: string;
      /** What was taken from the machine, as the job ad then keeps it: `MATCH_<name>`. */
      readonly matched: Readonly<Record<string, string>>;
    }
  /** The job would be held: which reference, and why. */
  | { readonly kind: 'failed'; readonly reference: string; readonly reason: string };

export interface DollarOptions {
  readonly job: ClassAd;
  readonly machine: ClassAd;
  readonly context?: EvaluationContext;
}

/**
 * Fills in `$$(attr)`, `$$(attr:default)` and `$$([expr])` in a text of a job from the machine that it was matched
 * with. `$$(attr)` is the text of the machine's attribute, unevaluated and without quotes around it; `$$([expr])` is
 * evaluated with MY the job and TARGET the machine; `$$(DOLLARDOLLAR)` is `$$`. What is filled in is not looked at
 * again. A job that has `MATCH_<attr>` already uses that.
 */
export function expandDollars(text: string, options: DollarOptions): DollarOutcome {
  const matched: Record<string, string> = {};
  let output = '';
  let at = 0;
  for (let start = text.indexOf('$$('); start >= 0; start = text.indexOf('$$(', at)) {
    const end = endOf(text, start + 3);
    if (end < 0) break;
    const reference = text.slice(start + 3, end);
    const filled = fill(reference, options, matched);
    if (typeof filled !== 'string')
      return { kind: 'failed', reference: `$$(${reference})`, reason: filled.reason };
    output += text.slice(at, start) + filled;
    at = end + 1;
  }
  return { kind: 'expanded', text: output + text.slice(at), matched };
}

/** Where the closing parenthesis stands; of `$$([…])` the one after the bracket. */
function endOf(text: string, from: number): number {
  if (text[from] !== '[') return text.indexOf(')', from);
  const end = text.indexOf('])', from);
  return end < 0 ? -1 : end + 1;
}

function fill(
  reference: string,
  options: DollarOptions,
  matched: Record<string, string>,
): string | { readonly reason: string } {
  if (reference.startsWith('[')) return evaluated(reference.slice(1, -1), options);
  const colon = reference.indexOf(':');
  const name = (colon < 0 ? reference : reference.slice(0, colon)).trim();
  if (/^dollardollar$/i.test(name)) return '$$';
  if (name.includes('.')) return { reason: 'a name with a dot' };
  const kept = options.job.get(`MATCH_${name}`);
  if (kept !== undefined) return textOf(options.job, `MATCH_${name}`) ?? '';
  const found = textOf(options.machine, name) ?? (colon < 0 ? null : reference.slice(colon + 1));
  if (found === null) return { reason: 'the machine has no such attribute' };
  matched[`MATCH_${name}`] = found;
  return found;
}

/** The text of an attribute; of a string the string itself. Null: there is none. */
function textOf(ad: ClassAd, name: string): string | null {
  const index = ad.slotIndex(name);
  if (index < 0) return null;
  const slot = ad.flat().slots[index];
  if (typeof slot === 'string') return stringOf(slot);
  return unparse(slot instanceof Deferred ? slot.expr : exprOf(slot), 'old');
}

function evaluated(
  text: string,
  { job, machine, context = fixedContext }: DollarOptions,
): string | { readonly reason: string } {
  try {
    const expr = parseExpression(text.replaceAll(/\\(["\\])/g, '$1'), { syntax: 'old' });
    const value = toStringValue(evaluate(expr, { ad: job, target: machine, context }));
    return typeof value === 'string'
      ? (stringOf(value) ?? '')
      : { reason: value === undefined ? 'the expression is undefined' : 'the expression is an error' };
  } catch (error) {
    if (error instanceof ClassAdSyntaxError) return { reason: error.message };
    throw error;
  }
}
