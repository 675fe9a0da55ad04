import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Cloud } from '../../../src/clouds/port.ts';
import { IntentId, OfferName } from '../../../src/model/ids.ts';
import { type LoopbackEc2, startLoopbackEc2 } from '../../support/loopback-ec2/server.ts';
import { aCheckedOffer, anOrder, connectTo, soon } from './connection.ts';

let server: LoopbackEc2;
let cloud: Cloud;
let warnings: unknown[];
beforeEach(async () => {
  server = await startLoopbackEc2();
  warnings = [];
  cloud = connectTo(server.endpoint, {}, { warn: (...line) => warnings.push(line) });
});
afterEach(async () => {
  await cloud.close();
  await server.stop();
});

const launchOne = async (n: number, market: 'spot' | 'onDemand') => {
  const { instances } = await cloud.launch(anOrder({}, { intent: IntentId(`in-${n}`), market }), soon());
  return instances[0]?.cloudId ?? '';
};
const notices = async () =>
  Object.fromEntries((await cloud.list(soon())).map(({ cloudId, notice }) => [cloudId, notice]));

describe('EC2’s notice that it takes a spot machine back', () => {
  it('is on the machine, in the list', async () => {
    const [taken, other, onDemand] = [
      await launchOne(1, 'spot'),
      await launchOne(2, 'spot'),
      await launchOne(3, 'onDemand'),
    ];
    expect(await notices()).toEqual({ [taken]: undefined, [other]: undefined, [onDemand]: undefined });
    server.giveNotice(taken);
    expect(await notices()).toMatchObject({ [taken]: 'Your Spot Instance is marked for termination.' });
    server.kill(taken, 'Server.SpotInstanceTermination');
    const gone = (await cloud.list(soon())).find(({ cloudId }) => cloudId === taken);
    expect(gone).toMatchObject({ state: 'gone', fault: 'Server.SpotInstanceTermination' });
  });

  it('is asked for where spot machines live, with one call that shows those alone which have it', async () => {
    await launchOne(1, 'onDemand');
    await cloud.list(soon());
    expect(server.calls('DescribeSpotInstanceRequests')).toBe(0);
    const id = await launchOne(2, 'spot');
    await cloud.list(soon());
    expect(server.calls('DescribeSpotInstanceRequests')).toBe(1);
    const asked = server.requests.findLast(({ action }) => action === 'DescribeSpotInstanceRequests');
    expect(asked?.params.get('Filter.1.Name')).toBe('status-code');
    server.kill(id);
    await cloud.list(soon());
    expect(server.calls('DescribeSpotInstanceRequests')).toBe(1);
  });

  it('that cannot be had spoils no list, is said once, and is asked for again', async () => {
    const id = await launchOne(1, 'spot');
    server.giveNotice(id);
    server.fault('DescribeSpotInstanceRequests', { kind: 'error', status: 500, code: 'InternalError' }, 2);
    expect(await notices()).toEqual({ [id]: undefined });
    expect(await notices()).toEqual({ [id]: undefined });
    expect(warnings).toHaveLength(1);
    expect((await notices())[id]).toBeDefined();
  });

  it('is not asked for again where we have no right to', async () => {
    await launchOne(1, 'spot');
    server.levers.denied = ['DescribeSpotInstanceRequests'];
    for (let n = 0; n < 3; n += 1) await cloud.list(soon());
    expect(server.calls('DescribeSpotInstanceRequests')).toBe(1);
    expect(warnings).toHaveLength(1);
  });
});

describe('spot prices', () => {
  const launchTemplate = { id: 'lt-0a', version: 1 };
  const offers = [
    aCheckedOffer('here', { zone: 'us-east-1b' }, 'spot'),
    aCheckedOffer('anywhere', {}, 'spot'),
    aCheckedOffer('fleet', { launchTemplate, fleet: { types: ['c5.xlarge'] } }, 'spot'),
    aCheckedOffer('unpriced', { type: 't3.micro' }, 'spot'),
    aCheckedOffer('onDemand', {}, 'onDemand'),
  ];
  const perHour = async () => {
    const prices = await cloud.prices?.(offers, soon());
    return Object.fromEntries([...(prices ?? [])].map(([name, price]) => [name, price.perHour]));
  };

  it('are those of the zone, the dearest where EC2 chooses it, the mean of a fleet', async () => {
    server.levers.spotPrices = {
      'c5.large:us-east-1a': 0.04,
      'c5.large:us-east-1b': 0.03,
      'c5.xlarge:us-east-1a': 0.08,
      'm5.2xlarge:us-east-1a': 0.2,
    };
    expect(await perHour()).toEqual({ here: 0.03, anywhere: 0.04, fleet: 0.06 });
    expect(server.calls('DescribeSpotPriceHistory')).toBe(1);
    const asked = server.requests.findLast(({ action }) => action === 'DescribeSpotPriceHistory')?.params;
    expect(asked?.get('StartTime')).toBe('1970-01-01T00:00:00Z');
    expect((await cloud.prices?.(offers, soon()))?.get(OfferName('here'))?.currency).toBe('USD');
  });

  it('are not asked for where there is no spot offer', async () => {
    expect(await cloud.prices?.(offers.slice(-1), soon())).toEqual(new Map());
    expect(server.calls()).toBe(0);
  });
});
