import { jobInfo, jobXml, nodeEvent, nodeSourceEvent, nsState, taskState, userJob } from './dto.ts';
import type { World } from './world.ts';

/** What the server refuses, by the class of its exception. */
export class Refused extends Error {
  readonly status: number;
  readonly exceptionClass: string;

  constructor(status: number, exceptionClass: string, message: string) {
    super(message);
    this.status = status;
    this.exceptionClass = exceptionClass;
  }
}

export interface Asked {
  readonly world: World;
  readonly query: URLSearchParams;
  readonly form: URLSearchParams;
  readonly header: (name: string) => string | null;
  /** From the pattern of the path. */
  readonly parts: readonly string[];
}

export interface Given {
  readonly text: string;
  readonly type: 'application/json' | 'text/plain' | 'application/xml';
}

type Handler = (asked: Asked) => Given;

const json = (value: unknown): Given => ({ text: JSON.stringify(value), type: 'application/json' });
const text = (value: string): Given => ({ text: value, type: 'text/plain' });

/** `METHOD /path` with `*` for a part that is handed on. */
export const routes: readonly (readonly [string, Handler])[] = [
  ['GET /scheduler/state/revision', ({ world }) => text(String(world.revision()))],
  ['GET /scheduler/revisionjobsinfo', revisionJobs],
  ['GET /scheduler/jobs/*/info', (asked) => json(jobInfo(jobOf(asked)))],
  ['GET /scheduler/jobs/*/xml', (asked) => ({ text: jobXml(jobOf(asked)), type: 'application/xml' })],
  [
    'GET /scheduler/jobs/*/taskstates',
    (asked) => {
      const job = jobOf(asked);
      return json({ size: job.tasks.length, list: job.tasks.map((task) => taskState(job, task)) });
    },
  ],
  ['GET /scheduler/jobs/*/taskstates/paginated', tasks],
  ['GET /scheduler/jobs/*/taskstates/filtered/paginated', tasks],
  ['GET /rm/isactive', () => json(true)],
  [
    'GET /rm/monitoring/full',
    ({ world }) =>
      json({
        nodeSource: [...world.sources.values()].map(nodeSourceEvent),
        nodesEvents: [...world.nodes.values()].map(nodeEvent),
      }),
  ],
  ['GET /rm/state', ({ world }) => json({ totalNodesNumber: world.nodes.size, freeNodesNumber: 0 })],
  ['POST /rm/nodesource', define],
  ['PUT /rm/nodesource/deploy', (asked) => deploy(asked, 'deployed')],
  ['PUT /rm/nodesource/undeploy', (asked) => deploy(asked, 'undeployed')],
  ['POST /rm/nodesource/remove', removeSource],
  ['POST /rm/node', addNode],
  ['POST /rm/node/lock', (asked) => lock(asked, true)],
  ['POST /rm/node/unlock', (asked) => lock(asked, false)],
  ['POST /rm/node/release', (asked) => removeNode(asked, false)],
  ['POST /rm/node/remove', (asked) => removeNode(asked, asked.form.get('preempt') === 'true')],
  ['POST /rm/node/token', (asked) => tokens(asked, (old, one) => [...new Set([...old, one])])],
  ['DELETE /rm/node/token', (asked) => tokens(asked, (old, one) => old.filter((token) => token !== one))],
];

const ended = new Set(['FINISHED', 'CANCELED', 'FAILED', 'KILLED']);

function revisionJobs({ world, query }: Asked): Given {
  const want = (name: string) => query.get(name) === 'true';
  const state = (status: string) =>
    ended.has(status) ? 'finished' : status === 'PENDING' ? 'pending' : 'running';
  const all = [...world.jobs.values()].filter(({ status }) => want(state(status)));
  if (query.get('sortParams')?.includes('ID_d')) all.reverse();
  const index = Math.max(0, Number(query.get('index') ?? 0));
  const limit = Number(query.get('limit') ?? -1);
  const page = limit < 0 ? all.slice(index) : all.slice(index, index + limit);
  return json({ size: all.length, map: { [String(world.revision())]: page.map(userJob) } });
}

