import { ec2Driver } from '../../../src/clouds/ec2/driver.ts';
import { markTags } from '../../../src/clouds/ec2/mark.ts';
import { Secret } from '../../../src/config/secrets.ts';
import { CloudName, SiteId } from '../../../src/model/ids.ts';
import type { CallKind, CloudUnderTest, Fault as NamedFault } from '../../conformance/driver/harness.ts';
import { type Fault, transportFaults } from '../loopback/faults.ts';
import { startLoopbackEc2 } from './server.ts';
import { defaultImages } from './stock.ts';

const accessKeyId = 'AKIALOOPBACKEXAMPLE1';
const secretAccessKey = 'lbk/7Q2x+SecretAccessKeyOfTheLoopback/d9';
const sessionToken = 'LoopbackSessionToken//9f8e7d6c5b4a3210==';

const actions: Readonly<Record<CallKind, string>> = {
  create: 'RunInstances',
  list: 'DescribeInstances',
  end: 'TerminateInstances',
};

const wireFaults: Readonly<Record<NamedFault, Fault>> = {
  throttled: { kind: 'error', status: 503, code: 'RequestLimitExceeded', headers: { 'retry-after': '7' } },
  trouble: { kind: 'error', status: 500, code: 'InternalError' },
  ...transportFaults,
  echo: { kind: 'echo', status: 400, code: 'InvalidParameterValue' },
};

const launchTemplate = { id: 'lt-0123456789abcdef0', version: 1 };
const fleet = { types: ['t3.micro'], zones: ['us-east-1a', 'us-east-1b'] };

/** The EC2 driver on the loopback server, for the conformance suite; its machines are launched one by one or as fleets. */
export async function startEc2OnLoopback(by: 'instances' | 'fleets' = 'instances'): Promise<CloudUnderTest> {
  const server = await startLoopbackEc2({ accessKeyId });
  const [image] = defaultImages;
  const type = { type: 'c5.large', ...(by === 'fleets' ? { launchTemplate, fleet } : {}) };
  const actionOf = (kind: CallKind) => (kind === 'create' && by === 'fleets' ? 'CreateFleet' : actions[kind]);
  return {
    driver: ec2Driver,
    boot: { image: image?.id, ...type },
    bootUnknown: { image: 'ami-00000000000000bad', ...type },
    lacking: { boot: { image: image?.id, type: 'p3.2xlarge', zone: 'us-east-1b' } },
    secrets: [secretAccessKey, sessionToken, 'wrong-secret-of-nobody'],
    connect: ({ site, clock, log, to = 'cloud' }) =>
      ec2Driver.create(
        {
          region: server.region,
          endpoint: to === 'nowhere' ? 'http://127.0.0.1:1' : server.endpoint,
          imageOwners: ['self'],
          credentials: {
            accessKeyId: Secret.of(to === 'wrong' ? 'AKIANOBODY' : accessKeyId),
            secretAccessKey: Secret.of(to === 'wrong' ? 'wrong-secret-of-nobody' : secretAccessKey),
            sessionToken: Secret.of(sessionToken),
          },
        },
        { site: SiteId(site), cloud: CloudName('loopback'), clock, log },
      ),
    truth: async () =>
      server.instances.map((instance) => ({
        cloudId: instance.id,
        site: instance.tags.get(markTags.site) ?? null,
        intent: instance.tags.get(markTags.intent) ?? null,
        pool: instance.tags.get(markTags.pool) ?? null,
        offer: instance.tags.get(markTags.offer) ?? null,
        living: server.living().includes(instance),
        userData: instance.userData,
      })),
    preload: async (site, count) => {
      server.preload(count, {
        mark: (n) => ({
          clientToken: `preloaded-${n}`,
          tags: { [markTags.site]: site, [markTags.intent]: `preloaded-${n}` },
        }),
      });
    },
    stranger: async () => {
      server.preload(1, { mark: () => ({ clientToken: '', tags: { Name: 'somebody-elses' } }) });
    },
    slow: async (times) => {
      Object.assign(server.levers, times);
    },
    lag: async (ms) => {
      server.levers.listLagMs = ms;
      server.levers.unknownForMs = ms;
    },
    elapse: async (ms) => server.advance(ms),
    room: async (instances) => {
      server.levers.capacity['*'] = instances;
    },
    allowance: async (instances) => {
      server.levers.vcpusMax = 2 * instances;
    },
    fault: async (kind, fault, times) => server.fault(actionOf(kind), wireFaults[fault], times),
    calls: async (kind) => server.calls(actionOf(kind)),
    stop: () => server.stop(),
  };
}
