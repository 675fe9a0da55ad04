import {
  CreateLaunchTemplateCommand,
  CreateVolumeCommand,
  DescribeInstanceAttributeCommand,
  DescribeInstancesCommand,
  DescribeVolumesCommand,
  EC2Client,
} from '@aws-sdk/client-ec2';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectionTo } from '../../src/clouds/ec2/client.ts';
import { exchangeThrough } from '../../src/clouds/ec2/exchange.ts';
import { findLeaks } from '../../src/clouds/ec2/leaks.ts';
import type { Cloud } from '../../src/clouds/port.ts';
import { InstanceId, IntentId, OfferName, SiteId } from '../../src/model/ids.ts';
import {
  aCheckedOffer,
  anOrder,
  connectTo,
  errorOf,
  settingsFor,
  site,
  soon,
} from '../clouds/ec2/connection.ts';
import { ec2Testbed, had, isMissing, stopTestbeds } from '../support/testbed.ts';

/** What the drivers' suite does not ask of every cloud: fleets, the spot market, volumes, dry runs, many machines. */
const testbed = await ec2Testbed('depth');
afterAll(() => stopTestbeds(testbed));

const orderOf = (
  name: string,
  seats: number,
  boot: object,
  change: Partial<Parameters<typeof anOrder>[1]> = {},
) =>
  anOrder(boot, {
    intent: IntentId(name),
    instances: Array.from({ length: seats }, (_, seat) => InstanceId(`${name}-${seat}`)),
    ...change,
  });

