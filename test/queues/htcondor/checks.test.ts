import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { Secret } from '../../../src/config/secrets.ts';
import { hostClock } from '../../../src/daemon/clock.ts';
import { PoolName, QueueName, SiteId } from '../../../src/model/ids.ts';
import { forgetfulMemory } from '../../../src/model/memory.ts';
import { htcondorAdapter } from '../../../src/queues/htcondor/adapter.ts';
import { silentLog } from '../../bench/site.ts';
import { failing, totals } from './adapter-bench.ts';
import { type FakeAnswer, type FakeTools, fakeTools } from './fake-tools.ts';

const made: FakeTools[] = [];
afterEach(() => {
  for (const tools of made.splice(0)) tools.remove();
});

/** As condor_ping 23.9.6 prints it. */
const table = (rows: Readonly<Record<string, string | null>>) =>
  [
    '         Instruction Authentication Encryption Integrity Decision Identity',
    ...Object.entries(rows).map(([right, identity]) =>
      identity === null
        ? `    ${right}           FAIL       FAIL      FAIL     FAIL FAIL  (use -verbose for more info)`
        : `    ${right}       IDTOKENS        AES       AES    ALLOW ${identity}`,
    ),
    '',
  ].join('\n');

const us = 'spillway@pool.test';
const machine = 'spillway-check-live@pool.test';
const collector: FakeAnswer = {
  tool: 'condor_status',
  when: '-af Name CondorVersion',
  stdout: 'My Pool - head.pool.test $CondorVersion: 23.9.6 2026-07-12 PackageID: 23.9.6 $\n',
};
const clock: FakeAnswer = { tool: 'condor_status', when: '-constraint time()', stdout: 'My Pool\n' };
const rights: FakeAnswer = {
  tool: 'condor_ping',
  when: 'ADMINISTRATOR',
  stdout: table({ READ: us, ADMINISTRATOR: us, ADVERTISE_STARTD: us }),
};
const joining: FakeAnswer = {
  tool: 'condor_ping',
  when: '-table ADVERTISE_STARTD ADVERTISE_MASTER',
  stdout: table({ ADVERTISE_STARTD: machine, ADVERTISE_MASTER: machine }),
};
const negotiator: FakeAnswer = { tool: 'condor_config_val', stdout: '60\n20\ntrue\n' };
const good = [collector, clock, rights, joining, negotiator, totals(15)];

async function look(
  rows: readonly FakeAnswer[],
  settings: object = {},
  lifetimeMs: number | null = 3_600_000,
): Promise<readonly string[]> {
  const tools = fakeTools(rows);
  made.push(tools);
  const parsed = htcondorAdapter.configSchema.parse({
    bin: tools.bin,
    join: { collector: 'head', trustDomain: 'pool.test', signingKey: 'file:/nowhere' },
    ...settings,
  });
  const join =
    parsed.join === null
      ? null
      : { ...parsed.join, signingKey: Secret.of(Buffer.from('the key of the pool')) };
  const queue = htcondorAdapter.create(
    { ...parsed, join },
    {
      site: SiteId('site'),
      queue: QueueName('main'),
      clock: hostClock,
      log: silentLog,
      memory: forgetfulMemory(),
    },
  );
  const request = { attributes: [], pools: [{ name: PoolName('batch'), lifetimeMs }] };
  const signal = AbortSignal.timeout(30_000);
  const found: string[] = [];
  for (const check of queue.checks?.(request) ?? []) {
    for (const { verdict, message } of await check.run(signal))
      found.push(`${check.subject} ${verdict}: ${message}`);
  }
  return found;
}

const without = (answer: FakeAnswer, instead: Partial<FakeAnswer>) => [
  { ...answer, ...instead },
  ...good.filter((row) => row !== answer),
];

