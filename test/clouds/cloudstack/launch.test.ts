import { describe, expect, it } from 'vitest';
import { cloudstackOffer, cloudstackSettings } from '../../../src/clouds/cloudstack/settings.ts';
import { InstanceId } from '../../../src/model/ids.ts';
import { usualStock } from '../../support/cloudstack/world.ts';
import { startBench } from './bench.ts';

describe('a launch on CloudStack', () => {
  it('says all that the offer says, in one call', async () => {
    const { cloud, order, signal, server, lastCall } = await startBench();
    const boot = {
      zone: 'south',
      serviceOffering: 'open',
      networks: ['farm', 'farm-storage'],
      securityGroups: ['default', 'ssh'],
      affinityGroups: ['apart'],
      keyPair: 'admin',
      group: 'batch',
      custom: { cpus: 6, cpuSpeedMHz: 2000, memory: '12GiB' },
      rootDisk: '20500MiB',
      dataDisk: { offering: 'scratch-any', size: '50GiB' },
      details: { rootDiskController: 'virtio' },
    };
    await cloud.launch(order(boot, { userData: '#!/bin/sh\n' }), signal);
    expect(lastCall('deployVirtualMachine')).toMatchObject({
      name: 'farm-k1-0',
      zoneid: usualStock.zones[1]?.id,
      serviceofferingid: usualStock.serviceOfferings[2]?.id,
      networkids: `${usualStock.networks[0]?.id},${usualStock.networks[1]?.id}`,
      diskofferingid: usualStock.diskOfferings[1]?.id,
      size: '50',
      rootdisksize: '21',
      securitygroupnames: 'default,ssh',
      affinitygroupnames: 'apart',
      keypair: 'admin',
      group: 'batch',
      userdata: Buffer.from('#!/bin/sh\n').toString('base64'),
      'details[0].cpuNumber': '6',
      'details[0].cpuSpeed': '2000',
      'details[0].memory': '12288',
      'details[0].rootDiskController': 'virtio',
      'details[0].spillway:site': 'farm',
      'details[0].spillway:intent': 'farm-k1',
    });
    expect(server.living()).toHaveLength(1);
  });

  it('takes the newest template of the name that is ready, and no other of a longer name', async () => {
    const { launched, lastCall } = await startBench();
    await launched();
    expect(lastCall('deployVirtualMachine').templateid).toBe(usualStock.templates[1]?.id);
  });

  it('looks a name up once in ten minutes, and an id never', async () => {
    const { launched, server } = await startBench();
    const ids = {
      zone: usualStock.zones[0]?.id,
      serviceOffering: usualStock.serviceOfferings[0]?.id,
      template: usualStock.templates[0]?.id,
    };
    await launched(ids);
    expect(server.requests.map(({ command }) => command)).toEqual(['deployVirtualMachine']);
    await launched();
    server.advance(9 * 60_000);
    await launched();
    expect(server.calls('listTemplates')).toBe(1);
    server.advance(2 * 60_000);
    await launched();
    expect(server.calls('listTemplates')).toBe(2);
  });

  it('looks names up again when the server does not know what one stood for', async () => {
    const { launched, server } = await startBench();
    await launched();
    const stale = { kind: 'error', status: 431, code: '', message: 'Unable to find template' } as const;
    server.faults.set('deployVirtualMachine', stale);
    await expect(launched()).rejects.toMatchObject({ code: 'notFound' });
    await launched();
    expect(server.calls('listTemplates')).toBe(2);
  });

  it.each([
    [{ zone: 'nowhere' }, 'notFound', 'there is no zone named nowhere'],
    [{ template: 'work' }, 'notFound', 'there is no template named work'],
    [{ networks: ['twice'] }, 'invalid', 'several networks are named twice'],
    [{ keyPair: 'nobody' }, 'notFound', "A key pair with name 'nobody' does not exist"],
    [{ serviceOffering: 'open' }, 'invalid', 'Need to specify custom parameter values'],
    [{ custom: { cpus: 2 } }, 'invalid', 'fixed size'],
  ])('of %j makes nothing', async (boot, code, message) => {
    const { cloud, order, signal, server } = await startBench();
    await expect(cloud.launch(order(boot), signal)).rejects.toMatchObject({
      code,
      inDoubt: false,
      message: expect.stringContaining(message),
    });
    expect(server.world.machines).toEqual([]);
  });

  it.each([
    [{ instances: [] }, 'one is possible'],
    [{ instances: [InstanceId('a-0'), InstanceId('a-1')] }, 'one is possible'],
    [{ instances: [InstanceId('0-begins-with-a-digit')] }, "cannot be a machine's name"],
    [{ instances: [InstanceId(`a${'b'.repeat(63)}`)] }, "cannot be a machine's name"],
    [{ market: 'spot' as const }, 'no spot market'],
  ])('is refused before any call: %j', async (over, message) => {
    const { cloud, order, signal, server } = await startBench();
    await expect(cloud.launch(order({}, over), signal)).rejects.toThrow(message);
    expect(server.requests).toEqual([]);
  });

  it("sets the site's own tags once the machine is there", async () => {
    const { launched, server, warnings } = await startBench();
    await launched({ tags: { 'cost centre': 'a&b=c é', group: 'physics' } });
    expect(server.world.machines[0]?.tags).toEqual(
      new Map([
        ['cost centre', 'a&b=c é'],
        ['group', 'physics'],
      ]),
    );
    expect(warnings).toEqual([]);
  });

  it('is a launch also when the tags cannot be set', async () => {
    const { launched, server, warnings } = await startBench();
    server.faults.set('createTags', { kind: 'cut', when: 'before' });
    expect(await launched({ tags: { group: 'physics' } })).toBe(server.world.machines[0]?.id);
    expect(warnings).toEqual(['a machine could not be given its tags']);
  });

  it('in a project makes the machine there, and lists it there', async () => {
    const project = usualStock.project.id;
    const { cloud, launched, connect, server, signal } = await startBench({ project });
    const id = await launched();
    expect(server.world.machines[0]?.project).toBe(project);
    expect(await cloud.list(signal)).toMatchObject([{ cloudId: id }]);
    expect(await connect({ project: undefined }).list(signal)).toEqual([]);
  });
});

describe('the settings of CloudStack', () => {
  it.each([
    [{ networks: ['a,b'] }, 'a comma in a name'],
    [{ details: { 'spillway:site': 'x' } }, "this program's own"],
    [{ details: { 'a b': 'x' } }, 'letters, digits'],
    [{ tags: { 'spillway:site': 'x' } }, "this program's own"],
    [{ nonsense: 1 }, 'Unrecognized key'],
  ])('of an offer refuse %j', (fields, message) => {
    const parsed = cloudstackOffer.safeParse({ zone: 'z', serviceOffering: 's', template: 't', ...fields });
    expect(parsed.error?.message).toContain(message);
  });

  it.each([
    [{ account: 'a' }, '`account` and `domain` go together'],
    [{ account: 'a', domain: 'd', project: 'p' }, 'a `project` has no `account`'],
    [{ endpoint: 'https://key:secret@cloud.example.org/' }, 'a URL holds no credentials'],
    [{ endpoint: 'cloud.example.org' }, 'expected the URL of the API'],
  ])('of a cloud refuse %j', (fields, message) => {
    const credentials = { apiKey: 'env:KEY', secretKey: 'file:/etc/key' };
    const parsed = cloudstackSettings.safeParse({
      endpoint: 'https://c.example.org/api',
      credentials,
      ...fields,
    });
    expect(parsed.error?.message).toContain(message);
  });
});
