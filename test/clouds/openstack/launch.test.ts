import { describe, expect, it } from 'vitest';
import { CloudId } from '../../../src/model/ids.ts';
import { anOrder, errorOf, openstackBench } from './bench.ts';

describe('the create call', () => {
  it('says all that the offer says', async () => {
    const { cloud, world, signal } = await openstackBench();
    const order = anOrder(
      {
        networks: ['labnet', 'e0e1b9c2-0000-4000-8000-000000000001'],
        securityGroups: ['default', 'workers'],
        keyName: 'farmkey',
        zone: 'az-lab',
        serverGroup: 'apart',
        configDrive: true,
        metadata: { purpose: 'farm' },
        tags: ['farm'],
      },
      { userData: '#!/bin/sh\n' },
    );
    await cloud.launch(order, signal);
    expect(world.servers[0]).toMatchObject({
      name: order.instances[0],
      asked: {
        flavorRef: '1',
        imageRef: '25435a42-da5a-4dc1-a7f8-2412821f3ae0',
        networks: [
          { uuid: 'd9cd1430-357d-4ee3-9e3c-968ae1f1261a' },
          { uuid: 'e0e1b9c2-0000-4000-8000-000000000001' },
        ],
        security_groups: [{ name: 'default' }, { name: 'workers' }],
        key_name: 'farmkey',
        availability_zone: 'az-lab',
        config_drive: true,
        user_data: 'IyEvYmluL3NoCg==',
        metadata: {
          purpose: 'farm',
          spillway_site: 'site-a',
          spillway_intent: order.intent,
          spillway_seats: '1',
        },
        tags: ['spillway.site.site-a', `spillway.intent.${order.intent}`, 'farm'],
      },
      hints: { group: 'a1b2c3d4-0000-4000-8000-00000000aaaa' },
    });
  });

  it('boots from a volume that goes with the machine', async () => {
    const { cloud, world, signal } = await openstackBench();
    await cloud.launch(anOrder({ bootVolume: { size: '20.5GiB', type: 'fast' } }), signal);
    const asked = world.servers[0]?.asked;
    expect(asked).not.toHaveProperty('imageRef');
    expect(asked?.block_device_mapping_v2).toEqual([
      {
        boot_index: 0,
        source_type: 'image',
        destination_type: 'volume',
        uuid: '25435a42-da5a-4dc1-a7f8-2412821f3ae0',
        volume_size: 21,
        volume_type: 'fast',
        delete_on_termination: true,
      },
    ]);
  });

  it('is not sent for a volume where there is no block storage', async () => {
    const { cloud, world, server, signal } = await openstackBench();
    world.levers.hasVolumes = false;
    const error = await errorOf(cloud.launch(anOrder({ bootVolume: { size: '20GiB' } }), signal));
    expect(error).toMatchObject({ code: 'unsupported', inDoubt: false });
    expect(server.calls('POST /servers')).toBe(0);
  });

  it('is refused for several networks where it leaves the choice to Nova', async () => {
    const { cloud, signal } = await openstackBench();
    const error = await errorOf(cloud.launch(anOrder({ networks: 'auto' }), signal));
    expect(error).toMatchObject({ code: 'invalid', inDoubt: false });
    expect(error.message).toContain('Multiple possible networks');
  });
});

describe('names', () => {
  const imageOf = async (image: unknown) => {
    const { cloud, world, signal } = await openstackBench();
    await cloud.launch(anOrder({ image }), signal);
    return world.servers[0]?.image;
  };

  it.each([
    ['an id', '3d19a48c-6306-4df2-afce-57f5167e7aa3', '3d19a48c-6306-4df2-afce-57f5167e7aa3'],
    ['a name', 'worker-a', '25435a42-da5a-4dc1-a7f8-2412821f3ae0'],
    ['a name, the newest', { name: 'worker-b', newest: true }, '3d19a48c-6306-4df2-afce-57f5167e7aa3'],
    ['a property', { properties: { os_distro: 'debian' } }, '25435a42-da5a-4dc1-a7f8-2412821f3ae0'],
    [
      'a name and a property',
      { name: 'worker-b', properties: { build: '2' } },
      '3d19a48c-6306-4df2-afce-57f5167e7aa3',
    ],
    [
      'properties, the newest',
      { properties: { os_distro: 'alma' }, newest: true },
      '3d19a48c-6306-4df2-afce-57f5167e7aa3',
    ],
  ])('of an image: %s', async (_how, image, id) => {
    expect(await imageOf(image)).toBe(id);
  });

  it.each([
    ['an image of none', { image: 'nowhere' }, 'notFound'],
    ['an image that Glance would read as a list', { image: 'in:worker-a,worker-b' }, 'notFound'],
    ['an image of two', { image: 'worker-b' }, 'invalid'],
    ['a property of two', { image: { properties: { os_distro: 'alma' } } }, 'invalid'],
    ['a flavor of none', { flavor: 'm9.huge' }, 'notFound'],
    ['more than any flavor has', { flavor: { fit: { cpus: 64, memory: '1GiB' } } }, 'notFound'],
    ['a network of none', { networks: ['nowhere'] }, 'notFound'],
    ['a network of two', { networks: ['twice'] }, 'invalid'],
    ['a server group of none', { serverGroup: 'nowhere' }, 'notFound'],
  ])('%s: refused before the create call', async (_how, boot, code) => {
    const { cloud, server, signal } = await openstackBench();
    expect(await errorOf(cloud.launch(anOrder(boot), signal))).toMatchObject({ code, inDoubt: false });
    expect(server.calls('POST /servers')).toBe(0);
  });

  it.each([
    ['by name', 'm1.medium', '2'],
    ['by id', '4', '4'],
    ['by id alone', { id: 'g1' }, 'g1'],
    ['by name alone', { name: 'm1.large' }, '4'],
    ['the smallest that fits', { fit: { cpus: 2, memory: '3GiB', disk: '10GiB' } }, '2'],
    ['with a disk: none of the image’s size', { fit: { cpus: 1, memory: '2GiB', disk: '20GiB' } }, '1'],
    ['with GPUs', { fit: { cpus: 1, memory: '1GiB', gpus: 1 } }, 'g1'],
    ['without GPUs where none is asked for', { fit: { cpus: 4, memory: '8GiB' } }, '4'],
    ['of a family', { fit: { cpus: 1, memory: '1GiB', prefix: 'gpu.' } }, 'g1'],
  ])('of a flavor: %s', async (_how, flavor, id) => {
    const { cloud, world, signal } = await openstackBench();
    await cloud.launch(anOrder({ flavor }), signal);
    expect(world.servers[0]?.flavor.id).toBe(id);
  });

  it('are looked up again after five minutes, and when Nova refuses what was found', async () => {
    const { cloud, world, server, signal, elapse } = await openstackBench();
    await cloud.launch(anOrder(), signal);
    await cloud.launch(anOrder(), signal);
    expect(server.calls('GET /v2/images')).toBe(1);
    elapse(5 * 60_000);
    await cloud.launch(anOrder(), signal);
    expect(server.calls('GET /v2/images')).toBe(2);
    // The image is replaced by another of its name.
    const [old] = world.images.splice(0, 1);
    if (old === undefined) throw new Error('no image');
    world.images.push({ ...old, id: '00000000-0000-4000-8000-000000000001' });
    expect(await errorOf(cloud.launch(anOrder(), signal))).toMatchObject({ code: 'invalid' });
    await cloud.launch(anOrder(), signal);
    expect(world.servers.at(-1)?.image).toBe('00000000-0000-4000-8000-000000000001');
  });
});

