import { setImmediate } from 'node:timers/promises';
import { adFromValues } from '../../../src/classad/ad.ts';
import { Secret } from '../../../src/config/secrets.ts';
import { type InstanceId, JobId, PoolName, QueueName, SiteId, WorkerId } from '../../../src/model/ids.ts';
import { forgetfulMemory } from '../../../src/model/memory.ts';
import type { Queue, QueueMachine } from '../../../src/queues/port.ts';
import { proactiveAdapter } from '../../../src/queues/proactive/adapter.ts';
import type { ProactiveSettings } from '../../../src/queues/proactive/settings.ts';
import { createVirtualClock } from '../../../src/simulate/virtualClock.ts';
import type { CallKind, Fault, QueueUnderTest } from '../../conformance/adapter/harness.ts';
import type { Fault as TransportFault } from '../loopback/faults.ts';
import { type ProactiveStandIn, type Spoil, startProactive } from './server.ts';
import type { Task } from './world.ts';

export const nodesUser = 'nodes';
export const pool = PoolName('workers');
const tokenKey = 'key-of-machine-tokens-8r2Kq0';
const credentials = 'RSA/ECB/PKCS1Padding\ncred-of-nodes-Zx81Kd';
const settleMs = 60_000;

/** The settings of a queue on the stand-in, with these fields over the usual ones. */
export function settingsOn(
  server: Pick<ProactiveStandIn, 'url' | 'username' | 'password'>,
  fields: Readonly<Record<string, unknown>> = {},
): ProactiveSettings {
  const { nodes = {}, ...others } = fields;
  const parsed = proactiveAdapter.configSchema.parse({
    url: server.url,
    username: server.username,
    password: 'file:/nowhere',
    nodesPeriod: '0s',
    settle: `${settleMs / 1000}s`,
    sources: [{ pool }],
    nodes: {
      url: 'pnp://10.0.0.1:64738',
      credentials: 'file:/nowhere',
      owner: nodesUser,
      tokenKey: 'file:/nowhere',
      ...(nodes as object),
    },
    ...others,
  });
  return {
    ...parsed,
    password: Secret.of(server.password),
    nodes: { ...parsed.nodes, credentials: Secret.of(credentials), tokenKey: Secret.of(tokenKey) },
  };
}

