import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { z } from 'zod';
import { ControlError } from '../../src/api/control.ts';
import { errorSchema } from '../../src/api/schema/error.ts';
import { instanceExplanationSchema, jobExplanationSchema } from '../../src/api/schema/explain.ts';
import {
  changeReceiptSchema,
  instanceListSchema,
  launchReceiptSchema,
} from '../../src/api/schema/instances.ts';
import { journalSchema } from '../../src/api/schema/journal.ts';
import { planSchema } from '../../src/api/schema/plan.ts';
import { poolReceiptSchema } from '../../src/api/schema/pools.ts';
import { statusSchema } from '../../src/api/schema/status.ts';
import type { RunOptions } from '../../src/cli/deps.ts';
import type { CheckReport } from '../../src/config/check.ts';
import { startTestApi, type TestApi } from '../support/apiServer.ts';
import { cli } from '../support/runCli.ts';

const ask = (api: TestApi, ...args: readonly string[]) => cli(args, { env: { SPILLWAY_SOCKET: api.socket } });

describe('--json', () => {
  const cases: readonly (readonly [string, z.ZodType])[] = [
    ['status', statusSchema],
    ['plan', planSchema],
    ['explain job 9.0@schedd', jobExplanationSchema],
    ['explain instance i1-0', instanceExplanationSchema],
    ['instance list', instanceListSchema],
    ['instance launch small --offer t-small --note why', launchReceiptSchema],
    ['instance drain i1-0', changeReceiptSchema],
    ['instance undrain i1-1', changeReceiptSchema],
    ['instance terminate i1-0', changeReceiptSchema],
    ['pool pause small', poolReceiptSchema],
    ['pool resume small', poolReceiptSchema],
    ['pool scale small --min 1 --max config', poolReceiptSchema],
    ['journal', journalSchema],
  ];

  test.each(cases)('%s prints one document of the API', async (line, schema) => {
    await using api = await startTestApi();
    const { code, stdout, stderr } = await ask(api, ...line.split(' '), '--json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const document: unknown = JSON.parse(stdout);
    expect(schema.parse(document)).toEqual(document);
    expect(document).not.toEqual({});
  });

  test('a refusal is a document, too, and a line for people', async () => {
    await using api = await startTestApi();
    const { code, stdout, stderr } = await ask(api, 'instance', 'launch', 'small', '--count', '9', '--json');
    expect(code).toBe(1);
    const message = 'pool small has 4 of at most 9 instances: 9 more are not possible';
    expect(stderr).toBe(`spillway: ${message}\n`);
    expect(errorSchema.parse(JSON.parse(stdout)).error).toEqual({
      code: 'refused',
      reason: 'poolMax',
      message,
    });
  });
});

describe('exit codes', () => {
  test.each([
    ['status', 0],
    ['--version', 0],
    ['--help', 0],
    ['help instance', 0],
    ['instance list --help', 0],
    ['instance launch small --count 9', 1],
    ['instance drain i0-0', 1],
    ['pool scale small --min 20', 1],
    ['', 2],
    ['bogus', 2],
    ['status --bogus', 2],
    ['status extra', 2],
    ['explain', 2],
    ['explain job', 2],
    ['instance launch', 2],
    ['pool pause', 2],
    ['pool scale small --min -1', 2],
    ['pool scale small --max many', 2],
    ['instance launch small --count 0', 2],
    ['instance launch small --count 1.5', 2],
    ['instance launch small --count 1001', 2],
    ['instance list --phase Idle', 2],
    ['journal --kind party', 2],
    ['journal --since 10', 2],
    ['explain instance ../../etc/passwd', 2],
    ['explain instance .', 2],
    ['explain instance ı1-0', 2],
    [`explain instance ${'i'.repeat(200)}`, 2],
    [`explain job ${'9'.repeat(5000)}`, 2],
    ['explain job ..', 5],
    ['explain job 1.0', 5],
    ['explain instance i9-0', 5],
    ['instance drain i9-0', 5],
    ['instance launch none', 5],
    ['pool pause none', 5],
    ['instance launch small --offer none', 5],
  ])('spillway %s → %i', async (line, expected) => {
    await using api = await startTestApi();
    const { code, stdout, stderr } = await ask(api, ...line.split(' ').filter((word) => word !== ''));
    expect(code).toBe(expected);
    expect(expected === 0 ? stderr : stdout).toBe('');
    expect(expected === 0 ? stdout : stderr).not.toBe('');
  });

  test.each(['explain job', 'explain instance', 'instance drain', 'instance terminate'])(
    '%s with an empty id',
    async (line) => {
      await using api = await startTestApi();
      expect((await ask(api, ...line.split(' '), '')).code).toBe(2);
      expect(api.control.writes).toEqual([]);
    },
  );

  test('an id longer than any request', async () => {
    await using api = await startTestApi();
    const { code, stderr } = await ask(api, 'explain', 'job', '9'.repeat(20_000));
    expect(code).toBe(2);
    expect(stderr).toBe('spillway: the address or the headers are longer than any request has\n');
  });

  test('a lone surrogate in an id is sent as a replacement character', async () => {
    await using api = await startTestApi();
    const { code, stderr } = await ask(api, 'explain', 'job', '\ud800');
    expect({ code, stderr }).toEqual({ code: 5, stderr: 'spillway: no queue knows the job \ufffd\n' });
  });

  test('6 while the daemon is not ready', async () => {
    await using api = await startTestApi();
    api.control.jobLookup = () =>
      Promise.reject(new ControlError('notReady', 'queue main has not been polled yet'));
    const { code, stderr } = await ask(api, 'explain', 'job', '1.0');
    expect({ code, stderr }).toEqual({ code: 6, stderr: 'spillway: queue main has not been polled yet\n' });
  });

  test('130 when interrupted, without a word', async () => {
    await using api = await startTestApi();
    const stop = new AbortController();
    api.control.jobLookup = (signal) => {
      stop.abort();
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('gone')));
      });
    };
    const run = await cli(['explain', 'job', '1.0', '--socket', api.socket], { signal: stop.signal });
    expect(run).toEqual({ code: 130, stdout: '', stderr: '' });
  });
});

