/**
 * Random expressions and ads over the whole grammar, from a seed: the same seed gives the same ones. They are meant
 * to be evaluated, so names mostly exist, arguments mostly fit, and odd things turn up often enough.
 */
export interface Dice {
  /** In [0, 1). */
  roll(): number;
  below(limit: number): number;
  pick<T>(items: readonly [T, ...T[]]): T;
}

/** A small generator of its own (mulberry32), so that a seed means the same everywhere. */
export function diceOf(seed: number): Dice {
  let state = seed >>> 0;
  const roll = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  const below = (limit: number) => Math.floor(roll() * limit);
  return {
    roll,
    below,
    pick: <T>(items: readonly [T, ...T[]]): T => items[below(items.length)] ?? items[0],
  };
}

const literals = [
  '0',
  '1',
  '2',
  '-1',
  '7',
  '10',
  '-3',
  '100',
  '4096',
  '2147483648',
  '9223372036854775807',
  '-9223372036854775808',
  '9007199254740993',
  '0.0',
  '-0.0',
  '1.5',
  '-2.5',
  '1e300',
  '1e-5',
  '3.0',
  '0.1',
  '123456.789',
  'true',
  'false',
  'undefined',
  'error',
  'TRUE',
  '""',
  '"a"',
  '"A"',
  '"abc"',

  '"a,b,c"',
  '"B, a"',
  '"12"',
  '"1.5x"',
  '"x y"',
  '"10.0.2"',
  '"9.12"',
  '"user@host"',
  '"a\\nb"',
  '"\\303\\251"',

  '"LINUX"',
  '"linux"',
  '" "',
  '"true"',
  '"^a"',
  '"(a)(b)?"',
  '"[a-c]+"',
  '"A=1 B=2"',
  '"\\\\1-\\\\0"',
  '"i"',
] as const;

const times = [
  'absTime("2004-01-02T03:04:05Z")',
  'absTime("1970-01-02T00:00:00+05:30")',
  'relTime("1:02:03")',
  'relTime(90)',
  'relTime(-100000)',
  'relTime(0.5)',
  'absTime(86400)',
  'absTime(5,3600)',
] as const;

const names = [
  'a',
  'b',
  'c',
  'd',
  'i',
  'r',
  's',
  'l',
  'n',
  'u',
  'e',
  'B',
  'Memory',
  'RequestMemory',
  'Arch',
] as const;
const scopes = [
  'MY',
  'TARGET',
  'other',
  'n',
  'my',
  'target',
  'self',
  'parent',
  'LEFT',
  'RIGHT',
  'root',
] as const;
const binaries = [
  '+',
  '-',
  '*',
  '/',
  '%',
  '&',
  '|',
  '^',
  '<<',
  '>>',
  '>>>',
  '&&',
  '||',
  '&&',
  '||',
  '==',
  '!=',
  '<',
  '<=',
  '>',
  '>=',
  '=?=',
  '=!=',
  'is',
  'isnt',
  '==',
] as const;

/** Functions of so many arguments; those that depend on the clock, on chance or on the machine are left out. */
const functions: readonly (readonly [string, number, number])[] = [
  ...['isUndefined', 'isError', 'isString', 'isInteger', 'isReal', 'isList', 'isClassAd', 'isBoolean'].map(
    (name) => [name, 1, 1] as const,
  ),
  ...[
    'isAbsTime',
    'isRelTime',
    'int',
    'real',
    'string',
    'bool',
    'floor',
    'ceil',
    'ceiling',
    'round',
    'size',
  ].map((name) => [name, 1, 1] as const),
  ...['sum', 'avg', 'min', 'max', 'toUpper', 'toLower', 'interval', 'eval', 'debug', 'splitUserName'].map(
    (name) => [name, 1, 1] as const,
  ),
  ...['splitSlotName', 'envV1ToV2', 'getYear', 'getMonth', 'getDays', 'getHours', 'getSeconds'].map(
    (name) => [name, 1, 1] as const,
  ),
  ...['getDayOfWeek', 'getDayOfYear', 'getMinutes', 'splitTime', 'unparse'].map(
    (name) => [name, 1, 1] as const,
  ),
  ...[
    'pow',
    'quantize',
    'strcmp',
    'stricmp',
    'versioncmp',
    'versionLT',
    'versionGE',
    'versionEQ',
    'member',
  ].map((name) => [name, 2, 2] as const),
  ...['identicalMember', 'countMatches', 'evalInEachContext'].map((name) => [name, 2, 2] as const),
  ...['stringListSize', 'stringListSum', 'stringListAvg', 'stringListMin', 'stringListMax', 'split'].map(
    (name) => [name, 1, 2] as const,
  ),
  ...['stringListMember', 'stringListIMember', 'stringListSubsetMatch', 'stringListsIntersect'].map(
    (name) => [name, 2, 3] as const,
  ),
  ...['regexp', 'regexpMember', 'substr'].map((name) => [name, 2, 3] as const),
  ...['regexps', 'replace', 'replaceAll'].map((name) => [name, 3, 4] as const),
  ['stringList_regexpMember', 2, 4],
  ['ifThenElse', 3, 3],
  ['anyCompare', 3, 3],
  ['allCompare', 3, 3],
  ['version_in_range', 3, 3],
  ['strcat', 0, 4],
  ['join', 1, 4],
  ['mergeEnvironment', 0, 3],
  ['argsToList', 1, 2],
  ['listToArgs', 1, 2],
  ['absTime', 1, 2],
  ['relTime', 1, 1],
  ['formatTime', 1, 2],
  ['unresolved', 1, 2],
  ['noSuchFunction', 0, 2],
];

