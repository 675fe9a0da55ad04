import { describe, expect, it, onTestFinished } from 'vitest';
import { makeClient } from '../../../src/clouds/cloudstack/client/client.ts';
import { signedForm } from '../../../src/clouds/cloudstack/client/signature.ts';
import { startCloudstack } from '../../support/cloudstack/server.ts';
import { usualStock } from '../../support/cloudstack/world.ts';

const { signal } = new AbortController();

async function started(clockAheadMs = 0) {
  const server = await startCloudstack();
  const wallNow = () => server.world.now() + clockAheadMs;
  const client = makeClient({ ...server, wallNow });
  onTestFinished(async () => {
    await client.close();
    await server.stop();
  });
  return { server, call: (command: string, params = {}) => client.call(command, params, { signal }) };
}

const order = {
  zoneid: usualStock.zones[0]?.id ?? '',
  serviceofferingid: usualStock.serviceOfferings[0]?.id ?? '',
  templateid: usualStock.templates[0]?.id ?? '',
};

describe('the stand-in of CloudStack is strict', () => {
  it.each<[string, string, Readonly<Record<string, string>>, string]>([
    ['a command that there is not', 'deployMachine', {}, '432: The given command'],
    [
      'a parameter that there is not',
      'deployVirtualMachine',
      { ...order, tags: 'x' },
      '431: unknown parameter',
    ],
    ['a missing parameter', 'deployVirtualMachine', { templateid: 'x' }, '431: Unable to execute'],
    ['an id that there is not', 'listVirtualMachines', { id: 'x' }, 'entity does not exist'],
    ['a control character', 'listVirtualMachines', { name: 'a\tb' }, 'non-printable'],
    ['a page that is too large', 'listVirtualMachines', { page: '1', pagesize: '501' }, "can't exceed"],
    ['a name that is no host name', 'deployVirtualMachine', { ...order, name: '1a' }, 'Invalid name'],
    [
      'user data that is no base64',
      'deployVirtualMachine',
      { ...order, userdata: '#!/bin/sh' },
      'not base64',
    ],
    [
      'user data that is too long',
      'deployVirtualMachine',
      { ...order, userdata: 'AAAA'.repeat(8193) },
      'too long',
    ],
    [
      'a character that its database does not hold',
      'deployVirtualMachine',
      { ...order, 'details[0].x': '🙂' },
      '530: Incorrect string value',
    ],
  ])('it refuses %s', async (_what, command, params, message) => {
    const { call, server } = await started();
    await expect(call(command, params)).rejects.toThrow(message);
    expect(server.world.machines).toEqual([]);
  });

  it('refuses a second machine of a name, until the first is expunged', async () => {
    const { call } = await started();
    const named = { ...order, name: 'worker-1' };
    const made = await call('deployVirtualMachine', named);
    await expect(call('deployVirtualMachine', named)).rejects.toThrow('already exists in the network domain');
    const { id } = made as { id: string };
    await call('destroyVirtualMachine', { id });
    await expect(call('deployVirtualMachine', named)).rejects.toThrow('already exists in the network domain');
    await call('destroyVirtualMachine', { id, expunge: 'true' });
    await expect(call('deployVirtualMachine', named)).resolves.toMatchObject({ id: expect.any(String) });
  });

  it('refuses a URL that is too long for it', async () => {
    const { server } = await started();
    const form = signedForm(
      { command: 'listZones', name: 'x'.repeat(9000) },
      server,
      server.world.now() + 1000,
    );
    expect((await fetch(`${server.endpoint}?${form}`)).status).toBe(414);
  });

  it('answers a list of nothing with nothing', async () => {
    const { call } = await started();
    expect(await call('listVirtualMachines')).toEqual({});
  });
});

describe('the API limit', () => {
  it.each(['retry after 7000 ms.', 'retry after [7000] ms.'])('says how long to wait: %s', async (text) => {
    const { call, server } = await started();
    server.faults.set('*', {
      kind: 'error',
      status: 429,
      code: '',
      message: `account api limit, please ${text}`,
    });
    await expect(call('listZones')).rejects.toMatchObject({ facts: { errorCode: 429, retryAfterMs: 7000 } });
  });

  it('of a gateway says so in its header', async () => {
    const { call, server } = await started();
    const headers = { 'retry-after': '3' };
    server.faults.set('*', { kind: 'error', status: 503, code: '', headers });
    await expect(call('listZones')).rejects.toMatchObject({ facts: { retryAfterMs: 3000 } });
  });
});

describe('clocks that differ', () => {
  it.each([-9 * 60_000, 0, 4 * 60_000])('by %i ms do not matter', async (aheadMs) => {
    const { call } = await started(aheadMs);
    await expect(call('listVirtualMachines')).resolves.toEqual({});
  });

  it.each([
    [-11 * 60_000, "the server's clock is 660 s ahead of this host's"],
    [6 * 60_000, "the server's clock is 360 s behind this host's"],
  ])('by %i ms are said to', async (aheadMs, hint) => {
    const { call } = await started(aheadMs);
    await expect(call('listVirtualMachines')).rejects.toThrow(hint);
  });

  it('are not said to where the key is wrong', async () => {
    const { server } = await started();
    const client = makeClient({ ...server, secretKey: 'another', wallNow: server.world.now });
    onTestFinished(() => client.close());
    const refusal = client.call('listZones', {}, { signal });
    await expect(refusal).rejects.toThrow(
      /^listZones: 401: unable to verify user credentials and\/or request signature$/,
    );
  });
});