/** Root may use every socket, so root asks as somebody else. */
async function asNobody<T>(work: () => Promise<T>): Promise<T> {
  if (process.geteuid?.() !== 0) return work();
  process.seteuid?.(65_534);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}

describe('where the daemon is looked for', () => {
  async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), 'spillway-cli-'));
    try {
      await work(folder);
    } finally {
      await rm(folder, { recursive: true });
    }
  }

  test('--socket goes before SPILLWAY_SOCKET', async () => {
    await using api = await startTestApi();
    const env = { SPILLWAY_SOCKET: '/nowhere/s' };
    expect((await cli(['status', '--socket', api.socket], { env })).code).toBe(0);
    const absent = await cli(['status'], { env });
    expect(absent.code).toBe(4);
    expect(absent.stderr).toContain('/nowhere/s');
  });

  test('a daemon that is not there', async () => {
    const { code, stdout, stderr } = await cli(['status', '--socket', '/nowhere/s', '--json']);
    expect(code).toBe(4);
    expect(stderr).toBe(
      'spillway: no daemon answers at /nowhere/s (no such socket): is it running? start: spillway run CONFIG\n',
    );
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'unreachable' } });
  });

  test('a file that is no socket', () =>
    inFolder(async (folder) => {
      const path = join(folder, 's');
      await writeFile(path, '');
      const { code, stderr } = await cli(['status', '--socket', path]);
      expect(code).toBe(4);
      expect(stderr).toContain('(nobody listens)');
    }));

  test('a socket that may not be used', async () => {
    await using api = await startTestApi();
    await chmod(api.socket, 0);
    const { code, stderr } = await asNobody(() => cli(['status', '--socket', api.socket]));
    expect(code).toBe(4);
    expect(stderr).toBe(`spillway: no permission to use ${api.socket}: its group is who may (see ls -l)\n`);
  });

  test.each([
    ['no JSON', 200, 'hello'],
    ['another document', 200, '{"site":"x"}'],
    ['another error', 500, '{"oops":true}'],
  ])('something else that answers with %s', async (_what, status, body) =>
    inFolder(async (folder) => {
      const path = join(folder, 's');
      const server = createServer((_request, response) => response.writeHead(status).end(body));
      server.listen(path);
      await once(server, 'listening');
      const { code, stderr } = await cli(['status', '--socket', path]);
      expect(code).toBe(1);
      expect(stderr).toBe(
        `spillway: what answers at ${path} is no spillway daemon of this version (HTTP ${status})\n`,
      );
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    }),
  );

  test('a daemon that hangs up', () =>
    inFolder(async (folder) => {
      const path = join(folder, 's');
      const server = createServer((request) => request.socket.destroy());
      server.listen(path);
      await once(server, 'listening');
      const { code, stderr } = await cli(['status', '--socket', path]);
      expect(code).toBe(4);
      expect(stderr).toContain('was cut before the answer came');
      server.close();
      await once(server, 'close');
    }));
});

