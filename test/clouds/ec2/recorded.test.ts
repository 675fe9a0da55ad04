import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type CreateFleetResult,
  DescribeInstancesCommand,
  EC2Client,
  type Instance,
  type InstanceStateChange,
  type SpotPrice,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isWouldSucceed } from '../../../src/clouds/ec2/errors.ts';
import { machinesOf } from '../../../src/clouds/ec2/fleet.ts';
import { launchedInstance, listedInstance } from '../../../src/clouds/ec2/instances.ts';
import { priceOf } from '../../../src/clouds/ec2/prices.ts';
import { IntentId, OfferName, PoolName, SiteId } from '../../../src/model/ids.ts';
import { type LoopbackEc2, startLoopbackEc2 } from '../../support/loopback-ec2/server.ts';

/** The fields of those answers that are looked at here. */
interface Answer {
  readonly Instances?: readonly Instance[];
  readonly Reservations?: readonly { readonly Instances: readonly Instance[] }[];
  readonly TerminatingInstances?: readonly InstanceStateChange[];
  readonly SpotPriceHistory?: readonly SpotPrice[];
  readonly code?: string;
  readonly meta?: { readonly httpStatusCode: number };
}

interface Recorded {
  /** As it went over the wire. */
  readonly body: string;
  readonly parsed: Answer;
}

/** Calls recorded from another server: what the driver makes of them, and whether the loopback server does the same. */
function recorded(name: string): Recorded {
  const text = readFileSync(join(import.meta.dirname, '../../data/ec2', `${name}.txt`), 'utf8');
  const [request = '', parsed = ''] = text.split('<<< parsed by SDK\n');
  return { body: request.trimEnd().split('\n').at(-1) ?? '', parsed: JSON.parse(parsed) as Answer };
}

const rowsOf = ({ parsed }: Recorded) =>
  parsed.Instances ?? parsed.Reservations?.flatMap((reservation) => reservation.Instances) ?? [];

const run = recorded('run-2');
const byTag = recorded('describe-filter-tag');
const ended = recorded('describe-terminated');

describe('recorded answers', () => {
  it('of a create call are read as its machines', () => {
    const mark = { site: SiteId('s'), intent: IntentId('in-1'), pool: PoolName('p'), offer: OfferName('o') };
    expect(rowsOf(run).map((row) => launchedInstance(row, mark))).toMatchObject([
      { cloudId: 'i-9c371c66a3bf7e968', seat: 0, state: 'pending', address: '10.118.24.207', intent: 'in-1' },
      { cloudId: 'i-7fcc831ad02fea3c3', seat: 1, state: 'pending', address: '10.170.165.27', intent: 'in-1' },
    ]);
  });

  it('of a fleet are read as its machines, though those of a type come apart', () => {
    const mark = { site: SiteId('s'), intent: IntentId('in-1'), pool: PoolName('p'), offer: OfferName('o') };
    const { Instances } = recorded('fleet-instant').parsed;
    const answer = { Instances: [...(Instances ?? [])] } as CreateFleetResult;
    expect(machinesOf(answer, mark).map(({ cloudId }) => cloudId)).toEqual([
      'i-a4d039800e0f9b209',
      'i-2e08e1acdef4b2a8a',
      'i-cce699ec05b42c22c',
      'i-43ccca43fd7262883',
    ]);
  });

  it('of a dry run are known for what they are', () => {
    const { parsed } = recorded('run-dryrun');
    expect(isWouldSucceed({ ...parsed, Code: parsed.code })).toBe(true);
    expect(isWouldSucceed({ ...recorded('describe-notfound').parsed })).toBe(false);
  });

  it('of the spot market are read as prices in each zone', () => {
    const prices = (recorded('spot-price').parsed.SpotPriceHistory ?? []).map(priceOf);
    expect(prices[1]).toEqual({ type: 'c5.large', zone: 'us-east-1b', perHour: 0.00001 });
    expect(prices).not.toContain(null);
  });

  it('of a list are read as its rows', () => {
    expect(rowsOf(byTag).map(listedInstance)).toMatchObject([
      { cloudId: 'i-9c371c66a3bf7e968', seat: 0, state: 'running', fault: null },
      { cloudId: 'i-7fcc831ad02fea3c3', seat: 1, state: 'running', fault: null },
    ]);
  });

  it('of a machine that was ended say that it is gone, without a fault', () => {
    expect(rowsOf(ended).map(listedInstance)).toMatchObject([{ state: 'gone', fault: null }]);
  });
});

describe('the loopback server', () => {
  let server: LoopbackEc2;
  let client: EC2Client;
  beforeEach(async () => {
    const image = { id: 'ami-03cf127a', name: 'recorded', owner: 'amazon', rootDevice: '/dev/sda1' };
    server = await startLoopbackEc2({ images: [image], levers: { bootMs: 1000, stopMs: 1000 } });
    const { endpoint, region } = server;
    client = new EC2Client({ endpoint, region, credentials: { accessKeyId: 'x', secretAccessKey: 'x' } });
  });
  afterEach(async () => {
    client.destroy();
    await server.stop();
  });

  const post = async (body: string) => {
    const response = await fetch(server.endpoint, { method: 'POST', body });
    return { status: response.status, text: await response.text() };
  };

  it('takes the recorded create call, with the parameters as they stand', async () => {
    expect(await post(run.body)).toMatchObject({ status: 200 });
    expect(server.instances.map((instance) => [...instance.tags])).toEqual([
      [['pool', 'p1']],
      [['pool', 'p1']],
    ]);
    expect(server.instances[0]?.userData?.toString()).toBe('#!/bin/sh\necho hi');
  });

  it('answers with nothing that the recorded answers do not have, and with all that is read', async () => {
    await post(run.body);
    const { Reservations = [] } = await client.send(new DescribeInstancesCommand({}));
    const [row] = Reservations.flatMap((reservation) => reservation.Instances ?? []);
    const [like] = rowsOf(byTag);
    const keys = Object.keys(row ?? {}).filter((key) => row?.[key as keyof Instance] !== undefined);
    expect(keys.filter((key) => !(key in (like ?? {})) && key !== 'ProductCodes')).toEqual([]);
    expect(keys).toEqual(
      expect.arrayContaining([
        'InstanceId',
        'State',
        'AmiLaunchIndex',
        'ClientToken',
        'Tags',
        'PrivateIpAddress',
      ]),
    );
  });

  it('goes through the recorded states of an end', async () => {
    await post(run.body);
    const ids = server.instances.map((instance) => instance.id);
    server.advance(1000);
    const { TerminatingInstances } = await client.send(new TerminateInstancesCommand({ InstanceIds: ids }));
    const { parsed } = recorded('terminate');
    const states = parsed.TerminatingInstances?.map((row, n) => ({ ...row, InstanceId: ids[n] }));
    expect(TerminatingInstances).toEqual(states);
  });

  it.each(['describe-notfound', 'terminate-notfound'])('refuses as recorded: %s', async (name) => {
    const { body, parsed } = recorded(name);
    const { status, text } = await post(body);
    expect(status).toBe(parsed.meta?.httpStatusCode);
    expect(text).toContain(`<Code>${parsed.code}</Code>`);
  });
});
