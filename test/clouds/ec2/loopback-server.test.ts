import {
  DescribeAvailabilityZonesCommand,
  DescribeInstanceAttributeCommand,
  DescribeInstancesCommand,
  type DescribeInstancesCommandInput,
  EC2Client,
  RunInstancesCommand,
  type RunInstancesCommandInput,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LoopbackEc2, startLoopbackEc2 } from '../../support/loopback-ec2/server.ts';
import { image, site } from './connection.ts';

let server: LoopbackEc2;
let client: EC2Client;
beforeEach(async () => {
  server = await startLoopbackEc2({ levers: { bootMs: 3000, stopMs: 2000 } });
  const { endpoint, region } = server;
  client = new EC2Client({
    endpoint,
    region,
    maxAttempts: 1,
    credentials: { accessKeyId: 'x', secretAccessKey: 'x' },
  });
});
afterEach(async () => {
  client.destroy();
  await server.stop();
});

const run = (change: Partial<RunInstancesCommandInput> = {}) =>
  client.send(
    new RunInstancesCommand({
      ImageId: image,
      InstanceType: 'c5.large',
      MinCount: 1,
      MaxCount: 1,
      ...change,
    }),
  );

async function shown(input: DescribeInstancesCommandInput = {}) {
  const { Reservations = [], NextToken } = await client.send(new DescribeInstancesCommand(input));
  const rows = Reservations.flatMap((reservation) => reservation.Instances ?? []);
  return { rows, states: rows.map((row) => row.State?.Name), NextToken };
}

describe('the clock of the server', () => {
  it('takes an instance through its states', async () => {
    const { Instances: [made] = [] } = await run();
    expect(made?.State?.Name).toBe('pending');
    server.advance(2999);
    expect((await shown()).states).toEqual(['pending']);
    server.advance(1);
    expect((await shown()).states).toEqual(['running']);
    await client.send(new TerminateInstancesCommand({ InstanceIds: [made?.InstanceId ?? ''] }));
    expect((await shown()).states).toEqual(['shutting-down']);
    server.advance(2000);
    expect((await shown()).states).toEqual(['terminated']);
    server.advance(server.levers.terminatedShownMs);
    expect((await shown()).rows).toEqual([]);
    expect(server.instances).toHaveLength(1);
  });

  it('may be the test’s own', async () => {
    let nowMs = 0;
    const other = await startLoopbackEc2({ now: () => nowMs, levers: { bootMs: 10 } });
    other.preload(1, { mark: () => ({ clientToken: 'x', tags: {} }) });
    const [instance] = other.instances;
    Object.assign(instance ?? {}, { createdAtMs: 0, runningAtMs: 10 });
    expect(instance && other.state(instance)).toBe('pending');
    nowMs = 10;
    expect(instance && other.state(instance)).toBe('running');
    expect(() => other.advance(1)).toThrow('clock of its own');
    await other.stop();
  });
});