function jobOf({ world, parts }: Asked) {
  const job = world.jobs.get(Number(parts[0]));
  if (job === undefined)
    throw new Refused(
      404,
      'org.ow2.proactive_grid_cloud_portal.scheduler.exception.UnknownJobRestException',
      `The job ${parts[0]} does not exist`,
    );
  return job;
}

const tasksPerPageMax = 1000;

function tasks(asked: Asked): Given {
  const job = jobOf(asked);
  const filter = asked.query.get('statusFilter');
  const all = job.tasks.filter(
    ({ status }) => filter === null || status.toLowerCase() === filter.toLowerCase(),
  );
  const offset = Number(asked.query.get('offset') ?? 0);
  const limit = Math.min(tasksPerPageMax, Number(asked.query.get('limit') ?? 100));
  return json({
    size: all.length,
    list: all.slice(offset, offset + limit).map((task) => taskState(job, task)),
  });
}

function define({ world, form }: Asked): Given {
  const name = form.get('nodeSourceName') ?? '';
  if (world.sources.has(name)) return json(nsState(`Node Source name already exists: ${name}`));
  if (!form.get('infrastructureType')?.endsWith('DefaultInfrastructureManager'))
    return json(nsState('Cannot instantiate the infrastructure'));
  world.sources.set(name, { name, status: 'undeployed', parameters: form.getAll('policyParameters') });
  return json(nsState(null));
}

function deploy({ world, form }: Asked, status: 'deployed' | 'undeployed'): Given {
  const name = form.get('nodeSourceName') ?? '';
  const source = world.sources.get(name);
  if (source === undefined) return json(nsState(`Node Source does not exist: ${name}`));
  source.status = status;
  if (status === 'undeployed') dropNodes(world, name);
  return json(nsState(null));
}

function dropNodes({ nodes }: World, of: string): void {
  for (const { url, source } of nodes.values()) if (source === of) nodes.delete(url);
}

function removeSource({ world, form }: Asked): Given {
  const name = form.get('name') ?? '';
  dropNodes(world, name);
  return json(world.sources.delete(name));
}

function addNode({ world, form }: Asked): Given {
  const url = form.get('nodeurl') ?? '';
  const source = form.get('nodesource') ?? 'Default';
  world.addNode({ url, source, host: 'host', provider: 'admin', tokens: [] });
  return json(true);
}

function nodeOf(world: World, url: string) {
  const node = world.nodes.get(url);
  if (node === undefined)
    throw new Refused(
      500,
      'org.ow2.proactive.resourcemanager.exception.RMNodeException',
      `Unknown node ${url}`,
    );
  return node;
}

/** Nodes that it does not know are passed over, and the answer is false. */
function lock({ world, form }: Asked, locked: boolean): Given {
  const urls = form.getAll('nodeurls');
  for (const url of urls) {
    const node = world.nodes.get(url);
    if (node !== undefined) node.locked = locked;
  }
  return json(urls.every((url) => world.nodes.has(url)));
}

function removeNode({ world, form }: Asked, preempt: boolean): Given {
  const node = nodeOf(world, form.get('url') ?? '');
  if (preempt || node.state !== 'BUSY') world.nodes.delete(node.url);
  else node.state = 'TO_BE_REMOVED';
  return json(true);
}

function tokens(
  { world, header }: Asked,
  change: (old: readonly string[], one: string) => readonly string[],
): Given {
  const node = nodeOf(world, header('nodeurl') ?? '');
  const token = header('token');
  if (token === null || token === '')
    throw new Refused(500, 'java.lang.IllegalArgumentException', 'no token');
  node.tokens = change(node.tokens, token);
  return text('');
}
