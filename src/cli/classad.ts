import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Readable, Writable } from 'node:stream';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { adFromValues, type ClassAd } from '../classad/ad.ts';
import { analyze, renderAnalysis } from '../classad/betterAnalyze.ts';
import { type EvaluationContext, fixedContext, type Semantics, semanticsKinds } from '../classad/context.ts';
import { evaluate } from '../classad/evaluate.ts';
import { type AdForm, adForms, formOf, readAdStream, readAds, writeAds } from '../classad/forms.ts';
import { parseLongAd } from '../classad/long.ts';
import { matchAds } from '../classad/matcher.ts';
import { parseExpression, parseNewAd } from '../classad/parse.ts';
import { ClassAdSyntaxError } from '../classad/syntaxError.ts';
import { unparse } from '../classad/unparse.ts';

/** What the commands take from outside. Standard streams are arguments, so that tests need no process. */
export interface ClassAdDeps {
  readonly input: Readable;
  readonly output: Writable;
  readonly errors: Writable;
  /** Epoch seconds. */
  readonly nowSeconds: () => number;
  readonly monotonicSeconds: () => number;
  readonly random: () => number;
  readonly setExitCode: (code: number) => void;
}

interface EvalOptions {
  readonly ad?: string;
  readonly target?: string;
  readonly semantics: Semantics;
  readonly now?: number;
  readonly jsonl?: boolean;
}

function numberOption(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value)) throw new InvalidArgumentError('not a number');
  return value;
}

/** Registers `classad eval|match|analyze|fmt|convert`. Exit codes: 0, or 2 for what cannot be read or parsed. */
export function classadCommand(program: Command, deps: ClassAdDeps): void {
  const classad = program.command('classad').description('evaluate, match and convert ClassAds');
  const run = <T extends readonly unknown[]>(action: (...args: T) => Promise<void>) => {
    return (...args: T) => reporting(deps, () => action(...args));
  };
  classad
    .command('eval [EXPR]')
    .description('the value of an expression, in new syntax')
    .option('--ad <FILE>', 'the ad in which names are looked up')
    .option('--target <FILE>', 'the ad on the other side')
    .addOption(new Option('--semantics <KIND>').choices(semanticsKinds).default('old'))
    .option('--now <SECONDS>', 'the time, since 1970; default: the clock', numberOption)
    .option('--jsonl', 'lines {"expr","ad","target"} from standard input, a line for each to standard output')
    .action(run((expr: string | undefined, options: EvalOptions) => evalCommand(expr, options, deps)));
  classad
    .command('match')
    .description('which ads of two files match each other, both ways')
    .requiredOption('--left <FILE>')
    .requiredOption('--right <FILE>')
    .option('--list', 'the pairs, by their places in the files, from 0')
    .option('--raw', 'every pair by itself: no partial evaluation, index or memo')
    .action(run((options: MatchOptions) => matchCommand(options, deps)));
  classad
    .command('analyze <JOB> <OFFERS>')
    .description('why a job ad matches few of the offers, and what would help')
    .option('--json', 'as JSON')
    .action(
      run((job: string, offers: string, options: { json?: boolean }) =>
        analyzeCommand(job, offers, options, deps),
      ),
    );
  classad
    .command('fmt [FILE]')
    .description('an expression or ads as the library prints them')
    .action(run((file: string | undefined) => fmtCommand(file, deps)));
  classad
    .command('convert [FILE]')
    .description('ads from one form to another')
    .addOption(new Option('--to <FORM>').choices(adForms).makeOptionMandatory())
    .action(run((file: string | undefined, options: { to: AdForm }) => convertCommand(file, options, deps)));
}

async function reporting(deps: ClassAdDeps, action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    const known = error instanceof ClassAdSyntaxError || (error instanceof Error && 'code' in error);
    if (!known) throw error;
    deps.errors.write(`${error instanceof ClassAdSyntaxError ? error.render() : error.message}\n`);
    deps.setExitCode(2);
  }
}

async function textOf(source: Readable): Promise<string> {
  let text = '';
  source.setEncoding('utf8');
  for await (const chunk of source) text += String(chunk);
  return text;
}

async function readText(file: string | undefined, deps: ClassAdDeps): Promise<string> {
  return file === undefined || file === '-' ? textOf(deps.input) : readFile(file, 'utf8');
}

function chunksOf(file: string, deps: ClassAdDeps): Readable {
  return (file === '-' ? deps.input : createReadStream(file)).setEncoding('utf8');
}

async function adsOfFile(file: string, deps: ClassAdDeps): Promise<readonly ClassAd[]> {
  const ads: ClassAd[] = [];
  for await (const ad of readAdStream(chunksOf(file, deps))) ads.push(ad);
  return ads;
}

async function adOfFile(file: string, deps: ClassAdDeps): Promise<ClassAd> {
  for await (const ad of readAdStream(chunksOf(file, deps))) return ad;
  throw new ClassAdSyntaxError({ code: 'unexpectedEnd', text: '', offset: 0, message: `no ad in ${file}` });
}

function contextOf(semantics: Semantics, nowSeconds: number, deps: ClassAdDeps): EvaluationContext {
  return { ...fixedContext, semantics, nowSeconds, random: deps.random };
}

