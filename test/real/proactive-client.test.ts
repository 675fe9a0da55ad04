import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { exampleJob, submitFile } from '../support/proactive/jobFile.ts';
import { type ProactiveStandIn, startProactive } from '../support/proactive/server.ts';

const install = resolve(import.meta.dirname, '../../scripts/testbed/proactive-client');
const installTimeoutMs = 300_000;
const cannotExitCode = 69;
const run = promisify(execFile);

/** Null where this host cannot have it; said aloud, and a failure with SPILLWAY_TESTBED_REQUIRED=1. */
async function classPath(): Promise<string | null> {
  try {
    const { stdout } = await run(install, ['install'], { timeout: installTimeoutMs });
    return stdout.trim();
  } catch (error) {
    const isCannot = error instanceof Error && 'code' in error && error.code === cannotExitCode;
    if (!isCannot || process.env.SPILLWAY_TESTBED_REQUIRED === '1') throw error;
    process.stderr.write(`ProActive's own client is skipped: ${error.message}\n`);
    return null;
  }
}

const classes = await classPath();

describe.skipIf(classes === null)('the official Java client 13.0.3', () => {
  let server: ProactiveStandIn | null = null;
  afterEach(() => server?.stop());

  it('takes the stand-in for a server, and sends it what the adapter sends', async () => {
    server = await startProactive();
    const { world } = server;
    const job = submitFile(world, exampleJob);
    world.submit({ owner: 'bob', priority: 'HIGH', tasks: [{ nodes: 3 }] });
    for (const n of [7, 8])
      world.addNode({
        url: `pnp://10.0.0.${n}:64738/w-${n}_0`,
        source: 'elastic',
        host: `w-${n}`,
        provider: 'nodes',
        tokens: [],
      });

    const java = ['--add-opens', 'java.base/java.lang=ALL-UNNAMED', '-cp', classes ?? '', 'OfficialClient'];
    const { stdout } = await run('java', [...java, server.url, server.username, String(job.id)], {
      env: { ...process.env, PROACTIVE_PASSWORD: server.password },
      timeout: 120_000,
    });
    const markers = 'IAAS_IMAGE_ID=debian-13, IAAS_INSTANCE_NB=2, IAAS_INSTANCE_TYPE=LARGE';
    const first = 'pnp://10.0.0.7:64738/w-7_0 elastic FREE';
    const second = 'pnp://10.0.0.8:64738/w-8_0 elastic FREE';
    expect(stdout.split('\n').filter((line) => /^[a-z ]+:/.test(line))).toEqual([
      'wrong password: LoginException',
      'no session: NotConnectedRestException',
      'sessions: true',
      'revision: 3',
      'size: 2',
      `job: 1 ann PENDING 2 NORMAL {${markers}, IAAS_NODE_SOURCE=cloud, IAAS_OPERATION=DEPLOY, NODE_ACCESS_TOKEN=own-1}`,
      'job: 2 bob PENDING 1 HIGH {}',
      'info: own machines',
      'tasks: 2',
      'task: 0 train SUBMITTED 2 {}',
      'task: 1 evaluate SUBMITTED 1 {IAAS_OPERATION=UNDEPLOY, NODE_ACCESS_TOKEN=own-1}',
      'xml: true',
      'unknown job: UnknownJobRestException',
      'active: true',
      'made: true null',
      'made again: false Node Source name already exists: elastic',
      'deployed: true null',
      'source: elastic deployed',
      `node: ${first} nodes -`,
      `node: ${second} nodes -`,
      'locked: true',
      'source: elastic deployed',
      `node: ${first} nodes [t1]`,
      `node: ${second} nodes -`,
      'unlocked: true',
      'removed: true',
      'removed again: RMNodeException',
      'source: elastic deployed',
      `node: ${second} nodes -`,
      'source removed: true',
      'after the end: NotConnectedRestException',
    ]);
  });
});
