import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { Client } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type Api, startApi } from '../../src/api/server.ts';
import { SocketError } from '../../src/api/socket.ts';
import { exitCodes } from '../../src/cli/exit.ts';
import { groupNumber } from '../../src/host/groups.ts';
import type { Clock } from '../../src/model/clock.ts';
import { openApiDocument } from '../../tools/openapi/document.ts';
import { keepLog } from '../support/apiServer.ts';
import { createFixtureControl } from '../support/fixtureControl.ts';
import { cli } from '../support/runCli.ts';

const pathsSchema = z.object({ paths: z.record(z.string(), z.record(z.string(), z.unknown())) });
const always = new AbortController().signal;

/** So slow that each request finds its rate full again. */
function patientClock(): Clock {
  let nowMs = 0;
  return {
    wallNow: () => nowMs,
    monotonicNow: () => {
      nowMs += 1000;
      return nowMs;
    },
    sleep: (_, signal) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
  };
}

describe('the users’ socket', () => {
  let folder: string;
  let api: Api;
  let client: Client;
  const control = createFixtureControl();
  const path = () => join(folder, 'user.sock');

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'spillway-user-'));
    const options = { socket: join(folder, 'api.sock'), listen: [], tokens: [], control, log: keepLog([]) };
    api = await startApi({ ...options, clock: patientClock(), userSocket: { path: path(), group: null } });
    client = new Client('http://spillway', { socketPath: path(), bodyTimeout: 1000 });
  });
  afterAll(async () => {
    await client.destroy();
    await api.close();
    await rm(folder, { recursive: true });
  });

  const ask = async (method: 'GET' | 'POST', url: string) => {
    const { statusCode, body } = await client.request({ method, path: url });
    return { statusCode, text: await body.text() };
  };

  test('is for everybody on the host', async () => {
    expect((await stat(path())).mode & 0o777).toBe(0o666);
  });

  test('tells why a job waits, and not whose it is or what a cloud has said', async () => {
    const { text } = await ask('GET', `/v1/explain/job/${encodeURIComponent('9.0@schedd')}`);
    const job = JSON.parse(text);
    expect(job).toMatchObject({ state: 'waiting', owner: null });
    expect(text).not.toContain('alice');
    expect(job.offers.length).toBeGreaterThan(0);
  });

  test('tells how queues and pools are, without money, users and messages', async () => {
    const { statusCode, text } = await ask('GET', '/v1/status');
    expect(statusCode).toBe(200);
    const status = JSON.parse(text);
    expect(status.queues[0].jobs).toEqual({ waiting: 12, running: 4, held: 1 });
    expect(status.pools.map(({ name }: { name: string }) => name)).toEqual(['small', 'large']);
    expect(status.money).toEqual({ spending: [], budgets: [], unpriced: 0, losses: [] });
    expect(status.alarms).toEqual([]);
    expect(text).not.toMatch(/503|alice|"ann"|pool large has/);
  });

  test('answers nothing else, whatever pages there are', async () => {
    const { paths } = pathsSchema.parse(await openApiDocument());
    const pages = Object.entries(paths).flatMap(([url, methods]) =>
      Object.keys(methods).map((method) => [method.toUpperCase(), url.replaceAll(/\{\w+\}/g, 'x')] as const),
    );
    const others = pages.filter(([, url]) => url !== '/v1/status' && !url.startsWith('/v1/explain/job/'));
    expect(others.length).toBeGreaterThan(25);
    const more = [
      ['POST', '/v1/status'],
      ['GET', '/v1/status/x'],
      ['GET', '/v1/explain/job/9.0/x'],
      ['GET', '/v1/explain/instance/i1-0'],
    ] as const;
    const answered: string[] = [];
    for (const [method, url] of [...others, ...more]) {
      const { statusCode, text } = await ask(method === 'POST' ? 'POST' : 'GET', url);
      // Whether the loop lives is told to everybody, but not what troubles it.
      const isHealth = /^\/(?:healthz|readyz)$/.test(url) && JSON.parse(text).checks.length === 0;
      if (statusCode < 400 && !isHealth) answered.push(`${method} ${url} ${statusCode}`);
    }
    expect(answered).toEqual([]);
    expect(control.writes).toEqual([]);
  });

  test('a command asks there where the daemon’s own socket is not for its caller', async () => {
    const explained = await cli(['explain', 'job', '9.0@schedd', '--socket', path()]);
    expect(explained).toMatchObject({ code: exitCodes.ok, stderr: '' });
    const refused = await cli(['plan', '--socket', path()]);
    expect(refused).toMatchObject({ code: exitCodes.failed });
    expect(refused.stderr).toContain('status and explain job');
  });
});

describe('of a group', () => {
  const bind = async (folder: string, group: string) =>
    startApi({
      socket: join(folder, 'api.sock'),
      listen: [],
      tokens: [],
      control: createFixtureControl(),
      clock: patientClock(),
      log: keepLog([]),
      userSocket: { path: join(folder, 'user.sock'), group },
      groupNumber: async (name) => (name === 'ours' ? userInfo().gid : null),
    });

  test('it belongs to the group, and to nobody else', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'spillway-user-'));
    const api = await bind(folder, 'ours');
    const { mode, gid } = await stat(join(folder, 'user.sock'));
    expect([mode & 0o777, gid]).toEqual([0o660, userInfo().gid]);
    await api.close();
    await rm(folder, { recursive: true });
  });

  test('a group that is not there is said, and nothing is served', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'spillway-user-'));
    await expect(bind(folder, 'nobodys')).rejects.toThrow(SocketError);
    await rm(folder, { recursive: true });
  });

  test('is found by its name on this host', async () => {
    expect(await groupNumber('root', always)).toBe(0);
    expect(await groupNumber('no-such-group-here', always)).toBeNull();
  });
});
