import { quantile, round } from './figures.ts';
import { startBenchSite } from './site.ts';

/**
 * From the moment that a poll's answer shows a waiting job to the moment that the create call reaches the cloud: the
 * real daemon with its store on disk, the real EC2 driver, a loopback EC2 server. One job at a time, so each needs a
 * machine of its own.
 */
const samples = 200;

export async function run() {
  const site = await startBenchSite({ max: samples, pollMs: 100 });
  try {
    const tookMs: number[] = [];
    for (let at = 0; at < samples; at++) {
      site.showJobs(at + 1);
      const createdAt = await site.created(at + 1);
      tookMs.push(createdAt - site.visibleAt(at + 1));
    }
    return {
      samples,
      p50Ms: round(quantile(tookMs, 0.5)),
      p99Ms: round(quantile(tookMs, 0.99)),
      maxMs: round(quantile(tookMs, 1)),
    };
  } finally {
    await site.stop();
  }
}
