import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ec2Driver } from '../../../src/clouds/ec2/driver.ts';
import type { Ec2Settings } from '../../../src/clouds/ec2/settings.ts';
import { Secret } from '../../../src/config/secrets.ts';
import { CloudName, SiteId } from '../../../src/model/ids.ts';
import { type LoopbackEc2, startLoopbackEc2 } from '../../support/loopback-ec2/server.ts';
import { anOrder, connectTo, errorOf, soon } from './connection.ts';

let server: LoopbackEc2;
let valid: string;
beforeEach(async () => {
  valid = 'AKIAOFTHEHOST';
  server = await startLoopbackEc2({ accessKeyId: () => valid });
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
function connectByTheHost(change: Partial<Ec2Settings> = {}) {
  const settings = { region: 'us-east-1', endpoint: server.endpoint, imageOwners: ['self'], ...change };
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

describe('credentials that are looked up', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'spillway-aws-'));
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', join(folder, 'credentials'));
    vi.stubEnv('AWS_CONFIG_FILE', join(folder, 'config'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const writeKeys = (key: string, profile = 'default') =>
    writeFileSync(
      join(folder, 'credentials'),
      `[${profile}]\naws_access_key_id = ${key}\naws_secret_access_key = not-so-secret\n`,
    );

  it('are those of the profile that the config names', async () => {
    writeKeys('AKIAOFTHEHOST', 'grid');
    const cloud = connectByTheHost({ profile: 'grid' });
    expect(await cloud.list(soon())).toEqual([]);
    await cloud.close();
  });

  it('and are no longer taken are looked up anew, and the call is sent once more', async () => {
    writeKeys('AKIAOFTHEHOST');
    const cloud = connectByTheHost();
    await cloud.list(soon());
    valid = 'AKIAROTATED';
    writeKeys('AKIAROTATED');
    server.forgetCalls();
    const { instances } = await cloud.launch(anOrder(), soon());
    expect(instances).toHaveLength(1);
    expect([server.calls('DescribeImages'), server.calls('RunInstances')]).toEqual([2, 1]);
    await cloud.close();
  });

  it('are looked up once for a call that finds no others, and the call is not sent again', async () => {
    writeKeys('AKIAWRONG');
    const cloud = connectByTheHost();
    for (const calls of [1, 2]) {
      expect(await errorOf(cloud.list(soon()))).toMatchObject({ code: 'auth', inDoubt: false });
      expect(server.calls()).toBe(calls);
    }
    await cloud.close();
  });

  it('are not looked up in a loop where the new ones are refused, too', async () => {
    writeKeys('AKIAOFTHEHOST');
    const cloud = connectByTheHost();
    await cloud.list(soon());
    valid = 'AKIANOBODY';
    writeKeys('AKIAALSOWRONG');
    server.forgetCalls();
    expect(await errorOf(cloud.list(soon()))).toMatchObject({ code: 'auth', inDoubt: false });
    expect(server.calls()).toBe(2);
    await cloud.close();
  });

  it('are the old ones still for calls under way, which find those that another call has looked up', async () => {
    writeKeys('AKIAOFTHEHOST');
    const cloud = connectByTheHost();
    await cloud.list(soon());
    valid = 'AKIAROTATED';
    writeKeys('AKIAROTATED');
    await Promise.all(Array.from({ length: 4 }, () => cloud.list(soon())));
    await cloud.close();
  });

  it('and end without notice (ExpiredToken) come anew from the container', async () => {
    const given: string[] = [];
    const container = createServer((_request, response) => {
      const key = given.length === 0 ? 'AKIAFIRST' : 'AKIASECOND';
      given.push(key);
      const end = '2100-01-01T00:00:00Z';
      response.end(
        JSON.stringify({ AccessKeyId: key, SecretAccessKey: 's', Token: `t-${key}`, Expiration: end }),
      );
    });
    await new Promise<void>((resolve) => container.listen(0, '127.0.0.1', resolve));
    const { port } = container.address() as AddressInfo;
    vi.stubEnv('AWS_CONTAINER_CREDENTIALS_FULL_URI', `http://127.0.0.1:${port}/`);
    valid = 'AKIAFIRST';
    const cloud = connectByTheHost();
    await cloud.list(soon());
    valid = 'AKIASECOND';
    server.fault('DescribeInstances', { kind: 'error', status: 400, code: 'ExpiredToken' });
    await cloud.list(soon());
    expect(given).toEqual(['AKIAFIRST', 'AKIASECOND']);
    await cloud.close();
    container.closeAllConnections();
    await new Promise((resolve) => container.close(resolve));
  });
});
