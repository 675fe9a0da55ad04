import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Cloud } from '../../../src/clouds/port.ts';
import { type LoopbackEc2, startLoopbackEc2 } from '../../support/loopback-ec2/server.ts';
import { defaultTypes } from '../../support/loopback-ec2/stock.ts';
import { connectTo, errorOf, soon } from './connection.ts';

let server: LoopbackEc2;
let cloud: Cloud;
beforeEach(async () => {
  const many = Array.from({ length: 250 }, (_, n) => ({
    name: `x${n}.large`,
    vcpus: 2,
    memoryMiB: 1024,
    arch: 'x86_64' as const,
  }));
  server = await startLoopbackEc2({ types: [...defaultTypes, ...many] });
  cloud = connectTo(server.endpoint, { imageOwners: ['self', '999999999999'] });
});
afterEach(async () => {
  await cloud.close();
  await server.stop();
});

describe('the catalog', () => {
  it('has every type on every page, in the order of their names', async () => {
    const { flavors } = await cloud.catalog(soon());
    expect(flavors).toHaveLength(250 + defaultTypes.length);
    expect(server.calls('DescribeInstanceTypes')).toBe(3);
    const names = flavors.map((flavor) => flavor.name);
    expect(names).toEqual(names.toSorted((a, b) => (a < b ? -1 : 1)));
  });

  it('says what a type has, in our units and words', async () => {
    const { flavors } = await cloud.catalog(soon());
    const flavor = (name: string) => flavors.find((one) => one.name === name);
    expect(flavor('m5.2xlarge')).toEqual({
      name: 'm5.2xlarge',
      resources: { cpus: 8, memoryMiB: 32_768, diskMiB: 0, gpus: 0 },
      arch: 'x86_64',
    });
    expect(flavor('c6g.large')?.arch).toBe('aarch64');
    expect(flavor('p3.2xlarge')?.resources.gpus).toBe(1);
    expect(flavor('c5d.large')?.resources.diskMiB).toBe(47_683);
  });

  it('has the images of the owners that are named, and the zones', async () => {
    const { images, zones } = await cloud.catalog(soon());
    expect(images.map((image) => image.name)).toEqual(['worker', 'worker-gpu', 'somebody-elses']);
    expect(zones).toEqual(['us-east-1a', 'us-east-1b']);
  });

  it.each(['DescribeInstanceTypes', 'DescribeImages', 'DescribeAvailabilityZones'])(
    'is whole or an error: %s',
    async (action) => {
      server.fault(action, { kind: 'error', status: 500, code: 'InternalError' });
      expect(await errorOf(cloud.catalog(soon()))).toMatchObject({ code: 'unavailable', inDoubt: false });
      server.fault(action, { kind: 'body', when: 'after', status: 200, body: '' });
      expect(await errorOf(cloud.catalog(soon()))).toMatchObject({ code: 'unavailable', inDoubt: false });
    },
  );
});
