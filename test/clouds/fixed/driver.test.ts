import { createSocket } from 'node:dgram';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fixedDriver } from '../../../src/clouds/fixed/driver.ts';
import { magicPacket } from '../../../src/clouds/fixed/power.ts';
import type { Cloud, LaunchOrder } from '../../../src/clouds/port.ts';
import { hostClock } from '../../../src/daemon/clock.ts';
import {
  CloudId,
  CloudName,
  InstanceId,
  IntentId,
  OfferName,
  PoolName,
  SiteId,
} from '../../../src/model/ids.ts';
import type { Log } from '../../../src/model/log.ts';

const never = new AbortController().signal;
const quiet: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, child: () => quiet };
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spillway-fixed-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const hosts = [
  { name: 'desk1', address: '127.0.0.1', kinds: ['desk'] },
  { name: 'desk2', address: '127.0.0.1', kinds: ['desk'] },
  { name: 'rack1', address: '127.0.0.1', kinds: ['rack', 'gpu'] },
];

function connect(more: object = {}, site = 'farm'): Cloud {
  const settings = fixedDriver.configSchema.parse({ folder: join(folder, 'claims'), hosts, ...more });
  return fixedDriver.create(settings, {
    site: SiteId(site),
    cloud: CloudName('rack'),
    clock: hostClock,
    log: quiet,
  });
}

function order(name: string, boot: object = {}, more: Partial<LaunchOrder> = {}): LaunchOrder {
  return {
    intent: IntentId(name),
    instances: [InstanceId(`${name}-0`)],
    pool: PoolName('pool'),
    offer: OfferName('offer'),
    settings: fixedDriver.offerSchema.parse(boot),
    userData: null,
    market: 'onDemand',
    ...more,
  };
}

/** Writes what it is told, and its standard input, into a file of the name. */
const recording = (name: string) => [
  'sh',
  '-c',
  `{ echo "$SPILLWAY_HOST $SPILLWAY_ADDRESS $SPILLWAY_INSTANCE"; cat; } > ${join('$0', name)}`,
];
const noted = (name: string) => readFileSync(join(folder, name), 'utf8');
const withFolder = (argv: readonly string[]) => [...argv, folder];

