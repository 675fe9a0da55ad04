import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type AttributeRecord, adFromValues } from '../../src/classad/ad.ts';
import type { Cloud } from '../../src/clouds/port.ts';
import { CloudId, InstanceId, IntentId, QueueName } from '../../src/model/ids.ts';
import { workersOf } from '../../src/queues/htcondor/workers.ts';
import { anOrder, connectTo, errorOf, site, soon } from '../clouds/ec2/connection.ts';
import { found, makeEntry, makeFleet, makeInstance, makeList, t0 } from '../support/fleetParts.ts';
import { foldedPhases, folds } from '../support/folds.ts';
import { type LoopbackEc2, startLoopbackEc2 } from '../support/loopback-ec2/server.ts';

let server: LoopbackEc2;
let cloud: Cloud;
beforeEach(async () => {
  server = await startLoopbackEc2();
  cloud = connectTo(server.endpoint);
});
afterEach(async () => {
  await cloud.close();
  await server.stop();
});

const actions = () => server.requests.map(({ action }) => action);
const seats = (count: number) => Array.from({ length: count }, (_, seat) => InstanceId(`in-1-${seat}`));
const ours = (n: number) => ({
  clientToken: `in-${n}`,
  tags: {
    'spillway:site': site,
    'spillway:intent': `in-${n}`,
    'spillway:pool': 'pool',
    'spillway:offer': 'small',
  },
});

describe('a list that lacks something', () => {
  test('pcluster-node PR #694: rows without a private address are the same machines: none is missed', async () => {
    const described = server.preload(40, { mark: ours });
    const rows = described.map(
      ({ id }, n) =>
        `<item><instanceId>${id}</instanceId><amiLaunchIndex>0</amiLaunchIndex>` +
        `<instanceState><code>16</code><name>running</name></instanceState><clientToken>in-${n}</clientToken><tagSet>` +
        `<item><key>spillway:site</key><value>${site}</value></item>` +
        `<item><key>spillway:intent</key><value>in-${n}</value></item></tagSet></item>`,
    );
    const body =
      '<DescribeInstancesResponse><requestId>x</requestId><reservationSet><item><reservationId>r-1</reservationId>' +
      `<instancesSet>${rows.join('')}</instancesSet></item></reservationSet></DescribeInstancesResponse>`;
    server.fault('DescribeInstances', { kind: 'body', when: 'before', status: 200, body }, 4);

    const working = described.map(({ id }, n) =>
      makeEntry(makeInstance('claimed', { name: `in-${n}`, cloudId: CloudId(id), address: `10.0.0.${n}` }), {
        cloudState: 'running',
        activity: 'claimed',
        workerSeenAtMs: t0,
      }),
    );
    let change = folds(makeFleet(working));
    for (const atMs of [20_000, 40_000, 60_000, 80_000]) {
      const instances = await cloud.list(soon());
      expect(instances.map(({ address }) => address)).toEqual(instances.map(() => null));
      change = folds(change.result(), [t0 + atMs, { lists: [makeList(t0 + atMs, instances)] }]);
    }
    const now = [...change.entries.values()].map(({ instance }) => [instance.phase, instance.address]);
    expect(now).toEqual(working.map((_, n) => ['claimed', `10.0.0.${n}`]));
    expect([...change.strangers.values()]).toEqual([]);
  });

  test('aws-plugin-for-slurm #16: an id that EC2 does not know yet is pending, not gone', async () => {
    Object.assign(server.levers, { listLagMs: 60_000, unknownForMs: 60_000 });
    const { instances } = await cloud.launch(anOrder(), soon());
    expect(instances).toHaveLength(1);
    expect(await cloud.resolve(IntentId('in-1'), soon())).toEqual([]);
    const [made] = instances;
    expect(await cloud.terminate(made?.cloudId ?? CloudId('none'), soon())).toBe('ending');
    // The core: neither a list nor a look-up within the lag makes it gone.
    const young = makeEntry(makeInstance('building', { phaseSinceMs: t0 }));
    const change = folds(makeFleet([young]), [t0 + 9000, { lists: [makeList(t0 + 9000, [])] }]);
    expect(foldedPhases(change)).toEqual({ 'i-0': 'building' });
    server.advance(61_000);
    expect(await cloud.resolve(IntentId('in-1'), soon())).toHaveLength(1);
  });
});

describe('whose it is stands on the machine from its first moment', () => {
  test('cattle-ops gitlab-runner #450: the create call itself says whose machine it is, volumes too', async () => {
    await cloud.launch(anOrder({}, { instances: seats(3) }), soon());
    // What volumes the image has is looked up before.
    expect(actions()).toEqual(['DescribeImages', 'RunInstances']);
    for (const { tags, volumeTags } of server.instances) {
      expect(Object.fromEntries(tags)).toMatchObject({ 'spillway:site': site, 'spillway:intent': 'in-1' });
      expect(volumeTags).toEqual(tags);
    }
  });

  test('packer #1367: a machine whose create was cut off bears the mark, and is found by it', async () => {
    server.fault('RunInstances', { kind: 'cut', when: 'after' });
    expect(await errorOf(cloud.launch(anOrder(), soon()))).toMatchObject({ inDoubt: true });
    expect(await cloud.list(soon())).toMatchObject([{ intent: 'in-1', seat: 0, pool: 'p', offer: 'o' }]);
    expect(actions()).not.toContain('CreateTags');
  });

  test('skypilot #2169: machines of others are in no list of ours, stopped ones of the same account neither', async () => {
    server.preload(3, { mark: () => ({ clientToken: '', tags: { Name: 'in-1-0' } }) });
    server.preload(2, { mark: () => ({ clientToken: '', tags: { 'spillway:site': `${site}-other` } }) });
    await cloud.launch(anOrder(), soon());
    expect(await cloud.list(soon())).toHaveLength(1);
  });
});

