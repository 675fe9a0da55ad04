import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { QueueSnapshot } from '../../../src/model/demand.ts';
import { PoolName, QueueName, SiteId } from '../../../src/model/ids.ts';
import { silentLog } from '../../../src/model/log.ts';
import { forgetfulMemory, type Memory } from '../../../src/model/memory.ts';
import type { Queue } from '../../../src/queues/port.ts';
import { proactiveAdapter } from '../../../src/queues/proactive/adapter.ts';
import { createVirtualClock } from '../../../src/simulate/virtualClock.ts';
import { type Farm, makeFarm } from '../../support/proactive/farm.ts';
import { exampleJob, submitFile } from '../../support/proactive/jobFile.ts';
import { type ProactiveStandIn, startProactive } from '../../support/proactive/server.ts';
import { settingsOn } from '../../support/proactive/under-test.ts';
import type { World } from '../../support/proactive/world.ts';

const own = PoolName('own');
const elastic = PoolName('elastic');
const signal = AbortSignal.timeout(60_000);

const sources = [
  { pool: elastic, manage: 'create' },
  { name: 'cloud', pool: own, policy: 'iaas', manage: 'create' },
];
const large = { IaasInstanceType: 'LARGE', IaasImageId: 'debian-13' };

describe('machines of a job’s own', () => {
  let server: ProactiveStandIn;
  let world: World;
  let farm: Farm;
  let queue: Queue;
  let memory: Memory;
  let looks = 0;
  const clock = createVirtualClock();

  const connect = () =>
    proactiveAdapter.create(settingsOn(server, { sources }), {
      site: SiteId('farm'),
      queue: QueueName('main'),
      clock,
      log: silentLog,
      memory,
    });

  beforeEach(async () => {
    server = await startProactive();
    world = server.world;
    memory = forgetfulMemory();
    queue = connect();
    farm = makeFarm({
      world,
      pools: new Map([
        [own, { source: 'cloud', words: large }],
        [elastic, { source: 'elastic' }],
      ]),
    });
  });
  afterEach(async () => {
    await queue.close();
    await server.stop();
  });

  const poll = () => {
    looks += 1;
    return queue.poll({ nowMs: looks, attributes: [], machines: farm.machines() }, signal);
  };
  /** One turn of the daemon: look, end what is drained, boot what is wanted; the scheduler begins what it can. */
  async function turn(): Promise<QueueSnapshot> {
    const view = await poll();
    for (const { id } of farm.end(view)) await queue.remove(id, signal);
    await farm.boot(view, (request) => queue.admit(request));
    world.schedule();
    return view;
  }
  const turns = async (count: number) => {
    for (let n = 0; n < count; n++) await turn();
  };
  const tokensShown = () => [...world.nodes.values()].map(({ tokens }) => tokens.join(' '));
  const running = () =>
    [...world.jobs.values()].flatMap(({ tasks }) => tasks).filter(({ status }) => status === 'RUNNING');

  it('come for the example job, run its tasks alone, and go when it says so', async () => {
    const other = world.submit({ owner: 'bob', tasks: [{ words: { NODE_SOURCE: 'cloud' } }] });
    const job = submitFile(world, exampleJob);
    const first = await poll();
    expect(first.demand).toMatchObject([
      { kind: 'counted', count: 2, pools: [own], user: 'ann', sampleJobs: ['2'] },
    ]);
    await turns(4);
    expect(farm.booted).toHaveLength(2);
    expect(tokensShown()).toEqual(['own-2', 'own-2']);
    // A token is whoever knows it, so it is not stored.
    expect(JSON.stringify([...memory.load()])).not.toContain('own-2');
    expect(job.tasks.map(({ status }) => status)).toEqual(['RUNNING', 'SUBMITTED']);
    expect((await poll()).workers).toMatchObject([
      { activity: 'claimed', usage: [{ user: 'ann', cpus: 4 }] },
      { activity: 'claimed' },
    ]);

    world.finishRunning();
    await turns(2);
    expect(running().map(({ name }) => name)).toEqual(['evaluate']);
    // It runs on one of them, and the token holds both.
    expect((await poll()).workers.map(({ activity }) => activity)).toEqual(['claimed', 'claimed']);

    world.finishRunning();
    await turns(6);
    expect(job.status).toBe('FINISHED');
    expect(farm.machines()).toEqual([]);
    expect(world.nodes.size).toBe(0);
    expect(other.status).toBe('PENDING');
    expect(farm.booted).toHaveLength(2);
    expect(memory.load().size).toBe(1);
  });

  it('that are let go say so, and are drained when their last task has ended', async () => {
    const job = submitFile(world, exampleJob);
    await turns(4);
    world.endJob(job.id, 'KILLED');
    const [first] = [...world.nodes.values()];
    if (first !== undefined) first.state = 'BUSY';
    await poll();
    const view = await poll();
    expect(view.demand).toEqual([]);
    expect(view.workers).toMatchObject([
      { activity: 'draining', released: true, runningJobs: 1 },
      { activity: 'drained', released: true, runningJobs: 0 },
    ]);
    expect([...world.nodes.values()].map(({ locked }) => locked)).toEqual([true, true]);
  });

  it('that come too late stay nobody’s, and serve the next token', async () => {
    const job = submitFile(world, exampleJob);
    const view = await poll();
    await farm.boot(view, (request) => queue.admit(request));
    world.endJob(job.id, 'CANCELED');
    const late = await turn();
    expect(late.workers).toMatchObject([
      { activity: 'idle', runningJobs: 0 },
      { activity: 'idle', runningJobs: 0 },
    ]);
    world.submit({ tasks: [{}, {}] });
    await turn();
    expect(running()).toEqual([]);
    const next = submitFile(world, exampleJob);
    await turns(2);
    const shown = [...world.nodes.values()].filter(({ source }) => source === 'cloud');
    expect(shown.map(({ tokens }) => tokens)).toEqual([[`own-${next.id}`], [`own-${next.id}`]]);
  });

  it('are had once, however many tasks name their token', async () => {
    const words = {
      NODE_ACCESS_TOKEN: 'both',
      IAAS_OPERATION: 'DEPLOY_AND_UNDEPLOY',
      IAAS_NODE_SOURCE: 'cloud',
      IAAS_INSTANCE_NB: '1',
    };
    world.submit({ tasks: [{ words }, { words }] });
    await turns(4);
    expect(farm.booted).toHaveLength(1);
    expect(running()).toHaveLength(1);
    // The first to end takes them away; the other task still could run, and gets its own.
    world.finishRunning();
    await turns(8);
    expect(farm.booted).toHaveLength(2);
    expect(running()).toHaveLength(1);
    world.finishRunning();
    await turns(6);
    expect(farm.machines()).toEqual([]);
    expect(farm.booted).toHaveLength(2);
  });

  it('of a task come when the task could run, and not before', async () => {
    const job = world.submit({
      words: { IAAS_NODE_SOURCE: 'cloud', IAAS_INSTANCE_NB: '1' },
      tasks: [
        { name: 'before' },
        { name: 'marked', after: ['before'], words: { NODE_ACCESS_TOKEN: 't', IAAS_OPERATION: 'DEPLOY' } },
      ],
    });
    expect((await poll()).demand).toMatchObject([{ pools: [elastic], count: 1 }]);
    world.setTask(`${job.id}t0`, 'FINISHED');
    expect((await poll()).demand).toMatchObject([{ pools: [own], count: 1 }]);
  });

  it('are chosen by image and type', async () => {
    world.submit({
      words: {
        NODE_ACCESS_TOKEN: 'small one',
        IAAS_OPERATION: 'DEPLOY',
        IAAS_NODE_SOURCE: 'cloud',
        IAAS_INSTANCE_NB: '1',
        IAAS_INSTANCE_TYPE: 'SMALL',
      },
      tasks: [{}],
    });
    submitFile(world, exampleJob);
    await turns(5);
    // The farm has large ones only; a token with a blank is nobody's.
    expect(new Set(tokensShown())).toEqual(new Set(['own-2']));
  });

  it('that break while they are needed are replaced', async () => {
    submitFile(world, exampleJob);
    await turns(4);
    const [lost] = farm.booted;
    if (lost === undefined) throw new Error('nothing was booted');
    farm.lose(lost);
    for (const [url, { state }] of world.nodes) if (state === 'DOWN') world.nodes.delete(url);
    await turns(3);
    expect(farm.booted).toHaveLength(3);
    expect(tokensShown()).toEqual(['own-1', 'own-1']);
  });

  it('outlive a restart of the adapter and of the server', async () => {
    const job = submitFile(world, exampleJob);
    await turns(4);
    await queue.close();
    queue = connect();
    server.restart();
    await turns(3);
    expect(farm.booted).toHaveLength(2);
    expect((await poll()).workers.map(({ activity }) => activity)).toEqual(['claimed', 'claimed']);
    world.endJob(job.id, 'KILLED');
    await turns(5);
    expect(farm.machines()).toEqual([]);
  });

  it('stay when a list does not show their job', async () => {
    submitFile(world, exampleJob);
    await turns(4);
    server.fault('scheduler', {
      kind: 'changed',
      change: (route, body) =>
        route.endsWith('revisionjobsinfo') ? JSON.stringify({ size: 0, map: { '9': [] } }) : body,
    });
    world.touch();
    await turns(3);
    expect(farm.machines()).toHaveLength(2);
    expect(tokensShown()).toEqual(['own-1', 'own-1']);
  });

  it('drain for their pool when their token lets them go', async () => {
    const job = submitFile(world, exampleJob);
    await turns(4);
    const [worker] = (await poll()).workers;
    if (worker === undefined) throw new Error('no worker');
    await queue.drain(worker.id, signal);
    expect((await poll()).workers[0]).toMatchObject({ activity: 'draining', runningJobs: 1 });
    expect([...world.nodes.values()].some(({ locked }) => locked)).toBe(false);
    world.endJob(job.id, 'KILLED');
    await turns(5);
    expect(farm.machines()).toEqual([]);
  });

  it('join a node source that is made and deployed for them', async () => {
    submitFile(world, exampleJob);
    await turns(3);
    expect([...world.sources.values()]).toEqual([
      { name: 'cloud', status: 'deployed', parameters: ['ALL', 'users=nodes'] },
    ]);
  });
});
