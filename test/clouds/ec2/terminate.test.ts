import { EC2Client } from '@aws-sdk/client-ec2';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ec2Driver } from '../../../src/clouds/ec2/driver.ts';
import { exchangeThrough } from '../../../src/clouds/ec2/exchange.ts';
import { terminate } from '../../../src/clouds/ec2/terminate.ts';
import { terminationsThrough } from '../../../src/clouds/ec2/terminations.ts';
import { CloudId } from '../../../src/model/ids.ts';
import { type LoopbackEc2, startLoopbackEc2 } from '../../support/loopback-ec2/server.ts';
import { errorOf, soon } from './connection.ts';

const { listLagMs } = ec2Driver.capabilities;

let server: LoopbackEc2;
let client: EC2Client;
let nowMs = 0;
let end: (id: string) => Promise<'ending' | 'gone'>;
beforeEach(async () => {
  server = await startLoopbackEc2({ levers: { stopMs: 10_000 } });
  const { endpoint, region } = server;
  client = new EC2Client({
    endpoint,
    region,
    maxAttempts: 1,
    credentials: { accessKeyId: 'x', secretAccessKey: 'x' },
  });
  const exchange = exchangeThrough({ client, secrets: [], renewal: null });
  const unknownSince = new Map<CloudId, number>();
  const clock = { wallNow: () => nowMs, monotonicNow: () => nowMs, sleep: async () => {} };
  const parts = { exchange, clock, unknownSince, terminations: terminationsThrough(exchange) };
  end = (id) => terminate(parts, CloudId(id), soon());
});
afterEach(async () => {
  client.destroy();
  await server.stop();
});

function pass(ms: number): void {
  nowMs += ms;
  server.advance(ms);
}

function preloaded(): string {
  const [made] = server.preload(1, { mark: () => ({ clientToken: 'x', tags: {} }) });
  return made?.id ?? '';
}

describe('the end of a machine', () => {
  it('is one call a step while EC2 knows the machine', async () => {
    const id = preloaded();
    expect(await end(id)).toBe('ending');
    pass(10_000);
    expect(await end(id)).toBe('gone');
    expect(server.calls()).toBe(2);
  });

  it('is gone, long after, when EC2 has forgotten the machine for as long as its views may lag', async () => {
    const id = preloaded();
    await end(id);
    pass(10_000 + server.levers.terminatedShownMs + 1);
    expect(await end(id)).toBe('ending');
    pass(listLagMs);
    expect(await end(id)).toBe('gone');
  });

  it('begins for a machine that was too new to be known as soon as it is', async () => {
    server.levers.unknownForMs = 60_000;
    const id = preloaded();
    const [instance] = server.instances;
    Object.assign(instance ?? {}, { createdAtMs: 0, runningAtMs: 0 });
    expect(await end(id)).toBe('ending');
    expect(server.living()).toHaveLength(1);
    pass(60_000);
    expect(await end(id)).toBe('ending');
    expect(server.living()).toHaveLength(0);
  });

  it('is not said to be over at the second call, however soon that comes, for a machine that is too new to be known', async () => {
    server.levers.unknownForMs = 60_000;
    server.levers.listLagMs = 60_000;
    const id = preloaded();
    Object.assign(server.instances[0] ?? {}, { createdAtMs: 0, runningAtMs: 0 });
    expect([await end(id), await end(id)]).toEqual(['ending', 'ending']);
    expect(server.living()).toHaveLength(1);
    pass(60_000);
    expect(await end(id)).toBe('ending');
    expect(server.living()).toHaveLength(0);
  });

  it('is not said to be over while DescribeInstances still shows the machine', async () => {
    server.levers.unknownForMs = 10 * listLagMs;
    const id = preloaded();
    Object.assign(server.instances[0] ?? {}, { createdAtMs: 0, runningAtMs: 0 });
    for (const ms of [0, listLagMs, listLagMs - 1]) {
      pass(ms);
      expect(await end(id)).toBe('ending');
    }
    expect(server.living()).toHaveLength(1);
  });

  it('begins its wait anew when the machine was known in between', async () => {
    const id = preloaded();
    const notFound = { kind: 'error', status: 400, code: 'InvalidInstanceID.NotFound' } as const;
    server.fault('TerminateInstances', notFound);
    expect(await end(id)).toBe('ending');
    pass(listLagMs - 1);
    expect(await end(id)).toBe('ending');
    server.vanish(id);
    pass(1);
    expect(await end(id)).toBe('ending');
  });

  it('is not taken from a page that only says 404', async () => {
    server.fault('*', { kind: 'body', when: 'before', status: 404, body: 'no such host' }, 2);
    expect(await errorOf(end('i-0123456789abcdef0'))).toMatchObject({ code: 'unavailable' });
    pass(listLagMs);
    expect(await errorOf(end('i-0123456789abcdef0'))).toMatchObject({ code: 'unavailable' });
  });

  it('is in doubt where the answer does not name the machine', async () => {
    const body =
      '<TerminateInstancesResponse><requestId>x</requestId><instancesSet/></TerminateInstancesResponse>';
    server.fault('TerminateInstances', { kind: 'body', when: 'after', status: 200, body });
    expect(await errorOf(end(preloaded()))).toMatchObject({ code: 'unavailable', inDoubt: true });
  });

  it('of a machine that is protected is refused', async () => {
    server.fault('TerminateInstances', { kind: 'error', status: 400, code: 'OperationNotPermitted' });
    expect(await errorOf(end(preloaded()))).toMatchObject({ code: 'invalid', inDoubt: false });
  });
});
