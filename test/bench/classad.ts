import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ClassAd } from '../../src/classad/ad.ts';
import { compileDeferred } from '../../src/classad/compile.ts';
import { deferredOf, evaluateAttribute } from '../../src/classad/evaluate.ts';
import { parseLongAds, readLongAds, writeLongAds } from '../../src/classad/long.ts';
import { matchAds } from '../../src/classad/matcher.ts';
import { parseExpression } from '../../src/classad/parse.ts';
import { Deferred } from '../../src/classad/value.ts';

/**
 * Compile, evaluate and match realistic ads, in one run beside HTCondor's own library where CLASSAD_ORACLE_PYTHON (or
 * .testbed/classad-oracle) has it. Jobs are as condor_submit writes them.
 */

const archs = ['X86_64', 'X86_64', 'X86_64', 'aarch64'] as const;
const systems = ['LINUX', 'LINUX', 'LINUX', 'WINDOWS'] as const;
const types = ['vm-small', 'vm-large', 'gpu', 'himem', 'default'] as const;

/** Job ads of so many distinct Requirements and requests. */
export function jobTexts(classes: number): string[] {
  return Array.from({ length: classes }, (_job, index) => {
    const clauses = [
      `(TARGET.Arch == "${archs[index % 4]}")`,
      `(TARGET.OpSys == "${systems[(index >> 2) % 4]}")`,
      '(TARGET.Disk >= RequestDisk)',
      '(TARGET.Memory >= RequestMemory)',
      '(TARGET.Cpus >= RequestCpus)',
      '((TARGET.FileSystemDomain == MY.FileSystemDomain) || (TARGET.HasFileTransfer))',
    ];
    if (index % 3 === 0) clauses.unshift(`(TARGET.VMType =?= "${types[index % 5]}")`);
    if (index % 7 === 0) clauses.push(`versionGE(split(TARGET.CondorVersion)[1], "${8 + (index % 17)}.0")`);
    if (index % 11 === 0) clauses.push(`stringListMember("${types[index % 5]}", TARGET.Tags)`);
    return [
      `ClusterId = ${1000 + index}`,
      'MyType = "Job"',
      `Owner = "user${index % 40}"`,
      'Cmd = "/bin/true"',
      'JobUniverse = 5',
      `RequestCpus = ${1 + (index % 8)}`,
      `RequestMemory = ${index % 5 === 0 ? 'ifThenElse(MemoryUsage =!= undefined,MemoryUsage,(ImageSize + 1023) / 1024)' : 256 * (1 + (index % 61))}`,
      `RequestDisk = ${1024 * (1 + (index % 97))}`,
      `ImageSize = ${100000 + 1024 * (index % 13)}`,
      'FileSystemDomain = "submit.example.org"',
      `Requirements = ${clauses.join(' && ')}`,
      'Rank = TARGET.Memory + 10.0 * TARGET.Cpus',
      ...Array.from({ length: 40 }, (_fill, at) => `Attribute${at} = ${at % 3 === 0 ? `"value ${at}"` : at}`),
    ].join('\n');
  });
}

/** Slot ads. */
export function slotTexts(count: number): string[] {
  return Array.from({ length: count }, (_slot, index) =>
    [
      `Name = "slot1@host${index}.example.org"`,
      'MyType = "Machine"',
      `Arch = "${archs[index % 4]}"`,
      `OpSys = "${systems[(index >> 3) % 4]}"`,
      `Cpus = ${1 << (index % 7)}`,
      `Memory = ${1024 * (1 + (index % 64))}`,
      `Disk = ${1048576 * (1 + (index % 11))}`,
      `HasFileTransfer = ${index % 5 !== 0}`,
      `FileSystemDomain = "host${index}.example.org"`,
      `CondorVersion = "$CondorVersion: ${8 + (index % 18)}.${index % 10}.0 2025-01-01 $"`,
      `VMType = "${types[index % 5]}"`,
      `Tags = "${types[index % 5]}, ${types[(index + 1) % 5]}"`,
      `MaxJobMemory = ${65536 - 1024 * (index % 30)}`,
      'State = "Unclaimed"',
      'LoadAvg = 0.15',
      'START = (TARGET.JobUniverse == 5) && (TARGET.RequestMemory <= MaxJobMemory)',
      `Requirements = (START) && ${index % 9 === 0 ? `(TARGET.Owner != "user${index % 40}")` : '(TARGET.RequestCpus <= Cpus)'}`,
      'Rank = 0.0',
      ...Array.from(
        { length: 80 },
        (_fill, at) => `SlotAttribute${at} = ${at % 3 === 0 ? `"value ${at}"` : at}`,
      ),
    ].join('\n'),
  );
}

function seconds(run: () => void): number {
  const start = process.hrtime.bigint();
  run();
  return Number(process.hrtime.bigint() - start) / 1e9;
}

/** The best of a few runs, as the machine has other work too. */
function best(times: number, run: () => void): number {
  return Math.min(...Array.from({ length: times }, () => seconds(run)));
}

function round(value: number): number {
  return Number(value.toPrecision(4));
}

function heapMiB(): number {
  global.gc?.();
  global.gc?.();
  return process.memoryUsage().heapUsed / 2 ** 20;
}

interface NativeFigures {
  readonly version: string;
  readonly parsesPerSecond: number;
  readonly evaluationsPerSecond: number;
  /** What the negotiator does for a pair: MatchClassAd, symmetricMatch. */
  readonly matchClassAd: {
    readonly pairs: number;
    readonly matches: number;
    readonly pairsPerSecond: number;
  };
  /** The fastest loop that the library offers, which matches nothing; see tools/classad/benchmark.py. */
  readonly countMatches: { readonly pairsPerSecond: number };
}

