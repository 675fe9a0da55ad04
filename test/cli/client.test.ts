import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { connectDaemon } from '../../src/cli/client.ts';
import { exitCodes } from '../../src/cli/exit.ts';

const limits = { connectMs: 1000, answerMs: 50, answerBytesMax: 1000 };

async function asking(answer: RequestListener): Promise<unknown> {
  const folder = await mkdtemp(join(tmpdir(), 'spillway-client-'));
  const path = join(folder, 's');
  const server = createServer(answer);
  server.listen(path);
  await once(server, 'listening');
  const client = connectDaemon({ kind: 'socket', path }, new AbortController().signal, limits);
  try {
    return await client.status().then(
      () => null,
      (error: unknown) => error,
    );
  } finally {
    await client.close();
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
    await rm(folder, { recursive: true });
  }
}

test.each<readonly [string, RequestListener]>([
  ['never answers', () => {}],
  ['stops in its answer', (_request, response) => void response.writeHead(200).write('{')],
])('a daemon that %s', async (_what, answer) => {
  expect(await asking(answer)).toMatchObject({
    code: 'timeout',
    exitCode: exitCodes.unreachable,
    message: expect.stringMatching(/gave no answer in 0\.05 s$/),
  });
});

test('an answer that is too long', async () => {
  const error = await asking((_request, response) => response.end('x'.repeat(2000)));
  expect(error).toMatchObject({ code: 'badAnswer', exitCode: exitCodes.failed });
});
