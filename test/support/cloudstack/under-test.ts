import { cloudstackDriver } from '../../../src/clouds/cloudstack/driver.ts';
import { markDetails, markOf } from '../../../src/clouds/cloudstack/mark.ts';
import { Secret } from '../../../src/config/secrets.ts';
import { CloudName, SiteId } from '../../../src/model/ids.ts';
import type { CallKind, CloudUnderTest, Fault as NamedFault } from '../../conformance/driver/harness.ts';
import { type Fault, transportFaults } from '../loopback/faults.ts';
import { startCloudstack } from './server.ts';
import { isLiving, usualStock } from './world.ts';

const wrongKey = 'NobodysApiKey-0123456789';
const wrongSecret = 'NobodysSecretKey-9876543210';

const commandOf: Readonly<Record<CallKind, string>> = {
  create: 'deployVirtualMachine',
  list: 'listVirtualMachines',
  end: 'destroyVirtualMachine',
};

const wireFaults: Readonly<Record<NamedFault, Fault>> = {
  throttled: {
    kind: 'error',
    status: 429,
    code: '',
    message: 'The given user has reached his/her account api limit, please retry after 7000 ms.',
  },
  trouble: { kind: 'error', status: 530, code: '', message: 'Internal error executing command' },
  ...transportFaults,
  echo: { kind: 'echo', status: 431, code: '' },
};

/** The CloudStack driver on the stand-in, for the conformance suite. */
export async function startCloudstackUnderTest(): Promise<CloudUnderTest> {
  const server = await startCloudstack();
  const { world } = server;
  const [zone, offering, template] = [
    usualStock.zones[0]?.id,
    usualStock.serviceOfferings[0]?.id,
    usualStock.templates[0]?.id,
  ];
  return {
    driver: cloudstackDriver,
    boot: { zone, serviceOffering: offering, template },
    lacking: { market: 'spot' },
    bootUnknown: { zone, serviceOffering: offering, template: '00000000-0000-4000-8000-00000000dead' },
    secrets: [server.secretKey, server.apiKey, wrongSecret, wrongKey],
    connect: ({ site, clock, log, to = 'cloud' }) =>
      cloudstackDriver.create(
        {
          ...cloudstackDriver.configSchema.parse({
            endpoint: to === 'nowhere' ? 'http://127.0.0.1:1/client/api' : server.endpoint,
            credentials: { apiKey: 'env:KEY', secretKey: 'env:SECRET' },
          }),
          credentials: {
            apiKey: Secret.of(to === 'wrong' ? wrongKey : server.apiKey),
            secretKey: Secret.of(to === 'wrong' ? wrongSecret : server.secretKey),
          },
        },
        { site: SiteId(site), cloud: CloudName('stand-in'), clock, log },
      ),
    truth: async () =>
      world.machines.map((machine) => {
        const details = Object.fromEntries(machine.details);
        return {
          cloudId: machine.id,
          site: markOf(details, markDetails.site),
          intent: markOf(details, markDetails.intent),
          pool: markOf(details, markDetails.pool),
          offer: markOf(details, markDetails.offer),
          living: isLiving(world, machine),
          userData: machine.userData,
        };
      }),
    preload: async (site, count) =>
      server.preload(count, (n) => ({ [markDetails.site]: site, [markDetails.intent]: `preloaded-${n}` })),
    stranger: async () => server.preload(1, () => ({ owner: 'somebody else' })),
    slow: async (times) => {
      Object.assign(world.levers, times);
    },
    lag: async (ms) => {
      world.levers.lagMs = ms;
    },
    elapse: async (ms) => server.advance(ms),
    room: async (instances) => {
      world.levers.room = instances;
    },
    allowance: async (instances) => {
      world.levers.machinesMax = instances;
    },
    fault: async (kind, fault, times) => server.faults.set(commandOf[kind], wireFaults[fault], times),
    calls: async (kind) => server.calls(commandOf[kind]),
    stop: () => server.stop(),
  };
}
