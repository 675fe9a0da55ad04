import type { Pool } from '../../../src/model/offer.ts';
import type { SimulatedSite } from '../../../src/simulate/simulatedSite.ts';
import { unowned } from '../../../src/simulate/verdicts.ts';
import { lookAtDaemon, type Play } from './play.ts';

const minuteMs = 60_000;

/** Of the jobs that are left when the storm is over, some are done in each such time. */
const workMs = 150 * minuteMs;
/** And what nobody needs is gone: head-room by share is kept for ten boot times, and one boot may take eleven minutes. */
const restMs = 120 * minuteMs;
/** A few jobs on a site at rest, from submission to done: one machine has to boot, or two where the first fails. */
const probeMs = 60 * minuteMs;

/** Nothing is wrong any more: every job is done, every machine has an owner, none is left that nobody needs. */
export async function judgeCalm(play: Play): Promise<void> {
  const { site, judge } = play;
  const jobsLeft = () =>
    [...site.queues.values()].reduce((sum, queue) => sum + queue.waiting() + queue.running(), 0);
  const jobsDone = () => [...site.queues.values()].reduce((sum, queue) => sum + queue.done(), 0);
  // Multi-node jobs of which one fits at a time may take half a day.
  let before: number;
  do {
    before = jobsDone();
    await within(play, workMs, () => jobsLeft() === 0);
  } while (jobsLeft() > 0 && jobsDone() > before && judge.breaches.length === 0);
  if (jobsLeft() > 0) {
    judge.note('everythingIsExplained', `${jobsLeft()} jobs wait or run for ever`);
    return;
  }
  if (!(await atRest(play))) return;
  await judgeRestart(play);
  await judgeProbe(play);
}

async function within({ site, judge, ...play }: Play, ms: number, holds: () => boolean): Promise<boolean> {
  for (let passed = 0; passed < ms; passed += minuteMs) {
    if (holds()) return true;
    await site.run(minuteMs);
    lookAtDaemon({ site, judge, ...play });
    if (judge.breaches.length > 0) return false;
  }
  return holds();
}

async function atRest(play: Play): Promise<boolean> {
  const { site, judge } = play;
  const problems = () => [
    ...unowned(site).map((what) => ({ invariant: 'noLeak' as const, what })),
    ...site.store
      .load()
      .intents.filter(({ state }) => state === 'open' || state === 'unknown')
      .map(({ id, state }) => ({ invariant: 'everyPhaseEnds' as const, what: `intent ${id} is ${state}` })),
    ...site.config.pools.flatMap((pool) => restOf(site, pool)),
  ];
  // Two looks in a row, as a pool whose machines have a lifetime is at rest only in between.
  if (await within(play, restMs, () => problems().length === 0)) return true;
  for (const { invariant, what } of problems()) judge.note(invariant, `does not come to rest: ${what}`);
  return false;
}

/** What a pool has when no job is there: its min, or its head-room where that is more. */
function restOf(site: SimulatedSite, pool: Pool): { invariant: 'everyPhaseEnds'; what: string }[] {
  const own = site.alive().filter((machine) => machine.pool === pool.name);
  const records = site.instances().filter((instance) => instance.pool === pool.name);
  const expected = Math.min(pool.max, Math.max(pool.min, pool.headroom));
  const bad = records.filter(({ phase }) => phase !== 'idle');
  if (own.length === expected && bad.length === 0) return [];
  const phases = records.map(({ id, phase, endReason }) => `${id} ${phase} ${endReason ?? ''}`).join(', ');
  return [
    {
      invariant: 'everyPhaseEnds',
      what: `pool ${pool.name} has ${own.length} machines and should have ${expected}: ${phases}`,
    },
  ];
}

const writes = (site: SimulatedSite): number =>
  [...site.clouds.values()].reduce((sum, { calls }) => sum + calls.launch + calls.terminate, 0) +
  [...site.queues.values()].reduce((sum, { calls }) => sum + calls.drain + calls.undrain + calls.remove, 0);

async function judgeRestart({ site, judge, story }: Play): Promise<void> {
  const isMortal = story.site.pools.some(({ limits }) => limits.lifetimeMs !== null);
  const before = writes(site);
  site.kill();
  await site.run(30_000);
  site.start();
  await site.run(8 * minuteMs);
  const after = writes(site);
  if (after !== before && !isMortal)
    judge.note('restartDoesNothing', `${after - before} writes to clouds and queues after a restart at rest`);
}

/** A few jobs for each queue: done soon, with no more machines than jobs, and none of them in vain. */
async function judgeProbe(play: Play): Promise<void> {
  const { site, judge, story } = play;
  const before = site.made().length;
  const jobs = story.site.queues.flatMap((queue) => {
    const found = story.classes.find((known) => known.queue === queue);
    return found === undefined
      ? []
      : (site.queues.get(queue)?.submit(found.jobClass, { count: 2, runMs: 4 * minuteMs }) ?? []);
  });
  if (!(await within(play, probeMs, () => jobs.every(({ state }) => state === 'done')))) {
    judge.note('failuresAreSetAside', 'jobs on a site where all is well are not done in time');
    return;
  }
  const isMortal = story.site.pools.some(({ limits }) => limits.lifetimeMs !== null);
  const spare = story.site.pools.reduce((sum, { headroom }) => sum + headroom, 0);
  const made = site.made().length - before;
  if (made > jobs.length + spare && !isMortal)
    judge.note('noThrash', `${made} machines were made for ${jobs.length} jobs`);
  await site.run(3 * minuteMs);
  lookAtDaemon(play);
}
