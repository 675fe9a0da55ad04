import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Cloud } from '../../../src/clouds/port.ts';
import { InstanceId, IntentId } from '../../../src/model/ids.ts';
import { type LoopbackEc2, startLoopbackEc2 } from '../../support/loopback-ec2/server.ts';
import { anOrder, connectTo, errorOf, image, soon } from './connection.ts';

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

function sent(): Readonly<Record<string, string>> {
  const create = server.requests.findLast((request) => request.action === 'RunInstances');
  return Object.fromEntries(create?.params ?? []);
}

const seats = (count: number) => Array.from({ length: count }, (_, seat) => InstanceId(`in-1-${seat}`));

describe('the create call', () => {
  it('says no more than the offer does', async () => {
    await cloud.launch(anOrder(), soon());
    const tags = ['Name', 'spillway:site', 'spillway:intent', 'spillway:pool', 'spillway:offer'];
    const values = ['in-1-0', 'site-a', 'in-1', 'p', 'o'];
    const specification = (n: number, kind: string) => [
      [`TagSpecification.${n}.ResourceType`, kind],
      ...tags.flatMap((key, i) => [
        [`TagSpecification.${n}.Tag.${i + 1}.Key`, key],
        [`TagSpecification.${n}.Tag.${i + 1}.Value`, values[i]],
      ]),
    ];
    expect(sent()).toEqual({
      Action: 'RunInstances',
      Version: '2016-11-15',
      ImageId: image,
      InstanceType: 'c5.large',
      MinCount: '1',
      MaxCount: '1',
      ClientToken: 'in-1',
      InstanceInitiatedShutdownBehavior: 'terminate',
      'MetadataOptions.HttpTokens': 'required',
      'MetadataOptions.HttpEndpoint': 'enabled',
      ...Object.fromEntries(
        ['instance', 'volume', 'network-interface'].flatMap((kind, n) => specification(n + 1, kind)),
      ),
    });
    // What volumes the image has is looked up once.
    expect([server.calls('DescribeImages'), server.calls('RunInstances'), server.calls()]).toEqual([1, 1, 2]);
    await cloud.launch(anOrder({}, { intent: IntentId('in-2') }), soon());
    expect(server.calls()).toBe(3);
  });

  it('carries what the offer says', async () => {
    const boot = {
      zone: 'us-east-1b',
      subnet: 'subnet-0a',
      securityGroups: ['sg-0a', 'sg-0b'],
      keyName: 'my key',
      instanceProfile: 'worker',
    };
    await cloud.launch(anOrder(boot, { userData: '#!/bin/sh\n' }), soon());
    expect(sent()).toMatchObject({
      'Placement.AvailabilityZone': 'us-east-1b',
      SubnetId: 'subnet-0a',
      'SecurityGroupId.1': 'sg-0a',
      'SecurityGroupId.2': 'sg-0b',
      KeyName: 'my key',
      'IamInstanceProfile.Name': 'worker',
      UserData: Buffer.from('#!/bin/sh\n').toString('base64'),
    });
  });

  it('asks for a spot machine once, to be terminated when it is taken back', async () => {
    await cloud.launch(anOrder({}, { market: 'spot' }), soon());
    expect(sent()).toMatchObject({
      'InstanceMarketOptions.MarketType': 'spot',
      'InstanceMarketOptions.SpotOptions.SpotInstanceType': 'one-time',
      'InstanceMarketOptions.SpotOptions.InstanceInterruptionBehavior': 'terminate',
      'TagSpecification.4.ResourceType': 'spot-instances-request',
    });
    expect(Object.keys(sent()).filter((name) => name.endsWith('MaxPrice'))).toEqual([]);
  });

  it('asks for a spot machine at no more than the offer says, without an exponent', async () => {
    await cloud.launch(anOrder({ spotPriceMax: 0.05 }, { market: 'spot' }), soon());
    expect(sent()['InstanceMarketOptions.SpotOptions.MaxPrice']).toBe('0.05');
    await cloud.launch(anOrder({ spotPriceMax: 2 }, { market: 'spot', intent: IntentId('in-2') }), soon());
    expect(sent()['InstanceMarketOptions.SpotOptions.MaxPrice']).toBe('2');
    await cloud.launch(anOrder({ spotPriceMax: 2 }, { intent: IntentId('in-3') }), soon());
    expect(sent()['InstanceMarketOptions.SpotOptions.MaxPrice']).toBeUndefined();
  });

  it('gives the address to the machine’s own interface, which ends with it', async () => {
    const boot = { publicAddress: true, subnet: 'subnet-0a', securityGroups: ['sg-0a'] };
    await cloud.launch(anOrder(boot), soon());
    const own = Object.entries(sent()).filter(([name]) => name.startsWith('NetworkInterface'));
    expect(Object.fromEntries(own)).toEqual({
      'NetworkInterface.1.DeviceIndex': '0',
      'NetworkInterface.1.AssociatePublicIpAddress': 'true',
      'NetworkInterface.1.DeleteOnTermination': 'true',
      'NetworkInterface.1.SubnetId': 'subnet-0a',
      'NetworkInterface.1.SecurityGroupId.1': 'sg-0a',
    });
    expect(sent()).not.toHaveProperty('SubnetId');
    expect(sent()).not.toHaveProperty('SecurityGroupId.1');
  });

  it('leaves the first version of the metadata service on where the offer wants it', async () => {
    await cloud.launch(anOrder({ metadata: { tokens: 'optional', hops: 2 } }), soon());
    expect(sent()).toMatchObject({
      'MetadataOptions.HttpTokens': 'optional',
      'MetadataOptions.HttpPutResponseHopLimit': '2',
    });
  });

  it('names a version of a launch template, whose image and type the offer’s own replace', async () => {
    await cloud.launch(anOrder({ launchTemplate: { id: 'lt-0123456789abcdef0', version: 2 } }), soon());
    expect(sent()).toMatchObject({
      'LaunchTemplate.LaunchTemplateId': 'lt-0123456789abcdef0',
      'LaunchTemplate.Version': '2',
      ImageId: image,
      InstanceType: 'c5.large',
    });
    const unknown = anOrder({ launchTemplate: { id: 'lt-0bad', version: 1 } });
    expect(await errorOf(cloud.launch(unknown, soon()))).toMatchObject({ code: 'notFound', inDoubt: false });
    const noVersion = anOrder({ launchTemplate: { id: 'lt-0123456789abcdef0', version: 9 } });
    expect(await errorOf(cloud.launch(noVersion, soon()))).toMatchObject({
      code: 'notFound',
      inDoubt: false,
    });
  });

  it('names a profile by its ARN where it is one', async () => {
    const instanceProfile = 'arn:aws:iam::123456789012:instance-profile/worker';
    await cloud.launch(anOrder({ instanceProfile }), soon());
    expect(sent()).toMatchObject({ 'IamInstanceProfile.Arn': instanceProfile });
  });

  it('names several machines by their intent, and none over the name that the offer gives', async () => {
    await cloud.launch(anOrder({}, { instances: seats(3) }), soon());
    expect(server.instances.map((instance) => instance.tags.get('Name'))).toEqual(['in-1', 'in-1', 'in-1']);
    await cloud.launch(anOrder({ tags: { Name: 'grid', team: 'ü' } }, { intent: IntentId('in-2') }), soon());
    expect(Object.fromEntries(server.instances[3]?.tags ?? [])).toMatchObject({ Name: 'grid', team: 'ü' });
  });

  it('tags the volumes as it tags the machines', async () => {
    await cloud.launch(anOrder({ tags: { team: 'x' } }), soon());
    expect(server.instances[0]?.volumeTags).toEqual(server.instances[0]?.tags);
  });
});