const formats = ['%c', '%Y-%m-%d', '%H:%M:%S|%j|%U|%V|%G', '%-d %_H %^a', '%s'] as const;
const patterns = [
  'a',
  '^a.c$',
  '(a|b)+',
  '[[:alpha:]]+',
  'a{2,3}',
  '\\\\bx',
  '(?i)ABC',
  '(?<=a)b',
  'a(?!c)',
  '\\\\d+',
  '(\\\\w)\\\\1',

  'x*',
  '.',
  '(',
  'a**',
  '^',
  '$',
  '\\\\s',
  '(a)?b',
  '(?:ab)+',
  '[^,]+',
  '(?>a+)b',
  'a++b',
  'a+?',
  '\\\\Ax',
] as const;

/** An expression of about that depth. */
export function expression(dice: Dice, depth: number): string {
  if (depth <= 0) return leaf(dice);
  const deeper = () => expression(dice, depth - 1 - dice.below(2));
  switch (dice.below(14)) {
    case 0:
    case 1:
      return leaf(dice);
    case 2:
    case 3:
    case 4:
    case 5:
      return `${deeper()} ${dice.pick(binaries)} ${deeper()}`;
    case 6:
      return `(${deeper()})`;
    case 7:
      return dice.pick([
        `-${wrapped(deeper())}`,
        `!${wrapped(deeper())}`,
        `~${wrapped(deeper())}`,
        `+${wrapped(deeper())}`,
      ]);
    case 8:
      return `${wrapped(deeper())} ? ${deeper()} : ${deeper()}`;
    case 9:
      return `${wrapped(deeper())} ?: ${wrapped(deeper())}`;
    case 10:
      return list(dice, depth - 1);
    case 11:
      return dice.pick([
        `${wrapped(deeper())}[${deeper()}]`,
        `${list(dice, depth - 1)}[${dice.below(4)}]`,
        `${wrapped(deeper())}.${dice.pick(names)}`,
        `${ad(dice, depth - 1)}.${dice.pick(names)}`,
      ]);
    default:
      return call(dice, depth);
  }
}

function wrapped(text: string): string {
  return `(${text})`;
}

function leaf(dice: Dice): string {
  switch (dice.below(10)) {
    case 0:
    case 1:
    case 2:
      return dice.pick(names);
    case 3:
      return `${dice.pick(scopes)}.${dice.pick(names)}`;
    case 4:
      return dice.pick(times);
    default:
      return dice.pick(literals);
  }
}

function list(dice: Dice, depth: number): string {
  const items = Array.from({ length: dice.below(4) }, () => expression(dice, depth - 1));
  return `{ ${items.join(', ')} }`;
}

function ad(dice: Dice, depth: number): string {
  const entries = Array.from(
    { length: dice.below(4) },
    () => `${dice.pick(names)} = ${expression(dice, depth - 1)}`,
  );
  return `[ ${entries.join('; ')} ]`;
}

function call(dice: Dice, depth: number): string {
  const [name, least, most] = functions[dice.below(functions.length)] ?? ['strcat', 0, 1];
  const odd = dice.below(30) === 0 ? 1 : 0;
  const count = least + dice.below(most - least + 1 + odd);
  const args = Array.from({ length: count }, (_item, index) => argument(dice, name, index, depth));
  return `${name}(${args.join(',')})`;
}

