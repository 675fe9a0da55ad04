import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Cloud } from '../../../src/clouds/port.ts';
import { InstanceId, IntentId } from '../../../src/model/ids.ts';
import { type LoopbackEc2, startLoopbackEc2 } from '../../support/loopback-ec2/server.ts';
import { anOrder, connectTo, errorOf, image, soon } from './connection.ts';

let server: LoopbackEc2;
let cloud: Cloud;
let nowMs: number;
beforeEach(async () => {
  nowMs = 0;
  server = await startLoopbackEc2();
  cloud = connectTo(server.endpoint, {}, { monotonicNow: () => nowMs });
});
afterEach(async () => {
  await cloud.close();
  await server.stop();
});

const launchTemplate = { id: 'lt-0123456789abcdef0', version: 2 };
const fleetOf = (fleet: object) => ({ launchTemplate, fleet });
const zones = ['us-east-1a', 'us-east-1b'];

const order = (n: number, seats: number, change: Partial<Parameters<typeof anOrder>[1]> = {}, boot = {}) =>
  anOrder(
    { ...fleetOf({ types: ['c5.xlarge'], zones }), ...boot },
    {
      intent: IntentId(`in-${n}`),
      instances: Array.from({ length: seats }, (_, seat) => InstanceId(`in-${n}-${seat}`)),
      ...change,
    },
  );

const sent = () =>
  Object.fromEntries(server.requests.findLast(({ action }) => action === 'CreateFleet')?.params ?? []);
const pools = () => server.instances.map(({ type, zone }) => `${type}:${zone}`);
const asked = () =>
  Object.entries(sent())
    .filter(([name]) => name.endsWith('.InstanceType'))
    .map(([name, type]) => `${type}:${sent()[name.replace('InstanceType', 'AvailabilityZone')]}`);

describe('a fleet', () => {
  it('is one call for all seats, over each type in each zone', async () => {
    const { instances } = await cloud.launch(order(1, 3, { userData: '#!/bin/sh\n' }), soon());
    expect(instances.map(({ seat, state, intent }) => [seat, state, intent])).toEqual([
      [0, 'pending', 'in-1'],
      [1, 'pending', 'in-1'],
      [2, 'pending', 'in-1'],
    ]);
    expect(server.writes()).toBe(1);
    expect(asked()).toEqual([
      'c5.large:us-east-1a',
      'c5.large:us-east-1b',
      'c5.xlarge:us-east-1a',
      'c5.xlarge:us-east-1b',
    ]);
    expect(sent()).toMatchObject({
      Type: 'instant',
      ClientToken: 'in-1',
      'TargetCapacitySpecification.TotalTargetCapacity': '3',
      'TargetCapacitySpecification.DefaultTargetCapacityType': 'on-demand',
      'OnDemandOptions.AllocationStrategy': 'lowest-price',
      'LaunchTemplateConfigs.1.LaunchTemplateSpecification.LaunchTemplateId': launchTemplate.id,
      'LaunchTemplateConfigs.1.LaunchTemplateSpecification.Version': '2',
      'LaunchTemplateConfigs.1.Overrides.1.ImageId': image,
      'LaunchTemplateConfigs.1.Overrides.1.MetadataOptions.HttpTokens': 'required',
    });
    expect(server.instances.map(({ userData }) => userData?.toString())).toEqual(
      instances.map(() => '#!/bin/sh\n'),
    );
    expect(Object.fromEntries(server.instances[0]?.tags ?? [])).toEqual({
      Name: 'in-1',
      'spillway:site': 'site-a',
      'spillway:intent': 'in-1',
      'spillway:pool': 'p',
      'spillway:offer': 'o',
      'spillway:fleet': 'instant',
    });
    expect(server.instances[0]?.volumeTags.get('spillway:site')).toBe('site-a');
  });

  it('of spot machines is asked for by price and capacity, and no dearer than the offer says', async () => {
    await cloud.launch(order(1, 1, { market: 'spot' }, { spotPriceMax: 0.1 }), soon());
    expect(sent()).toMatchObject({
      'TargetCapacitySpecification.DefaultTargetCapacityType': 'spot',
      'SpotOptions.AllocationStrategy': 'price-capacity-optimized',
      'SpotOptions.InstanceInterruptionBehavior': 'terminate',
      'LaunchTemplateConfigs.1.Overrides.4.MaxPrice': '0.1',
    });
    expect(server.instances[0]?.spot).toBe(true);
  });

  it('follows the strategy that its market knows', async () => {
    const boot = fleetOf({ types: ['c5.xlarge'], strategy: 'prioritized' });
    await cloud.launch(order(1, 1, {}, boot), soon());
    expect(sent()['OnDemandOptions.AllocationStrategy']).toBe('prioritized');
    expect(sent()['LaunchTemplateConfigs.1.Overrides.2.Priority']).toBe('1');
    await cloud.launch(order(2, 1, { market: 'spot' }, boot), soon());
    expect(sent()['SpotOptions.AllocationStrategy']).toBe('price-capacity-optimized');
  });

  it('sent again makes nothing more and gives the same seats', async () => {
    const first = await cloud.launch(order(1, 3), soon());
    const again = await connectTo(server.endpoint).launch(order(1, 3), soon());
    expect(again.instances.map(({ cloudId }) => cloudId)).toEqual(
      first.instances.map(({ cloudId }) => cloudId),
    );
    expect(server.instances).toHaveLength(3);
    const other = { userData: 'another' };
    expect(await errorOf(cloud.launch(order(1, 3, other), soon()))).toMatchObject({
      code: 'invalid',
      inDoubt: true,
    });
  });

  it('whose answer is lost is found, each machine with a seat of its own', async () => {
    server.fault('CreateFleet', { kind: 'cut', when: 'after' });
    expect(await errorOf(cloud.launch(order(1, 3), soon()))).toMatchObject({ inDoubt: true });
    const found = await cloud.resolve(IntentId('in-1'), soon());
    expect(found.map(({ seat }) => seat)).toEqual([0, 1, 2]);
    expect(await cloud.list(soon())).toEqual(found);
  });

  it('keeps the seats of its machines while views lag and others end', async () => {
    const { instances } = await cloud.launch(order(1, 3), soon());
    const [first] = instances;
    server.vanish(first?.cloudId ?? '');
    const seats = (await cloud.list(soon())).map(({ cloudId, seat }) => [cloudId, seat]);
    expect(seats).toEqual(instances.slice(1).map(({ cloudId, seat }) => [cloudId, seat]));
  });
});