describe('the root volume', () => {
  it('is asked for under the device name of the image, which is looked up once', async () => {
    const rootVolume = { size: '50.5GiB', type: 'gp3' };
    for (const n of [1, 2])
      await cloud.launch(anOrder({ rootVolume }, { intent: IntentId(`in-${n}`) }), soon());
    expect(sent()).toMatchObject({
      'BlockDeviceMapping.1.DeviceName': '/dev/xvda',
      'BlockDeviceMapping.1.Ebs.VolumeSize': '51',
      'BlockDeviceMapping.1.Ebs.VolumeType': 'gp3',
      'BlockDeviceMapping.1.Ebs.DeleteOnTermination': 'true',
    });
    expect(server.calls('DescribeImages')).toBe(1);
  });

  it('of an image that is not there fails before anything is made, without a doubt', async () => {
    const order = anOrder({ image: 'ami-0bad', rootVolume: { size: '50GiB' } });
    expect(await errorOf(cloud.launch(order, soon()))).toMatchObject({ code: 'notFound', inDoubt: false });
    expect(server.writes()).toBe(0);
  });

  it('whose look-up fails fails the launch without a doubt', async () => {
    server.fault('DescribeImages', { kind: 'cut', when: 'after' });
    const order = anOrder({ rootVolume: { size: '50GiB' } });
    expect(await errorOf(cloud.launch(order, soon()))).toMatchObject({ code: 'unavailable', inDoubt: false });
    expect(server.writes()).toBe(0);
  });
});