async function evalCommand(expr: string | undefined, options: EvalOptions, deps: ClassAdDeps): Promise<void> {
  const context = contextOf(options.semantics, options.now ?? deps.nowSeconds(), deps);
  if (options.jsonl === true) return evalLines(context, deps);
  if (expr === undefined) {
    deps.errors.write('an expression is missing\n');
    deps.setExitCode(2);
    return;
  }
  const parsed = parseExpression(expr, { syntax: 'new', semantics: context.semantics });
  const ad = options.ad === undefined ? {} : { ad: await adOfFile(options.ad, deps) };
  const target = options.target === undefined ? {} : { target: await adOfFile(options.target, deps) };
  // A target without an ad still has a side to be the target of.
  const own = 'target' in target && !('ad' in ad) ? { ad: emptyAdOf() } : ad;
  deps.output.write(`${unparse(evaluate(parsed, { ...own, ...target, context }), 'new')}\n`);
}

function emptyAdOf(): ClassAd {
  return adFromValues({});
}

async function evalLines(context: EvaluationContext, deps: ClassAdDeps): Promise<void> {
  for await (const line of linesOf(deps.input)) {
    const answer = `${JSON.stringify(answerTo(line, context))}\n`;
    if (!deps.output.write(answer)) await new Promise((resolve) => deps.output.once('drain', resolve));
  }
}

const lineLengthMax = 67_108_864;

/** Lines as JSON Lines has them: only a line feed ends one. What a line has beyond the limit is dropped. */
async function* linesOf(source: Readable): AsyncGenerator<string, void, void> {
  source.setEncoding('utf8');
  let rest = '';
  for await (const chunk of source) {
    const lines = (rest + String(chunk)).split('\n');
    rest = (lines.pop() ?? '').slice(0, lineLengthMax);
    yield* lines;
  }
  if (rest !== '') yield rest;
}

interface Request {
  readonly expr: string;
  readonly ad: string | null;
  readonly target: string | null;
}

/** One line; never throws. */
function answerTo(
  line: string,
  context: EvaluationContext,
): { readonly value: string } | { readonly error: string } {
  try {
    const { expr, ad, target } = requestOf(line);
    const own = ad === null ? (target === null ? {} : { ad: emptyAdOf() }) : { ad: oneAd(ad, context) };
    const other = target === null ? {} : { target: oneAd(target, context) };
    let parsed: ReturnType<typeof parseExpression>;
    try {
      parsed = parseExpression(expr, {
        syntax: 'new',
        semantics: context.semantics,
        dialect: context.dialect,
      });
    } catch (error) {
      if (error instanceof ClassAdSyntaxError) return { value: 'PARSEFAIL' };
      throw error;
    }
    return { value: unparse(evaluate(parsed, { ...own, ...other, context }), 'new') };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

function requestOf(line: string): Request {
  const data: unknown = JSON.parse(line);
  if (typeof data !== 'object' || data === null) throw new Error('the line is no object');
  const text = (name: string): string | null => {
    const value: unknown = Reflect.get(data, name) ?? null;
    if (value === null || typeof value === 'string') return value;
    throw new Error(`${name} is no string`);
  };
  const expr = text('expr');
  if (expr === null) throw new Error('expr is missing');
  return { expr, ad: text('ad'), target: text('target') };
}

function oneAd(text: string, context: EvaluationContext): ClassAd {
  const form = text.trimStart().startsWith('[');
  return form ? parseNewAd(text, { semantics: context.semantics }) : parseLongAd(text);
}

interface MatchOptions {
  readonly left: string;
  readonly right: string;
  readonly list?: boolean;
  readonly raw?: boolean;
}

async function matchCommand(options: MatchOptions, deps: ClassAdDeps): Promise<void> {
  const left = await adsOfFile(options.left, deps);
  const right = await adsOfFile(options.right, deps);
  const context = contextOf('old', deps.nowSeconds(), deps);
  const start = deps.monotonicSeconds();
  const matches = matchAds(left, right, { context, raw: options.raw === true });
  const seconds = deps.monotonicSeconds() - start;
  if (options.list === true) {
    for (let index = 0; index < left.length; index++) {
      const lines = matches.of(index).map((other) => `${index} ${other}\n`);
      if (lines.length > 0) deps.output.write(lines.join(''));
    }
  }
  const pairs = left.length * right.length;
  const figures = {
    pairs,
    matches: matches.count,
    seconds,
    pairsPerSecond: seconds > 0 ? pairs / seconds : 0,
  };
  deps.output.write(`${JSON.stringify(figures)}\n`);
}

async function analyzeCommand(
  job: string,
  offers: string,
  options: { readonly json?: boolean },
  deps: ClassAdDeps,
): Promise<void> {
  const analysis = analyze(
    await adOfFile(job, deps),
    await adsOfFile(offers, deps),
    contextOf('old', deps.nowSeconds(), deps),
  );
  deps.output.write(options.json === true ? `${JSON.stringify(analysis)}\n` : renderAnalysis(analysis));
}

/** Ads in the form that they came in; anything else is taken for an expression. */
async function fmtCommand(file: string | undefined, deps: ClassAdDeps): Promise<void> {
  const text = await readText(file, deps);
  const form = formOf(text);
  if (form === null) {
    deps.output.write(`${unparse(parseExpression(text, { syntax: 'new' }), 'new')}\n`);
    return;
  }
  deps.output.write(writeAds(readAds(text), form));
}

async function convertCommand(
  file: string | undefined,
  options: { readonly to: AdForm },
  deps: ClassAdDeps,
): Promise<void> {
  deps.output.write(writeAds(readAds(await readText(file, deps)), options.to));
}
