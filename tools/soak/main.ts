import { availableParallelism, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { coreMutants } from '../../test/support/soak/coreMutants.ts';
import { createMatrix, fullRunSeeds } from '../../test/support/soak/matrix.ts';
import { runSoak, type SoakResult } from '../../test/support/soak/run.ts';
import { clockTime, createTimeline } from '../../test/support/soak/timeline.ts';
import { askCrew } from './crew.ts';
import type { Question } from './messages.ts';

/**
 * npm run soak -- [--seeds A..B] [--jobs N] [--json] [--trace] [--mutants]
 *
 * Plays a story for each seed and judges it; see docs/simulation.md. Exit code 1: a promise was broken, or a boundary
 * was never died at in some weather although enough seeds were played. 2: the arguments are wrong.
 */
const usage = 'usage: npm run soak -- [--seeds A..B] [--jobs N] [--json] [--trace] [--mutants]';
const failingSeedsMax = 20;
const mutantSeeds = 500;

const say = (text: string) => process.stdout.write(`${text}\n`);
const replay = (seed: number) => `npm run soak -- --seeds ${seed}..${seed} --trace`;

interface Options {
  readonly from: number;
  readonly to: number;
  readonly jobs: number;
  readonly json: boolean;
}

/** The first signal ends it after the stories that are being played, with the summary of those that were. */
let isStopping = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    isStopping = true;
  });

process.exitCode = await main();

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '0..19999' },
      jobs: { type: 'string', default: String(availableParallelism()) },
      json: { type: 'boolean', default: false },
      trace: { type: 'boolean', default: false },
      mutants: { type: 'boolean', default: false },
    },
  });
  const [, from, to = from] = /^(\d{1,9})(?:\.\.(\d{1,9}))?$/.exec(values.seeds) ?? [];
  const jobs = Number(values.jobs);
  if (from === undefined || to === undefined || !Number.isInteger(jobs) || jobs < 1) {
    process.stderr.write(`${usage}\n`);
    return 2;
  }
  const options = { from: Number(from), to: Number(to), jobs, json: values.json };
  if (values.trace) return traceAll(options);
  return values.mutants ? hunt(options) : soak(options);
}

async function traceAll({ from, to }: Options): Promise<number> {
  let failed = 0;
  for (let seed = from; seed <= to; seed++) {
    const timeline = createTimeline();
    const result = await runSoak(seed, { timeline });
    for (const line of timeline.lines) say(line);
    tellBreaches(result);
    if (result.breaches.length > 0) failed += 1;
  }
  return failed === 0 ? 0 : 1;
}

function tellBreaches({ seed, breaches }: SoakResult): void {
  if (breaches.length === 0) say(`seed ${seed}: all promises were kept`);
  for (const { invariant, atMs, what } of breaches)
    say(`seed ${seed}: ${clockTime(atMs)}: ${invariant}: ${what}\n    ${replay(seed)}`);
}

function* questionsFor(from: number, to: number, mutant: string | null): Generator<Question> {
  for (let seed = from; seed <= to; seed++) yield { seed, mutant };
}

async function soak({ from, to, jobs, json }: Options): Promise<number> {
  const matrix = createMatrix();
  const sums = {
    seeds: 0,
    jobs: 0,
    done: 0,
    machines: 0,
    unused: 0,
    kills: 0,
    simulatedHours: 0,
    cpuSeconds: 0,
  };
  const failing: SoakResult[] = [];
  const problems: string[] = [];
  const beganMs = performance.now();
  let toldMs = beganMs;
  await askCrew(questionsFor(from, to, null), {
    jobs,
    onAnswer: (answer) => {
      if (answer.kind === 'failed') problems.push(`seed ${answer.seed}: ${answer.problem}`);
      else {
        const { result } = answer;
        matrix.add(result.visits);
        sums.seeds += 1;
        sums.jobs += result.jobs;
        sums.done += result.done;
        sums.machines += result.machines;
        sums.unused += result.unused;
        sums.kills += result.kills;
        sums.cpuSeconds += answer.cpuMs / 1000;
        sums.simulatedHours += result.simulatedMs / 3_600_000;
        if (result.breaches.length > 0) {
          failing.push(result);
          if (!json) tellBreaches(result);
        }
      }
      const nowMs = performance.now();
      if (nowMs - toldMs > 10_000) {
        toldMs = nowMs;
        const seconds = (nowMs - beganMs) / 1000;
        process.stderr.write(
          `${sums.seeds} of ${to - from + 1} seeds in ${seconds.toFixed(0)} s, ${failing.length} failing\n`,
        );
      }
      return !isStopping && failing.length + problems.length < failingSeedsMax;
    },
  });
  const seconds = (performance.now() - beganMs) / 1000;
  const unvisited = matrix.unvisited();
  const isFull = sums.seeds >= fullRunSeeds;
  if (json)
    say(
      JSON.stringify({
        ...sums,
        seconds,
        processes: jobs,
        load: loadavg()[1],
        violations: failing.flatMap(({ seed, breaches }) =>
          breaches.map((breach) => ({ seed, ...breach, replay: replay(seed) })),
        ),
        problems,
        unvisited,
        visits: matrix.data(),
      }),
    );
  else {
    for (const problem of problems) say(problem);
    for (const line of matrix.lines()) say(line);
    say(
      `${sums.seeds} seeds, ${sums.simulatedHours.toFixed(0)} simulated hours, ${sums.jobs} jobs, ${sums.machines} machines (${sums.unused} without a job), ${sums.kills} kills at random moments`,
    );
    say(
      `${seconds.toFixed(0)} s with ${jobs} processes, load ${loadavg()[1]?.toFixed(1)}: ${(sums.cpuSeconds / Math.max(1, sums.seeds)).toFixed(2)} s of processor time for each seed`,
    );
    say(
      `${failing.length} seeds with violations; ${unvisited.length} pairs of a boundary and a fault not come by${isFull ? '' : ` (of ${fullRunSeeds} seeds on none may be)`}`,
    );
    if (isFull) for (const pair of unvisited) say(`not come by: ${pair}`);
  }
  return failing.length + problems.length > 0 || (isFull && unvisited.length > 0) ? 1 : 0;
}

/** Each mutant until a seed catches it. */
async function hunt({ jobs, json }: Options): Promise<number> {
  const found: { mutant: string; seed: number | null; invariant: string | null; what: string | null }[] = [];
  for (const { name } of coreMutants) {
    let caught: SoakResult | null = null;
    await askCrew(questionsFor(0, mutantSeeds - 1, name), {
      jobs,
      onAnswer: (answer) => {
        if (answer.kind === 'played' && answer.result.breaches.length > 0) caught ??= answer.result;
        return !isStopping && caught === null;
      },
    });
    const result = caught as SoakResult | null;
    const breach = result?.breaches[0] ?? null;
    const { invariant = null, what = null } = breach ?? {};
    found.push({ mutant: name, seed: result?.seed ?? null, invariant, what });
    if (!json)
      say(
        result === null
          ? `SURVIVED ${mutantSeeds} seeds: ${name}`
          : `seed ${String(result.seed).padStart(3)}: ${invariant}: ${name}\n          ${what}`,
      );
  }
  const survivors = found.filter(({ seed }) => seed === null).length;
  if (json) say(JSON.stringify(found));
  else say(`${found.length - survivors} of ${found.length} mutants caught`);
  return survivors === 0 ? 0 : 1;
}