describe('a create call', () => {
  it('takes what there is room for, at least the least', async () => {
    server.levers.capacity['c5.large'] = 3;
    expect((await run({ MaxCount: 5 })).Instances).toHaveLength(3);
    await expect(run()).rejects.toMatchObject({ name: 'InsufficientInstanceCapacity' });
    expect((await run({ InstanceType: 'c5.xlarge' })).Instances).toHaveLength(1);
    server.levers.vcpusMax = 10;
    await expect(run({ InstanceType: 'c5.xlarge' })).rejects.toMatchObject({ name: 'VcpuLimitExceeded' });
  });

  it('may be sent again with its token, and not with another content', async () => {
    const first = await run({ ClientToken: 't', MaxCount: 2 });
    const again = await run({ ClientToken: 't', MaxCount: 2 });
    expect(again.ReservationId).toBe(first.ReservationId);
    await expect(run({ ClientToken: 't', MaxCount: 3 })).rejects.toMatchObject({
      name: 'IdempotentParameterMismatch',
    });
    expect(server.instances).toHaveLength(2);
  });

  it('refused leaves its token free', async () => {
    server.levers.capacity['*'] = 0;
    await expect(run({ ClientToken: 't' })).rejects.toThrow();
    server.levers.capacity = {};
    expect((await run({ ClientToken: 't', MaxCount: 2 })).Instances).toHaveLength(2);
  });

  it.each<[Partial<RunInstancesCommandInput>, string]>([
    [{ ImageId: 'ami-00000000' }, 'InvalidAMIID.NotFound'],
    [{ ImageId: 'debian' }, 'InvalidAMIID.Malformed'],
    [{ InstanceType: 'c5.enormous' as 'c5.large' }, 'InvalidParameterValue'],
    [{ MinCount: 3, MaxCount: 2 }, 'InvalidParameterValue'],
    [{ MinCount: 0 }, 'InvalidParameterValue'],
    [{ UserData: Buffer.alloc(16_385).toString('base64') }, 'InvalidParameterValue'],
    [{ UserData: 'not base64!' }, 'InvalidUserData.Malformed'],
    [{ ClientToken: 't'.repeat(65) }, 'InvalidParameterValue'],
    [{ Monitoring: { Enabled: true } }, 'UnknownParameter'],
    [{ Placement: { AvailabilityZone: 'moon-1a' } }, 'InvalidParameterValue'],
    [
      { TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'aws:x', Value: 'y' }] }] },
      'InvalidParameterValue',
    ],
  ])('%j is refused', async (change, name) => {
    await expect(run(change)).rejects.toMatchObject({ name });
    expect(server.instances).toEqual([]);
  });

  it('keeps user data byte for byte', async () => {
    const UserData = Buffer.from(Uint8Array.from({ length: 256 }, (_, byte) => byte)).toString('base64');
    const { Instances: [made] = [] } = await run({ UserData });
    const read = new DescribeInstanceAttributeCommand({
      InstanceId: made?.InstanceId,
      Attribute: 'userData',
    });
    expect((await client.send(read)).UserData?.Value).toBe(UserData);
    expect(server.instances[0]?.userData?.toString('base64')).toBe(UserData);
  });
});

describe('a list', () => {
  it('comes in pages of what was asked for', async () => {
    await run({ MaxCount: 12 });
    const first = await shown({ MaxResults: 5 });
    const second = await shown({ MaxResults: 5, NextToken: first.NextToken });
    const third = await shown({ MaxResults: 5, NextToken: second.NextToken });
    expect([first, second, third].map((page) => page.rows.length)).toEqual([5, 5, 2]);
    expect(third.NextToken).toBeUndefined();
  });

  it('takes filters with wildcards, and a backslash before what is none', async () => {
    for (const name of ['a*', 'ab', 'b']) {
      await run({ TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'n', Value: name }] }] });
    }
    const found = async (value: string) =>
      (await shown({ Filters: [{ Name: 'tag:n', Values: [value] }] })).rows.map(
        (row) => row.Tags?.[0]?.Value,
      );
    expect(await found('a*')).toEqual(['a*', 'ab']);
    expect(await found('a?')).toEqual(['a*', 'ab']);
    expect(await found('a\\*')).toEqual(['a*']);
    expect(await found('*')).toHaveLength(3);
  });

  it.each<[DescribeInstancesCommandInput, string]>([
    [{ Filters: [{ Name: 'colour', Values: ['red'] }] }, 'InvalidParameterValue'],
    [{ MaxResults: 4 }, 'InvalidParameterValue'],
    [{ MaxResults: 1001 }, 'InvalidParameterValue'],
    [{ InstanceIds: ['i-00000000000000001'] }, 'InvalidInstanceID.NotFound'],
    [{ InstanceIds: ['computer'] }, 'InvalidInstanceID.Malformed'],
    [{ NextToken: 'invented' }, 'InvalidNextToken'],
  ])('%j is refused', async (input, name) => {
    await run();
    server.vanish(server.instances[0]?.id ?? '');
    await expect(shown(input)).rejects.toMatchObject({ name });
  });

  it('lags as it is told to, in what there is and in what state it is', async () => {
    server.levers.listLagMs = 1000;
    await run();
    server.advance(999);
    expect((await shown()).rows).toEqual([]);
    server.advance(1);
    expect((await shown()).states).toEqual(['pending']);
    server.advance(2999);
    expect((await shown()).states).toEqual(['pending']);
    server.advance(1);
    expect((await shown()).states).toEqual(['running']);
  });

  it('of 2,000 instances comes in half a second', async () => {
    server.preload(2000, {
      mark: (n) => ({
        clientToken: `in-${n}`,
        tags: { 'spillway:site': site, 'spillway:intent': `in-${n}` },
      }),
    });
    const page = async (token: string) => {
      const body = `Action=DescribeInstances&MaxResults=1000&Filter.1.Name=tag:spillway:site&Filter.1.Value.1=${site}${token}`;
      return await (await fetch(server.endpoint, { method: 'POST', body })).text();
    };
    const takenMs: number[] = [];
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const startedMs = performance.now();
      const first = await page('');
      const second = await page(`&NextToken=${/<nextToken>(.*)<\/nextToken>/.exec(first)?.[1]}`);
      takenMs.push(performance.now() - startedMs);
      expect(`${first}${second}`.match(/<instanceId>/g)).toHaveLength(2000);
    }
    // The best of five: on a busy machine the others say nothing of the server.
    expect(Math.min(...takenMs)).toBeLessThan(500);
  });
});