/** The same ads with the library. Null: the library is not there. */
function native(jobs: readonly string[], slots: readonly string[]): NativeFigures | null {
  const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
  const own = here('../../.testbed/classad-oracle/bin/python');
  const python = process.env.CLASSAD_ORACLE_PYTHON ?? own;
  if (!existsSync(python)) return null;
  const { status, stdout, stderr } = spawnSync(python, [here('../../tools/classad/benchmark.py')], {
    input: JSON.stringify({ jobs, slots }),
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) {
    process.stderr.write(stderr);
    return null;
  }
  return JSON.parse(stdout) as NativeFigures;
}

function parsed(texts: readonly string[]): ClassAd[] {
  return parseLongAds(texts.join('\n\n'));
}

function compileFigures(jobs: readonly string[]): object {
  const requirements = jobs.map((text) => /Requirements = (.*)/.exec(text)?.[1] ?? '');
  const parse = best(5, () => {
    for (const text of requirements) parseExpression(text, { syntax: 'old' });
  });
  const exprs = requirements.map((text) => parseExpression(text, { syntax: 'old' }));
  const compile = best(5, () => {
    for (const expr of exprs) compileDeferred(new Deferred(expr));
  });
  return {
    parsesPerSecond: Math.round(requirements.length / parse),
    compilesPerSecond: Math.round(requirements.length / compile),
  };
}

function evaluateFigures(jobs: readonly ClassAd[], slots: readonly ClassAd[]): object {
  const pairs = 200_000;
  for (const job of jobs) {
    const expr = job.get('Requirements');
    if (expr !== undefined) deferredOf(expr);
  }
  const [job, slot] = [jobs[0], slots[0]];
  if (job === undefined || slot === undefined) return {};
  const time = best(3, () => {
    for (let at = 0; at < pairs; at++) {
      evaluateAttribute(jobs[at % jobs.length] ?? job, 'Requirements', {
        target: slots[at % slots.length] ?? slot,
      });
    }
  });
  return { evaluationsPerSecond: Math.round(pairs / time) };
}

/** The job ads as a queue would send them, a piece at a time. */
async function* queueText(): AsyncGenerator<string, void, void> {
  const classes = jobTexts(500);
  for (let index = 0; index < 100_000; index++) yield `${classes[index % 500]}\nProcId = ${index}\n\n`;
}

const processMiB = () => process.resourceUsage().maxRSS / 1024;

/**
 * 100,000 jobs in 500 classes, each job an ad of its own, read from a stream and matched with 1,000 offers. In a process
 * of its own, so that the peak of its memory is that of this work.
 */
async function farm(): Promise<object> {
  const slots = parsed(slotTexts(1000));
  const [heapBefore, processBefore] = [heapMiB(), processMiB()];
  const jobs: ClassAd[] = [];
  for await (const ad of readLongAds(queueText())) jobs.push(ad);
  const adsMiB = heapMiB() - heapBefore;
  let matches = matchAds(jobs, slots);
  const time = best(3, () => {
    matches = matchAds(jobs, slots);
  });
  return {
    jobs: jobs.length,
    matches: matches.count,
    milliseconds: round(time * 1000),
    adsMiB: round(adsMiB),
    adsAndMatchesMiB: round(heapMiB() - heapBefore),
    processPeakGrowthMiB: round(processMiB() - processBefore),
  };
}

function farmApart(): unknown {
  const program = fileURLToPath(new URL('main.ts', import.meta.url));
  const args = ['--expose-gc', program, 'classad', 'farm'];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  try {
    return (JSON.parse(stdout) as { readonly figures: unknown }).figures;
  } catch (error) {
    throw new Error(stderr, { cause: error });
  }
}

export async function run([part]: readonly string[] = []): Promise<object> {
  if (part === 'farm') return farm();
  const jobLines = jobTexts(1000);
  const slotLines = slotTexts(1000);
  const jobs = parsed(jobLines);
  const slots = parsed(slotLines);
  const pairs = jobs.length * slots.length;
  let rawCount = 0;
  let fullCount = 0;
  const raw = best(3, () => {
    rawCount = matchAds(parsed(jobLines), parsed(slotLines), { raw: true }).count;
  });
  const rawMatch = best(3, () => {
    matchAds(jobs, slots, { raw: true });
  });
  const full = best(20, () => {
    fullCount = matchAds(jobs, slots).count;
  });
  if (rawCount !== fullCount) throw new Error(`raw ${rawCount} and indexed ${fullCount} matches differ`);
  const library = native(jobLines, slotLines);
  if (library !== null && library.matchClassAd.matches !== rawCount) {
    throw new Error(`the library finds ${library.matchClassAd.matches} matches, we ${rawCount}`);
  }
  const times = (seconds: number, baseline: 'matchClassAd' | 'countMatches') =>
    library === null ? null : round(pairs / seconds / library[baseline].pairsPerSecond);
  return {
    ...compileFigures(jobLines),
    ...evaluateFigures(jobs, slots),
    pairs,
    matches: rawCount,
    rawPairsPerSecond: Math.round(pairs / rawMatch),
    rawWithParsingPairsPerSecond: Math.round(pairs / raw),
    pairsPerSecond: Math.round(pairs / full),
    farm: farmApart(),
    library,
    rawTimesMatchClassAd: times(rawMatch, 'matchClassAd'),
    timesMatchClassAd: times(full, 'matchClassAd'),
    rawTimesCountMatches: times(rawMatch, 'countMatches'),
    timesCountMatches: times(full, 'countMatches'),
    adBytes: writeLongAds(jobs.slice(0, 1)).length,
  };
}