describe('machines that exist already', () => {
  it('gives each host to one, says when none is left, and takes it back', async () => {
    const cloud = connect();
    const first = await cloud.launch(order('in-1', { kinds: ['desk'] }), never);
    expect(first.instances).toMatchObject([
      { cloudId: 'desk1/in-1-0', intent: 'in-1', seat: 0, pool: 'pool' },
    ]);
    await cloud.launch(order('in-2', { kinds: ['desk'] }), never);
    await expect(cloud.launch(order('in-3', { kinds: ['desk'] }), never)).rejects.toMatchObject({
      code: 'capacity',
      inDoubt: false,
    });
    expect(await cloud.quota(never)).toMatchObject({ instances: 1 });
    expect(await cloud.list(never)).toMatchObject([{ intent: 'in-1', state: 'running' }, { intent: 'in-2' }]);
    expect(await cloud.terminate(CloudId('desk1/in-1-0'), never)).toBe('gone');
    expect(await cloud.terminate(CloudId('desk1/in-1-0'), never)).toBe('gone');
    const again = await cloud.launch(order('in-3', { kinds: ['desk'] }), never);
    expect(again.instances).toMatchObject([{ cloudId: 'desk1/in-3-0' }]);
  });

  it('gives a host to one of several that ask at the same time', async () => {
    const clouds = Array.from({ length: 6 }, (_, n) => connect({}, `site-${n}`));
    const answers = await Promise.allSettled(clouds.map((cloud, n) => cloud.launch(order(`in-${n}`), never)));
    const taken = answers.flatMap((answer) =>
      answer.status === 'fulfilled' ? answer.value.instances.map(({ cloudId }) => cloudId.split('/')[0]) : [],
    );
    expect(taken.toSorted((a = '', b = '') => a.localeCompare(b))).toEqual(['desk1', 'desk2', 'rack1']);
  });

  it('takes no second host for the same call, whoever sends it again', async () => {
    await connect().launch(order('in-1'), never);
    const { instances } = await connect().launch(order('in-1'), never);
    expect(instances).toMatchObject([{ cloudId: 'desk1/in-1-0' }]);
    expect(await connect().resolve(IntentId('in-1'), never)).toHaveLength(1);
    expect(await connect().resolve(IntentId('in-9'), never)).toEqual([]);
    const other = order('in-1', {}, { pool: PoolName('another') });
    await expect(connect().launch(other, never)).rejects.toMatchObject({ code: 'invalid', inDoubt: true });
  });

  it('shows a site its own only', async () => {
    await connect({}, 'farm').launch(order('in-1'), never);
    expect(await connect({}, 'other').list(never)).toEqual([]);
    expect(await connect({}, 'other').terminate(CloudId('desk1/in-1-0'), never)).toBe('gone');
    expect(await connect({}, 'farm').list(never)).toHaveLength(1);
  });

  it('switches a host on with its boot data, and off', async () => {
    const [on, off] = [withFolder(recording('on')), withFolder(recording('off'))];
    const cloud = connect({ hosts: [{ name: 'desk1', address: '192.0.2.7', powerOn: on, powerOff: off }] });
    await cloud.launch(order('in-1', {}, { userData: '#!/bin/sh\nboot' }), never);
    expect(noted('on')).toBe('desk1 192.0.2.7 in-1-0\n#!/bin/sh\nboot');
    expect(existsSync(join(folder, 'off'))).toBe(false);
    await cloud.terminate(CloudId('desk1/in-1-0'), never);
    expect(noted('off')).toBe('desk1 192.0.2.7 in-1-0\n');
  });

  it('gives back a host that cannot be switched on, and keeps one that cannot be switched off', async () => {
    const refusing = connect({
      hosts: [{ name: 'desk1', powerOn: ['sh', '-c', 'echo no power >&2; exit 4'] }],
    });
    await expect(refusing.launch(order('in-1'), never)).rejects.toMatchObject({
      code: 'unavailable',
      inDoubt: false,
      message: expect.stringContaining('no power'),
    });
    expect(await refusing.list(never)).toEqual([]);
    const stuck = connect({ hosts: [{ name: 'desk1', powerOff: ['false'] }] });
    await stuck.launch(order('in-2'), never);
    await expect(stuck.terminate(CloudId('desk1/in-2-0'), never)).rejects.toMatchObject({
      code: 'unavailable',
    });
    expect(await stuck.list(never)).toHaveLength(1);
  });

  it('is pending until it takes connections, and then running for good', async () => {
    const server = createServer();
    const port = await new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
    });
    server.close();
    await new Promise((resolve) => server.once('close', resolve));
    const cloud = connect({ on: { tcp: port } });
    await cloud.launch(order('in-1'), never);
    expect(await cloud.list(never)).toMatchObject([{ state: 'pending' }]);
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    expect(await cloud.list(never)).toMatchObject([{ state: 'running' }]);
    server.close();
    expect(await connect({ on: { tcp: port } }).list(never)).toMatchObject([{ state: 'running' }]);
  });

  it('is seen on by a command', async () => {
    const cloud = connect({ on: { command: ['test', '-e', `${folder}/{{host}}-is-on`] } });
    await cloud.launch(order('in-1', { kinds: ['gpu'] }), never);
    expect(await cloud.list(never)).toMatchObject([{ cloudId: 'rack1/in-1-0', state: 'pending' }]);
  });

  it('wakes a host with a magic packet', async () => {
    const packet = magicPacket('52:54:00:12:34:56');
    expect(packet).toHaveLength(102);
    expect(packet.subarray(0, 6).toString('hex')).toBe('ffffffffffff');
    expect(packet.subarray(96).toString('hex')).toBe('525400123456');
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(9, '127.0.0.1', resolve));
    const heard = new Promise<Buffer>((resolve) => socket.once('message', resolve));
    const cloud = connect({
      hosts: [{ name: 'desk1', wakeOnLan: '52:54:00:12:34:56' }],
      wakeBroadcast: '127.0.0.1',
    });
    await cloud.launch(order('in-1'), never);
    expect(await heard).toEqual(packet);
    socket.close();
  });

  it('says which host of an offer is not in the config', async () => {
    await expect(connect().launch(order('in-1', { hosts: ['desk9'] }), never)).rejects.toMatchObject({
      code: 'notFound',
      message: expect.stringContaining('desk9'),
    });
  });
});
