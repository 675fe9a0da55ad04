/**
 * The testbeds themselves, with no daemon: what runs in a machine is the user data and nothing else, a machine
 * joins with its own token, runs a job and is gone without a trace when its instance is.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import {
  DescribeImagesCommand,
  DescribeInstancesCommand,
  EC2Client,
  RunInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { isAlive, processesOfNamespaceBelow, recordOf } from '../../scripts/testbed/booter.d/processes.ts';
import { renderTemplate } from '../../src/config/template.ts';
import { eventually } from '../support/eventually.ts';
import {
  booterTestbed,
  ec2Testbed,
  had,
  htcondorTestbed,
  isMissing,
  stopTestbeds,
} from '../support/testbed.ts';

const [pool, cloud] = await Promise.all([htcondorTestbed('self', { schedds: 2 }), ec2Testbed('self')]);
const booter = isMissing(cloud) ? cloud : await booterTestbed('self', { endpoint: cloud.endpoint });
afterAll(() => stopTestbeds(booter, cloud, pool));

const missing = isMissing(pool) || isMissing(cloud) || isMissing(booter);

describe.skipIf(missing)('a machine for each running instance', () => {
  let client: EC2Client;
  let jobs: string;

  beforeAll(async () => {
    const { endpoint, region, accessKeyId, secretAccessKey } = had(cloud);
    client = new EC2Client({ endpoint, region, credentials: { accessKeyId, secretAccessKey } });
    jobs = mkdtempSync(join(tmpdir(), 'spillway-jobs-'));
    await chmod(jobs, 0o777); // the pool's user submits from here
  });
  afterAll(() => {
    client.destroy();
    rmSync(jobs, { recursive: true, force: true });
  });

  async function token(identity: string): Promise<string> {
    const scopes = ['ADVERTISE_STARTD', 'ADVERTISE_MASTER', 'READ'].flatMap((scope) => ['-authz', scope]);
    const { keyName, trustDomain } = had(pool);
    const args = ['-identity', `${identity}@${trustDomain}`, '-key', keyName, ...scopes, '-lifetime', '600'];
    return (await had(pool).run('condor_token_create', args)).trim();
  }

  async function launch(userData: string, instanceType = 't3.small'): Promise<string> {
    const answer = await client.send(
      new RunInstancesCommand({
        ImageId: had(cloud).imageId,
        InstanceType: instanceType as 't3.small',
        MinCount: 1,
        MaxCount: 1,
        UserData: Buffer.from(userData).toString('base64'),
      }),
    );
    return answer.Instances?.[0]?.InstanceId ?? '';
  }

  const terminate = (id: string) => client.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
  const machines = (): readonly string[] => readdirSync(had(booter).machinesPath);

  const recordPath = (id: string): string => join(had(booter).machinesPath, id, 'process.json');
  const pidOf = (id: string): number =>
    (JSON.parse(readFileSync(recordPath(id), 'utf8')) as { readonly pid: number }).pid;

  async function bootData(template: string, instance: string, identity = `spillway-${instance}`) {
    const text = readFileSync(resolve(import.meta.dirname, '../../config/user-data', template), 'utf8');
    return renderTemplate(text, {
      collector: had(pool).collector,
      trustDomain: had(pool).trustDomain,
      token: await token(identity),
      instance,
      pool: 'main',
      site: 'test',
      offer: 'small',
      cpus: '2',
      memoryMiB: '2000',
      diskMiB: '5000',
      gpus: '0',
      attributes: `VMType = "${instance}"\nSTARTD_ATTRS = $(STARTD_ATTRS) VMType`,
    });
  }

  const workers = async (): Promise<readonly string[]> => {
    const args = ['-af', 'SpillwayInstance', 'Cpus', 'Memory', 'Disk', 'AuthenticatedIdentity'];
    return (await had(pool).run('condor_status', args)).trim().split('\n');
  };

  it.each(['htcondor.sh', 'htcondor.cloud-config.yaml'])(
    '%s: joins, runs a job, and is gone',
    async (template) => {
      const name = template === 'htcondor.sh' ? 'plain-0' : 'cloudy-0';
      const id = await launch(await bootData(template, name));
      const worker = `${name} 2 2000 5120000 spillway-${name}@pool.test`;
      await eventually('the worker', async () => (await workers()).includes(worker));

      const submit = join(jobs, `${name}.sub`);
      writeFileSync(
        submit,
        `executable = /bin/sh
arguments = "-c 'id -un; hostname; stat -c %a /etc/condor/tokens.d/spillway || echo unreadable'"
transfer_executable = false
should_transfer_files = yes
initialdir = ${jobs}
output = ${name}.out
requirements = VMType == "${name}"
request_memory = 64
request_disk = 1MB
queue
`,
      );
      await had(pool).run('condor_submit', [submit]);
      await eventually('the job’s output', () => {
        const output = join(jobs, `${name}.out`);
        return existsSync(output) && readFileSync(output, 'utf8').includes('unreadable');
      });
      expect(readFileSync(join(jobs, `${name}.out`), 'utf8')).toBe(`nobody\n${id}\nunreadable\n`);

      await had(booter).restart();
      const inside = processesOfNamespaceBelow(pidOf(id)).map(recordOf);
      expect(inside.length).toBeGreaterThan(2); // its init, a master, a startd
      await terminate(id);
      await eventually('the end of the machine', () => !machines().includes(id));
      expect(inside.filter((process) => process === null || isAlive(process))).toEqual([]);
    },
  );

  it('a token of another identity, or of another key, does not join', async () => {
    const wrong = await launch(await bootData('htcondor.sh', 'wrong-0', 'intruder'));
    const forged = (await bootData('htcondor.sh', 'forged-0')).replaceAll(/^(eyJ.*)\.[\w-]+$/gm, '$1.AAAA');
    const forgedId = await launch(forged);
    const log = (id: string) => join(had(booter).machinesPath, id, 'upper/var/log/condor/StartLog');
    await eventually('the refusals', () =>
      [wrong, forgedId].every(
        (id) => existsSync(log(id)) && /DENIED|AUTHENTICATE/.test(readFileSync(log(id), 'utf8')),
      ),
    );
    expect((await workers()).filter((line) => /^(wrong|forged)-0/.test(line))).toEqual([]);
    await Promise.all([terminate(wrong), terminate(forgedId)]);
  });

  it('a broken image never boots, a machine that died stays dead, and both go with their instances', async () => {
    had(booter).setLevers({ never: ['^m5\\.large$'], die: ['^t3\\.micro$'] });
    const broken = await launch('#!/bin/sh\n', 'm5.large');
    const dying = await launch('#!/bin/sh\nsleep 1000\n', 't3.micro');
    const process = await eventually(
      'the machine',
      () => existsSync(recordPath(dying)) && recordOf(pidOf(dying)),
    );
    await eventually('its death', () => !process || !isAlive(process));
    expect(machines()).toContain(dying);
    expect(machines()).not.toContain(broken);
    await Promise.all([terminate(dying), terminate(broken)]);
    await eventually('the end', () => machines().length === 0);
    had(booter).setLevers({});
  });

  it('a machine that falls silent stands still, whatever it was doing, and ends all the same', async () => {
    had(booter).setLevers({ freeze: ['^t3\\.nano$'] });
    const id = await launch('#!/bin/sh\nwhile :; do :; done\n', 't3.nano');
    // What starts a machine comes and goes until it stands still.
    const states = () =>
      (existsSync(recordPath(id)) ? processesOfNamespaceBelow(pidOf(id)) : []).map(
        (pid) => readFileSync(`/proc/${pid}/status`, 'utf8').match(/^State:\t(.)/m)?.[1],
      );
    await eventually('the silence of its init and its shell', () => {
      const found = states();
      return found.length > 1 && found.every((state) => state === 'T');
    });
    await terminate(id);
    await eventually('the end', () => !machines().includes(id));
    had(booter).setLevers({});
  });
});

describe.skipIf(isMissing(cloud))('the EC2 endpoint', () => {
  let client: EC2Client;
  beforeAll(() => {
    const { endpoint, region, accessKeyId, secretAccessKey } = had(cloud);
    client = new EC2Client({
      endpoint,
      region,
      credentials: { accessKeyId, secretAccessKey },
      maxAttempts: 1,
    });
  });
  beforeEach(() => had(cloud).reset());
  afterAll(() => client.destroy());

  const launchOne = () =>
    client.send(new RunInstancesCommand({ ImageId: had(cloud).imageId, MinCount: 1, MaxCount: 1 }));
  async function listed(): Promise<number> {
    const answer = await client.send(new DescribeInstancesCommand({}));
    return answer.Reservations?.flatMap((reservation) => reservation.Instances ?? []).length ?? 0;
  }

  it('knows the image it names, and notes its calls', async () => {
    const answer = await client.send(new DescribeImagesCommand({ ImageIds: [had(cloud).imageId] }));
    expect(answer.Images).toHaveLength(1);
    expect(had(cloud).calls()).toEqual([
      { at: expect.any(Number), action: 'DescribeImages', status: 200, by: 'testing' },
    ]);
  });

  it.each([
    [{ lose: 500 }, 1],
    [{ lose: 0 }, 1],
    [{ refuse: 503 }, 0],
  ])('RunInstances with %j: no good answer, and %i instances', async (lever, made) => {
    had(cloud).setLevers({ actions: { RunInstances: lever } });
    await expect(launchOne()).rejects.toThrow();
    expect(await listed()).toBe(made);
  });

  it('hides a new instance for a time', async () => {
    had(cloud).setLevers({ hide_seconds: 1 });
    await launchOne();
    expect(await listed()).toBe(0);
    await eventually('the list', async () => (await listed()) === 1, { withinMs: 5000 });
  });
});

describe.skipIf(isMissing(pool))('the levers of the pool', () => {
  const totals = (name: string) => had(pool).run('condor_q', ['-name', name, '-totals']);

  it('it has the schedds it was asked for', async () => {
    await Promise.all(had(pool).schedds.map(totals));
    expect(had(pool).schedds).toEqual(['schedd@pool', 'schedd2@pool']);
  });

  it.each([
    ['schedd-stop', 'schedd-start', 'Collector has no record'],
    ['schedd-deny', 'schedd-allow', 'DENIED'],
    ['deny-read', 'allow-read', "Couldn't contact the condor_collector"],
  ] as const)('%s and %s', async (broken, mended, message) => {
    await had(pool).lever(broken);
    await expect(totals('schedd2@pool')).rejects.toThrow(message);
    await had(pool).lever(mended);
    await totals('schedd2@pool');
  });
});
