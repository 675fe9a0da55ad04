import { once } from 'node:events';
import { lstat, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { apiLimits } from '../../src/api/limits.ts';
import { errorSchema } from '../../src/api/schema/error.ts';
import { startApi } from '../../src/api/server.ts';
import { hostClock } from '../../src/daemon/clock.ts';
import type { Clock } from '../../src/model/clock.ts';
import { keepLog, startTestApi } from '../support/apiServer.ts';
import { createFixtureControl } from '../support/fixtureControl.ts';

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'spillway-socket-'));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const start = (socket: string) =>
  startApi({
    socket,
    listen: [],
    tokens: [],
    control: createFixtureControl(),
    clock: hostClock,
    log: keepLog([]),
  });

/** Leaves what a daemon leaves that was killed: a socket file that nobody listens on. */
async function leaveStaleSocket(path: string): Promise<void> {
  const server = createServer();
  server.listen(`${path}.live`);
  await once(server, 'listening');
  await rename(`${path}.live`, path); // closing removes the name that it was bound to
  server.close();
  await once(server, 'close');
}

describe('the socket', () => {
  test('its file may be used by owner and group alone, and nothing else is left beside it', async () => {
    await using api = await startTestApi();
    const { mode } = await stat(api.socket);
    expect((mode & 0o777).toString(8)).toBe('660');
    expect(await readdir(api.folder)).toEqual(['api.sock']);
  });

  test('is removed at the end, and the end may come twice', async () => {
    await using api = await startTestApi();
    await Promise.all([api.api.close(), api.api.close()]);
    await api.api.close();
    expect(await readdir(api.folder)).toEqual([]);
  });

  test('its folder is made', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'run', 'spillway', 's');
      const api = await start(path);
      expect((await lstat(path)).isSocket()).toBe(true);
      expect(await readdir(folder)).toEqual(['run']);
      await api.close();
    }));

  test('a stale one is replaced', () =>
    inFolder(async (folder) => {
      const path = join(folder, 's');
      await leaveStaleSocket(path);
      const api = await start(path);
      const socket = connect(path);
      await once(socket, 'connect');
      socket.destroy();
      await api.close();
      expect(await readdir(folder)).toEqual([]);
    }));

  test('a live one is left alone', async () => {
    await using api = await startTestApi();
    await expect(start(api.socket)).rejects.toMatchObject({
      code: 'live',
      message: `another daemon answers at ${api.socket}`,
    });
    const socket = connect(api.socket);
    await once(socket, 'connect');
    socket.destroy();
  });

  test('a file of another kind is left alone', () =>
    inFolder(async (folder) => {
      const path = join(folder, 's');
      await writeFile(path, 'mine');
      await expect(start(path)).rejects.toMatchObject({ code: 'notSocket' });
      expect(await readdir(folder)).toEqual(['s']);
    }));

  test('a path that no unix socket can have is refused', () =>
    inFolder(async (folder) => {
      await expect(start(join(folder, 'x'.repeat(120)))).rejects.toMatchObject({ code: 'tooLong' });
      expect(await readdir(folder)).toEqual([]);
    }));

  test("at the end another daemon's socket in its place is left alone", () =>
    inFolder(async (folder) => {
      const path = join(folder, 's');
      const first = await start(path);
      await rm(path);
      const second = await start(path);
      await first.close();
      expect(await readdir(folder)).toEqual(['s']);
      await second.close();
      expect(await readdir(folder)).toEqual([]);
    }));
});

describe('what is no request', () => {
  const sent = async (text: string): Promise<string> => {
    await using api = await startTestApi();
    const socket = connect(api.socket);
    socket.write(text);
    return (await socket.setEncoding('utf8').toArray()).join('');
  };

  test.each([
    ['another protocol', 'EHLO there\r\n\r\n', 400, 'invalid'],
    ['a long address', `GET /${'x'.repeat(20_000)} HTTP/1.1\r\n\r\n`, 431, 'tooLarge'],
    ['no host', 'GET /v1/status HTTP/1.1\r\n\r\n', 400, null],
  ])('%s', async (_what, text, status, code) => {
    const answer = await sent(text);
    expect(answer).toContain(`HTTP/1.1 ${status} `);
    const body = answer.slice(answer.indexOf('\r\n\r\n') + 4);
    if (code !== null) expect(errorSchema.parse(JSON.parse(body)).error.code).toBe(code);
  });
});

/** The time for requests under way is over as soon as it begins; every other limit is never reached. */
const lateAtOnce: Clock = {
  ...hostClock,
  sleep: async (ms, signal) => {
    if (ms !== apiLimits.closeMs) await once(signal, 'abort');
  },
};

describe('the end', () => {
  test('a request under way is told, and a caller that never finishes does not hold it up', async () => {
    await using api = await startTestApi(lateAtOnce);
    const asked = Promise.withResolvers<void>();
    api.control.jobLookup = () => {
      asked.resolve();
      return new Promise(() => {});
    };
    const waiting = connect(api.socket);
    const half = connect(api.socket);
    await Promise.all([once(waiting, 'connect'), once(half, 'connect')]);
    half.write('GET /v1/status HTTP/1.1\r\nHost: x\r\n');
    waiting.write('GET /v1/explain/job/1.0 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    await asked.promise;
    const answer = waiting.setEncoding('utf8').toArray();
    const halfEnd = once(half.resume(), 'close');
    await api.api.close();
    expect((await answer).join('')).toContain('"code":"notReady"');
    await halfEnd;
    expect(half.destroyed).toBe(true);
  });
});
