import { meadowDriver } from '../../../examples/driver/driver.ts';
import { labels } from '../../../examples/driver/mark.ts';
import { Secret } from '../../../src/config/secrets.ts';
import { CloudName, SiteId } from '../../../src/model/ids.ts';
import type { CloudUnderTest, Fault as NamedFault } from '../../conformance/driver/harness.ts';
import { type Fault, transportFaults } from '../loopback/faults.ts';
import { startExampleCloud } from './server.ts';
import { addExampleServer, isLiving } from './world.ts';

const wireFaults: Readonly<Record<NamedFault, Fault>> = {
  ...transportFaults,
  throttled: { kind: 'error', status: 429, code: 'too_many_calls', headers: { 'retry-after': '7' } },
  trouble: { kind: 'error', status: 500, code: 'trouble' },
  echo: { kind: 'echo', status: 400, code: 'wrong' },
};

const wrongToken = 'meadow-token-of-nobody-0';

/** The example driver on its cloud, for the conformance suite. */
export async function startExampleUnderTest(): Promise<CloudUnderTest> {
  const server = await startExampleCloud();
  const { endpoint, token, world } = server;
  return {
    driver: meadowDriver,
    boot: { image: 'img-debian', size: 'small' },
    bootUnknown: { image: 'img-nobody', size: 'small' },
    secrets: [token, wrongToken],
    connect: ({ site, clock, log, to = 'cloud' }) =>
      meadowDriver.create(
        {
          endpoint: to === 'nowhere' ? 'http://127.0.0.1:1' : endpoint,
          token: Secret.of(to === 'wrong' ? wrongToken : token),
        },
        { site: SiteId(site), cloud: CloudName('meadow'), clock, log },
      ),
    truth: async () =>
      world.servers.map((server) => ({
        cloudId: server.id,
        site: server.labels[labels.site] ?? null,
        intent: server.labels[labels.intent] ?? null,
        pool: server.labels[labels.pool] ?? null,
        offer: server.labels[labels.offer] ?? null,
        living: isLiving(server),
        userData: server.userData,
      })),
    preload: async (site, count) => {
      for (let n = 0; n < count; n += 1) {
        const own = { [labels.site]: site, [labels.intent]: `preloaded-${n}` };
        addExampleServer(world, { key: `preloaded-${n}`, index: 0, labels: own, userData: null });
      }
    },
    stranger: async () => {
      addExampleServer(world, { key: 'web', index: 0, labels: { role: 'web' }, userData: null });
    },
    slow: async (times) => {
      Object.assign(world.levers, times);
    },
    lag: async (ms) => {
      world.levers.lagMs = ms;
    },
    elapse: async (ms) => {
      world.nowMs += ms;
    },
    room: async (servers) => {
      world.levers.room = servers;
    },
    allowance: async (servers) => {
      world.levers.serversMax = servers;
    },
    fault: async (kind, fault, times) => server.faults.set(kind, wireFaults[fault], times),
    calls: async (kind) => server.calls(kind),
    stop: () => server.stop(),
  };
}
