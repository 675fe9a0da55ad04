import { reach, startBenchSite } from './site.ts';

/**
 * The calls to the cloud in the life of one machine, from the job that it is launched for to its end as the cloud
 * says it: idle time 1 s, two idle views 1 s apart. The list is asked for once a cycle, however many machines there are, and
 * is counted apart.
 */
export async function run() {
  const site = await startBenchSite({ max: 1, pollMs: 200, limits: { idleMs: 1_000, idleConfirmMs: 1_000 } });
  try {
    site.showJobs(1);
    await site.created(1);
    await reach(() => site.ec2.living().some((machine) => site.ec2.state(machine) === 'running'));
    site.join(true);
    site.showJobs(0);
    await reach(() => site.ec2.calls('TerminateInstances') > 0 && site.ec2.living().length === 0);
    const [machine] = site.ec2.instances;
    const seconds = machine === undefined ? 0 : (performance.now() - machine.createdAtMs) / 1000;
    const calls: Record<string, number> = {};
    for (const { action } of site.ec2.requests) calls[action] = (calls[action] ?? 0) + 1;
    const { DescribeInstances: lists = 0, ...own } = calls;
    return { ownCalls: own, listsInThatTime: lists, lifeSeconds: Number(seconds.toFixed(1)) };
  } finally {
    await site.stop();
  }
}
