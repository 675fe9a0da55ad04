import { describe, expect, it } from 'vitest';
import { CloudId, IntentId } from '../../../src/model/ids.ts';
import { preload } from '../../support/openstack/under-test.ts';
import { addServer, beginEnd } from '../../support/openstack/world.ts';
import { anOrder, errorOf, openstackBench, site } from './bench.ts';

/** What the conformance suite cannot know: Nova's own ways. */
describe('a server that shows up late', () => {
  it('is found by its intent when it is there, though the create was lost', async () => {
    const { cloud, server, signal, elapse } = await openstackBench();
    server.lateMs = 60_000;
    server.fault('POST /servers', { kind: 'cut', when: 'after' });
    const order = anOrder();
    expect(await errorOf(cloud.launch(order, signal))).toMatchObject({ code: 'unavailable', inDoubt: true });
    expect(await cloud.resolve(order.intent, signal)).toEqual([]);
    elapse(59_999);
    expect(await cloud.resolve(order.intent, signal)).toEqual([]);
    elapse(1);
    expect(await cloud.resolve(order.intent, signal)).toMatchObject([{ intent: order.intent, seat: 0 }]);
  });

  it('of a create that was sent once: no second one', async () => {
    const { cloud, server, world, signal } = await openstackBench();
    server.fault('POST /servers', { kind: 'cut', when: 'after' });
    await errorOf(cloud.launch(anOrder(), signal));
    expect(world.servers).toHaveLength(1);
    expect(server.calls('POST /servers')).toBe(1);
  });
});

describe('several in one call', () => {
  const four = (intent: string) => {
    const id = IntentId(intent);
    const { instances } = anOrder({}, { intent: id });
    return anOrder({}, { intent: id, instances: Array.from({ length: 4 }, () => instances).flat() });
  };

  it('are as many as the quota lets through', async () => {
    const { cloud, world, signal } = await openstackBench();
    world.levers.coresMax = 2;
    const { instances } = await cloud.launch(four('in-some'), signal);
    expect(instances.map(({ seat }) => seat)).toEqual([0, 1]);
    expect(world.servers.map(({ name }) => name)).toEqual(['in-some-1', 'in-some-2']);
  });

  it('are in doubt when they were accepted and cannot be seen', async () => {
    const { cloud, server, signal } = await openstackBench();
    server.fault('GET /servers/detail', { kind: 'error', status: 500, code: 'down' });
    const order = four('in-unseen');
    expect(await errorOf(cloud.launch(order, signal))).toMatchObject({ code: 'unavailable', inDoubt: true });
    expect(await cloud.resolve(order.intent, signal)).toHaveLength(4);
  });
});

describe('a server that Nova gave up while it placed it', () => {
  it('is listed for ever and is found by no call: it is gone once it has been ended', async () => {
    const { cloud, world, signal, connect } = await openstackBench();
    const { instances } = await cloud.launch(anOrder(), signal);
    for (const server of world.servers) {
      server.runningAtMs = Number.POSITIVE_INFINITY;
      server.remnant = true;
    }
    expect(await cloud.list(signal)).toMatchObject([{ state: 'pending' }]);
    for (const { cloudId } of instances) expect(await cloud.terminate(cloudId, signal)).toBe('gone');
    expect(await cloud.list(signal)).toMatchObject([{ state: 'gone' }]);
    expect(await connect().list(signal)).toMatchObject([{ state: 'pending' }]);
  });
});

describe('a server that was accepted and fails', () => {
  it('is in error, with what Nova says of it', async () => {
    const { cloud, world, signal } = await openstackBench();
    world.levers.room = 0;
    const { instances } = await cloud.launch(anOrder(), signal);
    expect(instances).toMatchObject([{ state: 'pending' }]);
    expect(await cloud.list(signal)).toMatchObject([
      {
        state: 'error',
        fault: 'No valid host was found. There are not enough hosts available.',
        faultCode: 'capacity',
      },
    ]);
  });

  it('holds quota until it is gone', async () => {
    const { cloud, world, signal, elapse } = await openstackBench();
    world.levers.room = 0;
    world.levers.instancesMax = 1;
    world.levers.stopMs = 5000;
    const { instances } = await cloud.launch(anOrder(), signal);
    expect(await cloud.quota(signal)).toMatchObject({ instances: 0 });
    for (const { cloudId } of instances) await cloud.terminate(cloudId, signal);
    expect(await errorOf(cloud.launch(anOrder(), signal))).toMatchObject({ code: 'quota', inDoubt: false });
    elapse(5000);
    expect(await cloud.quota(signal)).toMatchObject({ instances: 1, cpus: null, memoryMiB: null });
    await cloud.launch(anOrder(), signal);
  });
});

