import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ClassAd } from '../../src/classad/ad.ts';
import { evaluate } from '../../src/classad/evaluate.ts';
import { parseLongAd } from '../../src/classad/long.ts';
import { symmetricMatch } from '../../src/classad/match.ts';
import { parseExpression, parseNewAd } from '../../src/classad/parse.ts';
import { ClassAdSyntaxError } from '../../src/classad/syntaxError.ts';
import { unparse } from '../../src/classad/unparse.ts';
import { explanationOf } from './explained.ts';
import { type Dice, diceOf, expression, longAd, matchAd } from './generate.ts';
import { patternExpression } from './patterns.ts';

/**
 * Sends random expressions and pairs of ads through HTCondor's own library and through ours, and prints where they
 * differ. Arguments: `--count N` expressions (100,000), `--patterns N` regular expressions (20,000), `--pairs N` (2,000),
 * `--seed N` (1). Exit: 0 no unexplained
 * difference, 1 some, 3 the library cannot be had. CLASSAD_ORACLE_PYTHON names a Python that has it; else one is
 * made in .testbed with pip.
 */

const oracleVersion = '25.14.1';
const here = dirname(fileURLToPath(import.meta.url));
const batchSize = 2000;
const shownMax = 40;
const crashed = 'the library crashed';

/** A Python that has the library; null: there is none, and it has been said why. */
function oraclePython(): string | null {
  const python = process.env.CLASSAD_ORACLE_PYTHON ?? installedPython();
  if (python === null) return null;
  return succeeds(python, ['-c', 'import classad2, htcondor2']) ? python : null;
}

function installedPython(): string | null {
  const testbed = process.env.SPILLWAY_TESTBED ?? join(here, '../../.testbed');
  const home = join(testbed, 'classad-oracle');
  const python = join(home, 'bin/python');
  if (existsSync(join(home, 'ready'))) return python;
  mkdirSync(testbed, { recursive: true });
  const made =
    succeeds('python3', ['-m', 'venv', home]) &&
    succeeds(python, ['-m', 'pip', 'install', '--quiet', `htcondor==${oracleVersion}`]) &&
    succeeds('touch', [join(home, 'ready')]);
  return made ? python : null;
}

function succeeds(command: string, args: readonly string[]): boolean {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (status === 0) return true;
  const reason = error?.message ?? stderr.trim();
  process.stderr.write(`${command} ${args.join(' ')}: ${reason}\n`);
  return false;
}

interface Answer {
  readonly value?: string;
  readonly matches?: boolean;
  readonly version?: string;
}

/** The library in a process of its own, which some expressions bring down; then it is started again. */
class Oracle {
  private readonly python: string;
  private child: ChildProcess | null = null;
  private lines: AsyncIterator<string> | null = null;

  constructor(python: string) {
    this.python = python;
  }

  private start(): { readonly child: ChildProcess; readonly lines: AsyncIterator<string> } {
    if (this.child !== null && this.lines !== null) return { child: this.child, lines: this.lines };
    const child = spawn(this.python, [join(here, 'oracle.py')], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, TZ: 'UTC' },
    });
    const { stdin, stdout } = child;
    if (stdin === null || stdout === null) throw new Error('the oracle has no pipes');
    stdin.on('error', () => {});
    this.child = child;
    this.lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
    return { child, lines: this.lines };
  }

  /** An empty answer where the library crashed. */
  async ask(requests: readonly object[]): Promise<readonly Answer[]> {
    const answers: Answer[] = [];
    while (answers.length < requests.length) {
      const { child, lines } = this.start();
      const rest = requests.slice(answers.length);
      child.stdin?.write(rest.map((request) => `${JSON.stringify(request)}\n`).join(''));
      while (answers.length < requests.length) {
        const { value, done } = await lines.next();
        if (done === true) {
          answers.push({});
          this.child = null;
          break;
        }
        answers.push(JSON.parse(value) as Answer);
      }
    }
    return answers;
  }

  close(): void {
    this.child?.stdin?.end();
  }
}

function adOf(text: string): ClassAd {
  return text.trimStart().startsWith('[') ? parseNewAd(text) : parseLongAd(text);
}

interface EvaluationCase {
  readonly expr: string;
  readonly ad: string | null;
  readonly target: string | null;
}

