import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { evaluateAttribute } from '../../../src/classad/evaluate.ts';
import type { QueueSnapshot } from '../../../src/model/demand.ts';
import { InstanceId, JobId, PoolName, QueueName, SiteId } from '../../../src/model/ids.ts';
import type { Log } from '../../../src/model/log.ts';
import { forgetfulMemory } from '../../../src/model/memory.ts';
import type { Queue, QueueMachine } from '../../../src/queues/port.ts';
import { proactiveAdapter } from '../../../src/queues/proactive/adapter.ts';
import { createVirtualClock, type VirtualClock } from '../../../src/simulate/virtualClock.ts';
import { type ProactiveStandIn, startProactive } from '../../support/proactive/server.ts';
import { machineOf, nodesUser, pool, settingsOn, tokenIn } from '../../support/proactive/under-test.ts';
import type { World } from '../../support/proactive/world.ts';

const signal = AbortSignal.timeout(120_000);
const quietFor = { nodesPeriod: '20s' };

describe('the ProActive adapter', () => {
  let server: ProactiveStandIn;
  let world: World;
  let clock: VirtualClock;
  let queue: Queue;
  let warned: string[];
  const machines: QueueMachine[] = [];

  function connect(fields: Readonly<Record<string, unknown>> = {}): Queue {
    const log: Log = {
      debug: () => {},
      info: () => {},
      warn: (_, message) => warned.push(message),
      error: () => {},
      child: () => log,
    };
    queue = proactiveAdapter.create(settingsOn(server, fields), {
      site: SiteId('farm'),
      queue: QueueName('main'),
      clock,
      log,
      memory: forgetfulMemory(),
    });
    return queue;
  }

  const poll = (attributes: readonly string[] = []): Promise<QueueSnapshot> =>
    queue.poll({ nowMs: clock.wallNow(), attributes, machines }, signal);

  /** A machine of ours with so many nodes, as it comes up. */
  async function join(name: string, nodes = 1): Promise<readonly string[]> {
    const instance = InstanceId(name);
    const request = { instance, pool, issuedAtSeconds: 0, lifetimeMs: null, attributes: {} };
    const token = tokenIn((await queue.admit(request)).variables);
    machines.push(machineOf(instance));
    return Array.from({ length: nodes }, (_, at) => {
      const url = `pnp://10.0.0.${machines.length}:64738/${name}_${at}`;
      world.addNode({ url, source: pool, host: `host-${name}`, provider: nodesUser, tokens: [token] });
      return url;
    });
  }

  async function requestsOf(work: () => Promise<unknown>): Promise<readonly string[]> {
    const before = server.requests.length;
    await work();
    return server.requests.slice(before);
  }

  beforeEach(async () => {
    server = await startProactive();
    world = server.world;
    clock = createVirtualClock();
    warned = [];
    machines.length = 0;
  });
  afterEach(async () => {
    await queue.close();
    await server.stop();
  });

  describe('asks', () => {
    it('for the revision alone where nothing has changed', async () => {
      connect(quietFor);
      world.submit({ tasks: [{}, {}] });
      await join('farm-1-0');
      await poll();
      const before = await poll();
      expect(await requestsOf(poll)).toEqual(['GET /scheduler/state/revision']);
      const again = await poll();
      expect(again.takenAtMs).toBe(before.takenAtMs);
      await clock.advance(20_001);
      expect(await requestsOf(poll)).toEqual(['GET /rm/monitoring/full', 'GET /scheduler/state/revision']);
    });

    it('for nodes as long as a machine is awaited, and when one is gone', async () => {
      connect(quietFor);
      await poll();
      machines.push(machineOf(InstanceId('farm-9-0')));
      await poll();
      expect(await requestsOf(poll)).toContain('GET /rm/monitoring/full');
      machines.length = 0;
      expect(await requestsOf(poll)).toContain('GET /rm/monitoring/full');
    });

    it('for the tasks of jobs that have changed, and the order of tasks once', async () => {
      connect(quietFor);
      for (let n = 0; n < 10; n++) world.submit({ tasks: [{}, { after: ['t0'] }] });
      await poll();
      world.setTask('3t0', 'FINISHED');
      const sent = await requestsOf(poll);
      expect(sent.filter((one) => one.includes('taskstates'))).toHaveLength(1);
      expect(sent.filter((one) => one.endsWith('/xml'))).toHaveLength(0);
      expect((await poll()).demand).toMatchObject([{ count: 10 }]);
    });

    it('for pages, and all that is in them counts once', async () => {
      connect({ ...quietFor, pageSize: 100 });
      for (let n = 0; n < 250; n++) world.submit({});
      expect(await poll()).toMatchObject({ demandComplete: true, demand: [{ count: 250 }] });
    });

    it('for the tasks of so many jobs at a time, and says that there are more', async () => {
      connect({ ...quietFor, jobsPerPoll: 4 });
      for (let n = 0; n < 10; n++) world.submit({});
      expect(await poll()).toMatchObject({ demandComplete: false, demand: [{ count: 4 }] });
      expect(await poll()).toMatchObject({ demandComplete: false, demand: [{ count: 8 }] });
      expect(await poll()).toMatchObject({ demandComplete: true, demand: [{ count: 10 }] });
    });

    it('again with a new session where the old one is over, in each half', async () => {
      connect();
      await poll();
      server.restart();
      const sent = await requestsOf(poll);
      expect(sent.filter((one) => one.endsWith('/login'))).toEqual([
        'POST /rm/login',
        'POST /scheduler/login',
      ]);
    });

    it('for a log-in once, however many calls wait for it', async () => {
      connect();
      const sent = await requestsOf(() => Promise.all([poll(), queue.job(JobId('1'), signal), poll()]));
      expect(sent.filter((one) => one === 'POST /scheduler/login')).toHaveLength(1);
    });

    it('whether anything has changed, and says so once', async () => {
      connect({ ...quietFor, watch: '1s' });
      await poll();
      let heard = 0;
      const stop = new AbortController();
      const asked = Promise.withResolvers<void>();
      queue.hint?.(() => {
        heard += 1;
        asked.resolve();
      }, stop.signal);
      world.submit({});
      await clock.advance(1000);
      await asked.promise;
      await clock.advance(1000);
      expect(heard).toBe(1);
      stop.abort();
    });
  });

  describe('wants', () => {
    it('a node for each task, of a size that is its part of a machine', async () => {
      connect({ nodes: { perMachine: 4 } });
      world.submit({ tasks: [{}, {}, {}] });
      const { demand } = await poll();
      expect(demand).toMatchObject([{ kind: 'counted', count: 3, workers: 1, pools: [pool] }]);
      const target = machineOf(InstanceId('x-0'), { cpus: 8 }).ad;
      const [wish] = demand;
      expect(wish === undefined ? null : evaluateAttribute(wish.ad, 'RequestCpus', { target })).toBe(2);
    });

    it('whole machines at the same time for a task of several nodes', async () => {
      connect({ nodes: { perMachine: 4 } });
      world.submit({ tasks: [{ nodes: 9 }, { nodes: 4 }] });
      expect((await poll()).demand).toMatchObject([
        { kind: 'gang', count: 1, workers: 3 },
        { kind: 'counted', count: 1, workers: 1 },
      ]);
    });

    it('machines of the pool whose node source a task names, and none for another’s', async () => {
      const sources = [{ pool }, { pool: 'gpu', name: 'gpus' }, { pool: 'own', policy: 'iaas' }];
      connect({ sources });
      world.submit({
        tasks: [{}, { words: { NODE_SOURCE: 'gpus' } }, { words: { NODE_SOURCE: 'Default' } }],
      });
      const { demand, jobs } = await poll();
      expect(demand.map(({ pools, count }) => [pools, count])).toEqual([
        [[pool, PoolName('gpu')], 1],
        [[PoolName('gpu')], 1],
      ]);
      expect(jobs).toEqual({ waiting: 3, running: 0, held: 0 });
    });

    it('nothing for a task that waits for a token’s nodes', async () => {
      connect();
      world.submit({ words: { NODE_ACCESS_TOKEN: 'mine' }, tasks: [{}] });
      expect(await poll()).toMatchObject({ demand: [], jobs: { waiting: 1 } });
    });

    it('nothing before the time that a task may begin at', async () => {
      connect(quietFor);
      const at = (ms: number) => new Date(clock.wallNow() + ms).toISOString();
      world.submit({ words: { START_AT: at(60_000) }, tasks: [{}] });
      world.submit({ words: { START_AT: at(-60_000) }, tasks: [{}] });
      expect(await poll()).toMatchObject({ demand: [{ count: 1 }], jobs: { waiting: 1, held: 1 } });
      await clock.advance(61_000);
      expect(await poll()).toMatchObject({ demand: [{ count: 2 }], jobs: { waiting: 2, held: 0 } });
    });

    it('nothing for a job that is paused', async () => {
      connect();
      const job = world.submit({ tasks: [{}, {}] });
      job.status = 'PAUSED';
      expect(await poll()).toMatchObject({ demand: [], jobs: { waiting: 0, held: 2 } });
    });

    it('all that wait, where the order of tasks cannot be had, and says so once', async () => {
      connect();
      world.submit({ tasks: [{}, { after: ['t0'] }] });
      world.submit({ tasks: [{}, { after: ['t0'] }] });
      server.fault('scheduler', {
        kind: 'changed',
        change: (route, body) => (route.endsWith('/xml') ? '<html/>' : body),
      });
      expect((await poll()).demand).toMatchObject([{ count: 4 }]);
    });
  });

  describe('shows', () => {
    it('a machine with several nodes as one worker with room for so many tasks', async () => {
      connect({ nodes: { perMachine: 2 } });
      const [first = ''] = await join('farm-1-0', 2);
      world.submit({ owner: 'ann' });
      expect((await poll()).workers).toMatchObject([
        { activity: 'idle', total: { cpus: 4 }, slots: [{ free: { cpus: 4, memoryMiB: 4000 } }] },
      ]);
      world.setTask('1t0', 'RUNNING', [first]);
      expect((await poll()).workers).toMatchObject([
        {
          activity: 'claimed',
          runningJobs: 1,
          usage: [{ user: 'ann', cpus: 2 }],
          slots: [{ free: { cpus: 2, memoryMiB: 2000 } }],
        },
      ]);
    });

    it('no machine whose nodes still bear its own token', async () => {
      connect();
      await join('farm-1-0');
      server.cutAt((route) => route === 'DELETE /rm/node/token');
      expect((await poll()).workers).toEqual([]);
      await poll();
      expect(warned).toEqual(['nodes could not be set up: it is tried again']);
      server.cutAt(null);
      expect((await poll()).workers).toMatchObject([{ instance: 'farm-1-0', activity: 'idle' }]);
    });

    it('each node of others as a worker of its own', async () => {
      connect();
      for (const at of [0, 1])
        world.addNode({
          url: `pnp://10.9.0.1:1/desk_${at}`,
          source: 'Default',
          host: 'desk',
          provider: 'admin',
          tokens: [],
        });
      expect((await poll()).workers).toMatchObject([
        { instance: null, activity: 'idle', slots: [{ free: { cpus: 1 } }] },
        { instance: null, activity: 'idle', slots: [{ free: { cpus: 1 } }] },
      ]);
    });

    it('a machine without an identity by its address, for the core to know', async () => {
      connect();
      machines.push({ ...machineOf(InstanceId('farm-1-0')), address: '10.7.0.1' });
      world.addNode({
        url: 'pnp://10.7.0.1:1/image_0',
        source: pool,
        host: 'vm',
        provider: nodesUser,
        tokens: [],
      });
      expect((await poll()).workers).toMatchObject([
        { instance: null, address: '10.7.0.1', total: { cpus: 4 }, activity: 'idle' },
      ]);
    });

    it('no more than it knows when nodes are missing that the manager still counts', async () => {
      connect();
      await join('farm-1-0');
      await join('farm-2-0');
      expect(await poll()).toMatchObject({ workersComplete: true });
      server.fault('rm', {
        kind: 'changed',
        change: (route, body) =>
          route.endsWith('/monitoring/full') ? JSON.stringify({ nodeSource: [], nodesEvents: [] }) : body,
      });
      expect(await poll()).toMatchObject({ workersComplete: false, workers: [] });
      expect(await poll()).toMatchObject({ workersComplete: false });
      server.fault('rm', null);
      expect(await poll()).toMatchObject({ workersComplete: true });
    });

    it('a job by its number or by a task’s, and nothing for another text', async () => {
      connect();
      world.submit({ owner: 'ann', tasks: [{}, { after: ['t0'] }] });
      const [group] = (await poll()).demand;
      const job = (id: string) => queue.job(JobId(id), signal);
      expect(await job('1')).toMatchObject({ state: 'waiting', owner: 'ann', demand: group?.id });
      expect(await job('1t0')).toMatchObject({ state: 'waiting', demand: group?.id });
      expect(await job('1t1')).toMatchObject({ state: 'held', demand: null });
      expect(await job('1t2')).toBeNull();
      world.endJob(1, 'KILLED');
      expect(await job('1t0')).toMatchObject({ state: 'ended', demand: null });
      expect(await job('1')).toMatchObject({ state: 'ended' });
    });
  });

  describe('keeps node sources', () => {
    const managed = (manage: string) => ({ sources: [{ pool, manage }] });

    it('that are made when a machine needs them, and not for a job alone', async () => {
      connect(managed('create'));
      world.submit({});
      await poll();
      expect(world.sources.size).toBe(0);
      machines.push(machineOf(InstanceId('farm-1-0')));
      await poll();
      expect(world.sources.get(pool)).toMatchObject({ status: 'deployed' });
    });

    it('that somebody has undeployed', async () => {
      connect(managed('create'));
      world.sources.set(pool, { name: pool, status: 'undeployed', parameters: [] });
      machines.push(machineOf(InstanceId('farm-1-0')));
      const sent = await requestsOf(poll);
      expect(sent).toContain('PUT /rm/nodesource/deploy');
      expect(sent).not.toContain('POST /rm/nodesource');
    });

    it('and removes what nothing has needed for a while, where it may', async () => {
      for (const [manage, left] of [
        ['create', 1],
        ['remove', 0],
      ] as const) {
        connect(managed(manage));
        world.sources.set(pool, { name: pool, status: 'deployed', parameters: [] });
        await poll();
        await clock.advance(11 * 60_000);
        await poll();
        expect(world.sources.size).toBe(left);
        await queue.close();
      }
    });

    it('and goes on where it may not', async () => {
      connect(managed('create'));
      await join('farm-1-0');
      server.cutAt((route) => route === 'POST /rm/nodesource');
      expect((await poll()).workers).toHaveLength(1);
      await poll();
      expect(warned).toEqual(['node source could not be set up: it is tried again']);
    });
  });

  it('does nothing to nodes of machines that it was not told of', async () => {
    connect({
      sources: [
        { pool, manage: 'create' },
        { pool: 'own', policy: 'iaas', manage: 'create' },
      ],
    });
    await join('farm-1-0');
    machines.length = 0;
    world.submit({ tasks: [{}] });
    const sent = await requestsOf(poll);
    expect(sent.filter((one) => !one.startsWith('GET') && !one.endsWith('/login'))).toEqual([]);
  });

  it('tells `check --live` what will fail', async () => {
    connect({ sources: [{ pool }, { pool: 'other', manage: 'create' }], nodes: { protocol: 'pnps' } });
    world.sources.set(pool, { name: pool, status: 'undeployed', parameters: [] });
    const request = {
      attributes: [],
      pools: [
        { name: pool, lifetimeMs: null },
        { name: PoolName('third'), lifetimeMs: null },
      ],
    };
    const said: string[] = [];
    for (const check of queue.checks?.(request) ?? [])
      for (const { verdict, message } of await check.run(signal))
        said.push(`${check.subject} ${verdict}: ${message}`);
    expect(said).toEqual([
      `login ok: ${server.url} takes spillway in, at the scheduler and at the resource manager`,
      'settings error: node source workers is not deployed: nodes cannot join it',
      'settings ok: node source other will be made and deployed with its first machine',
      'joining warning: machines speak pnps and are to join pnp://10.0.0.1:64738',
      "joining error: pool third has no node source among the queue's `sources`",
      'joining error: node source other is for pool other, which this queue does not have',
    ]);
  });
});
