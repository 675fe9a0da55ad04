import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { hostClock } from '../../src/daemon/clock.ts';
import { createSource } from '../../src/daemon/source.ts';
import { createTimeline } from '../../src/daemon/timeline.ts';
import type { QueueSnapshot } from '../../src/model/demand.ts';
import { QueueName, SiteId } from '../../src/model/ids.ts';
import { forgetfulMemory } from '../../src/model/memory.ts';
import { htcondorAdapter } from '../../src/queues/htcondor/adapter.ts';
import { submitJobs } from '../support/condorFarm.ts';
import { type HTCondorTestbed, htcondorTestbed } from '../support/testbed.ts';
import { quantile, round } from './figures.ts';
import { silentLog } from './site.ts';

/**
 * A real pool with 100,000 idle jobs of 20 kinds, polled every 5 s as the daemon does it: what that takes of a core while nothing
 * changes, and how long a change takes until it is in a view. Beside it `condor_q -json`, once. `npm run bench -- htcondor [JOBS]`.
 */
const kinds = 20;
const quietMs = 60_000;
const changes = 5;

export async function run(args: readonly string[]) {
  const jobs = Number(args[0] ?? 100_000);
  const pool = await htcondorTestbed('bench-htcondor');
  if (pool.kind === 'missing') return { skipped: pool.reason };
  try {
    for (let kind = 0; kind < kinds; kind++)
      await submitJobs(pool, { vmType: `kind${kind}`, seconds: 1, count: jobs / kinds });
    return {
      jobs,
      kinds,
      log: await watched(pool, 'log', jobs),
      condorQ: await watched(pool, 'condor_q', jobs),
      condorQJson: await condorQJson(pool),
    };
  } finally {
    await pool.stop();
  }
}

async function watched(pool: HTCondorTestbed, jobsFrom: 'log' | 'condor_q', jobs: number) {
  const settings = htcondorAdapter.configSchema.parse({
    bin: pool.bin,
    commandTimeout: '2m',
    jobQueueLog: join(pool.folder, 'spool/job_queue.log'),
    jobsFrom,
  });
  const queue = htcondorAdapter.create(settings, {
    site: SiteId('bench'),
    queue: QueueName('main'),
    clock: hostClock,
    log: silentLog,
    memory: forgetfulMemory(),
  });
  let polls = 0;
  let woken = () => {};
  const source = createSource<QueueSnapshot>({
    name: 'main',
    periodMs: 5000,
    deadlineMs: 120_000,
    clock: hostClock,
    timeline: createTimeline(hostClock, null),
    log: silentLog,
    look: (nowMs, signal) => queue.poll({ nowMs, attributes: ['VMType'], machines: [] }, signal),
    onSnapshot: () => {
      polls++;
      woken();
    },
    onTrouble: () => {},
  });
  const stop = new AbortController();
  queue.hint?.(() => source.hurry(), stop.signal);
  const running = source.run(stop.signal);
  const seen = async (is: (snapshot: QueueSnapshot) => boolean) => {
    while (source.latest === null || !is(source.latest))
      await new Promise<void>((resolve) => {
        woken = resolve;
      });
  };
  const count = (snapshot: QueueSnapshot) => snapshot.demand.reduce((sum, group) => sum + group.count, 0);
  try {
    const began = performance.now();
    await seen((snapshot) => count(snapshot) === jobs && snapshot.demand.length === kinds);
    const firstMs = performance.now() - began;
    // What the first poll has stirred up settles.
    await delay(10_000);

    const before = { own: cpuSeconds('self'), schedd: scheddSeconds(pool), polls, at: performance.now() };
    await delay(quietMs);
    const seconds = (performance.now() - before.at) / 1000;
    const quiet = {
      polls: polls - before.polls,
      coreShare: round((cpuSeconds('self') - before.own) / seconds, 4),
      scheddCoreShare: round((scheddSeconds(pool) - before.schedd) / seconds, 4),
    };

    const changeMs: number[] = [];
    const changing = cpuSeconds('self');
    for (let n = 0; n < changes; n++) {
      const cluster = await submitJobs(pool, { vmType: `new${jobsFrom}${n}`, seconds: 1 });
      const submitted = performance.now();
      await seen((snapshot) => snapshot.demand.length === kinds + 1);
      changeMs.push(performance.now() - submitted);
      await pool.run('condor_rm', [String(cluster)]);
      const removed = performance.now();
      await seen((snapshot) => snapshot.demand.length === kinds);
      changeMs.push(performance.now() - removed);
    }
    return {
      firstSeconds: round(firstMs / 1000),
      quiet,
      changeSeconds: {
        p50: round(quantile(changeMs, 0.5) / 1000, 2),
        max: round(quantile(changeMs, 1) / 1000, 2),
      },
      cpuSecondsForEachChange: round((cpuSeconds('self') - changing) / changeMs.length, 2),
      residentMiB: round(process.memoryUsage.rss() / 2 ** 20, 0),
    };
  } finally {
    stop.abort();
    await running;
    await queue.close();
  }
}

/** What a script would ask for; nobody keeps the answer. */
async function condorQJson(pool: HTCondorTestbed) {
  const before = { own: cpuSeconds('self'), schedd: scheddSeconds(pool), at: performance.now() };
  const child = spawn(join(pool.bin, 'condor_q'), ['-allusers', '-json'], {
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  await once(child, 'close');
  return {
    wallSeconds: round((performance.now() - before.at) / 1000),
    cpuSeconds: round(cpuSeconds('self') - before.own),
    scheddCpuSeconds: round(scheddSeconds(pool) - before.schedd),
  };
}

const ticksPerSecond = 100;

/** Processor time of a process, and of all its children that have ended. */
function cpuSeconds(process: 'self' | number): number {
  const stat = readFileSync(`/proc/${process}/stat`, 'utf8');
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  return fields.slice(11, 15).reduce((sum, ticks) => sum + ticks, 0) / ticksPerSecond;
}

function scheddSeconds(pool: HTCondorTestbed): number {
  const log = readFileSync(join(pool.folder, 'log/MasterLog'), 'utf8');
  const [, pid] = /condor_schedd", pid and pgroup = (\d+)/.exec(log) ?? [];
  return pid === undefined ? Number.NaN : cpuSeconds(Number(pid));
}