describe('types and zones without capacity', () => {
  it('do not stop the others', async () => {
    server.levers.capacity = { 'c5.large:us-east-1a': 0, 'c5.large:us-east-1b': 1 };
    const { instances } = await cloud.launch(order(1, 2), soon());
    expect(instances).toHaveLength(2);
    expect(pools()).toEqual(['c5.large:us-east-1b', 'c5.xlarge:us-east-1a']);
  });

  it('are not asked for again for three minutes, of their market', async () => {
    server.levers.capacity = { 'c5.large:us-east-1a': 0 };
    await cloud.launch(order(1, 1), soon());
    server.levers.capacity = {};
    await cloud.launch(order(2, 1), soon());
    expect(asked()).toEqual(['c5.large:us-east-1b', 'c5.xlarge:us-east-1a', 'c5.xlarge:us-east-1b']);
    await cloud.launch(order(3, 1, { market: 'spot' }), soon());
    expect(asked()).toHaveLength(4);
    // A call that is sent again is the same call.
    await cloud.launch(order(1, 1), soon());
    expect(asked()).toHaveLength(4);
    nowMs = 180_000;
    await cloud.launch(order(4, 1), soon());
    expect(asked()).toHaveLength(4);
  });

  it('that another offer has met are left out, too', async () => {
    server.levers.capacity = { 'c5.large:us-east-1a': 0 };
    const single = anOrder({ zone: 'us-east-1a' }, { intent: IntentId('in-1') });
    expect(await errorOf(cloud.launch(single, soon()))).toMatchObject({ code: 'capacity' });
    await cloud.launch(order(2, 1), soon());
    expect(asked()).not.toContain('c5.large:us-east-1a');
  });

  it('are capacity where there is no other, and asked for all the same', async () => {
    server.levers.capacity = { '*': 0 };
    for (const n of [1, 2]) {
      expect(await errorOf(cloud.launch(order(n, 2), soon()))).toMatchObject({
        code: 'capacity',
        inDoubt: false,
      });
      expect(asked()).toHaveLength(4);
    }
    expect(server.instances).toEqual([]);
  });

  it('are a quota where the account has its limit', async () => {
    server.levers.vcpusMax = 1;
    expect(await errorOf(cloud.launch(order(1, 1), soon()))).toMatchObject({ code: 'quota', inDoubt: false });
  });
});

describe('an answer of a fleet that cannot be right', () => {
  const answer = (inner: string) =>
    `<CreateFleetResponse><requestId>x</requestId><fleetId>fleet-1</fleetId>${inner}</CreateFleetResponse>`;
  const machines = (...ids: string[]) =>
    `<fleetInstanceSet><item><instanceIds>${ids.map((id) => `<item>${id}</item>`).join('')}</instanceIds></item></fleetInstanceSet>`;
  const error = (code: string) =>
    `<errorSet><item><errorCode>${code}</errorCode><errorMessage>x</errorMessage></item></errorSet>`;

  it.each([
    ['names neither machine nor error', answer('')],
    ['names more machines than were asked for', answer(machines('i-1', 'i-2'))],
    ['names a machine without an id', answer(machines(''))],
    ['says that EC2 was in trouble', answer(error('InternalError'))],
  ])('%s: what came of it is in doubt', async (_what, body) => {
    server.fault('CreateFleet', { kind: 'body', when: 'after', status: 200, body });
    expect(await errorOf(cloud.launch(order(1, 1), soon()))).toMatchObject({
      code: 'unavailable',
      inDoubt: true,
    });
  });
});
