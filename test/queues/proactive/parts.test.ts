import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../../src/config/secrets.ts';
import { InstanceId, PoolName } from '../../../src/model/ids.ts';
import { admissionOf, machineToken } from '../../../src/queues/proactive/admission.ts';
import { momentOf } from '../../../src/queues/proactive/demand.ts';
import { baseName, dependenciesOf } from '../../../src/queues/proactive/dependencies.ts';
import { clean, refusalOf } from '../../../src/queues/proactive/failure.ts';
import { hostsOf, nameOf } from '../../../src/queues/proactive/hosts.ts';
import { deploymentOf, undeployedBy } from '../../../src/queues/proactive/markers.ts';
import { configSchema } from '../../../src/queues/proactive/settings.ts';
import { taskStates } from '../../../src/queues/proactive/tasks.ts';
import {
  readJobInfo,
  readJobsPage,
  readMonitoring,
  readOutcome,
  readTasksPage,
} from '../../../src/queues/proactive/wire.ts';

const folder = join(import.meta.dirname, '../../data/proactive');
const sample = (name: string): unknown => JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'));
const words = (said: Record<string, string>) => new Map(Object.entries(said));

describe('what the official data classes write', () => {
  it('is a page of jobs', () => {
    expect(readJobsPage(sample('dto-revisionjobsinfo'))).toMatchObject({
      size: 1,
      bad: 0,
      rows: [
        {
          id: '12',
          name: 'my-job',
          status: 'PENDING',
          owner: 'alice',
          tasks: 3,
          waiting: 3,
          submittedAtMs: 1_700_000_000_000,
          words: words({ NODE_ACCESS_TOKEN: 't1' }),
        },
      ],
    });
  });

  it('is a job, tasks, a node, a node source, an outcome', () => {
    expect(readJobInfo(sample('dto-job-info'))).toMatchObject({ id: '12', running: 0, inError: 0 });
    expect(readTasksPage(sample('dto-taskstates-page')).rows).toEqual([
      { id: '0', name: 't0', status: 'PENDING', nodes: 1, words: words({ NODE_ACCESS_TOKEN: 't1' }) },
    ]);
    const nodesEvents = [sample('dto-rm-node-event-free')];
    const nodeSource = [sample('dto-rm-nodesource-event')];
    const { nodes, sources } = readMonitoring({ nodesEvents, nodeSource });
    expect(nodes.rows).toEqual([
      {
        url: 'pnp://10.0.0.7:64738/w-1_0',
        source: 'elastic',
        host: 'w-1',
        state: 'FREE',
        provider: 'admin',
        owner: null,
        locked: false,
        tokens: [],
      },
    ]);
    expect(sources.rows).toEqual([{ name: 'elastic', isDeployed: true }]);
    expect(readOutcome(sample('dto-ns-state-ok'))).toEqual({ done: true, why: '' });
    expect(readOutcome(sample('dto-ns-state-error'))).toMatchObject({ done: false });
  });

  it('is an error that is told by its class, whatever its code', () => {
    const answer = (status: number, exceptionClass: string) => ({
      status,
      text: JSON.stringify({ httpErrorCode: status, errorMessage: 'no', exceptionClass }),
    });
    const codeOf = (status: number, kind: string) => refusalOf('x', answer(status, kind), []).error.code;
    const login = { status: 404, text: JSON.stringify(sample('dto-error-login')) };
    expect(refusalOf('log-in', login, [])).toMatchObject({ error: { code: 'denied' }, expired: false });
    expect(codeOf(404, 'org.ow2.UnknownJobRestException')).toBe('notFound');
    expect(codeOf(500, 'org.ow2.PermissionRestException')).toBe('denied');
    expect(codeOf(500, 'java.lang.RuntimeException')).toBe('unavailable');
    expect(codeOf(400, 'java.lang.IllegalArgumentException')).toBe('invalid');
    expect(refusalOf('x', answer(401, 'org.ow2.NotConnectedRestException'), []).expired).toBe(true);
    expect(refusalOf('x', { status: 401, text: '<html>' }, [])).toMatchObject({ expired: true });
    expect(refusalOf('x', { status: 404, text: '<html>' }, [])).toMatchObject({
      error: { code: 'malformed' },
      expired: false,
    });
  });
});

