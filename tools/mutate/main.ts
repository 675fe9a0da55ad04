import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { mutate } from './apply.ts';
import { type Mutant, mutants } from './mutants.ts';
import { failed, passed, type Report } from './report.ts';

/**
 * npm run mutate [-- --json] [NAME]: breaks the source on purpose, one small thing at a time, and sees that the named
 * test fails. NAME is a part of the mutants' names; without it all are run. Works in a copy of the tree. Exit code 1
 * where a mutant survives, or a named test does not pass without it.
 */
const root = resolve(import.meta.dirname, '../..');
const runTimeoutMs = 90_000;
const copied = [
  'src',
  'test',
  'tools',
  'config',
  'examples',
  'package.json',
  'tsconfig.json',
  'vitest.config.ts',
];

interface Verdict {
  readonly name: string;
  readonly breaks: string;
  readonly test: string;
  readonly verdict: 'caught' | 'survived';
  readonly ms: number;
}

async function main(args: readonly string[]): Promise<void> {
  const isJson = args.includes('--json');
  const [part = ''] = args.filter((arg) => arg !== '--json');
  const chosen = mutants.filter(({ name }) => name.includes(part));
  if (chosen.length === 0) throw new Error(`no mutant is called "${part}"`);
  const tree = mkdtempSync(join(tmpdir(), 'spillway-mutants-'));
  try {
    for (const path of copied) cpSync(join(root, path), join(tree, path), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'));
    const broken = await withoutMutants(tree, chosen);
    for (const problem of broken) process.stderr.write(`${problem}\n`);
    const verdicts: Verdict[] = [];
    for (const mutant of broken.length > 0 ? [] : chosen) {
      const verdict = await tryOut(tree, mutant);
      verdicts.push(verdict);
      if (!isJson) process.stdout.write(`${row(verdict)}\n`);
    }
    const survived = verdicts.filter(({ verdict }) => verdict === 'survived').length;
    if (isJson) process.stdout.write(`${JSON.stringify({ mutants: verdicts.length, survived, verdicts })}\n`);
    else process.stdout.write(`${verdicts.length} mutants, ${survived} survived\n`);
    process.exitCode = broken.length + survived === 0 ? 0 : 1;
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}

function row({ verdict, name, test, ms }: Verdict): string {
  return `${verdict.padEnd(8)}  ${(ms / 1000).toFixed(1).padStart(5)} s  ${name.padEnd(58)}  ${test}`;
}

/** Each search text must be there, and each named test must pass as long as nothing is broken. */
async function withoutMutants(tree: string, chosen: readonly Mutant[]): Promise<string[]> {
  const report = await runTests(tree, [...new Set(chosen.map(({ testFile }) => testFile))]);
  return chosen.flatMap((mutant) => {
    mutate(readFileSync(join(tree, mutant.file), 'utf8'), mutant);
    const { name, test, testFile } = mutant;
    return passed(report, testFile, test) && !failed(report, testFile, test)
      ? []
      : [`${name}: no such test passes without it: ${testFile}: ${test}`];
  });
}

async function tryOut(tree: string, mutant: Mutant): Promise<Verdict> {
  const { name, breaks, file, testFile, test } = mutant;
  const path = join(tree, file);
  const source = readFileSync(path, 'utf8');
  const began = performance.now();
  writeFileSync(path, mutate(source, mutant));
  try {
    const report = await runTests(tree, [testFile], test);
    const verdict = failed(report, testFile, test) ? 'caught' : 'survived';
    return { name, breaks, test, verdict, ms: Math.round(performance.now() - began) };
  } finally {
    writeFileSync(path, source);
  }
}

async function runTests(tree: string, files: readonly string[], test?: string): Promise<Report> {
  const output = join(tree, 'report.json');
  rmSync(output, { force: true });
  const args = ['run', '--project', 'unit', '--reporter=json', `--outputFile=${output}`];
  if (test !== undefined) args.push('--testNamePattern', test.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  await new Promise<void>((done) => {
    execFile(
      process.execPath,
      [vitest, ...args, ...files],
      { cwd: tree, timeout: runTimeoutMs, killSignal: 'SIGKILL', maxBuffer: 64 * 1024 * 1024 },
      () => done(),
    );
  });
  return JSON.parse(readFileSync(output, 'utf8')) as Report;
}

await main(process.argv.slice(2));
