import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Cloud } from '../../../src/clouds/port.ts';
import { IntentId } from '../../../src/model/ids.ts';
import { type LoopbackEc2, startLoopbackEc2 } from '../../support/loopback-ec2/server.ts';
import { anOrder, connectTo, errorOf, site, soon } from './connection.ts';

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

const tag = (key: string, value: string) => `<item><key>${key}</key><value>${value}</value></item>`;
const ours = tag('spillway:site', site) + tag('spillway:intent', 'in-1');

/** null takes an element away. */
type Change = Readonly<Record<string, string | null>>;

/** A row of DescribeInstances with some of its elements replaced. */
function row(change: Change = {}): string {
  const elements: Change = {
    instanceId: 'i-1',
    amiLaunchIndex: '0',
    instanceState: '<code>16</code><name>running</name>',
    tagSet: ours,
    ...change,
  };
  return `<item>${Object.entries(elements)
    .map(([name, value]) => (value === null ? '' : `<${name}>${value}</${name}>`))
    .join('')}</item>`;
}

function answerWith(rows: string, rest = ''): void {
  const reservation = `<item><reservationId>r-1</reservationId><instancesSet>${rows}</instancesSet></item>`;
  const body = `<DescribeInstancesResponse><requestId>x</requestId><reservationSet>${reservation}</reservationSet>${rest}</DescribeInstancesResponse>`;
  server.fault('DescribeInstances', { kind: 'body', when: 'before', status: 200, body });
}

const listed = async (change: Change) => {
  answerWith(row(change));
  return (await cloud.list(soon()))[0];
};

describe('a row of the list', () => {
  it.each([
    ['pending', 'pending'],
    ['running', 'running'],
    ['shutting-down', 'ending'],
    ['terminated', 'gone'],
    ['stopping', 'stopped'],
    ['stopped', 'stopped'],
  ])('in the state %s is %s', async (name, state) => {
    expect(await listed({ instanceState: `<code>0</code><name>${name}</name>` })).toMatchObject({ state });
  });

  it.each([
    [{ privateIpAddress: '10.0.0.1', ipAddress: '192.0.2.1' }, '10.0.0.1'],
    [{ ipAddress: '192.0.2.1' }, '192.0.2.1'],
    [{ privateIpAddress: '', ipv6Address: '2001:db8::1' }, '2001:db8::1'],
    [{}, null],
  ])('with %j has the address %s', async (change, address) => {
    expect(await listed(change)).toMatchObject({ address });
  });

  it.each([
    ['Client.UserInitiatedShutdown', 'User initiated', null],
    ['Client.InstanceInitiatedShutdown', 'Instance initiated', null],
    ['pending', 'pending', null],
    ['', '', null],
    ['Server.InternalError', 'Internal error on launch', 'Internal error on launch'],
    ['Server.InsufficientInstanceCapacity', '', 'Server.InsufficientInstanceCapacity'],
    ['Client.VolumeLimitExceeded', 'Volume limit exceeded', 'Volume limit exceeded'],
    ['Server.SpotInstanceTermination', 'Spot', 'Spot'],
  ])('that ended for %s has a fault or none', async (code, message, fault) => {
    const stateReason = `<code>${code}</code><message>${message}</message>`;
    expect(await listed({ stateReason })).toMatchObject({ fault });
  });

  it('keeps its intent by the token where somebody took the tag away', async () => {
    const found = await listed({ tagSet: tag('spillway:site', site), clientToken: 'in-7' });
    expect(found).toMatchObject({ intent: 'in-7', pool: null, offer: null });
  });

  it('that never had an intent gets one that no store knows', async () => {
    expect(await listed({ tagSet: tag('spillway:site', site) })).toMatchObject({ intent: 'i-1' });
  });

  it('that does not bear our mark is left out, though the server let it through', async () => {
    answerWith(
      row() +
        row({ instanceId: 'i-2', tagSet: tag('spillway:site', 'site-b') }) +
        row({ instanceId: 'i-3', tagSet: '' }),
    );
    expect((await cloud.list(soon())).map((instance) => instance.cloudId)).toEqual(['i-1']);
  });

  it.each([
    ['no id', { instanceId: '' }],
    ['no seat', { amiLaunchIndex: null }],
    ['a seat that is no number', { amiLaunchIndex: 'first' }],
    ['a seat below nothing', { amiLaunchIndex: '-1' }],
    ['no state', { instanceState: '' }],
    ['a state that nobody knows', { instanceState: '<name>rebooting</name>' }],
  ])('with %s spoils the whole list', async (_what, change) => {
    answerWith(row({ instanceId: 'i-9' }) + row(change));
    const error = await errorOf(cloud.list(soon()));
    expect(error).toMatchObject({ code: 'unavailable', inDoubt: false });
    expect(error.message).toContain('malformed answer');
  });
});

