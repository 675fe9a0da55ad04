import { describe, expect, it } from 'vitest';
import { adFromValues, withAttributes } from '../../src/classad/ad.ts';
import { clausesOf, references } from '../../src/classad/analyze.ts';
import { analyze, renderAnalysis } from '../../src/classad/betterAnalyze.ts';
import { fixedContext } from '../../src/classad/context.ts';
import { expandDollars } from '../../src/classad/dollar.ts';
import { evaluateAttribute } from '../../src/classad/evaluate.ts';
import { flatten } from '../../src/classad/flatten.ts';
import { parseLongAd } from '../../src/classad/long.ts';
import { rankOf, requirementsHold, symmetricMatch } from '../../src/classad/match.ts';
import { parseExpression } from '../../src/classad/parse.ts';
import { plainOf } from '../../src/classad/plain.ts';
import { unparse } from '../../src/classad/unparse.ts';
import { Real } from '../../src/classad/value.ts';

const job = parseLongAd(`
RequestMemory = 2048
RequestCpus = ifThenElse(Wide, 8, 1)
Wide = false
Owner = "ann"
Requirements = (TARGET.Arch == "x86_64") && ((TARGET.Memory >= RequestMemory) && TARGET.Cpus >= RequestCpus)
Rank = TARGET.Memory / 2.0
`);
const offer = adFromValues({
  Arch: 'X86_64',
  Memory: 4096,
  Cpus: 4,
  Start: parseExpression('TARGET.Owner != "bob"', { syntax: 'old' }),
  Requirements: parseExpression('Start', { syntax: 'old' }),
});

describe('a match', () => {
  it('holds both ways or not at all', () => {
    expect(symmetricMatch(job, offer)).toBe(true);
    expect(symmetricMatch(job, withAttributes(offer, { Memory: 1024 }))).toBe(false);
    expect(symmetricMatch(withAttributes(job, { owner: 'bob' }), offer)).toBe(false);
    expect(requirementsHold(adFromValues({}), offer)).toBe(false);
    expect(requirementsHold(adFromValues({ Requirements: 2 }), offer)).toBe(true);
    expect(requirementsHold(adFromValues({ Requirements: 'true' }), offer)).toBe(false);
  });

  it('is ranked by a number', () => {
    expect(rankOf(job, offer)).toBe(2048);
    expect(rankOf(offer, job)).toBe(0);
    expect(rankOf(adFromValues({ Rank: 'high' }), offer)).toBe(0);
  });

  it('has values that JavaScript can use', () => {
    const ad = adFromValues({
      a: 1,
      b: 2n ** 60n,
      c: new Real(2),
      d: 'é',
      e: null,
      f: [1, 'x'],
      g: { h: true, ['__proto__']: 2 },
    });
    const plain = ad.names().map((name) => plainOf(evaluateAttribute(ad, name)));
    expect(plain).toEqual([1, 2n ** 60n, 2, 'é', null, [1, 'x'], { h: true, ['__proto__']: 2 }]);
    expect(unparse(ad, 'new')).toContain('c = 2.000000000000000E+00');
  });
});

describe('partial evaluation', () => {
  const flat = (text: string) =>
    unparse(flatten(parseExpression(text, { syntax: 'old' }), job, fixedContext), 'old');

  it.each([
    ['TARGET.Memory >= RequestMemory', 'TARGET.Memory >= 2048'],
    ['Memory >= MY.RequestMemory * 2', 'TARGET.Memory >= 4096'],
    ['TARGET.Cpus >= RequestCpus', 'TARGET.Cpus >= 1'],
    ['Wide && TARGET.x', 'false'],
    ['TARGET.x && Wide', 'TARGET.x && false'],
    ['Wide ? TARGET.a : TARGET.b', 'TARGET.b'],
    ['MY.Nothing =?= undefined', 'true'],
    ['random(10) > 5', 'random(10) > 5'],
    ['strcat(Owner, "@x") == TARGET.User', '"ann@x" == TARGET.User'],
  ])('%s is %s', (text, wanted) => {
    expect(flat(text)).toBe(wanted);
  });
});

describe('analysis', () => {
  it('takes Requirements apart into clauses', () => {
    expect(clausesOf(job, 'requirements').map(({ text }) => text)).toEqual([
      'TARGET.Arch == "x86_64"',
      'TARGET.Memory >= RequestMemory',
      'TARGET.Cpus >= RequestCpus',
    ]);
  });

  it('tells own names from those of the other side', () => {
    const { internal, external } = references(job);
    expect(internal).toEqual(['Wide', 'RequestMemory', 'RequestCpus']);
    expect(external).toEqual(['Arch', 'Memory', 'Cpus']);
  });

  it('finds the smallest change that helps', () => {
    const offers = [
      withAttributes(offer, { Memory: 1024 }),
      withAttributes(offer, { Memory: 512 }),
      withAttributes(offer, { Arch: 'aarch64', Memory: 1024 }),
      withAttributes(offer, { Cpus: 0, Requirements: false }),
    ];
    const analysis = analyze(job, offers);
    expect(analysis).toMatchObject({ offers: 4, matches: 0, relaxation: [1], matchesRelaxed: 2 });
    expect(analysis.clauses.map(({ refuses, refusesAlone }) => [refuses, refusesAlone])).toEqual([
      [1, 0],
      [3, 2],
      [1, 1],
    ]);
    expect(renderAnalysis(analysis)).toContain('without [1], 2 would match');
  });
});

describe('$$()', () => {
  const machine = parseLongAd('Image = "ami-1"\nCpus = 4\nTotal = Cpus * 2\nText = "a\\"b"');
  const expand = (text: string, own = job) => expandDollars(text, { job: own, machine });

  it('is filled in from the machine, unevaluated', () => {
    expect(expand('run $$(Image) -n $$(Cpus) $$(Total)')).toEqual({
      kind: 'expanded',
      text: 'run ami-1 -n 4 Cpus * 2',
      matched: { MATCH_Image: 'ami-1', MATCH_Cpus: '4', MATCH_Total: 'Cpus * 2' },
    });
  });

  it('knows defaults, expressions, itself and what was matched before', () => {
    const text = (source: string, own = job) => expand(source, own);
    expect(text('$$(Zone:eu west)')).toMatchObject({ text: 'eu west' });
    expect(text('$$([TARGET.Cpus * RequestMemory])')).toMatchObject({ text: '8192' });
    expect(text('$$([strcat(\\"a\\", MY.Owner)])')).toMatchObject({ text: 'aann' });
    expect(text('$$(DOLLARDOLLAR)(Image)')).toMatchObject({ text: '$$(Image)' });
    expect(text('$$(Image)', withAttributes(job, { MATCH_Image: 'ami-0' }))).toMatchObject({ text: 'ami-0' });
  });

  it('holds the job where it cannot be filled in', () => {
    expect(expand('x $$(Zone) y')).toMatchObject({ kind: 'failed', reference: '$$(Zone)' });
    expect(expand('$$(TARGET.Cpus)')).toMatchObject({ kind: 'failed' });
    expect(expand('$$([1 +])')).toMatchObject({ kind: 'failed' });
  });
});