describe('floating addresses', () => {
  const boot = { networks: ['labnet'], floatingNetwork: 'ext' };

  it('are attached to machines that run, shown, and given back at the end', async () => {
    const { cloud, world, server, signal } = await openstackBench();
    const { instances } = await cloud.launch(anOrder(boot), signal);
    const [id = CloudId('')] = instances.map(({ cloudId }) => cloudId);
    await cloud.list(signal);
    expect(world.floatingIps).toMatchObject([{ description: `spillway:site-a:${id}`, port: `p${id}` }]);
    expect(await cloud.list(signal)).toMatchObject([{ cloudId: id, address: '203.0.113.1' }]);
    expect(server.calls('POST /v2.0/floatingips')).toBe(1);
    await cloud.terminate(id, signal);
    expect(await cloud.terminate(id, signal)).toBe('gone');
    expect(world.floatingIps).toEqual([]);
  });

  it('are attached once, though the answer was lost', async () => {
    const { cloud, world, server, signal, warnings } = await openstackBench();
    await cloud.launch(anOrder(boot), signal);
    server.fault('POST /v2.0/floatingips', { kind: 'cut', when: 'after' });
    expect(await cloud.list(signal)).toHaveLength(1);
    expect(warnings).toHaveLength(1);
    expect(await cloud.list(signal)).toMatchObject([{ address: '203.0.113.1' }]);
    expect(world.floatingIps).toHaveLength(1);
  });

  it('of machines that went without us are deleted, others’ are left', async () => {
    const { cloud, world, signal, connect } = await openstackBench();
    const { instances } = await cloud.launch(anOrder(boot), signal);
    await cloud.list(signal);
    const [mine] = world.floatingIps;
    if (mine === undefined) throw new Error('no address');
    const gone = '99999999-0000-4000-8000-000000000000';
    const others = [
      { ...mine, id: 'a', description: 'somebody', port: null },
      { ...mine, id: 'b', description: `spillway:site-b:${gone}`, port: null },
      { ...mine, id: 'c', description: `spillway:site-a:x:${gone}`, port: null },
    ];
    world.floatingIps.push(...others);
    for (const { cloudId } of instances) {
      const row = world.byId.get(cloudId);
      if (row !== undefined) Object.assign(row, { deletingAtMs: 0, goneAtMs: 0 });
    }
    // Another daemon of the same site, which knows nothing of it.
    await connect().list(signal);
    expect(world.floatingIps.map(({ id }) => id)).toEqual(['a', 'b', 'c']);
  });

  it('that cannot be had spoil no list', async () => {
    const { cloud, world, signal, warnings } = await openstackBench();
    world.levers.floatingMax = 0;
    await cloud.launch(anOrder(boot), signal);
    expect(await cloud.list(signal)).toMatchObject([{ state: 'running' }]);
    expect(JSON.stringify(warnings)).toContain('quota');
  });

  it('cost nothing where no offer asks for one', async () => {
    const { cloud, server, signal } = await openstackBench();
    for (let n = 0; n < 3; n += 1) await cloud.list(signal);
    expect(server.calls('GET /v2.0/floatingips')).toBeLessThanOrEqual(1);
  });

  it('keep a machine from counting as gone until they are given back', async () => {
    const { cloud, world, server, signal } = await openstackBench();
    const { instances } = await cloud.launch(anOrder(boot), signal);
    const [id = CloudId('')] = instances.map(({ cloudId }) => cloudId);
    await cloud.list(signal);
    await cloud.terminate(id, signal);
    server.fault('DELETE /v2.0/floatingips/ID', { kind: 'error', status: 500, code: 'down' });
    expect(await errorOf(cloud.terminate(id, signal))).toMatchObject({ code: 'unavailable' });
    expect(await cloud.terminate(id, signal)).toBe('gone');
    expect(world.floatingIps).toEqual([]);
  });
});