const patience = { timeout: 10_000 };

describe('an answer that stops in the middle', () => {
  it('is given up when we are told to, and its connection with it', async () => {
    server.preload(50, { mark: (n) => ({ clientToken: `t-${n}`, tags: { 'spillway:site': site } }) });
    server.fault('DescribeInstances', { kind: 'half', after: 'hang' });
    const giveUp = new AbortController();
    const failed = errorOf(cloud.list(giveUp.signal));
    await vi.waitFor(() => expect(server.calls()).toBe(1), patience);
    giveUp.abort();
    expect(await failed).toMatchObject({ code: 'timeout', inDoubt: false });
    await vi.waitFor(async () => expect(await server.connections()).toBe(0), patience);
  });

  it('keeps no connection when there is too much of it', async () => {
    server.fault('DescribeInstances', { kind: 'oversized', bytes: 80e6 });
    expect((await errorOf(cloud.list(soon()))).message).toMatch(/malformed answer: more than \d+ bytes/);
    await vi.waitFor(async () => expect(await server.connections()).toBe(0), patience);
  });
});

describe('many calls at a time', () => {
  it('wait their turn', async () => {
    server.levers.delayMs = { '*': 20 };
    await Promise.all(Array.from({ length: 120 }, () => cloud.list(soon())));
    expect(server.calls()).toBe(120);
    expect(await server.connections()).toBeLessThanOrEqual(16);
  });
});

describe('the question', () => {
  it('is for this site only, in letters and not as a pattern', async () => {
    const other = connectTo(server.endpoint, {}, { as: 'a*b?\\' });
    await other.list(soon());
    await other.close();
    expect(Object.fromEntries(server.requests.at(-1)?.params ?? [])).toEqual({
      Action: 'DescribeInstances',
      Version: '2016-11-15',
      'Filter.1.Name': 'tag:spillway:site',
      'Filter.1.Value.1': 'a\\*b\\?\\\\',
      MaxResults: '1000',
    });
  });
});

describe('pages', () => {
  it('that do not all come spoil the list', async () => {
    server.preload(1200, { mark: (n) => ({ clientToken: `t-${n}`, tags: { 'spillway:site': site } }) });
    server.fault('DescribeInstances', { kind: 'oversized', bytes: 0 });
    server.fault('DescribeInstances', { kind: 'error', status: 503, code: 'RequestLimitExceeded' });
    expect(await errorOf(cloud.list(soon()))).toMatchObject({ code: 'rateLimited' });
    expect(await cloud.list(soon())).toHaveLength(1200);
  });

  it('announced again and again are given up', async () => {
    for (const _ of [1, 2]) answerWith(row(), '<nextToken>the-same</nextToken>');
    expect((await errorOf(cloud.list(soon()))).message).toBe(
      'DescribeInstances: the same page is announced twice',
    );
  });

  it('without end are given up', async () => {
    let pages = 0;
    for (; pages < 200; pages += 1) answerWith(row(), `<nextToken>page-${pages}</nextToken>`);
    expect((await errorOf(cloud.list(soon()))).message).toBe('DescribeInstances: more than 200 pages');
  });

  it('that show a machine twice show it once, as it was last', async () => {
    answerWith(row(), '<nextToken>more</nextToken>');
    answerWith(row({ instanceState: '<name>terminated</name>' }), '<nextToken></nextToken>');
    expect(await cloud.list(soon())).toMatchObject([{ cloudId: 'i-1', state: 'gone' }]);
  });
});

describe('an intent', () => {
  it('is found by its tag where the server does not find it by its token', async () => {
    await cloud.launch(anOrder(), soon());
    server.forgetCalls();
    const empty =
      '<DescribeInstancesResponse><requestId>x</requestId><reservationSet/></DescribeInstancesResponse>';
    server.fault('DescribeInstances', { kind: 'body', when: 'before', status: 200, body: empty });
    expect(await cloud.resolve(IntentId('in-1'), soon())).toHaveLength(1);
    expect(server.calls('DescribeInstances')).toBe(2);
  });

  it('is not looked for again once it is found', async () => {
    await cloud.launch(anOrder(), soon());
    server.forgetCalls();
    await cloud.resolve(IntentId('in-1'), soon());
    expect(server.calls()).toBe(1);
  });

  it('that the server cannot look for is not "nothing"', async () => {
    server.fault('DescribeInstances', { kind: 'error', status: 500, code: 'InternalError' });
    expect(await errorOf(cloud.resolve(IntentId('in-1'), soon()))).toMatchObject({ code: 'unavailable' });
  });
});
