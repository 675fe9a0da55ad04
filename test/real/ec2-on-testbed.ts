import {
  DescribeInstanceAttributeCommand,
  DescribeInstancesCommand,
  EC2Client,
  type Instance,
  RunInstancesCommand,
} from '@aws-sdk/client-ec2';
import { ec2Driver } from '../../src/clouds/ec2/driver.ts';
import { markTags } from '../../src/clouds/ec2/mark.ts';
import type { Cloud } from '../../src/clouds/port.ts';
import { Secret } from '../../src/config/secrets.ts';
import { CloudName, SiteId } from '../../src/model/ids.ts';
import type { CallKind, CloudUnderTest, Fault, TrueInstance } from '../conformance/driver/harness.ts';
import type { DriverHarness } from '../conformance/driver-cases.ts';
import type { Ec2Testbed } from '../support/testbed.ts';

const actions: Readonly<Record<CallKind, string>> = {
  create: 'RunInstances',
  list: 'DescribeInstances',
  end: 'TerminateInstances',
};

/** Levers of the server for the next call of an action; what is missing, it cannot do. */
const wireFaults: Readonly<Partial<Record<Fault, object>>> = {
  trouble: { refuse: 500 },
  cutAfter: { lose: 0 },
  hang: { delay_after: 20 },
  foreign: { lose: 200 },
};

/** Nothing of the server's own takes longer; more time than that passes for the driver only. */
const waitMaxMs = 10_000;

const noBodies = 'the server cannot spoil a body; the loopback server does';

export const testbedGaps: DriverHarness['gaps'] = {
  'an expired session is renewed once, and what was refused is carried out':
    'keys in a config do not expire; test/clouds/ec2/credentials.test.ts has those that do',
  'lists 1,000 machines and more, each once': 'the server takes 30 s to make them; the loopback server does',
  'misses no machine that stays while others come and go': 'as above, and it pages by reservations',
  'what this cloud does not have is unsupported': 'the server sells every type in every zone',
  'refused credentials are auth': 'the server takes any credentials',
  'any call too many is rateLimited, and says how long to wait where the cloud does':
    'the server throttles creates only, and sends no Retry-After',
  'a connection cut before the answer leaves a change in doubt':
    'the server carries a call out before it cuts; the case of the lost answer does that',
  'gives up a call that hangs when it is told to, and a change is in doubt':
    'the server notes a call when it answers; the case of the create that was given up does hang',
  'user data as long as it may be arrives':
    'the server counts the padding of base64 too, and refuses the last bytes',
  'takes half an answer for none': noBodies,
  'takes an empty success for none': noBodies,
  'reads no answer without end': noBodies,
  'lets no secret out when the cloud repeats the request': noBodies,
};

/** The EC2 driver on moto's server with our additions (scripts/testbed/ec2), emptied for each case. */
export async function startEc2OnTestbed(testbed: Ec2Testbed): Promise<CloudUnderTest> {
  await testbed.reset();
  const { endpoint, region, accessKeyId, secretAccessKey, imageId } = testbed;
  const client = new EC2Client({ endpoint, region, credentials: { accessKeyId, secretAccessKey } });
  const secretOfTest = 'tbd/SecretAccessKeyThatTheServerNeverChecks/1';
  const levers: Record<string, unknown> = {};
  const turn = (change: object) => {
    Object.assign(levers, change);
    testbed.setLevers(levers);
  };
  const spoiled = new Map<CallKind, { readonly lever: object; left: number }>();
  const turnSpoiled = () => {
    const all = [...spoiled].filter(([, { left }]) => left > 0);
    turn({ throttle: all.some(([, { lever }]) => 'throttle' in lever) ? 1 : 0 });
    turn({ actions: Object.fromEntries(all.map(([kind, { lever }]) => [actions[kind], lever])) });
  };

  /** The server's levers hold until they are turned back: here after the calls that they were meant for. */
  async function used<T>(kind: CallKind, work: Promise<T>): Promise<T> {
    try {
      return await work;
    } finally {
      const fault = spoiled.get(kind);
      if (fault !== undefined) {
        fault.left -= 1;
        if (fault.left === 0) turnSpoiled();
      }
    }
  }

  return {
    driver: ec2Driver,
    boot: { image: imageId, type: 'c5.large' },
    bootUnknown: { image: 'ami-00000000000000bad', type: 'c5.large' },
    secrets: [secretOfTest],
    connect({ site, clock, log, to = 'cloud' }): Cloud {
      const cloud = ec2Driver.create(
        {
          region,
          endpoint: to === 'nowhere' ? 'http://127.0.0.1:1' : endpoint,
          imageOwners: ['amazon'],
          credentials: { accessKeyId: Secret.of(accessKeyId), secretAccessKey: Secret.of(secretOfTest) },
        },
        { site: SiteId(site), cloud: CloudName('testbed'), clock, log },
      );
      return {
        ...cloud,
        launch: (order, signal) => used('create', cloud.launch(order, signal)),
        list: (signal) => used('list', cloud.list(signal)),
        terminate: (instance, signal) => used('end', cloud.terminate(instance, signal)),
      };
    },
    truth: () => truth(client),
    preload: async () => {
      throw new Error('too slow on this server');
    },
    stranger: async () => {
      await client.send(
        new RunInstancesCommand({ ImageId: imageId, InstanceType: 'c5.large', MinCount: 1, MaxCount: 1 }),
      );
    },
    slow: async ({ bootMs, stopMs }) => turn({ boot_seconds: bootMs / 1000, stop_seconds: stopMs / 1000 }),
    lag: async (ms) => turn({ hide_seconds: ms / 1000 }),
    elapse: async (ms) => {
      if (ms <= waitMaxMs) await new Promise((resolve) => setTimeout(resolve, ms));
    },
    room: async (instances) => turn({ capacity: { 'c5.large': instances } }),
    allowance: async (instances) => turn({ vcpus: 2 * instances }),
    fault: async (kind, fault, times = 1) => {
      const lever = fault === 'throttled' && kind === 'create' ? { throttle: 1 } : wireFaults[fault];
      if (lever === undefined) throw new Error(`the server cannot do ${fault} to ${kind}`);
      spoiled.set(kind, { lever, left: times });
      turnSpoiled();
    },
    calls: async (kind) => testbed.calls().filter((call) => call.action === actions[kind]).length,
    stop: async () => client.destroy(),
  };
}

async function truth(client: EC2Client): Promise<readonly TrueInstance[]> {
  const { Reservations = [] } = await client.send(new DescribeInstancesCommand({}));
  const rows = Reservations.flatMap((reservation) => reservation.Instances ?? []);
  return await Promise.all(rows.map((row) => trueInstance(client, row)));
}

async function trueInstance(client: EC2Client, row: Instance): Promise<TrueInstance> {
  const tag = (key: string) => row.Tags?.find(({ Key }) => Key === key)?.Value ?? null;
  const { UserData } = await client.send(
    new DescribeInstanceAttributeCommand({ InstanceId: row.InstanceId, Attribute: 'userData' }),
  );
  return {
    cloudId: row.InstanceId ?? '',
    site: tag(markTags.site),
    intent: tag(markTags.intent),
    pool: tag(markTags.pool),
    offer: tag(markTags.offer),
    living: row.State?.Name === 'pending' || row.State?.Name === 'running',
    userData: UserData?.Value === undefined ? null : Buffer.from(UserData.Value, 'base64'),
  };
}
