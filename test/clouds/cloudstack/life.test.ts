import { describe, expect, it } from 'vitest';
import { CloudId } from '../../../src/model/ids.ts';
import { usualStock } from '../../support/cloudstack/world.ts';
import { startBench } from './bench.ts';

const minute = 60_000;

describe('a machine on CloudStack', () => {
  it('is on its way while it is stopped at first, starting, and running then with the address of its default network', async () => {
    const { cloud, launched, server, signal } = await startBench();
    server.world.levers.bootMs = 4 * minute;
    await launched();
    expect(await cloud.list(signal)).toMatchObject([{ state: 'pending', address: null }]);
    server.advance(3 * minute);
    expect(await cloud.list(signal)).toMatchObject([{ state: 'pending', address: '10.1.0.3' }]);
    server.advance(minute);
    expect(await cloud.list(signal)).toMatchObject([{ state: 'running', address: '10.1.0.3', fault: null }]);
  });

  it('that no host has room for is an error with the reason, asked for once', async () => {
    const { cloud, launched, server, signal } = await startBench();
    server.world.levers.hostRoom = 0;
    await launched();
    for (let look = 0; look < 3; look += 1) {
      const [seen] = await cloud.list(signal);
      expect(seen).toMatchObject({ state: 'error', fault: expect.stringContaining('Insufficient capacity') });
    }
    expect(server.calls('queryAsyncJobResult')).toBe(1);
  });

  it('that could not be started is listed also while its job cannot be asked', async () => {
    const { cloud, launched, server, signal } = await startBench();
    server.world.levers.hostRoom = 0;
    await launched();
    server.faults.set('queryAsyncJobResult', { kind: 'cut', when: 'before' });
    const unexplained = { state: 'error', fault: 'the server could not start it' };
    expect(await cloud.list(signal)).toMatchObject([unexplained]);
    server.world.jobs.clear();
    for (let look = 0; look < 3; look += 1) expect(await cloud.list(signal)).toMatchObject([unexplained]);
    expect(server.calls('queryAsyncJobResult')).toBe(2);
  });

  it('that switches itself off is stopped once it has been seen so for a minute', async () => {
    const { cloud, launched, server, signal } = await startBench();
    await launched();
    expect(await cloud.list(signal)).toMatchObject([{ state: 'running' }]);
    const [machine] = server.world.machines;
    if (machine !== undefined) machine.isOff = true;
    expect(await cloud.list(signal)).toMatchObject([{ state: 'pending' }]);
    server.advance(minute - 1);
    expect(await cloud.list(signal)).toMatchObject([{ state: 'pending' }]);
    server.advance(1);
    expect(await cloud.list(signal)).toMatchObject([{ state: 'stopped' }]);
  });

  it('whose mark is not shown is ours while it is remembered, and is said once', async () => {
    const { cloud, launched, connect, server, warnings, signal } = await startBench();
    const id = await launched();
    server.world.levers.deniedDetails.add('spillway:site');
    for (let look = 0; look < 3; look += 1) {
      expect(await cloud.list(signal)).toMatchObject([{ cloudId: id, intent: 'farm-k1', pool: 'batch' }]);
    }
    expect(warnings).toEqual(['a machine is listed without the details that mark it as ours']);
    expect(await connect().list(signal)).toEqual([]);
  });

  it('that has kept the site alone of its mark is an orphan under its own id', async () => {
    const { cloud, launched, server, signal } = await startBench();
    const id = await launched();
    server.world.levers.deniedDetails.add('spillway:intent');
    expect(await cloud.list(signal)).toMatchObject([{ cloudId: id, intent: id }]);
  });

  it('takes its second disk with it when it ends, also after a restart', async () => {
    const { cloud, launched, connect, server, signal } = await startBench();
    const first = await launched({ dataDisk: { offering: 'scratch' } });
    const second = await launched({ dataDisk: { offering: 'scratch' } });
    const plain = await launched();
    await cloud.terminate(first, signal);
    expect(server.calls('listVolumes')).toBe(1);
    const later = connect();
    await later.list(signal);
    for (const id of [second, plain]) await later.terminate(id, signal);
    expect(server.calls('listVolumes')).toBe(2);
    expect(server.world.disks).toHaveLength(5);
    expect(server.world.disks.filter((disk) => !disk.isGone)).toEqual([]);
  });

  it('is asked for by its job while it ends, and looked for when that is over', async () => {
    const { cloud, launched, server, signal } = await startBench();
    const id = await launched();
    server.world.levers.stopMs = minute;
    for (let step = 0; step < 5; step += 1) expect(await cloud.terminate(id, signal)).toBe('ending');
    server.advance(minute);
    expect(await cloud.terminate(id, signal)).toBe('gone');
    expect(server.calls('destroyVirtualMachine')).toBe(1);
    expect(server.calls('queryAsyncJobResult')).toBe(5);
    expect(server.calls('listVirtualMachines')).toBe(1);
  });

  it('that has ended is gone also for a daemon that began since', async () => {
    const { cloud, launched, connect, signal } = await startBench();
    const id = await launched();
    await cloud.terminate(id, signal);
    const later = connect();
    expect(await later.terminate(id, signal)).toBe('ending');
    expect(await later.terminate(id, signal)).toBe('gone');
  });

  it('that may not be expunged says so at each end', async () => {
    const { cloud, launched, server, signal } = await startBench();
    server.world.levers.mayExpunge = false;
    const id = await launched();
    for (let attempt = 0; attempt < 2; attempt += 1) {
      expect(await cloud.terminate(id, signal)).toBe('ending');
      await expect(cloud.terminate(id, signal)).rejects.toMatchObject({
        code: 'auth',
        message: expect.stringContaining('can only be done by an Admin'),
      });
    }
    expect(server.living()).toHaveLength(1);
  });

  it('is gone when it is destroyed where nothing is expunged', async () => {
    const { cloud, launched, server, lastCall, signal } = await startBench({ expunge: false });
    server.world.levers.mayExpunge = false;
    const id = await launched();
    expect(await cloud.terminate(id, signal)).toBe('ending');
    expect(await cloud.terminate(id, signal)).toBe('gone');
    expect(lastCall('destroyVirtualMachine')).not.toHaveProperty('expunge');
    expect(await cloud.list(signal)).toMatchObject([{ state: 'gone' }]);

    const [machine] = server.world.machines;
    if (machine !== undefined) machine.end = null;
    expect(await cloud.list(signal)).toMatchObject([{ state: 'running' }]);
    expect(await cloud.terminate(id, signal)).toBe('ending');
    expect(await cloud.terminate(id, signal)).toBe('gone');
    expect(server.living()).toEqual([]);
  });

  it('whose job the server has forgotten is looked for', async () => {
    const { cloud, launched, server, signal } = await startBench();
    const id = await launched();
    await cloud.terminate(id, signal);
    server.world.jobs.clear();
    expect(await cloud.terminate(id, signal)).toBe('gone');
  });

  it('that was never heard of is known again when it shows', async () => {
    const { cloud, launched, server, signal } = await startBench();
    server.world.levers.lagMs = minute;
    const id = await launched();
    expect(await cloud.terminate(id, signal)).toBe('ending');
    server.advance(minute);
    expect(await cloud.terminate(id, signal)).toBe('ending');
    expect(await cloud.terminate(id, signal)).toBe('gone');
    expect(await cloud.terminate(CloudId('nonsense'), signal)).toBe('ending');
  });
});

