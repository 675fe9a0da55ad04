/**
 * The main job, on a pool, a cloud and a booter that scripts/demo has started: jobs of three kinds are submitted,
 * the daemon boots machines for them, uses them again and takes them down. The last line is for programs; its numbers
 * come from the schedd's history, the cloud's own list and, for reuse, the daemon's status.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { type Daemon, startDaemon } from '../daemon.ts';
import { conclude, draw, screen } from '../view.ts';
import { type CloudCount, countInstances } from './cloud.ts';
import { type EndedJobs, endedJobs, jobsInAll, queuedJobs, submitWave, waves } from './jobs.ts';
import { layOut, type Place } from './place.ts';

const patienceSeconds = 150;
const pictureMs = 1000;
const launchesMax = 9;

interface Outcome {
  readonly ended: EndedJobs;
  readonly cloud: CloudCount;
  readonly reused: number;
  readonly seconds: number;
}

/** Submits wave after wave, until all jobs have ended and no machine is left, or patience is. */
async function follow(place: Place, daemon: Daemon, beganMs: number): Promise<Outcome> {
  const show = screen(process.stdout);
  let reused = 0;
  let submitted = 0;
  for (;;) {
    const roundMs = Date.now();
    const status = await daemon.status();
    const ended = await endedJobs(place);
    const queued = await queuedJobs(place);
    const seconds = (Date.now() - beganMs) / 1000;
    if (status !== null) {
      reused = status.totals.sinceStart.reused;
      show(draw({ seconds, jobs: jobsInAll, ...ended, status }));
    }
    if (submitted < waves && queued === 0 && status !== null) {
      await submitWave(place);
      submitted += 1;
    }
    if (ended.done + ended.failed >= jobsInAll || seconds > patienceSeconds) {
      const cloud = await countInstances(place.cloud);
      if (cloud.left === 0 || seconds > patienceSeconds) return { ended, cloud, reused, seconds };
    }
    await delay(Math.max(0, pictureMs - (Date.now() - roundMs)));
  }
}

async function main(testbed: string): Promise<number> {
  const place = layOut(testbed);
  const beganMs = Date.now();
  const daemon = await startDaemon(place);
  let outcome: Outcome;
  try {
    outcome = await follow(place, daemon, beganMs);
  } finally {
    await daemon.stop();
  }
  const { ended, cloud, reused, seconds } = outcome;
  return conclude({
    jobs: jobsInAll,
    ...ended,
    ...cloud,
    reused,
    seconds,
    launchesMax,
    logPath: daemon.logPath,
  });
}

process.exitCode = await main(process.argv[2] ?? '');