describe('check --live of an HTCondor pool', () => {
  it('a pool that is well', async () => {
    expect(await look(good)).toEqual([
      'login ok: My Pool - head.pool.test, HTCondor 23.9.6',
      "clock ok: the collector's clock and this host's agree to some seconds",
      `rights ok: READ as ${us}`,
      `rights ok: ADMINISTRATOR as ${us}`,
      `rights ok: ADVERTISE_STARTD as ${us}`,
      'settings ok: it negotiates every 60 s',
      `joining ok: a machine's token is taken, as ${machine}`,
      'jobs ok: schedd@pool: 15 jobs wait, 1 run, 2 are held',
    ]);
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith('spillway-check-'))).toEqual([]);
  });

  it.each<[string, readonly FakeAnswer[], RegExp]>([
    [
      'no right to drain',
      without(rights, {
        stdout: table({ READ: us, ADMINISTRATOR: null, ADVERTISE_STARTD: us }),
        exitCode: 1,
      }),
      /^rights error: no ADMINISTRATOR at the collector: machines cannot be drained/,
    ],
    [
      'no right to take ads out',
      without(rights, {
        stdout: table({ READ: us, ADMINISTRATOR: us, ADVERTISE_STARTD: null }),
        exitCode: 1,
      }),
      /^rights warning: no ADVERTISE_STARTD/,
    ],
    [
      'a condor_ping that says nothing',
      without(rights, { stdout: '', exitCode: 1 }),
      /^rights unknown: condor_ping does not say/,
    ],
    [
      'a token that is refused',
      without(joining, { stdout: table({ ADVERTISE_STARTD: null, ADVERTISE_MASTER: null }), exitCode: 1 }),
      /^joining error: a machine's token \(.*\) has no ADVERTISE_STARTD and no ADVERTISE_MASTER/,
    ],
    [
      'machines whose masters are refused',
      without(joining, {
        stdout: table({ ADVERTISE_STARTD: machine, ADVERTISE_MASTER: null }),
        exitCode: 1,
      }),
      /^joining error: .* has no ADVERTISE_MASTER at the collector.*COLLECTOR\.ALLOW_ADVERTISE_MASTER$/,
    ],
    [
      'a negotiator that is slow',
      without(negotiator, { stdout: '300\n20\nfalse\n' }),
      /^settings warning: NEGOTIATOR_INTERVAL is 300 s/,
    ],
    [
      'a negotiator that tells nothing',
      without(negotiator, { stdout: '', exitCode: 1 }),
      /^settings unknown: the negotiator/,
    ],
    ['clocks far apart', without(clock, { stdout: '' }), /^clock error: .* more than an hour apart/],
    [
      'a schedd that does not answer',
      [failing('schedd_off_q'), ...good],
      /^jobs error: schedd of this host: unavailable/,
    ],
  ])('%s', async (_, rows, expected) => {
    const found = await look(rows);
    expect(found.filter((line) => expected.test(line))).toHaveLength(1);
    expect(found.filter((line) => / error: | warning: /.test(line)).length).toBeLessThanOrEqual(1);
  });

  it('clocks that are minutes apart', async () => {
    const now = Math.floor(Date.now() / 1000);
    // It answers for five minutes and more, and neither for seconds nor for one minute.
    const rows = [-5, -60].flatMap((from) =>
      [-1, 0, 1, 2, 3, 4, 5].map(
        (off): FakeAnswer => ({ tool: 'condor_status', when: `time() >= ${now + off + from} ` }),
      ),
    );
    expect((await look([...rows, ...good]))[1]).toMatch(/^clock warning: .* up to 300 s apart/);
  });

  it('machines that may outlive their tokens', async () => {
    expect(await look(good, {}, null)).toContainEqual(
      expect.stringMatching(/^joining warning: machines of batch may live longer than their token, 31 days/),
    );
  });

  it('a log that is not there', async () => {
    const found = await look(good, { jobQueueLog: '/nowhere/job_queue.log', jobsFrom: 'log' });
    expect(found).toContainEqual(
      'settings warning: /nowhere/job_queue.log: ENOENT: jobs are read by condor_q',
    );
  });

  it('machines that join by other means', async () => {
    expect(await look(good, { join: undefined })).toContainEqual(
      expect.stringMatching(/^joining ok: no `join`/),
    );
  });
});