/** Mostly something that the function can use. */
function argument(dice: Dice, name: string, index: number, depth: number): string {
  if (dice.below(4) === 0) return expression(dice, depth - 1);
  if (/regexp|replace/i.test(name) && index === 0) return `"${dice.pick(patterns)}"`;
  if (/^(?:sum|avg|min|max|listToArgs)$/.test(name)) return list(dice, depth - 1);
  if (/member|countMatches|evalInEach/i.test(name) && index === 1 && !/string/i.test(name)) {
    return name === 'countMatches' || name === 'evalInEachContext'
      ? `{ ${ad(dice, 1)}, ${ad(dice, 1)} }`
      : list(dice, depth - 1);
  }
  if (name.endsWith('Compare') && index === 0) return dice.pick(['"<"', '"=="', '"is"', '"!="', '">="']);
  if (name.endsWith('Compare') && index === 1) return list(dice, depth - 1);
  if (/^unparse|^unresolved/.test(name) && index === 0) return dice.pick(names);
  if (name === 'formatTime' && index === 1) return `"${dice.pick(formats)}"`;
  if (/^get[A-Z]|^splitTime|^formatTime/.test(name) && dice.below(2) === 0) return dice.pick(times);
  return leaf(dice);
}

/** Attribute lines in long form; the syntax of values is the old one, so that strings have no escapes. */
export function longAd(dice: Dice): string {
  const lines = [
    `a = ${dice.below(20) - 5}`,
    `i = ${dice.pick(['1', '100', '-7', 'a + 1', 'TARGET.a'])}`,
    `r = ${dice.pick(['1.5', '2.0', '-0.25', 'i * 0.5'])}`,
    `s = ${dice.pick(['"x"', '"LINUX"', '"a,b"', 'strcat("p", s2)'])}`,
    `l = ${dice.pick(['{ 1, 2, 3 }', '{ "a", undefined }', '{ a, TARGET.a }', '{ }'])}`,
    `n = ${dice.pick(['[ a = 1; q = a ]', '[ b = 2; c = parent.a ]', '[ x = MY.b; y = TARGET.a ]'])}`,
    'u = undefined',
    `e = ${dice.pick(['error', '1/0'])}`,
    `Memory = ${dice.below(5) * 1024}`,
    `RequestMemory = ${dice.pick(['1024', 'ifThenElse(isUndefined(TARGET.Memory), 1, TARGET.Memory / 2)'])}`,
    `Arch = "${dice.pick(['X86_64', 'aarch64'])}"`,
  ];
  if (dice.below(3) === 0)
    lines.push(`c = ${dice.pick(['d', 'c', 'b + 1'])}`, `d = ${dice.pick(['c', 'a', '7'])}`);
  return lines.join('\n');
}

const clauses = [
  'TARGET.Memory >= RequestMemory',
  'TARGET.Arch == "X86_64"',
  'TARGET.Memory >= MY.RequestMemory',
  '(Arch =?= "X86_64")',
  'TARGET.a > 3',
  '(TARGET.s == "x" || TARGET.r < 2)',
  'stringListMember("a", TARGET.s)',
  'regexp("^L", TARGET.s)',
  'TARGET.u =?= undefined',
  'isUndefined(TARGET.nosuch)',
  'member(1, TARGET.l)',
  'TARGET.n.a == 1',
  'Memory > 100',
  'TARGET.i',
  '(MY.a != TARGET.a)',
  'versionGE(TARGET.Arch, "X")',
] as const;

/** Old syntax reads escapes otherwise, and a text that is no time would make the whole ad unreadable. */
function withoutEscapes(dice: Dice): string {
  for (;;) {
    const text = expression(dice, 2);
    // The library's Python has no LEFT and RIGHT of its own for the right ad.
    const sides = /\b(?:LEFT|RIGHT|root|self|parent)\b/.test(text);
    if (!sides && !text.includes('\\') && !/Time\("(?!\d{4}-|1:)/.test(text)) return text;
  }
}

/** An ad with Requirements, one side of a match. */
export function matchAd(dice: Dice): string {
  const count = 1 + dice.below(4);
  const parts = Array.from({ length: count }, () =>
    dice.below(8) === 0 ? `(${withoutEscapes(dice)})` : dice.pick(clauses),
  );
  return `${longAd(dice)}\nRequirements = ${parts.join(dice.below(5) === 0 ? ' || ' : ' && ')}`;
}