describe('what cannot be read', () => {
  it('is left out and counted where it is a row, and an error where it is an envelope', () => {
    const { map } = sample('dto-revisionjobsinfo') as { map: Record<string, unknown[]> };
    const page = { size: 2, map: { ...map, '8': [{ jobInfo: { jobId: 'none' } }] } };
    expect(readJobsPage(page)).toMatchObject({ size: 2, bad: 1, rows: [{ id: '12' }] });
    for (const value of [null, [], {}, { size: 'x', map: {} }, { size: 1 }])
      expect(() => readJobsPage(value)).toThrow('not what ProActive sends');
  });

  it('never passes for something else', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        for (const read of [readJobsPage, readTasksPage, readMonitoring, readOutcome, readJobInfo]) {
          try {
            read(value);
          } catch (error) {
            expect(String(error)).toContain('QueueError');
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('text of the server in errors', () => {
  it('is one line without secrets', () => {
    const said = clean(`no\n${'x'.repeat(50)} pa55word ${encodeURIComponent('pa/55=word')}`, [
      'pa55word',
      'pa/55=word',
    ]);
    expect(said).toBe('no […] [secret] [secret]');
  });
});

describe('the order of tasks', () => {
  it('is what the XML says, and scripts in it say nothing', () => {
    const xml = `<job><!-- <task name="c"><depends><task ref="d"/></depends></task> -->
      <taskFlow><task name="a"><code><![CDATA[<depends><task ref="x"/></depends>]]></code></task>
      <task preciousResult='true' name='b &amp; c'><depends><task ref="a"/><task ref='b&lt;'/></depends></task></taskFlow></job>`;
    expect([...dependenciesOf(xml)]).toEqual([['b & c', ['a', 'b<']]]);
    expect(dependenciesOf('not xml <task name=').size).toBe(0);
  });

  it('holds for tasks that were made of one by loops and replications', () => {
    expect([baseName('train#2*7'), baseName('train*7'), baseName('t1')]).toEqual(['train', 'train', 't1']);
    const task = (name: string, status: string) => ({ id: name, name, status, nodes: 1, words: words({}) });
    const order = new Map([['merge', ['train']]]);
    const states = (...tasks: ReturnType<typeof task>[]) => taskStates({ status: 'RUNNING' }, tasks, order);
    const merge = task('merge', 'PENDING');
    expect(states(task('train', 'FINISHED'), task('train*1', 'RUNNING'), merge)).toEqual([
      'over',
      'running',
      'later',
    ]);
    expect(states(task('train', 'FINISHED'), task('train*1', 'SKIPPED'), merge)).toEqual([
      'over',
      'over',
      'ready',
    ]);
    // What failed never lets the next one begin.
    expect(states(task('train', 'FAULTY'), merge)).toEqual(['over', 'later']);
  });
});

describe('markers', () => {
  const deploy = { NODE_ACCESS_TOKEN: 't', IAAS_OPERATION: 'DEPLOY' };

  it('deploy where the target says token and operation, and the rest anywhere', () => {
    const job = words({ IAAS_NODE_SOURCE: 'cloud', IAAS_INSTANCE_NB: '2', IAAS_INSTANCE_TYPE: 'default' });
    expect(deploymentOf(words(deploy), job)).toEqual({
      token: 't',
      source: 'cloud',
      instances: 2,
      image: null,
      type: null,
    });
    const own = words({ ...deploy, IAAS_INSTANCE_NB: '3', IAAS_INSTANCE_TYPE: 'LARGE' });
    expect(deploymentOf(own, job)).toMatchObject({ instances: 3, type: 'LARGE' });
    expect(deploymentOf(words({ IAAS_OPERATION: 'DEPLOY' }), words({ NODE_ACCESS_TOKEN: 't' }))).toBeNull();
    expect(deploymentOf(words({ NODE_ACCESS_TOKEN: 't' }), words({ IAAS_OPERATION: 'DEPLOY' }))).toBeNull();
    expect(deploymentOf(words({ ...deploy, IAAS_OPERATION: 'UNDEPLOY' }), job)).toBeNull();
    expect(deploymentOf(words(deploy), words({ IAAS_INSTANCE_NB: '2' }))).toBeNull();
  });

  it.each(['', '0', '-1', '2.5', 'two', '9999999'])('do not deploy %j machines', (count) => {
    const said = words({ ...deploy, IAAS_NODE_SOURCE: 'cloud', IAAS_INSTANCE_NB: count });
    expect(deploymentOf(said, words({}))).toHaveProperty('wrong');
  });

  it.each(['a b', 'a\nb', 'ü', 'x'.repeat(201)])('do not take %j for a token', (token) => {
    const said = words({ ...deploy, NODE_ACCESS_TOKEN: token, IAAS_NODE_SOURCE: 'c', IAAS_INSTANCE_NB: '1' });
    expect(deploymentOf(said, words({}))).toHaveProperty('wrong');
  });

  it('undeploy where the task says so, by its token or its job’s', () => {
    const job = words({ NODE_ACCESS_TOKEN: 'job', IAAS_OPERATION: 'UNDEPLOY' });
    expect(undeployedBy(words({ IAAS_OPERATION: 'UNDEPLOY' }), job)).toBe('job');
    expect(
      undeployedBy(words({ IAAS_OPERATION: 'DEPLOY_AND_UNDEPLOY', NODE_ACCESS_TOKEN: 'own' }), job),
    ).toBe('own');
    expect(undeployedBy(words({}), job)).toBeNull();
  });
});

describe('START_AT', () => {
  it.each([
    ['2026-11-22T10:00:00Z', '2026-11-22T10:00:00Z'],
    ['2026-11-22T10:00+01:00', '2026-11-22T09:00:00Z'],
    ['2026-11-22T10:00:30.5-0330', '2026-11-22T13:30:30Z'],
  ])('%s', (text, same) => {
    expect(momentOf(text)).toBe(Date.parse(same));
  });

  it('is no moment where it is none', () => {
    for (const text of ['tomorrow', '2026-11-22', '', null]) expect(momentOf(text)).toBeNull();
  });
});

describe('nodes', () => {
  it('are of the machine that they are named after', () => {
    expect(nameOf('pnp://10.0.0.7:64738/farm-k3-0_1')).toBe('farm-k3-0');
    expect(nameOf('pamr://4097/farm-k3-0_12?x=1')).toBe('farm-k3-0');
    expect(nameOf('deploying://x')).toBe('x');
    const row = (url: string, host: string, state = 'FREE') => ({
      url,
      host,
      state,
      source: 's',
      provider: 'p',
      owner: null,
      locked: false,
      tokens: [],
    });
    const hosts = hostsOf([
      row('pnp://10.0.0.7:1/a-0_0', 'one'),
      row('pnp://10.0.0.7:1/a-0_1', 'one', 'DOWN'),
      row('pnp://10.0.0.8:1/a-0_0', 'two', 'BUSY'),
      row('pamr://4097/b-0_0', 'three', 'DEPLOYING'),
    ]);
    expect(hosts.map(({ id, address, nodes, silent }) => [id, address, nodes.length, silent.length])).toEqual(
      [
        ['a-0@one', '10.0.0.7', 1, 1],
        ['a-0@two', '10.0.0.8', 1, 0],
        ['b-0@three', null, 0, 1],
      ],
    );
  });
});

const usual = {
  url: 'https://head.example.org:8443/rest/',
  username: 'spillway',
  password: 'file:/etc/spillway/p',
  nodes: {
    url: 'pnp://head:64738',
    credentials: 'file:/etc/spillway/c',
    owner: 'nodes',
    tokenKey: 'file:/etc/spillway/k',
  },
  sources: [{ pool: 'workers' }],
};

describe('settings', () => {
  it('are read', () => {
    expect(configSchema.parse(usual)).toMatchObject({
      url: 'https://head.example.org:8443/rest',
      sources: [
        { name: 'workers', pool: 'workers', policy: 'elastic', manage: 'use', providers: 'users=nodes' },
      ],
    });
    const own = { ...usual, nodes: { ...usual.nodes, owner: 'spillway' } };
    expect(configSchema.parse(own)).toMatchObject({ sources: [{ providers: 'ME' }] });
  });

  it.each([
    ['a URL with a password', { url: 'https://a:b@head/rest' }],
    [
      'two pools of one name',
      {
        sources: [
          { pool: 'a', name: 'x' },
          { pool: 'a', name: 'y' },
        ],
      },
    ],
    [
      'two node sources of one name',
      {
        sources: [
          { pool: 'a', name: 'x' },
          { pool: 'b', name: 'x' },
        ],
      },
    ],
    ['PAMR without a router', { nodes: { ...usual.nodes, protocol: 'pamr' } }],
    ['a router without PAMR', { nodes: { ...usual.nodes, router: 'head:33647' } }],
    ['a property of two lines', { nodes: { ...usual.nodes, properties: { a: 'b\nc' } } }],
    ['no source', { sources: [] }],
  ])('refuse %s', (_what, fields) => {
    expect(configSchema.safeParse({ ...usual, ...fields }).success).toBe(false);
  });
});

describe('admission', () => {
  const parsed = configSchema.parse({
    ...usual,
    nodes: {
      ...usual.nodes,
      url: 'pamr://0/',
      protocol: 'pamr',
      router: 'router.example.org:33647',
      properties: { 'proactive.home': String.raw`C:\my "place"` },
    },
  });
  const settings = {
    ...parsed,
    nodes: { ...parsed.nodes, credentials: Secret.of('one\ntwo\n'), tokenKey: Secret.of('key') },
  };
  const request = { issuedAtSeconds: 0, lifetimeMs: null, attributes: {}, pool: PoolName('workers') };

  it('is what the machine’s own node needs', () => {
    const instance = InstanceId('farm-k3-0');
    const { variables, perMachine } = admissionOf({ ...request, instance }, settings);
    expect(perMachine).toBe(true);
    expect(variables).toMatchObject({ rmUrl: 'pamr://0/', nodeSource: 'workers', credentials: 'one\ntwo' });
    expect(variables.javaOptions?.split('\n')).toEqual([
      '"-Dproactive.communication.protocol=pamr"',
      '"-Dproactive.pamr.router.address=router.example.org"',
      '"-Dproactive.pamr.router.port=33647"',
      String.raw`"-Dproactive.home=C:\\my \"place\""`,
      `"-Dproactive.node.access.token=${machineToken(instance, settings.nodes)}"`,
    ]);
    expect(machineToken(InstanceId('farm-k3-1'), settings.nodes)).not.toBe(
      machineToken(instance, settings.nodes),
    );
  });

  it('is refused for a pool that has no node source', () => {
    const other = { ...request, instance: InstanceId('x-0'), pool: PoolName('other') };
    expect(() => admissionOf(other, settings)).toThrow('pool other has no node source');
  });
});