/** The token that a machine has been told to start its nodes with. */
export function tokenIn(variables: Readonly<Record<string, string>>): string {
  return /-Dproactive\.node\.access\.token=([^"]*)"/.exec(variables.javaOptions ?? '')?.[1] ?? '';
}

export function machineOf(
  instance: InstanceId,
  options: {
    readonly pool?: PoolName;
    readonly cpus?: number;
    readonly memoryMiB?: number;
    readonly words?: object;
  } = {},
): QueueMachine {
  const { cpus = 4, memoryMiB = 4000 } = options;
  return {
    instance,
    pool: options.pool ?? pool,
    ad: adFromValues({
      MyType: 'Machine',
      Cpus: cpus,
      Memory: memoryMiB,
      ...options.words,
      Requirements: true,
    }),
    resources: { cpus, memoryMiB, diskMiB: 0, gpus: 0 },
    address: null,
    reachable: true,
  };
}

const half = { jobs: 'scheduler', workers: 'rm' } as const;

function faultOf(kind: CallKind, fault: Fault): TransportFault | Spoil {
  switch (fault) {
    case 'refused':
      return {
        kind: 'error',
        status: 403,
        code: 'org.ow2.proactive_grid_cloud_portal.scheduler.exception.PermissionRestException',
      };
    case 'trouble':
      return { kind: 'error', status: 503, code: 'java.lang.RuntimeException' };
    case 'unreachable':
    case 'killed':
      return { kind: 'cut', when: 'before' };
    case 'hang':
      return { kind: 'hang', when: 'before' };
    case 'slow':
      return { kind: 'held' };
    case 'empty':
      return { kind: 'body', when: 'after', status: 200, body: '' };
    case 'foreign':
      return { kind: 'body', when: 'after', status: 200, body: '<html><body>It works!</body></html>' };
    case 'cut':
      return { kind: 'half', after: 'whole' };
    case 'half':
      return { kind: 'changed', change: kind === 'jobs' ? halfTheJobs : halfTheNodes };
    case 'oversized':
      return { kind: 'oversized', bytes: 100e6 };
  }
}

const firstHalf = <Item>(items: readonly Item[]) => items.slice(0, Math.floor(items.length / 2));

function halfTheJobs(route: string, body: string): string {
  const said = body.startsWith('{')
    ? (JSON.parse(body) as { map?: Record<string, unknown[]>; list?: unknown[] })
    : {};
  if (route.endsWith('/revisionjobsinfo') && said.map !== undefined) {
    const map = Object.fromEntries(Object.entries(said.map).map(([key, rows]) => [key, firstHalf(rows)]));
    return JSON.stringify({ ...said, map });
  }
  return said.list === undefined ? body : JSON.stringify({ ...said, list: firstHalf(said.list) });
}

function halfTheNodes(route: string, body: string): string {
  if (!route.endsWith('/monitoring/full')) return body;
  const said = JSON.parse(body) as { nodesEvents: unknown[] };
  return JSON.stringify({ ...said, nodesEvents: firstHalf(said.nodesEvents) });
}

const priorities = ['IDLE', 'LOWEST', 'LOW', 'NORMAL', 'HIGH', 'HIGHEST'];

/** The adapter on the stand-in. A job of the suite is a task; one submission is one ProActive job. */
export async function startProactiveUnderTest(): Promise<QueueUnderTest> {
  const server = await startProactive();
  const clock = createVirtualClock();
  const memory = forgetfulMemory();
  const { world } = server;
  const machines = new Map<InstanceId, QueueMachine>();
  const urls = new Map<WorkerId, string>();
  let first: Queue | null = null;
  let hosts = 0;

  function connect(
    fields: Readonly<Record<string, unknown>>,
    as: { log: Parameters<QueueUnderTest['connect']>[0]['log']; to?: string },
  ) {
    const settings = settingsOn(server, fields);
    const wrong = as.to === 'wrong' ? { password: Secret.of('another') } : {};
    const deps = { site: SiteId('farm'), queue: QueueName('main'), clock, log: as.log, memory };
    return proactiveAdapter.create({ ...settings, ...wrong }, deps);
  }

  async function tokenOf(instance: InstanceId): Promise<string> {
    if (first === null) throw new Error('no adapter is connected');
    const request = { instance, pool, issuedAtSeconds: 1_795_000_000, lifetimeMs: null, attributes: {} };
    return tokenIn((await first.admit(request)).variables);
  }

  return {
    clock,
    get secrets() {
      return [server.password, tokenKey, 'cred-of-nodes-Zx81Kd', ...server.sessions];
    },
    word: 'VMType',
    callTimeoutMs: 30_000,
    settleMs,
    connect(as) {
      const nowhere = as.to === 'nowhere' ? { url: 'http://127.0.0.1:9/rest' } : {};
      const made = connect(nowhere, as);
      first ??= made;
      return made;
    },
    machines: () => [...machines.values()],

    async submit({ count = 1, words = {}, user = 'ann', priority = 0, nodes = 1, after }) {
      const wish = { words, nodes };
      if (after !== undefined) {
        const { job, task } = world.task(after);
        const next: Task = {
          id: job.tasks.length,
          name: `t${job.tasks.length}`,
          status: 'PENDING',
          words,
          nodes,
          after: [task.name],
          on: [],
          finishedAtMs: 0,
        };
        job.tasks.push(next);
        world.touch();
        return [JobId(`${job.id}t${next.id}`)];
      }
      const name = priorities[Math.min(5, Math.max(0, 3 + priority))] ?? 'NORMAL';
      const job = world.submit({
        owner: user,
        priority: name,
        tasks: Array.from({ length: count }, () => wish),
      });
      return job.tasks.map(({ id }) => JobId(`${job.id}t${id}`));
    },
    async submitBroken() {
      world.submit({ broken: { jobInfo: { jobId: 'none' }, jobid: '?' } });
    },
    hold: async (job) => world.setTask(job, 'PAUSED'),
    release: async (job) => world.setTask(job, 'PENDING'),
    withdraw: async (job) => world.setTask(job, 'NOT_RESTARTED'),
    run: async (job, worker) => world.setTask(job, 'RUNNING', [urls.get(worker) ?? '']),
    finish: async (job) => world.setTask(job, 'FINISHED'),

    async join({ instance, name, claims, cpus = 4, memoryMiB = 4000 }) {
      hosts += 1;
      const address = `10.${hosts >> 8}.${hosts & 255}.7`;
      const host = name ?? `host-${hosts}.example.org`;
      const url = `pnp://${address}:64738/${claims ?? instance}_0`;
      machines.set(instance, machineOf(instance, { cpus, memoryMiB }));
      world.addNode({ url, source: pool, host, provider: nodesUser, tokens: [await tokenOf(instance)] });
      const id = WorkerId(`${claims ?? instance}@${host}`);
      urls.set(id, url);
      return id;
    },
    async stranger(name) {
      const url = `pnp://10.99.0.1:64738/${name}`;
      world.addNode({ url, source: 'Default', host: `${name}.example.org`, provider: 'admin', tokens: [] });
      const id = WorkerId(`${name}@${name}.example.org`);
      urls.set(id, url);
      return id;
    },
    async die(worker) {
      const node = world.nodes.get(urls.get(worker) ?? '');
      if (node !== undefined) node.state = 'DOWN';
    },

    async fault(kind, fault) {
      // Where nothing has changed nobody needs to be asked for more than that.
      if (kind === 'jobs') world.touch();
      server.fault(half[kind], faultOf(kind, fault));
    },
    struck: () => server.struck(),
    async heal() {
      server.fault('scheduler', null);
      server.fault('rm', null);
    },
    async restart() {
      server.restart();
    },
    elapse: (ms) => clock.advance(ms),
    catchUp: () => setImmediate(undefined),
    stop: () => server.stop(),
  };
}
