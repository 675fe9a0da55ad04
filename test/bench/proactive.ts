import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { hostClock } from '../../src/daemon/clock.ts';
import { InstanceId, QueueName, SiteId } from '../../src/model/ids.ts';
import { silentLog } from '../../src/model/log.ts';
import { forgetfulMemory } from '../../src/model/memory.ts';
import { proactiveAdapter } from '../../src/queues/proactive/adapter.ts';
import { machineOf, pool, settingsOn, tokenIn } from '../support/proactive/under-test.ts';
import { quantile, round } from './figures.ts';
import type { ServerOrder } from './proactive-server.ts';

/**
 * What polls cost on the stand-in for a ProActive server: 5,000 jobs of three tasks each, one after the other, and 300
 * machines. CPU is that of this process with all its threads; the server has one of its own.
 */
const jobs = 5000;
const tasks = 3;
const machinesCount = 300;
const changes = 50;
const quietPolls = 200;
const changedPolls = 20;

export async function run() {
  const child = fork(join(import.meta.dirname, 'proactive-server.ts'));
  try {
    const [server] = (await once(child, 'message')) as [{ url: string; username: string; password: string }];
    const queue = proactiveAdapter.create(settingsOn(server, { nodesPeriod: '1h', jobsPerPoll: 100_000 }), {
      site: SiteId('farm'),
      queue: QueueName('main'),
      clock: hostClock,
      log: silentLog,
      memory: forgetfulMemory(),
    });
    const names = Array.from({ length: machinesCount }, (_, n) => InstanceId(`farm-${n}-0`));
    const tokens = await Promise.all(
      names.map(async (instance) => tokenIn((await queue.admit(asks(instance))).variables)),
    );
    await ask(child, { kind: 'fill', jobs, tasks, nodes: names, tokens });
    const machines = names.map((instance) => machineOf(instance));
    const signal = AbortSignal.timeout(600_000);

    const poll = async () => {
      const requests = await ask<number>(child, { kind: 'requests' });
      const cpu = process.cpuUsage();
      const beganMs = performance.now();
      const view = await queue.poll(
        { nowMs: hostClock.wallNow(), attributes: ['PROJECT'], machines },
        signal,
      );
      const tookMs = performance.now() - beganMs;
      const { user, system } = process.cpuUsage(cpu);
      const sent = (await ask<number>(child, { kind: 'requests' })) - requests;
      return { requests: sent, cpuMs: (user + system) / 1000, tookMs, view };
    };
    const several = async (times: number, before: () => Promise<unknown>) => {
      const polls: Awaited<ReturnType<typeof poll>>[] = [];
      for (let n = 0; n < times; n++) {
        await before();
        polls.push(await poll());
      }
      const of = (key: 'requests' | 'cpuMs' | 'tookMs') => ({
        p50: round(
          quantile(
            polls.map((one) => one[key]),
            0.5,
          ),
        ),
        max: round(
          quantile(
            polls.map((one) => one[key]),
            1,
          ),
        ),
      });
      return { polls: times, requests: of('requests'), cpuMs: of('cpuMs'), tookMs: of('tookMs') };
    };

    const first = await poll();
    // The tokens of the new machines are seen to be gone.
    await poll();
    const quiet = await several(quietPolls, async () => {});
    const changed = await several(changedPolls, () => ask(child, { kind: 'change', jobs: changes }));
    await queue.close();
    const { view, ...cost } = first;
    return {
      jobs,
      tasks,
      machines: machinesCount,
      groups: view.demand.length,
      first: { requests: cost.requests, cpuMs: round(cost.cpuMs), tookMs: round(cost.tookMs) },
      quiet,
      changedJobs: changes,
      changed,
    };
  } finally {
    child.disconnect();
  }
}

const asks = (instance: InstanceId) => ({
  instance,
  pool,
  issuedAtSeconds: 0,
  lifetimeMs: null,
  attributes: {},
});

async function ask<Answer>(child: ChildProcess, order: ServerOrder): Promise<Answer> {
  const answer = once(child, 'message');
  child.send(order);
  const [said] = (await answer) as [Answer];
  return said;
}