function ours({ expr, ad, target }: EvaluationCase): string {
  try {
    const parsed = parseExpression(expr, { syntax: 'new' });
    const value = evaluate(parsed, {
      ...(ad === null ? {} : { ad: adOf(ad) }),
      ...(target === null ? {} : { target: adOf(target) }),
    });
    return unparse(value, 'new');
  } catch (error) {
    if (error instanceof ClassAdSyntaxError) return 'PARSEFAIL';
    throw error;
  }
}

interface Tally {
  compared: number;
  explained: Map<string, number>;
  unexplained: number;
}

function note(tally: Tally, request: object, theirs: string, mine: string): void {
  tally.compared++;
  if (theirs === mine) return;
  const reason = explanationOf(JSON.stringify(request), theirs, mine);
  if (reason !== null) {
    tally.explained.set(reason, (tally.explained.get(reason) ?? 0) + 1);
    return;
  }
  tally.unexplained++;
  if (tally.unexplained <= shownMax) {
    process.stdout.write(`${JSON.stringify({ ...request, library: theirs, ours: mine })}\n`);
  }
}

/** Sends so many cases of a kind, a batch at a time. */
async function compareExpressions(
  oracle: Oracle,
  count: number,
  make: () => EvaluationCase,
  tally: Tally,
): Promise<void> {
  for (let done = 0; done < count; done += batchSize) {
    const cases = Array.from({ length: Math.min(batchSize, count - done) }, make);
    const answers = await oracle.ask(cases);
    cases.forEach((request, index) => {
      note(tally, request, answers[index]?.value ?? crashed, ours(request));
    });
  }
}

function expressionCase(dice: Dice): EvaluationCase {
  const withAd = dice.below(10) > 2;
  const withTarget = withAd && dice.below(3) > 0;
  return {
    expr: expression(dice, 1 + dice.below(4)),
    ad: withAd ? longAd(dice) : null,
    target: withTarget ? longAd(dice) : null,
  };
}

async function comparePairs(oracle: Oracle, count: number, seed: number, tally: Tally): Promise<void> {
  const dice = diceOf(seed + 1);
  for (let done = 0; done < count; done += batchSize) {
    const cases = Array.from({ length: Math.min(batchSize, count - done) }, () => ({
      match: [matchAd(dice), matchAd(dice)] as const,
    }));
    const answers = await oracle.ask(cases);
    cases.forEach((request, index) => {
      const [left, right] = request.match;
      const mine = symmetricMatch(parseLongAd(left), parseLongAd(right));
      note(tally, request, String(answers[index]?.matches ?? crashed), String(mine));
    });
  }
}

function option(name: string, fallback: number): number {
  const at = process.argv.indexOf(`--${name}`);
  const value = at < 0 ? fallback : Number(process.argv[at + 1]);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`--${name} takes a number`);
  return value;
}

async function main(): Promise<number> {
  const count = option('count', 100_000);
  const patterns = option('patterns', 20_000);
  const pairs = option('pairs', 2_000);
  const seed = option('seed', 1);
  const python = oraclePython();
  if (python === null) return 3;
  const oracle = new Oracle(python);
  const [{ version } = {}] = await oracle.ask([{ version: true }]);
  const tally = (): Tally => ({ compared: 0, explained: new Map(), unexplained: 0 });
  const [expressions, regular, matches] = [tally(), tally(), tally()];
  const dice = diceOf(seed);
  await compareExpressions(oracle, count, () => expressionCase(dice), expressions);
  const patternDice = diceOf(seed + 2);
  const patternCase = () => ({ expr: patternExpression(patternDice), ad: null, target: null });
  await compareExpressions(oracle, patterns, patternCase, regular);
  await comparePairs(oracle, pairs, seed, matches);
  oracle.close();
  for (const [what, tally] of [
    ['expressions', expressions],
    ['regular expressions', regular],
    ['pairs', matches],
  ] as const) {
    const explained = [...tally.explained].map(([reason, times]) => `, ${times} ${reason}`).join('');
    process.stdout.write(
      `${tally.compared} ${what} against ${version}, seed ${seed}: ${tally.unexplained} unexplained${explained}\n`,
    );
  }
  return expressions.unexplained + regular.unexplained + matches.unexplained === 0 ? 0 : 1;
}

process.exitCode = await main();
