import { reach, startBenchSite } from './site.ts';

/** An answer of the cloud comes after so long: EC2's take no less. */
const answerMs = 50;

/**
 * The calls to the cloud in the life of many machines whose user data holds no secret of one of them: launched for as many
 * jobs, listed, and ended together. Args: how many machines (300).
 */
export async function run(args: readonly string[] = []) {
  const machines = Number(args[0] ?? 300);
  const pollMs = 500;
  const limits = { idleMs: 1_000, idleConfirmMs: 1_000 };
  const site = await startBenchSite({ max: machines, pollMs, limits });
  const { ec2 } = site;
  ec2.levers.delayMs['*'] = answerMs;
  const beganMs = performance.now();
  try {
    site.showJobs(machines);
    await reach(() => ec2.living().length === machines);
    const launchedMs = performance.now();
    site.join(true);
    site.showJobs(0);
    await reach(() => ec2.living().length === 0);
    const endedMs = performance.now();
    const calls: Record<string, number> = {};
    for (const { action } of ec2.requests) calls[action] = (calls[action] ?? 0) + 1;
    const seconds = (ms: number) => Number((ms / 1000).toFixed(1));
    return {
      machines,
      calls,
      pollMs,
      launchSeconds: seconds(launchedMs - beganMs),
      seconds: seconds(endedMs - beganMs),
    };
  } finally {
    await site.stop();
  }
}