describe('a list', () => {
  it('says of a server that is being deleted that it is ending, whatever its status', async () => {
    const { cloud, world, signal } = await openstackBench();
    world.levers.stopMs = 5000;
    const made = preload(world, site, 'in-x');
    beginEnd(world, made);
    expect(await cloud.list(signal)).toMatchObject([{ cloudId: made.id, state: 'ending' }]);
  });

  it('takes a deleted row for gone, though it has lost its mark', async () => {
    const { cloud, world, server, signal } = await openstackBench();
    world.levers.deletedShownMs = 60_000;
    const made = preload(world, site, 'in-x');
    await cloud.list(signal);
    beginEnd(world, made);
    expect(await cloud.list(signal)).toMatchObject([{ cloudId: made.id, intent: 'in-x', state: 'gone' }]);
    // Somebody else's is none of ours.
    const other = addServer(world, { ...made, tags: [], metadata: {} });
    beginEnd(world, other);
    expect(await cloud.list(signal)).toHaveLength(1);
    expect(server.calls('GET /servers/ID')).toBe(0);
  });

  it('refuses what comes in a microversion in which filters are dropped', async () => {
    const { cloud, world, signal } = await openstackBench();
    world.levers.microversion = '2.51';
    expect(await errorOf(cloud.list(signal))).toMatchObject({ code: 'unsupported' });
    world.levers.microversion = '2.52';
    preload(world, site, 'in-x');
    expect(await cloud.list(signal)).toHaveLength(1);
  });

  it('speaks the older version after a Nova was set back', async () => {
    const { cloud, world, server, signal } = await openstackBench();
    await cloud.list(signal);
    world.levers.microversion = '2.60';
    expect(await errorOf(cloud.list(signal))).toMatchObject({ code: 'unsupported' });
    await cloud.list(signal);
    expect(server.headersOf('GET /servers/detail')).toMatchObject({
      'openstack-api-version': 'compute 2.60',
    });
  });

  it('reads pages that the site cuts short', async () => {
    const { cloud, world, signal } = await openstackBench();
    world.levers.pageMax = 7;
    for (let n = 0; n < 21; n += 1) preload(world, site, `in-${n}`);
    expect(await cloud.list(signal)).toHaveLength(21);
  });

  it('leaves alone a server that bears our tag and says in its metadata that it is another’s', async () => {
    const { cloud, world, signal } = await openstackBench();
    const made = preload(world, site, 'in-x');
    addServer(world, { ...made, metadata: { ...made.metadata, spillway_site: 'site-b' } });
    expect(await cloud.list(signal)).toMatchObject([{ cloudId: made.id }]);
  });

  it('keeps the intent of a server whose metadata are gone', async () => {
    const { cloud, world, signal } = await openstackBench();
    const made = preload(world, site, 'in-x');
    const bare = addServer(world, { ...made, metadata: {} });
    const listed = await cloud.list(signal);
    expect(listed.find(({ cloudId }) => cloudId === bare.id)).toMatchObject({ intent: 'in-x', pool: null });
  });
});

describe('a look-up of an intent', () => {
  it('finds a server in a cell that is down, which lists leave out', async () => {
    const { cloud, world, signal } = await openstackBench();
    const made = preload(world, site, 'in-x');
    await cloud.list(signal);
    made.status = 'UNKNOWN';
    world.servers.splice(0);
    expect(await cloud.list(signal)).toEqual([]);
    expect(await cloud.resolve(IntentId('in-x'), signal)).toMatchObject([
      { cloudId: made.id, state: 'running' },
    ]);
  });
});

describe('the end of a server', () => {
  it('is not believed of one that was never seen, until Nova has said so for long enough', async () => {
    const { cloud, world, signal, elapse } = await openstackBench();
    const made = preload(world, site, 'in-x');
    beginEnd(world, made);
    elapse(1);
    expect(await cloud.terminate(CloudId(made.id), signal)).toBe('ending');
    elapse(120_000);
    expect(await cloud.terminate(CloudId(made.id), signal)).toBe('gone');
  });

  it('is not taken from a path that Nova does not know', async () => {
    const { cloud, world, server, signal } = await openstackBench();
    const made = preload(world, site, 'in-x');
    await cloud.list(signal);
    const elsewhere = {
      kind: 'body',
      when: 'before',
      status: 404,
      body: '{"message":"x","code":"404","title":"Not Found"}',
    } as const;
    server.fault('DELETE /servers/ID', elsewhere);
    expect(await errorOf(cloud.terminate(CloudId(made.id), signal))).toMatchObject({ code: 'unavailable' });
    expect(await cloud.terminate(CloudId(made.id), signal)).toBe('ending');
  });

  it('of a locked one is refused, and says why', async () => {
    const { cloud, world, signal } = await openstackBench();
    const made = preload(world, site, 'in-x');
    made.locked = true;
    const error = await errorOf(cloud.terminate(CloudId(made.id), signal));
    expect(error).toMatchObject({ code: 'invalid', inDoubt: false });
    expect(error.message).toContain('is locked');
  });
});

describe('the catalog and the quota', () => {
  it('names sizes, with GPUs, images and zones that are open', async () => {
    const { cloud, signal } = await openstackBench();
    const { flavors, images, zones } = await cloud.catalog(signal);
    expect(flavors).toContainEqual({
      name: 'gpu.large',
      resources: { cpus: 4, memoryMiB: 8192, diskMiB: 81_920, gpus: 2 },
      arch: 'x86_64',
    });
    expect(images.map(({ name }) => name).toSorted()).toEqual(['worker-a', 'worker-b', 'worker-b']);
    expect(zones).toEqual(['nova', 'az-lab']);
  });

  it('counts other people’s servers', async () => {
    const { cloud, world, signal } = await openstackBench();
    Object.assign(world.levers, { instancesMax: 10, coresMax: 4, ramMax: 8192 });
    addServer(world, { ...preload(world, 'somebody', 'x'), tags: [], metadata: {} });
    expect(await cloud.quota(signal)).toEqual({ instances: 8, cpus: 2, memoryMiB: 4096 });
  });
});