describe('the account', () => {
  it('may still have what the server says, and nothing is said where there is no limit', async () => {
    const { cloud, launched, server, signal } = await startBench();
    await launched();
    expect(await cloud.quota(signal)).toEqual({ instances: null, cpus: null, memoryMiB: null });
    server.world.levers.machinesMax = 10;
    server.world.levers.cpusMax = 12;
    server.preload(2, () => ({}));
    expect(await cloud.quota(signal)).toEqual({ instances: 7, cpus: 6, memoryMiB: null });
  });

  it('is told from others that an administrator sees by its key, and nothing is said where it cannot be', async () => {
    const { cloud, server, signal } = await startBench();
    server.world.levers.machinesMax = 10;
    server.world.levers.accounts = 'all';
    expect(await cloud.quota(signal)).toBeNull();
    server.world.levers.accounts = 'withKeys';
    expect(await cloud.quota(signal)).toMatchObject({ instances: 10 });
  });

  it("of a project is the project's", async () => {
    const { cloud, server, signal, lastCall } = await startBench({ project: usualStock.project.id });
    server.world.levers.machinesMax = 10;
    expect(await cloud.quota(signal)).toMatchObject({ instances: 10 });
    expect(lastCall('listProjects').id).toBe(usualStock.project.id);
  });

  it('has a catalog without offerings that leave their size open, each template once', async () => {
    const { cloud, signal } = await startBench({ arch: 'aarch64' });
    const { flavors, images, zones } = await cloud.catalog(signal);
    expect(flavors).toMatchObject([
      { name: 'large', resources: { cpus: 8, memoryMiB: 16_384 }, arch: 'aarch64' },
      { name: 'small', resources: { cpus: 2, memoryMiB: 4096 } },
    ]);
    expect(images.map(({ name }) => name)).toEqual(['worker', 'worker', 'worker-test']);
    expect(zones).toEqual(['north', 'south']);
  });
});
