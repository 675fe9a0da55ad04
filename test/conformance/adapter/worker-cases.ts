import { expect } from 'vitest';
import { PoolName, WorkerId } from '../../../src/model/ids.ts';
import { type Case, newInstance, waitingIn, workerIn } from './bench.ts';

/** What the adapter makes of the scheduler's workers, and what it does to them. */
export const workerCases = {
  'a machine that joins is a free worker of its size, known as ours': async (bench) => {
    const instance = newInstance();
    const id = await bench.test.join({ instance, cpus: 4, memoryMiB: 4000 });
    const worker = await bench.shows('it', (view) => workerIn(view, id));
    expect(worker).toMatchObject({
      instance,
      activity: 'idle',
      runningJobs: 0,
      total: { cpus: 4, memoryMiB: 4000 },
    });
    const free = worker.slots.reduce((sum, slot) => sum + slot.free.cpus, 0);
    expect(free).toBe(4);
  },

  'a machine of somebody else is nobody’s instance': async (bench) => {
    const own = newInstance();
    const id = await bench.test.stranger('desk-17');
    await bench.test.join({ instance: own });
    const view = await bench.shows('both', (seen) => seen.workers.length === 2 && seen);
    expect(workerIn(view, id)).toMatchObject({ instance: null });
    expect(view.workers.filter(({ instance }) => instance !== null)).toMatchObject([{ instance: own }]);
  },

  'a machine that says that it is another’s instance is nobody’s': async (bench) => {
    const victim = newInstance();
    const id = await bench.test.join({ instance: newInstance(), claims: victim });
    const worker = await bench.shows('it', (view) => workerIn(view, id));
    expect(worker.instance).toBeNull();
  },

  'a machine with a job is claimed, and free when the job has ended': async (bench) => {
    const { test } = bench;
    const id = await test.join({ instance: newInstance() });
    const [job] = await test.submit({});
    if (job === undefined) throw new Error('no job');
    await bench.shows('it', (view) => workerIn(view, id));
    await test.run(job, id);
    const busy = await bench.shows('it has a job', (view) => {
      const worker = workerIn(view, id);
      return worker?.runningJobs === 1 && worker;
    });
    expect(busy.activity).toBe('claimed');
    if (busy.jobIds !== undefined) expect(busy.jobIds).toHaveLength(1);
    await test.finish(job);
    await bench.shows('it is free', (view) => workerIn(view, id)?.activity === 'idle');
  },

  'a machine that drains takes no more, ends what it has, and can be had back': async (bench) => {
    const { test, queue, signal } = bench;
    const id = await test.join({ instance: newInstance() });
    const [job] = await test.submit({});
    if (job === undefined) throw new Error('no job');
    await bench.shows('it', (view) => workerIn(view, id));
    await test.run(job, id);
    await bench.shows('it has a job', (view) => workerIn(view, id)?.runningJobs === 1);
    await queue.drain(id, signal);
    await queue.drain(id, signal);
    const draining = await bench.shows('it drains', (view) => {
      const worker = workerIn(view, id);
      return worker?.activity === 'draining' && worker;
    });
    expect(draining.runningJobs).toBe(1);
    expect(draining.slots.map(({ free }) => free.cpus).filter((cpus) => cpus > 0)).toEqual([]);
    await test.finish(job);
    await bench.shows('it is drained', (view) => workerIn(view, id)?.activity === 'drained');
    await queue.undrain(id, signal);
    await queue.undrain(id, signal);
    await bench.shows('it is back', (view) => workerIn(view, id)?.activity === 'idle');
  },

  'a free machine that drains is drained': async (bench) => {
    const { test, queue, signal } = bench;
    const id = await test.join({ instance: newInstance() });
    const other = await test.join({ instance: newInstance() });
    await bench.shows('both', (view) => view.workers.length === 2);
    await queue.drain(id, signal);
    const view = await bench.shows(
      'it is drained',
      (seen) => workerIn(seen, id)?.activity === 'drained' && seen,
    );
    expect(workerIn(view, other)?.activity).toBe('idle');
  },

  'a worker that nobody knows cannot be drained': async (bench) => {
    await bench.fails(bench.queue.drain(WorkerId('nobody.example.org'), bench.signal), 'notFound', 'invalid');
  },

  'a hostile name reaches nobody': async (bench) => {
    const id = await bench.test.join({ instance: newInstance() });
    await bench.shows('it', (view) => workerIn(view, id));
    for (const name of ['', '-all', '--help', `${id}" || true || "`, '*', '$(reboot)', '../x']) {
      await bench.fails(
        bench.queue.drain(WorkerId(name), bench.signal),
        'notFound',
        'invalid',
        'unavailable',
        'denied',
      );
    }
    for (let look = 0; look < 3; look++) {
      expect(workerIn(await bench.poll(), id)?.activity).toBe('idle');
      await bench.test.catchUp();
    }
  },

  'a machine that died is forgotten when it is removed': async (bench) => {
    const { test, queue, signal } = bench;
    const id = await test.join({ instance: newInstance() });
    const other = await test.join({ instance: newInstance() });
    await bench.shows('both', (view) => view.workers.length === 2);
    await test.die(id);
    await queue.remove(id, signal);
    await queue.remove(id, signal);
    await bench.shows('one', (view) => workerIn(view, id) === undefined && view.workers.length === 1);
    expect(workerIn(await bench.poll(), other)?.activity).toBe('idle');
  },

  'removing a worker that nobody knows is no error': async (bench) => {
    await expect(bench.queue.remove(WorkerId('nobody.example.org'), bench.signal)).resolves.toBeUndefined();
  },

  'a machine that comes back under another name is the same instance': async (bench) => {
    const { test, queue, signal } = bench;
    const instance = newInstance();
    const before = await test.join({ instance, name: 'first.example.org' });
    await bench.shows('it', (view) => workerIn(view, before));
    await test.die(before);
    const after = await test.join({ instance, name: 'second.example.org' });
    const worker = await bench.shows('it is back', (view) => workerIn(view, after));
    expect(worker.instance).toBe(instance);
    await queue.remove(before, signal);
    const view = await bench.shows('the one', (seen) => seen.workers.length === 1 && seen);
    expect(view.workers).toMatchObject([{ id: after, instance }]);
  },

  '300 machines are 300 workers': async (bench) => {
    const instances = Array.from({ length: 300 }, newInstance);
    for (const instance of instances) await bench.test.join({ instance });
    const view = await bench.shows('all of them', (seen) => seen.workers.length === 300 && seen);
    expect(new Set(view.workers.map(({ instance }) => instance))).toEqual(new Set(instances));
  },

  'a job that starts between two polls is demand or a claimed machine': async (bench) => {
    const { test } = bench;
    const id = await test.join({ instance: newInstance() });
    const [job] = await test.submit({});
    if (job === undefined) throw new Error('no job');
    await bench.shows('it', (view) => workerIn(view, id));
    await test.run(job, id);
    for (let look = 0; look < 5; look++) {
      const view = await bench.poll();
      const claimed = workerIn(view, id)?.activity === 'claimed';
      expect(waitingIn(view) === 1 || view.jobs.running === 1 || claimed).toBe(true);
      await test.catchUp();
    }
  },

  'the same machine is admitted with the same words, another with its own': async (bench) => {
    const request = {
      instance: newInstance(),
      issuedAtSeconds: 1_795_000_000,
      pool: PoolName('workers'),
      lifetimeMs: 3_600_000,
      attributes: { VMType: '"a"' },
    };
    const first = await bench.queue.admit(request);
    expect(await bench.connect().admit(request)).toEqual(first);
    const other = await bench.queue.admit({ ...request, instance: newInstance() });
    expect(other.perMachine).toBe(first.perMachine);
    expect(JSON.stringify(other.variables) !== JSON.stringify(first.variables)).toBe(first.perMachine);
  },
} satisfies Record<string, Case>;