describe('run', () => {
  test('hands the config and the options to the daemon, and its exit code back', async () => {
    const runs: (readonly [string, RunOptions])[] = [];
    const runDaemon = async (path: string, options: RunOptions) => {
      runs.push([path, options]);
      return 3;
    };
    expect((await cli(['run', 'site.yaml'], { runDaemon })).code).toBe(3);
    await cli(['run', '/etc/site.yaml', '--socket', 's', '--log-level', 'debug', '--log-format', 'json'], {
      runDaemon,
    });
    expect(runs).toEqual([
      ['/srv/site.yaml', { socket: null, logLevel: 'info', logFormat: 'auto' }],
      ['/etc/site.yaml', { socket: '/srv/s', logLevel: 'debug', logFormat: 'json' }],
    ]);
    expect((await cli(['run', 'site.yaml', '--log-level', 'loud'], { runDaemon })).code).toBe(2);
    expect((await cli(['run', 'site.yaml', '--log-format', 'xml'], { runDaemon })).code).toBe(2);
    expect((await cli(['run'], { runDaemon })).code).toBe(2);
  });
});

describe('check', () => {
  const problem = {
    severity: 'error',
    file: 'site.yaml',
    line: 3,
    column: 10,
    path: 'pools[0].min',
    message: 'expected a number',
  } as const;
  const site = { name: 'farm-1', queues: 1, clouds: 1, offers: 3, pools: 2 };
  const checked = (report: CheckReport, ...args: readonly string[]) =>
    cli(['check', 'site.yaml', ...args], { checkSite: async () => report });

  test('a good one', async () => {
    expect(await checked({ problems: [], site })).toEqual({
      code: 0,
      stdout: 'site.yaml: good: site farm-1, 1 queue, 1 cloud, 3 offers, 2 pools\n',
      stderr: '',
    });
  });

  test('one with warnings is good', async () => {
    const warning = { ...problem, severity: 'warning', message: 'no offer is this large' } as const;
    expect(await checked({ problems: [warning], site })).toEqual({
      code: 0,
      stdout:
        'site.yaml:3:10 pools[0].min: warning: no offer is this large\n' +
        'site.yaml: good, 1 warning: site farm-1, 1 queue, 1 cloud, 3 offers, 2 pools\n',
      stderr: '',
    });
  });

  test('a bad one', async () => {
    expect(await checked({ problems: [problem], site: null })).toEqual({
      code: 3,
      stdout: 'site.yaml:3:10 pools[0].min: expected a number\nsite.yaml: 1 error\n',
      stderr: '',
    });
  });

  test('--json', async () => {
    const { code, stdout } = await checked({ problems: [problem], site: null }, '--json');
    expect(code).toBe(3);
    expect(JSON.parse(stdout)).toEqual({
      ok: false,
      errors: 1,
      warnings: 0,
      problems: [problem],
      site: null,
    });
  });
});

test('--version', async () => {
  expect((await cli(['--version'])).stdout).toBe('0.1.0\n');
});
