import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ec2Driver } from '../../../src/clouds/ec2/driver.ts';
import { Secret } from '../../../src/config/secrets.ts';
import { CloudName, SiteId } from '../../../src/model/ids.ts';
import { type LoopbackEc2, startLoopbackEc2 } from '../../support/loopback-ec2/server.ts';
import { anOrder, connectTo, errorOf, soon } from './connection.ts';

let server: LoopbackEc2;
beforeEach(async () => {
  server = await startLoopbackEc2({ accessKeyId: 'AKIAOFTHEHOST' });
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'AWS_PROFILE']) {
    vi.stubEnv(name, undefined);
  }
  vi.stubEnv('AWS_CONFIG_FILE', '/nonexistent');
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nonexistent');
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await server.stop();
});

/** A connection that leaves the credentials to the SDK. */
function connectByTheHost() {
  const settings = { region: 'us-east-1', endpoint: server.endpoint, imageOwners: ['self'] };
  const clock = { wallNow: () => 0, monotonicNow: () => 0, sleep: async () => {} };
  const log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log };
  return ec2Driver.create(settings, { site: SiteId('site-a'), cloud: CloudName('c'), clock, log });
}

describe('credentials', () => {
  it('that are not in the config are the host’s own, looked up at the first call', async () => {
    const cloud = connectByTheHost();
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIAOFTHEHOST');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'not-so-secret');
    expect(await cloud.list(soon())).toEqual([]);
    await cloud.close();
  });

  it('that are nowhere are auth, and nothing was sent', async () => {
    const cloud = connectByTheHost();
    expect(await errorOf(cloud.launch(anOrder(), soon()))).toMatchObject({ code: 'auth', inDoubt: false });
    expect(server.calls()).toBe(0);
    await cloud.close();
  });

  it('that are still looked for do not hold up a call that is given up, and leave no doubt', async () => {
    const asked = Promise.withResolvers<void>();
    const never = createServer(() => asked.resolve());
    await new Promise<void>((resolve) => never.listen(0, '127.0.0.1', resolve));
    vi.stubEnv(
      'AWS_CONTAINER_CREDENTIALS_FULL_URI',
      `http://127.0.0.1:${(never.address() as AddressInfo).port}/`,
    );
    const cloud = connectByTheHost();
    const giveUp = new AbortController();
    const failed = errorOf(cloud.launch(anOrder(), giveUp.signal));
    await asked.promise;
    giveUp.abort();
    expect(await failed).toMatchObject({ code: 'timeout', inDoubt: false });
    expect(server.calls()).toBe(0);
    never.closeAllConnections();
    await new Promise((resolve) => never.close(resolve));
    await cloud.close();
  });

  it('that the loader has not read are a fault of ours, seen before any call', () => {
    const unread = new Secret({ kind: 'file', path: 'key' });
    const credentials = { accessKeyId: unread, secretAccessKey: unread };
    expect(() => connectTo(server.endpoint, { credentials })).toThrow('has not been read');
  });
});