describe('what would stay when the machine is ended', () => {
  const kept = [{ device: '/dev/sdb', endsWithMachine: false }];
  const withData = { id: 'ami-0da7a', name: 'data', owner: 'self', rootDevice: '/dev/xvda', volumes: kept };

  it('goes with it: volumes of the image and of the template', async () => {
    const template = { id: 'lt-0a', version: 1, volumes: [{ device: '/dev/sdc', endsWithMachine: false }] };
    const other = await startLoopbackEc2({ images: [withData], templates: [template] });
    const there = connectTo(other.endpoint);
    const boot = { image: withData.id, launchTemplate: { id: 'lt-0a', version: 1 } };
    const { instances } = await there.launch(anOrder(boot), soon());
    expect(other.instances[0]?.volumes).toEqual([
      { device: '/dev/xvda', endsWithMachine: true },
      { device: '/dev/sdb', endsWithMachine: true },
      { device: '/dev/sdc', endsWithMachine: true },
    ]);
    for (const { cloudId } of instances) await there.terminate(cloudId, soon());
    await there.launch(anOrder(boot, { intent: IntentId('in-2') }), soon());
    expect([other.calls('DescribeImages'), other.calls('DescribeLaunchTemplateVersions')]).toEqual([1, 1]);
    await there.close();
    await other.stop();
  });

  it('of a template’s interfaces is refused: nothing in the call could mend it', async () => {
    const other = await startLoopbackEc2({ templates: [{ id: 'lt-0a', version: 1, keepsInterfaces: true }] });
    const there = connectTo(other.endpoint);
    const error = await errorOf(
      there.launch(anOrder({ launchTemplate: { id: 'lt-0a', version: 1 } }), soon()),
    );
    expect(error).toMatchObject({ code: 'invalid', inDoubt: false });
    expect(error.message).toContain('network interfaces that stay');
    expect(other.writes()).toBe(0);
    await there.close();
    await other.stop();
  });
});

describe('refused before the call', () => {
  it.each([
    ['no machine at all', anOrder({}, { instances: [] })],
    ['more machines than a call may ask for', anOrder({}, { instances: seats(101) })],
    ['an intent too long for a token', anOrder({}, { intent: IntentId('i'.repeat(65)) })],
    ['an intent that is no token', anOrder({}, { intent: IntentId('in 1') })],
    ['user data a byte too long', anOrder({}, { userData: 'x'.repeat(16_385) })],
  ])('%s', async (_what, order) => {
    expect(await errorOf(cloud.launch(order, soon()))).toMatchObject({ code: 'invalid', inDoubt: false });
    expect(server.calls()).toBe(0);
  });
});

describe('an answer that cannot be right', () => {
  const answer = (rows: string) =>
    `<RunInstancesResponse><requestId>x</requestId><reservationId>r-1</reservationId>` +
    `<instancesSet>${rows}</instancesSet></RunInstancesResponse>`;
  const seat = (index: number) => `<amiLaunchIndex>${index}</amiLaunchIndex>`;
  const row = (id: string, seat: string, state = '<name>pending</name>') =>
    `<item><instanceId>${id}</instanceId>${seat}<instanceState>${state}</instanceState></item>`;

  it.each([
    ['names no machine', answer('')],
    ['names more than were asked for', answer(row('i-1', seat(0)) + row('i-2', seat(1)))],
    ['has a machine without an id', answer(row('', seat(0)))],
    ['has a machine without a seat', answer(row('i-1', ''))],
    ['has a machine in no state', answer(row('i-1', seat(0), ''))],
    ['has a machine in a state that nobody knows', answer(row('i-1', seat(0), '<name>dreaming</name>'))],
  ])('%s: it was carried out, and what came of it is in doubt', async (_what, body) => {
    server.fault('RunInstances', { kind: 'body', when: 'after', status: 200, body });
    const error = await errorOf(cloud.launch(anOrder(), soon()));
    expect(error).toMatchObject({ code: 'unavailable', inDoubt: true });
    expect(await cloud.resolve(IntentId('in-1'), soon())).toHaveLength(1);
  });
});
