import { describe, expect, it } from 'vitest';
import { Secret } from '../../../src/config/secrets.ts';
import { account } from '../../support/openstack/keystone.ts';
import { anOrder, errorOf, openstackBench } from './bench.ts';

const logIns = 'POST /identity/v3/auth/tokens';

const credential = (id: string, secret: string) => ({
  password: undefined,
  applicationCredential: { id, secret: Secret.of(secret), userDomain: 'Default' },
});

describe('a log-in', () => {
  it('is shared by calls that need it at the same time', async () => {
    const { cloud, server, signal } = await openstackBench();
    await Promise.all(Array.from({ length: 8 }, () => cloud.list(signal)));
    expect(server.calls(logIns)).toBe(1);
    expect(server.calls('GET /')).toBe(1);
  });

  it('goes on for the others when one gives up', async () => {
    const { cloud, server, signal } = await openstackBench();
    const giveUp = new AbortController();
    const given = errorOf(cloud.list(giveUp.signal));
    const kept = cloud.list(signal);
    giveUp.abort();
    expect(await given).toMatchObject({ code: 'timeout' });
    expect(await kept).toEqual([]);
    expect(server.calls(logIns)).toBe(1);
  });

  it('is renewed when four fifths of the token’s life are over', async () => {
    const { cloud, server, signal, elapse } = await openstackBench();
    await cloud.list(signal);
    elapse(3_600_000 * 0.8 - 1);
    await cloud.list(signal);
    expect(server.calls(logIns)).toBe(1);
    elapse(1);
    await cloud.list(signal);
    expect(server.calls(logIns)).toBe(2);
  });

  it('that Keystone cannot renew goes on until it expires', async () => {
    const { cloud, server, signal, elapse } = await openstackBench();
    await cloud.list(signal);
    server.fault(logIns, { kind: 'error', status: 503, code: 'down' }, Number.POSITIVE_INFINITY);
    elapse(3_600_000 * 0.9);
    expect(await cloud.list(signal)).toEqual([]);
    elapse(3_600_000 * 0.1);
    expect(await errorOf(cloud.launch(anOrder(), signal))).toMatchObject({
      code: 'unavailable',
      inDoubt: false,
    });
    expect(server.calls('POST /servers')).toBe(0);
  });

  it('is renewed once for a token that was revoked, and what was refused is sent again', async () => {
    const { cloud, server, world, signal } = await openstackBench();
    await cloud.list(signal);
    for (const token of world.tokens.values()) token.revoked = true;
    await cloud.launch(anOrder(), signal);
    expect(world.servers).toHaveLength(1);
    expect(server.calls(logIns)).toBe(2);
    expect(server.calls('POST /servers')).toBe(1);
  });

  it('is not renewed in a loop', async () => {
    const { cloud, server, world, signal } = await openstackBench();
    world.levers.tokenLifeMs = 0;
    expect(await errorOf(cloud.list(signal))).toMatchObject({ code: 'auth' });
    expect(server.calls(logIns)).toBeLessThanOrEqual(3);
  });

  it('is made with an application credential, and without a scope', async () => {
    const { connect, signal } = await openstackBench();
    expect(await connect(credential(account.credentialId, account.credentialSecret)).list(signal)).toEqual(
      [],
    );
  });

  it.each([
    ['wrong', account.credentialId, 'not-the-secret'],
    ['deleted', 'deleted', account.credentialSecret],
  ])('with an application credential that is %s is auth', async (_how, id, secret) => {
    const { connect, signal } = await openstackBench();
    const error = await errorOf(connect(credential(id, secret)).list(signal));
    expect(error).toMatchObject({ code: 'auth', inDoubt: false });
    expect(error.message).not.toContain(secret);
  });

  it('takes the public endpoint of its region, and says what there is none of', async () => {
    const { connect, signal } = await openstackBench();
    expect(await connect({ region: 'RegionTwo' }).list(signal)).toEqual([]);
    expect(await errorOf(connect({ region: 'RegionNine' }).list(signal))).toMatchObject({
      code: 'unsupported',
    });
    const error = await errorOf(connect({ region: undefined }).list(signal));
    expect(error).toMatchObject({ code: 'unsupported', message: expect.stringContaining('several regions') });
  });
});
