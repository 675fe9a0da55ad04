import { type FaultingProxy, refusal, startFaultingProxy } from '../support/faultingProxy.ts';
import { startLoopbackEc2 } from '../support/loopback-ec2/server.ts';
import { quantile, round } from './figures.ts';
import { startBenchSite } from './site.ts';

/**
 * Two clouds on loopback servers, the second behind a faulting proxy: from the moment that a poll's answer shows a job
 * to its create call at the first cloud, while the second is well, answers 500, hangs, and refuses connections.
 */
const samples = 60;

const troubles: Readonly<Record<string, (proxy: FaultingProxy) => unknown>> = {
  well: () => {},
  answers500: (proxy) => proxy.set({ times: Number.POSITIVE_INFINITY, fault: refusal(500) }),
  hangs: async (proxy) => {
    await proxy.clear();
    proxy.set({ times: Number.POSITIVE_INFINITY, fault: { kind: 'hang', when: 'before' } });
  },
  refuses: (proxy) => proxy.refuse(),
};

export async function run() {
  const second = await startLoopbackEc2({ now: () => performance.now() });
  const proxy = await startFaultingProxy({ endpoint: second.endpoint });
  const phases = Object.entries(troubles);
  const site = await startBenchSite({ max: samples * phases.length, pollMs: 100, neighbour: proxy.endpoint });
  try {
    const figures: Record<string, { p50Ms: number; p99Ms: number }> = {};
    let shown = 0;
    for (const [name, begin] of phases) {
      await begin(proxy);
      const tookMs: number[] = [];
      for (let at = 0; at < samples; at++) {
        shown += 1;
        site.showJobs(shown);
        const createdAt = await site.created(shown);
        tookMs.push(createdAt - site.visibleAt(shown));
      }
      figures[name] = { p50Ms: round(quantile(tookMs, 0.5)), p99Ms: round(quantile(tookMs, 0.99)) };
    }
    return { samples, ...figures };
  } finally {
    await site.stop();
    await proxy.stop();
    await second.stop();
  }
}