describe('calls', () => {
  test('nodepool 40eb0fd8d: a list of 1,200 machines is two calls, and reading it is none', async () => {
    server.preload(1200, { mark: ours });
    const instances = await cloud.list(soon());
    expect(instances.filter(({ address, fault }) => address !== null && fault === null)).toHaveLength(1200);
    expect(server.calls()).toBe(2);
  });

  test('CAPO #1404: a create is one call that makes nothing beside the machine, so that a refused one leaves nothing', async () => {
    server.levers.capacity['*'] = 0;
    const order = anOrder({ rootVolume: { size: '50GiB' } });
    expect(await errorOf(cloud.launch(order, soon()))).toMatchObject({ code: 'capacity', inDoubt: false });
    expect(actions()).toEqual(['DescribeImages', 'RunInstances']);
    expect(server.writes()).toBe(1);
    expect(server.instances).toEqual([]);
    const sent = Object.fromEntries(server.requests.at(-1)?.params ?? []);
    expect(sent).toMatchObject({
      'BlockDeviceMapping.1.Ebs.DeleteOnTermination': 'true',
      InstanceInitiatedShutdownBehavior: 'terminate',
    });
    expect(Object.keys(sent).filter((name) => /Allocat|NetworkInterface|Address/.test(name))).toEqual([]);
  });

  test('wr #38: an account at its limit is a quota, not a fault of the machine', async () => {
    server.levers.vcpusMax = 0;
    expect(await errorOf(cloud.launch(anOrder(), soon()))).toMatchObject({ code: 'quota', inDoubt: false });
  });

  test('ray #65416: an id that is bad, or given twice, ends nobody else´s end', async () => {
    const { instances } = await cloud.launch(anOrder({}, { instances: seats(2) }), soon());
    const [first, second] = instances.map(({ cloudId }) => cloudId);
    if (first === undefined || second === undefined) throw new Error('not two machines');
    const bad = CloudId('not-an-id');
    const all = await Promise.allSettled(
      [first, bad, first, second].map((id) => cloud.terminate(id, soon())),
    );
    expect([0, 2, 3].map((at) => all[at]?.status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled']);
    expect(await cloud.terminate(first, soon())).toBe('gone');
    expect(server.living()).toEqual([]);
    // EC2 refuses a call whole for one bad id: who was in it is asked for alone, and no id stands twice in a call.
    const calls = server.requests.filter(({ action }) => action === 'TerminateInstances');
    for (const { params } of calls) {
      const ids = [...params].filter(([key]) => key.startsWith('InstanceId')).map(([, id]) => id);
      expect(new Set(ids).size).toBe(ids.length);
    }
  });

  test('autoscaler #252: a throttled list is an error of its own kind, and says for how long', async () => {
    server.fault('DescribeInstances', {
      kind: 'error',
      status: 503,
      code: 'RequestLimitExceeded',
      headers: { 'retry-after': '7' },
    });
    expect(await errorOf(cloud.list(soon()))).toMatchObject({ code: 'rateLimited', retryAfterMs: 7000 });
    expect(server.calls()).toBe(1);
  });
});

describe('a scheduler says what nobody has heard before', () => {
  const slot = (over: AttributeRecord) =>
    adFromValues({
      Name: 'slot1@m',
      MyAddress: '<10.0.0.5:9618>',
      SlotID: 1,
      Cpus: 2,
      Memory: 100,
      Disk: 2048,
      ...over,
    });
  const only = (over: AttributeRecord) => workersOf(QueueName('main'), [slot(over)], null)[0];

  test('tardis #240: a slot in an unknown state is no error and no free machine: it may have a job', () => {
    const worker = only({ State: 'Hibernated', Activity: 'Dreaming' });
    expect(worker).toMatchObject({ activity: 'claimed', slots: [{ free: { cpus: 0 } }] });
  });

  test('tardis #240: nor is it drained because it drains', () => {
    expect(only({ State: 'Hibernated', Activity: 'Idle', Draining: true })?.activity).toBe('draining');
    expect(only({ State: 'Drained', Activity: 'Idle', Draining: true })?.activity).toBe('drained');
  });
});

test('pcluster-node PR #692: a row is matched by the id of the machine, whatever else has changed about it', () => {
  const machine = makeInstance('claimed', { name: 'one', address: '10.0.0.1' });
  const entry = makeEntry(machine, { cloudState: 'running', activity: 'claimed', workerSeenAtMs: t0 });
  const moved = found(machine, { address: '10.9.9.9', pool: null, offer: null, intent: IntentId('another') });
  const change = folds(makeFleet([entry]), [t0 + 20_000, { lists: [makeList(t0 + 20_000, [moved])] }]);
  expect(foldedPhases(change)).toEqual({ 'one-0': 'claimed' });
  expect(change.strangers.size).toBe(0);
});