describe('its books', () => {
  it('count calls and writes, refused ones too', async () => {
    await run();
    await shown();
    server.fault('*', { kind: 'error', status: 500, code: 'InternalError' }, 2);
    await expect(run()).rejects.toThrow();
    await expect(shown()).rejects.toThrow();
    expect([server.calls('RunInstances'), server.calls('DescribeInstances'), server.calls()]).toEqual([
      2, 2, 4,
    ]);
    expect(server.writes()).toBe(2);
    server.forgetCalls();
    expect([server.calls(), server.writes(), server.requests.length]).toEqual([0, 0, 0]);
  });

  it('tell of a machine that the cloud ended by itself', async () => {
    await run();
    server.kill(server.instances[0]?.id ?? '', 'Server.SpotInstanceTermination');
    server.advance(2000);
    const { rows } = await shown();
    expect(rows).toMatchObject([
      { State: { Name: 'terminated' }, StateReason: { Code: 'Server.SpotInstanceTermination' } },
    ]);
    expect(server.living()).toEqual([]);
  });

  it('keep a fault for the action that it was set for, as often as it was set', async () => {
    server.fault('RunInstances', { kind: 'error', status: 503, code: 'RequestLimitExceeded' }, 2);
    await shown();
    for (const _ of [1, 2]) await expect(run()).rejects.toMatchObject({ name: 'RequestLimitExceeded' });
    await run();
    server.fault('RunInstances', { kind: 'cut', when: 'before' }, Number.POSITIVE_INFINITY);
    for (const _ of [1, 2, 3]) await expect(run()).rejects.toThrow();
    server.clearFaults();
    await run();
    expect(server.instances).toHaveLength(2);
  });

  it('know no action that they do not have', async () => {
    const answer = await fetch(server.endpoint, { method: 'POST', body: 'Action=RebootInstances' });
    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain('<Code>InvalidAction</Code>');
    expect((await client.send(new DescribeAvailabilityZonesCommand({}))).AvailabilityZones).toHaveLength(2);
  });

  it('answer late when they are told to', async () => {
    server.levers.delayMs = { DescribeInstances: 60 };
    const startedMs = performance.now();
    await shown();
    expect(performance.now() - startedMs).toBeGreaterThan(50);
  });
});
