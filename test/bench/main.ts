/**
 * npm run bench [-- NAME [ARGS]]: speed, measured and never asserted. Prints one JSON object for each benchmark; the
 * figures in docs/performance.md are its output. NAME is one of those below; without it all are run.
 */
interface Bench {
  run(args: readonly string[]): Promise<unknown>;
}

const benches = {
  plan: () => import('./plan.ts'),
  latency: () => import('./latency.ts'),
  isolation: () => import('./isolation.ts'),
  life: () => import('./life.ts'),
  many: () => import('./many.ts'),
  restart: () => import('./restart.ts'),
  soak90: () => import('./soak90.ts'),
  classad: () => import('./classad.ts'),
  spot: () => import('./spot.ts'),
  page: () => import('./page.ts'),
  htcondor: () => import('./htcondor.ts'),
  proactive: () => import('./proactive.ts'),
} as const satisfies Record<string, () => Promise<Bench>>;

const [name, ...args] = process.argv.slice(2);
const known = Object.keys(benches) as (keyof typeof benches)[];
const chosen = name === undefined ? known : known.filter((bench) => bench === name);
if (chosen.length === 0) {
  process.stderr.write(`no benchmark "${name}"; there are ${known.join(', ')}\n`);
  process.exitCode = 2;
}
for (const bench of chosen) {
  const chosenBench: Bench = await benches[bench]();
  const figures = await chosenBench.run(args);
  process.stdout.write(`${JSON.stringify({ bench, node: process.version, figures })}\n`);
}
