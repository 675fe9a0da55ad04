import { type FaultingProxy, refusal, startFaultingProxy } from '../support/faultingProxy.ts';
import { startLoopbackEc2 } from '../support/loopback-ec2/server.ts';
import { quantile, round } from './figures.ts';
import { startBenchSite } from './site.ts';

/**
 * Two clouds on loopback servers, the second behind a faulting proxy: from the moment that a poll's answer shows a job
 * to its create call at the first cloud, while the second is well, answers 500, hangs, and refuses connections.
 */
const samples = 200;

const troubles: Readonly<Record<string, (proxy: FaultingProxy) => unknown>> = {
  well: () => {},
  answers500: (proxy) => proxy.set({ times: Number.POSITIVE_INFINITY, fault: refusal(500) }),
  hangs: (proxy) => {
    proxy.set({ times: Number.POSITIVE_INFINITY, fault: { kind: 'hang', when: 'before' } });
  },
  refuses: (proxy) => proxy.refuse(),
};

export async function run() {
  const figures: Record<string, { p50Ms: number; p99Ms: number }> = {};
  // The first site warms the code up and is not counted.
  await measure(() => {});
  for (const [name, begin] of Object.entries(troubles)) figures[name] = await measure(begin);
  return { samples, ...figures };
}

/** On a site of its own each: a fleet that has grown would be slower by itself. */
async function measure(begin: (proxy: FaultingProxy) => unknown): Promise<{ p50Ms: number; p99Ms: number }> {
  const second = await startLoopbackEc2({ now: () => performance.now() });
  const proxy = await startFaultingProxy({ endpoint: second.endpoint });
  const site = await startBenchSite({ max: samples, pollMs: 100, neighbour: proxy.endpoint });
  try {
    await begin(proxy);
    const tookMs: number[] = [];
    for (let shown = 1; shown <= samples; shown++) {
      site.showJobs(shown);
      const createdAt = await site.created(shown);
      tookMs.push(createdAt - site.visibleAt(shown));
    }
    return { p50Ms: round(quantile(tookMs, 0.5)), p99Ms: round(quantile(tookMs, 0.99)) };
  } finally {
    await site.stop();
    await proxy.stop();
    await second.stop();
  }
}