describe.skipIf(isMissing(testbed))('EC2 in depth, on moto', { timeout: 120_000 }, () => {
  let client: EC2Client;
  let cloud: Cloud;
  let fleet: object;
  let image: string;
  beforeEach(async () => {
    const bed = had(testbed);
    await bed.reset();
    image = bed.imageId;
    const credentials = { accessKeyId: bed.accessKeyId, secretAccessKey: bed.secretAccessKey };
    client = new EC2Client({ endpoint: bed.endpoint, region: bed.region, credentials });
    cloud = connectTo(bed.endpoint, {}, { wallNow: () => Date.now() });
    const { LaunchTemplate } = await client.send(
      new CreateLaunchTemplateCommand({
        LaunchTemplateName: 'worker',
        LaunchTemplateData: { InstanceInitiatedShutdownBehavior: 'terminate' },
      }),
    );
    fleet = {
      image,
      launchTemplate: { id: LaunchTemplate?.LaunchTemplateId, version: 1 },
      fleet: { types: ['c5.xlarge'], zones: ['us-east-1a', 'us-east-1b'] },
    };
  });
  afterEach(async () => {
    await cloud.close();
    client.destroy();
  });

  const rows = async () => {
    const { Reservations = [] } = await client.send(new DescribeInstancesCommand({}));
    return Reservations.flatMap(({ Instances = [] }) => Instances);
  };
  const count = (action: string) =>
    had(testbed)
      .calls()
      .filter((call) => call.action === action).length;

  it('launches a fleet where there is room, and finds it again by its intent', async () => {
    had(testbed).setLevers({ capacity: { 'c5.large:us-east-1a': 0, 'c5.large:us-east-1b': 2 } });
    const userData = '#!/bin/sh\necho fleet\n';
    const order = orderOf('in-1', 3, fleet, { market: 'spot', userData });
    const { instances } = await cloud.launch(order, soon());
    expect(instances.map(({ seat }) => seat)).toEqual([0, 1, 2]);
    const made = await rows();
    const places = made.map(
      ({ InstanceType, Placement }) => `${InstanceType}:${Placement?.AvailabilityZone}`,
    );
    expect(places.toSorted()).toEqual(['c5.large:us-east-1b', 'c5.large:us-east-1b', 'c5.xlarge:us-east-1a']);
    for (const { InstanceId: id } of made) {
      const command = new DescribeInstanceAttributeCommand({ InstanceId: id, Attribute: 'userData' });
      const { UserData } = await client.send(command);
      expect(Buffer.from(UserData?.Value ?? '', 'base64').toString()).toBe(userData);
    }
    const ids = instances.map(({ cloudId }) => cloudId);
    expect((await cloud.resolve(order.intent, soon())).map(({ cloudId }) => cloudId)).toEqual(ids);
    const again = await cloud.launch(order, soon());
    expect(again.instances.map(({ cloudId }) => cloudId)).toEqual(ids);
    expect(await rows()).toHaveLength(3);
  });

  it('is told capacity and quota of a fleet that comes to nothing', async () => {
    had(testbed).setLevers({ capacity: { 'c5.large': 0, 'c5.xlarge': 0 } });
    expect(await errorOf(cloud.launch(orderOf('empty-1', 1, fleet), soon()))).toMatchObject({
      code: 'capacity',
    });
    had(testbed).setLevers({ vcpus: 1 });
    expect(await errorOf(cloud.launch(orderOf('empty-2', 1, fleet), soon()))).toMatchObject({
      code: 'quota',
    });
    expect(await rows()).toEqual([]);
  });

  it('sees the notice on a spot machine, and what spot machines cost', async () => {
    const order = orderOf('in-1', 2, { image }, { market: 'spot' });
    const { instances } = await cloud.launch(order, soon());
    const [taken] = instances;
    had(testbed).setLevers({ notices: [taken?.cloudId] });
    const noticed = (await cloud.list(soon())).filter(({ notice }) => notice !== undefined);
    expect(noticed.map(({ cloudId }) => cloudId)).toEqual([taken?.cloudId]);
    const prices = await cloud.prices?.([aCheckedOffer('spot', { image }, 'spot')], soon());
    expect(prices?.get(OfferName('spot'))?.perHour).toBeGreaterThan(0);
  });

  it('leaves no volume behind, though the image would, and finds those that somebody else has left', async () => {
    for (const [n, boot] of [{ image }, { image, rootVolume: { size: '20GiB' } }].entries()) {
      const { instances } = await cloud.launch(orderOf(`in-${n}`, 1, boot), soon());
      for (const { cloudId } of instances) await cloud.terminate(cloudId, soon());
    }
    const volumes = await client.send(new DescribeVolumesCommand({}));
    expect(volumes.Volumes).toEqual([]);
    const connection = connectionTo(settingsFor(had(testbed).endpoint));
    const leaks = () => findLeaks(exchangeThrough(connection), SiteId(site), soon());
    expect(await leaks()).toEqual([]);
    const Tags = [{ Key: 'spillway:site', Value: site }];
    const left = await client.send(
      new CreateVolumeCommand({
        AvailabilityZone: 'us-east-1a',
        Size: 7,
        TagSpecifications: [{ ResourceType: 'volume', Tags }],
      }),
    );
    expect(await leaks()).toEqual([{ kind: 'volume', id: left.VolumeId, sizeGiB: 7 }]);
    connection.client.destroy();
  });

  it('asks for IMDSv2 alone', async () => {
    await cloud.launch(orderOf('in-1', 1, { image }), soon());
    expect((await rows()).map(({ MetadataOptions }) => MetadataOptions?.HttpTokens)).toEqual(['required']);
  });

  it('finds nothing wrong with offers that work, and makes nothing to find it out', async () => {
    const offers = [aCheckedOffer('one', { image }), aCheckedOffer('fleet', fleet, 'spot')];
    for (const check of cloud.checks?.({ offers, machinesMax: 10 }) ?? []) {
      const wrong = (await check.run(soon())).filter(({ verdict }) => verdict === 'error');
      expect(wrong, check.subject).toEqual([]);
    }
    expect(await rows()).toEqual([]);
  });

  it('launches 300 machines with three creates, lists them with one call, and ends them', async () => {
    const userData = '#!/bin/sh\n';
    for (const n of [1, 2, 3]) await cloud.launch(orderOf(`in-${n}`, 100, { image }, { userData }), soon());
    expect(count('RunInstances')).toBe(3);
    const before = count('DescribeInstances');
    const listed = await cloud.list(soon());
    expect(listed).toHaveLength(300);
    expect(count('DescribeInstances') - before).toBe(1);
    await Promise.all(listed.map(({ cloudId }) => cloud.terminate(cloudId, soon())));
    expect((await cloud.list(soon())).filter(({ state }) => state !== 'gone')).toEqual([]);
    const calls = ['RunInstances', 'DescribeInstances', 'TerminateInstances'].map((action) => [
      action,
      count(action),
    ]);
    process.stdout.write(`300 machines: ${JSON.stringify(Object.fromEntries(calls))}\n`);
  });
});
