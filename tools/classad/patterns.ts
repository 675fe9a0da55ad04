import type { Dice } from './generate.ts';

/**
 * Random regular expressions over what PCRE2 knows, with subjects of the few bytes that they speak of, so that they
 * match often. Subjects are short: the library has no bound on time that would be the same as ours.
 */

const bytes = ['a', 'b', 'c', 'A', 'B', '1', '_', ' ', '-', '\n'] as const;

const singles = [
  'a',
  'a',
  'b',
  'b',
  'c',
  'A',
  '1',
  '_',
  ' ',
  '-',
  '.',
  '.',
  'ab',
  'ba',
  'aa',
  '\n',
  '}',
  '{',
  ']',
  '{,2}',
  '[ab]',
  '[^a]',
  '[a-c]',
  '[]a]',
  '[^]a]',
  '[[:alpha:]]',
  '[[:^digit:]_]',
  '[\\d-]',
  '[\\w-a]',
  '[a\\]b]',
  '[-a]',
  '[a-]',
  '[\\n]',
  '[\\101]',
  '[[:upper:]]',
  '[[:lower:]1]',
  '[\\Qa-c\\E]',
  '[^\\W]',
  '[a\\b]',
  '[\\x41-c]',
  '\\d',
  '\\D',
  '\\w',
  '\\W',
  '\\s',
  '\\S',
  '\\h',
  '\\H',
  '\\v',
  '\\V',
  '\\N',
  '\\R',
  '\\x61',
  '\\x{61}',
  '\\141',
  '\\o{141}',
  '\\cJ',
  '\\t',
  '\\n',
  '\\Qa.b\\E',
  '\\Q\\E',
  '\\Eab',
  '\\-',
  '\\x',
] as const;

const assertions = ['^', '$', '\\b', '\\B', '\\A', '\\z', '\\Z', '\\G', '\\K', '(?#x)'] as const;

const references = [
  '\\1',
  '\\1',
  '\\2',
  '\\g1',
  '\\g{1}',
  '\\g{-1}',
  '\\k<n>',
  "\\k'n'",
  '\\k{n}',
  '(?P=n)',
  '\\g{n}',
  '\\11',
  '(?1)',
  '(?2)',
  '(?R)',
  '(?0)',
  '(?-1)',
  '(?+1)',
  '(?&n)',
  '(?P>n)',
  '\\g<1>',
  "\\g'n'",
] as const;

const openings = [
  '(',
  '(',
  '(',
  '(',
  '(?:',
  '(?:',
  '(?<n>',
  '(?|',
  '(?>',
  '(?=',
  '(?!',
  '(?<=',
  '(?<!',
  '(?i:',
  '(?-i:',
  '(?s:',
  '(?m:',
  '(?x:',
  '(?i-s:',
  '(?^:',
  '(?^i:',
  "(?'m'",
  '(?P<p>',
] as const;

const conditions = [
  '(?(1)',
  '(?(1)',
  '(?(2)',
  '(?(-1)',
  '(?(<n>)',
  '(?(?=a)',
  '(?(?!b)',
  '(?(?<=a)',
  '(?(n)',
] as const;
const flags = ['(?i)', '(?s)', '(?m)', '(?x)', '(?-i)', '(?im)', '(?^)'] as const;
const quantifiers = ['*', '+', '?', '{2}', '{0,2}', '{1,}', '{1,3}', '{0}', '{2,3}', '{0,1}'] as const;
const options = ['', '', '', 'i', 'm', 's', 'x', 'im', 'is', 'imsx'] as const;

export function pattern(dice: Dice, depth: number): string {
  const branches = 1 + (dice.below(4) === 0 ? 1 + dice.below(2) : 0);
  return Array.from({ length: branches }, () => sequence(dice, depth)).join('|');
}

function sequence(dice: Dice, depth: number): string {
  return Array.from({ length: dice.below(8) === 0 ? 0 : 1 + dice.below(3) }, () =>
    quantified(dice, depth),
  ).join('');
}

function quantified(dice: Dice, depth: number): string {
  const text = item(dice, depth);
  if (dice.below(5) > 1) return text;
  return `${text}${dice.pick(quantifiers)}${dice.pick(['', '', '', '?', '+'])}`;
}

function item(dice: Dice, depth: number): string {
  switch (dice.below(depth > 0 ? 14 : 7)) {
    case 0:
      return dice.pick(assertions);
    case 1:
      return dice.below(2) === 0 ? dice.pick(references) : dice.pick(singles);
    case 7:
    case 8:
    case 9:
    case 10:
    case 11:
      return `${dice.pick(openings)}${pattern(dice, depth - 1)})`;
    case 12:
      return dice.below(2) === 0
        ? `${dice.pick(conditions)}${sequence(dice, depth - 1)}|${sequence(dice, depth - 1)})`
        : `${dice.pick(conditions)}${sequence(dice, depth - 1)})`;
    case 13:
      return dice.below(3) === 0 ? dice.pick(flags) : `(${pattern(dice, depth - 1)})`;
    default:
      return dice.pick(singles);
  }
}

function subject(dice: Dice): string {
  const few = dice.below(2) === 0;
  return Array.from({ length: dice.below(10) }, () =>
    few ? dice.pick(['a', 'b', 'c']) : dice.pick(bytes),
  ).join('');
}

function quoted(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
}

/** An expression that says whether a pattern matches, what, what its groups are, and what replacing it gives. */
export function patternExpression(dice: Dice): string {
  const args = `${quoted(pattern(dice, 1 + dice.below(3)))},${quoted(subject(dice))}`;
  const option = quoted(dice.pick(options));
  const said = (call: string) => `ifThenElse(isError(${call}),"E",${call})`;
  const calls = [
    `regexp(${args},${option})`,
    `regexps(${args},"<\\\\0>",${option})`,
    `regexps(${args},"<\\\\1>",${option})`,
    `regexps(${args},"<\\\\1,\\\\2>",${option})`,
    `replaceAll(${args},"<\\\\0>",${option})`,
  ];
  return `strcat(${calls.map(said).join(',";",')})`;
}
